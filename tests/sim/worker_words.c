#include "tests/sim/worker_words.h"

#include "infra/loop/loop.h"

struct wire_report worker_report_words(const struct worker_report *core)
{
    return (struct wire_report){
        .kind = (enum wire_report_kind)core->kind,
        .task = core->task,
        .attempt = core->attempt,
        .ticket = core->ticket,
        .lend = core->lend,
        .lend_process = core->next,
        .lend_next = core->next_lend,
        .heartbeat = core->heartbeat,
        .at_ms = clock_wall_ns() / EXO_MILLISECOND,
        .outcome = (enum wire_outcome)core->outcome,
        .exit_status = core->exit_status,
    };
}

struct wire_loan worker_loan_words(const char *name, uint64_t incarnation,
                                   const struct worker_loan *loan)
{
    return (struct wire_loan){
        .worker = span_of(name),
        .incarnation = incarnation,
        .process = loan->process,
        .tickets = loan->tickets,
        .lends = loan->lends,
        .count = loan->count,
    };
}
