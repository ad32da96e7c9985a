/* worker_slots_check: what always holds of the slots. Pure. */
#include <assert.h>

#include "workers/core/worker_state.h"

static void slot_check(const struct worker *worker, const struct slot *slot)
{
    const struct ticket *ticket = &worker->tickets.tickets[slot->ticket];
    bool is_on_ticket = slot_is_listed(slot->state) && slot->state != SLOT_FINISHED;

    if (slot_is_listed(slot->state)) {
        assert(slots_find(worker, &slot->task, slot->attempt) == slot);
    }
    if (is_on_ticket) {
        assert(ticket->is_spent);
        assert(ticket->lend == slot->lend);
        assert(!slot->is_adopted);
    }
    if (slot->state == SLOT_FINISHED || slot->state == SLOT_SPOOLING) {
        assert(slot->ended != ATTEMPT_UNKNOWN);
    } else {
        assert(slot->state == SLOT_FREE || slot->ended == ATTEMPT_UNKNOWN);
    }
    if (slot->state == SLOT_RUNNING) {
        assert(slot->deadline_ns <= slot->run_end_ns);
        assert(slot->deadline_ns <= slot->silence_ns);
    }
    if (slot->state == SLOT_STOPPING) {
        assert(slot->stop != STOP_NONE);
        assert(slot->deadline_ns != EXO_TIME_NEVER);
    }
    if (slot->state != SLOT_FREE) {
        assert(slot->deadline_ns >= worker->slots_ns);
    }
}

void slots_check(const struct worker *worker)
{
    uint32_t by_state[SLOT_STATE_NR] = {0};
    uint32_t adopted = 0;
    uint64_t memory = 0;
    uint32_t spent = 0;

    for (uint32_t i = 0; i < worker->slot_nr; i++) {
        const struct slot *slot = &worker->slots[i];

        slot_check(worker, slot);
        by_state[slot->state]++;
        adopted += slot->state != SLOT_FREE && slot->is_adopted;
        memory += slot_holds_place(slot->state) ? slot->memory_bytes : 0;
    }
    for (uint32_t i = 0; i < worker->tickets.ticket_nr; i++) {
        spent += worker->tickets.tickets[i].is_spent;
    }
    assert(by_state[SLOT_FREE] == worker->free.count);
    assert(by_state[SLOT_READY] == worker->ready.count);
    assert(by_state[SLOT_REJECTED] == worker->rejected);
    assert(by_state[SLOT_STARTING] + by_state[SLOT_RUNNING] + by_state[SLOT_STOPPING] ==
           worker->placed);
    assert(worker->placed <= worker->settings.slots);
    assert(adopted == worker->adopted);
    assert(memory == worker->memory_used);
    /* Every spent ticket is under exactly one attempt that has not finished. */
    assert(spent == worker->slot_nr - by_state[SLOT_FREE] - by_state[SLOT_REJECTED] -
                        by_state[SLOT_FINISHED]);
    assert(worker->free.count >= worker->tickets.idle);
}
