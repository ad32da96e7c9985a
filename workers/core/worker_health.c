/* worker_health: whether attempts can be started on this machine.
 *
 *       WORKER_UNFIT_ROW could not be started, and none was in between
 *   FIT ----------------------------------------------------------------> UNFIT --+ a ticket after
 *    ^                                                                      |     | 5, 10, 20 s ...
 *    +---------------------------- one was started -------------------------+ <---+
 *
 * Whose fault it was, one failure alone does not say: an image that cannot be had may be one that
 * nobody can have. So what several attempts miss alike counts once, and what the machine itself
 * could not do counts each time.
 * Pure. Source: docs/adr/0029-unfit-workers.md. */
#include "workers/core/worker_state.h"

static const exo_time probe_first_ns = 5 * EXO_SECOND;
static const exo_time probe_most_ns = EXO_MINUTE;

static bool is_known(const struct health *health, uint64_t cause)
{
    for (uint32_t i = 0; i < health->failed; i++) {
        if (cause != 0 && health->causes[i] == cause) {
            return true;
        }
    }
    return false;
}

void health_failed(struct worker *worker, uint64_t cause)
{
    struct health *health = &worker->health;

    if (health->is_unfit || is_known(health, cause)) {
        return;
    }
    health->causes[health->failed++] = cause;
    if (health->failed == WORKER_UNFIT_ROW) {
        health->is_unfit = true;
        health->has_turned = true;
        health->wait_ns = probe_first_ns;
        health->probe_ns = worker->now_ns + probe_first_ns;
        worker->counts.unfit++;
        ticket_recall_all(&worker->tickets);
    }
}

void health_started(struct worker *worker)
{
    struct health *health = &worker->health;

    health->failed = 0;
    health->has_turned = health->has_turned || health->is_unfit;
    health->is_unfit = false;
}

uint32_t health_probe(struct worker *worker)
{
    struct health *health = &worker->health;

    if (!health->is_unfit || worker->phase != WORKER_SERVING || worker->is_full ||
        worker->now_ns < health->probe_ns || worker->free.count == worker->tickets.idle) {
        return 0;
    }
    uint32_t count = ticket_lend_one(&worker->tickets, worker->moves);

    if (count > 0) {
        health->wait_ns = health->wait_ns < probe_most_ns / 2 ? 2 * health->wait_ns : probe_most_ns;
        health->probe_ns = worker->now_ns + health->wait_ns;
    }
    return count;
}

bool worker_is_unfit(const struct worker *worker)
{
    return worker->health.is_unfit;
}
