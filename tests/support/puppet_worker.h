/* puppet_worker: a worker for tests that runs nothing: it lends tickets, takes tasks and ends each
 * as a callback says. Speaks the real protocol through the real log. */
#ifndef EXO_TESTS_PUPPET_WORKER_H
#define EXO_TESTS_PUPPET_WORKER_H

#include "infra/log/log.h"
#include "schemas/wire/status.h"
#include "schemas/wire/task.h"

struct puppet_worker;

/* How a task ends: fill in outcome, output, error ... of *report (kind, ids and ticket are set);
 * spans must live until the call after. Return false to say nothing for now. */
typedef bool puppet_act(void *context, const struct wire_spec *spec, const struct wire_task *task,
                        struct wire_report *report);

struct puppet_worker *puppet_worker_new(struct loop *loop, struct log *log, const char *name,
                                        uint64_t incarnation, uint32_t window, puppet_act *act,
                                        void *context);

/* puppet_worker_free stops speaking without a good-bye. */
void puppet_worker_free(struct puppet_worker *puppet);

/* Tasks taken so far (without those rejected), kills seen so far. */
uint32_t puppet_worker_taken(const struct puppet_worker *puppet);
uint32_t puppet_worker_kills(const struct puppet_worker *puppet);

#endif /* EXO_TESTS_PUPPET_WORKER_H */
