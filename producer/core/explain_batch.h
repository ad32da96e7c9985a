/* explain batch: what is said of tasks that wait for a batch, or are in one.
 *
 *   execution --explain_batches--> batches that are waited for --the caller reads their rows-->
 *   gathered, due_ns --explain_batch_say--> "5 of 32 gathered, it runs at ..., in 8s at the latest"
 *
 * Pure. */
#ifndef EXO_PRODUCER_EXPLAIN_BATCH_H
#define EXO_PRODUCER_EXPLAIN_BATCH_H

#include "producer/core/run_scope.h"
#include "schemas/cluster/fault_text.h"
#include "schemas/vocab/time.h"

/* How many batches are looked at for one explanation. */
enum { EXPLAIN_BATCHES_MAX = 8 };

/* One that tasks of an instance wait for. All borrowed. */
struct explain_batch {
    const struct satellite *satellite;
    const struct wire_instance *instance;
    struct span key;   /* that they asked with */
    uint32_t gathered; /* tasks, these among them; 0: not known */
    exo_time due_ns;   /* when it starts at the latest, in shard time */
};

/* explain_batch_of fills in which batch one task waits for, or where lease is NULL all waiting
 * tasks of the instance do.
 * ret_batch  out; untouched where it waits for none. gathered and due_ns are left to the caller
 * Returns false where nothing waits, or where the tasks of a map may wait for different ones. */
bool explain_batch_of(const struct satellite *satellite, const struct wire_instance *instance,
                      const struct wire_lease *lease, struct explain_batch *ret_batch);

/* explain_batches lists what the satellites of these scopes wait for, the first
 * EXPLAIN_BATCHES_MAX of them; ret_batches has as many entries. Returns how many. */
uint32_t explain_batches(const struct cluster *cluster, const struct run_scope *scopes,
                         uint32_t scope_count, struct explain_batch *ret_batches);

/* What there is to say of one instance; lease: of one task, or NULL. batch: NULL, nothing is known
 * of what gathers. */
struct explain_batch_subject {
    const struct satellite *satellite;
    const struct wire_instance *instance;
    const struct wire_lease *lease;
    const struct explain_batch *batch;
    int64_t now_ms; /* since 1970 */
};

/* explain_batch_say appends what becomes of one task, or of the single task of an instance. */
void explain_batch_say(const struct explain_batch_subject *subject, struct fault_text *text);

/* explain_batch_say_map appends how many tasks of a map run in batches, and what waits. */
void explain_batch_say_map(const struct explain_batch_subject *subject, struct fault_text *text);

#endif /* EXO_PRODUCER_EXPLAIN_BATCH_H */
