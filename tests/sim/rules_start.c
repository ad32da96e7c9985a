/* rules_start: what waits for a time of its own: nothing of it is known to begin, and no key asked
 * for, before that; and it goes on soon after. All in shard time, by which the scheduler goes;
 * where no clock is wrong, in true time too. */
#include "tests/sim/rules_start.h"

#include "tests/sim/database.h"
#include "tests/sim/sim.h"

/* How long after its time the row of one may still say that it waits, in shard time. */
#define LATE_NS EXO_SECOND

/* Nobody's clock is wrong, and none ever was. */
static bool are_clocks_right(void)
{
    return !sim.faults.is_enabled[FAULT_CLOCK_RATE] && sim.faults.fired[FAULT_CLOCK_JUMP] == 0;
}

static void early_check(const struct oracle_execution *e, int64_t at_ms, int64_t least_ms,
                        const char *what)
{
    if (at_ms < least_ms) {
        sim_fail("plan %u: %s %lld ms before its time", e->plan->number, what,
                 (long long)(least_ms - at_ms));
    }
    if (are_clocks_right() && SIM_EPOCH_NS + sim.now_ns < least_ms * EXO_MILLISECOND) {
        sim_fail("plan %u: %s before its time, in true time", e->plan->number, what);
    }
}

void rules_start_change(const struct oracle_execution *e, const struct wire_change *change)
{
    int64_t start_ms = e->plan->start_at_ms;
    bool is_ended_early = span_is(change->state, "CANCELLED");

    if (start_ms == 0) {
        return;
    }
    if (span_is(change->execution_state, "TIMED_OUT")) {
        early_check(e, change->at_ms, start_ms + e->plan->timeout_ms, "is timed out");
    } else if (change->state.bytes > 0 && !is_ended_early) {
        early_check(e, change->at_ms, start_ms, "something of it begins");
    }
}

void rules_start_row(struct oracle_execution *e, exo_time start_at_ns)
{
    if (start_at_ns != 0 && start_at_ns != e->plan->start_at_ms * EXO_MILLISECOND) {
        sim_fail("plan %u: its row says that it waits until %lld ms, and its Job said %lld",
                 e->plan->number, (long long)(start_at_ns / EXO_MILLISECOND),
                 (long long)e->plan->start_at_ms);
    }
    if (e->start_at_ns != 0 && start_at_ns == 0) {
        early_check(e, database.shards[e->shard].row.now_ns / EXO_MILLISECOND, e->plan->start_at_ms,
                    "it waits no more");
    }
    e->start_at_ns = start_at_ns;
}

/* Somebody goes on step by step, after deaths or refusals, and what shares his process waits. */
static bool is_any_careful(void)
{
    for (uint32_t i = 0; i < database.shard_count; i++) {
        const struct database_shard *shard = &database.shards[i];

        if (shard->row.guard.crashes + shard->row.guard.deaths > 0 || shard->refused_ns != 0) {
            return true;
        }
    }
    return false;
}

/* Who stood still may let out one batch before he looks at the time. */
void rules_start_committed(const struct store_batch *batch)
{
    if (is_any_careful()) {
        return;
    }
    for (struct oracle_execution *e = oracle.executions; e != NULL; e = e->next) {
        if (e->shard != batch->shard || e->start_at_ns == 0 || e->cancel_epoch != 0 ||
            execution_state_is_terminal(e->state) || batch->now_ns <= e->start_at_ns + LATE_NS) {
            continue;
        }
        if (e->late_epoch == batch->epoch) {
            sim_fail("plan %u still waits for its time %lld ms after it", e->plan->number,
                     (long long)((batch->now_ns - e->start_at_ns) / EXO_MILLISECOND));
        }
        e->late_epoch = batch->epoch;
    }
}

void rules_start_asks(const struct wire_key_ask *ask)
{
    const struct oracle_execution *e = oracle_find(&ask->execution);

    if (e != NULL && e->start_at_ns != 0 && oracle.promotions == 0) {
        sim_fail("plan %u asks for a key before its time", e->plan->number);
    }
}
