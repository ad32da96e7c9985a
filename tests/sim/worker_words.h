/* worker_words: what a worker's core says, in the words of the wire; both models of a worker send
 * them (sim_life_do.c, scale_worker.c). */
#ifndef EXO_TESTS_SIM_WORKER_WORDS_H
#define EXO_TESTS_SIM_WORKER_WORDS_H

#include "schemas/wire/fleet.h"
#include "schemas/wire/status.h"
#include "workers/core/worker.h"

/* worker_report_words says a report now, without output, error and progress. Spans are the core's.
 */
struct wire_report worker_report_words(const struct worker_report *core);

/* worker_loan_words says a loan of the worker of that name and incarnation. Spans are the core's
 * and the name's. */
struct wire_loan worker_loan_words(const char *name, uint64_t incarnation,
                                   const struct worker_loan *loan);

#endif /* EXO_TESTS_SIM_WORKER_WORDS_H */
