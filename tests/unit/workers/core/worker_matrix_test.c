/* worker: every slot state meets every event. */
#include "workers/core/worker.h"

#include "tests/unit/workers/core/worker_world.h"

/* What is given to a slot: an event, and which of its shapes. */
enum given {
    GIVEN_TASK_AGAIN,
    GIVEN_TASK_NEWER,
    GIVEN_KILL,
    GIVEN_KILL_OLDER,
    GIVEN_DRAIN,
    GIVEN_PREPARED,
    GIVEN_UNPREPARED,
    GIVEN_STARTED,
    GIVEN_PROGRESS,
    GIVEN_EXITED,
    GIVEN_COLLECTED,
    GIVEN_SPOOLED,
    GIVEN_ACKED,
    GIVEN_ACKED_LAST,
    GIVEN_FAILED_LAST,
    GIVEN_LATE, /* STARTED of the slot's life before this one */
    GIVEN_TIME, /* the slot's deadline passes */
    GIVEN_NR,
};

static void give(struct world *w, enum given given)
{
    struct worker_report_id id = {
        .slot = w->slot, .is_last = given == GIVEN_ACKED_LAST || given == GIVEN_FAILED_LAST};
    struct slot_handle late = {w->slot.index, w->slot.generation - 1};

    switch (given) {
    case GIVEN_TASK_AGAIN:
        (void)world_task(w, 0, 5, 0, 1);
        return;
    case GIVEN_TASK_NEWER:
        (void)world_task(w, 0, 6, 0, 1);
        return;
    case GIVEN_KILL:
        (void)world_kill(w, 0, 5);
        return;
    case GIVEN_KILL_OLDER:
        (void)world_kill(w, 0, 4);
        return;
    case GIVEN_DRAIN:
        (void)world_drain(w, EXO_TIME_NEVER);
        return;
    case GIVEN_PREPARED:
        (void)world_on_slot(w, WORKER_ON_PREPARED, w->slot, ATTEMPT_EXITED, 0);
        return;
    case GIVEN_UNPREPARED:
        (void)world_on_slot(w, WORKER_ON_UNPREPARED, w->slot, ATTEMPT_REFUSED, 0);
        return;
    case GIVEN_STARTED:
        (void)world_on_slot(w, WORKER_ON_STARTED, w->slot, ATTEMPT_EXITED, 0);
        return;
    case GIVEN_PROGRESS:
        (void)world_progress(w, w->slot, true);
        return;
    case GIVEN_EXITED:
        (void)world_on_slot(w, WORKER_ON_EXITED, w->slot, ATTEMPT_EXITED, 1);
        return;
    case GIVEN_COLLECTED:
        (void)world_on_slot(w, WORKER_ON_COLLECTED, w->slot, ATTEMPT_EXITED, 0);
        return;
    case GIVEN_SPOOLED:
        (void)world_on_slot(w, WORKER_ON_SPOOLED, w->slot, ATTEMPT_EXITED, 0);
        return;
    case GIVEN_ACKED:
    case GIVEN_ACKED_LAST:
        (void)world_answer(w, WORKER_ON_REPORT_ACKED, id);
        return;
    case GIVEN_FAILED_LAST:
        (void)world_answer(w, WORKER_ON_REPORT_FAILED, id);
        return;
    case GIVEN_LATE:
        (void)world_on_slot(w, WORKER_ON_STARTED, late, ATTEMPT_EXITED, 0);
        return;
    case GIVEN_TIME:
        w->now_ns += EXO_HOUR;
        (void)world_simple(w, WORKER_ON_TIMER);
        return;
    case GIVEN_NR:
        break;
    }
    fail();
}

/* clang-format off */
enum { FRE = SLOT_FREE, REJ = SLOT_REJECTED, PRE = SLOT_PREPARING, RDY = SLOT_READY,
       STA = SLOT_STARTING, RUN = SLOT_RUNNING, STO = SLOT_STOPPING, COL = SLOT_COLLECTING,
       SPO = SLOT_SPOOLING, FIN = SLOT_FINISHED };
/* State of the slot afterwards. PREPARED finds a place at once, hence STARTING. A Task on a free
 * slot takes it. What has no slot of its own (a newer attempt) gets another one. */
static const int matrix[SLOT_STATE_NR][GIVEN_NR] = {
    /*                   again newer kill older drain prep unpr star prog exit coll spoo ack  last fail late time */
    [SLOT_FREE]       = {PRE,  PRE,  FRE, FRE,  FRE,  FRE, FRE, FRE, FRE, FRE, FRE, FRE, FRE, FRE, FRE, FRE, FRE},
    [SLOT_REJECTED]   = {REJ,  REJ,  REJ, REJ,  REJ,  REJ, REJ, REJ, REJ, REJ, REJ, REJ, REJ, FRE, REJ, REJ, REJ},
    [SLOT_PREPARING]  = {PRE,  PRE,  FIN, PRE,  FIN,  STA, FIN, PRE, PRE, PRE, PRE, PRE, PRE, PRE, PRE, PRE, FIN},
    [SLOT_READY]      = {RDY,  RDY,  FIN, RDY,  FIN,  RDY, RDY, RDY, RDY, RDY, RDY, RDY, RDY, RDY, RDY, RDY, RDY},
    [SLOT_STARTING]   = {STA,  STA,  STA, STA,  STA,  STA, STA, RUN, STA, COL, STA, STA, STA, STA, STA, STA, STA},
    [SLOT_RUNNING]    = {RUN,  RUN,  STO, RUN,  RUN,  RUN, RUN, RUN, RUN, COL, RUN, RUN, RUN, RUN, RUN, RUN, STO},
    [SLOT_STOPPING]   = {STO,  STO,  STO, STO,  STO,  STO, STO, STO, STO, COL, STO, STO, STO, STO, STO, STO, STO},
    [SLOT_COLLECTING] = {COL,  COL,  COL, COL,  COL,  COL, COL, COL, COL, COL, SPO, COL, COL, COL, COL, COL, COL},
    [SLOT_SPOOLING]   = {SPO,  SPO,  SPO, SPO,  SPO,  SPO, SPO, SPO, SPO, SPO, SPO, FIN, SPO, SPO, SPO, SPO, SPO},
    [SLOT_FINISHED]   = {FIN,  FIN,  FIN, FIN,  FIN,  FIN, FIN, FIN, FIN, FIN, FIN, FIN, FIN, FRE, FIN, FIN, FIN},
};
/* clang-format on */

static void every_state_meets_every_event(void **state)
{
    static struct world w; /* large */

    (void)state;
    for (int from = 0; from < SLOT_STATE_NR; from++) {
        for (int given = 0; given < GIVEN_NR; given++) {
            world_bring_to(&w, (enum slot_state)from);
            uint32_t index = w.slot.index;

            assert_int_equal(worker_slot(w.worker, index)->state, from);
            give(&w, (enum given)given);
            enum slot_state after = worker_slot(w.worker, index)->state;

            if ((int)after != matrix[from][given]) {
                fail_msg("%s given %d becomes %s:\n%s", slot_state_name((enum slot_state)from),
                         given, slot_state_name(after), w.trace);
            }
            world_close(&w);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_meets_every_event),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
