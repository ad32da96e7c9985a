#include "tests/sim/rules_answer.h"

#include "schemas/wire/topics.h"
#include "tests/sim/broker.h"
#include "tests/sim/database.h"
#include "tests/sim/people.h"
#include "tests/sim/rules_state.h"
#include "tests/sim/sim.h"

enum { INPUT_STATUS = 1 };

/* In the log. */
struct answer {
    struct answer *next; /* a later one */
    int64_t offset;
    enum wire_command_kind kind;
    struct span task;
};

/* One that has begun to wait. */
struct asked {
    struct asked *next;
    struct plan_spot spot;
    char path[PLAN_PATH_BYTES];
    uint32_t wait_ms;
    bool is_open;
    bool is_new;              /* since the batch that is being committed */
    int64_t since_ms, end_ms; /* shard time */
    int64_t from;             /* what lies there in the log, or later, is told while it waits */
    int64_t sure;             /* ... and below that when its time was first seen to be over */
    bool is_due;              /* a batch was committed that saw it */
    enum task_state end;      /* in the batch that is being committed; WAITING: not in it */
};

/* Of one execution of the plan. */
struct answers {
    struct answer *first, **last;
    struct asked *asked;
};

static struct answers known[PLAN_EXECUTIONS_MAX];

void rules_answer_begin(void)
{
    memset(known, 0, sizeof(known));
}

void rules_answer_stored(const struct wire_command *command)
{
    bool is_answer = command->kind == COMMAND_APPROVE || command->kind == COMMAND_REJECT;

    for (uint32_t i = 0; i < oracle.plan->execution_count && is_answer; i++) {
        const struct plan_execution *plan = &oracle.plan->executions[i];

        if (!plan->has_id || !execution_id_equal(&plan->id, &command->execution)) {
            continue;
        }
        struct answer *answer = sim_alloc(sizeof(*answer));
        uint32_t shard = execution_shard(&plan->id, database.shard_count);

        *answer = (struct answer){.offset = broker_partition(TOPIC_STATUS, shard)->end - 1,
                                  .kind = command->kind,
                                  .task = sim_copy(command->task)};
        known[i].last = known[i].last == NULL ? &known[i].first : known[i].last;
        *known[i].last = answer;
        known[i].last = &answer->next;
    }
}

/* Made where it is new. */
static struct asked *asked_of(const struct oracle_execution *e, const struct plan_spot *spot)
{
    struct answers *of = &known[e->plan->number];
    struct asked *asked = of->asked;

    while (asked != NULL && !plan_spot_equal(&asked->spot, spot)) {
        asked = asked->next;
    }
    if (asked == NULL) {
        asked = sim_alloc(sizeof(*asked));
        asked->next = of->asked;
        asked->spot = *spot;
        asked->wait_ms = plan_spot_wait_ms(e->plan, spot);
        plan_spot_path(e->plan, spot, asked->path);
        of->asked = asked;
    }
    return asked;
}

void rules_answer_change(const struct oracle_execution *e, const struct plan_spot *spot,
                         enum task_state to, int64_t at_ms)
{
    enum wait_kind wait = plan_spot_wait(e->plan, spot);

    if (wait != WAIT_APPROVED && wait != WAIT_REJECTED && wait != WAIT_ANSWERED) {
        return;
    }
    struct asked *asked = asked_of(e, spot);

    if (to == TASK_RUNNING) {
        asked->is_open = true;
        asked->is_new = true;
        asked->since_ms = at_ms;
        asked->end = TASK_WAITING;
        if (wait == WAIT_ANSWERED) {
            people_asked(e, spot);
        }
    } else if (asked->is_open) {
        asked->is_open = false;
        asked->end = to;
        asked->end_ms = at_ms;
    }
}

/* The first that lies between two offsets; NULL: none does. */
static const struct answer *answer_in(const struct answers *of, const struct asked *asked,
                                      int64_t from, int64_t to)
{
    const struct answer *answer = of->first;

    while (answer != NULL &&
           (answer->offset < from || answer->offset >= to || !span_is(answer->task, asked->path))) {
        answer = answer->next;
    }
    return answer;
}

static bool is_told(const struct answers *of, const struct asked *asked,
                    enum wire_command_kind kind, int64_t position)
{
    const struct answer *answer = answer_in(of, asked, asked->is_new ? 0 : asked->from, position);

    /* Which of them came after it had begun within one batch nobody can say. */
    while (asked->is_new && answer != NULL && answer->kind != kind) {
        answer = answer_in(of, asked, answer->offset + 1, position);
    }
    return answer != NULL && answer->kind == kind;
}

static void answered(uint32_t number, const struct asked *asked, int64_t position)
{
    bool is_yes = asked->end == TASK_SUCCEEDED;

    if (!is_told(&known[number], asked, is_yes ? COMMAND_APPROVE : COMMAND_REJECT, position)) {
        sim_fail(
            "plan %u: %s is %s, and the first answer below %lld of exo.status, since %lld, was "
            "another",
            number, asked->path, task_state_name(asked->end), (long long)position,
            (long long)asked->from);
    }
}

static void timed_out(uint32_t number, const struct asked *asked)
{
    const struct answer *answer =
        asked->is_new ? NULL : answer_in(&known[number], asked, asked->from, asked->sure);

    if (asked->wait_ms == 0 || asked->end_ms - asked->since_ms < asked->wait_ms) {
        sim_fail("plan %u: %s waits no longer after %lld of %u ms", number, asked->path,
                 (long long)(asked->end_ms - asked->since_ms), asked->wait_ms);
    }
    if (!asked->is_due) {
        sim_fail("plan %u: %s waits no longer, and nobody has looked what lies in the log", number,
                 asked->path);
    }
    if (answer != NULL) {
        sim_fail("plan %u: %s waits no longer, and an answer lay at %lld of exo.status in time",
                 number, asked->path, (long long)answer->offset);
    }
}

/* Where the log, or the database, forgets, or a record may be put aside in place of another, nobody
 * can say which is the first. */
static bool is_sure(uint32_t shard)
{
    return oracle.promotions == 0 && !sim.faults.is_enabled[FAULT_TAIL_LOST] && !sim.is_resumed &&
           !database.shards[shard].is_slandered;
}

static void look_at(uint32_t number, struct asked *asked, const struct store_batch *batch)
{
    int64_t position = batch->inputs[INPUT_STATUS].offset;

    if (asked->end == TASK_TIMED_OUT && is_sure(batch->shard)) {
        timed_out(number, asked);
    } else if ((asked->end == TASK_SUCCEEDED || asked->end == TASK_FAILED) &&
               is_sure(batch->shard)) {
        answered(number, asked, position);
    }
    asked->end = TASK_WAITING;
    if (asked->is_new) {
        asked->is_new = false;
        asked->is_due = false;
        asked->from = position;
        asked->sure = position;
    }
    /* Whoever sees that its time is over applies all that lies in the log then, before it ends. */
    if (asked->is_open && !asked->is_due) {
        asked->sure = broker_partition(TOPIC_STATUS, batch->shard)->end;
        asked->is_due = batch->now_ns / EXO_MILLISECOND >= asked->since_ms + asked->wait_ms;
    }
}

void rules_answer_commit(const struct store_batch *batch)
{
    for (uint32_t i = 0; i < oracle.plan->execution_count; i++) {
        const struct plan_execution *plan = &oracle.plan->executions[i];

        if (known[i].asked == NULL ||
            execution_shard(&plan->id, database.shard_count) != batch->shard) {
            continue;
        }
        for (struct asked *asked = known[i].asked; asked != NULL; asked = asked->next) {
            look_at(i, asked, batch);
        }
    }
}
