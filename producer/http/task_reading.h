/* task_reading: one task of an execution with how its attempts ended, read from the store.
 *
 *   {id}, {task} --reading--> instance --page, segments--> struct task_read
 *
 * For producer/http only. */
#ifndef EXO_PRODUCER_TASK_READING_H
#define EXO_PRODUCER_TASK_READING_H

#include "producer/http/reading.h"

/* Lives in the exchange's arena. */
struct task_read {
    const struct read_execution *execution;
    const struct wire_instance *instance;
    struct task_id id;
    struct view_task view;
    const struct wire_output **outputs; /* of its attempts that ended, in no order */
    uint32_t output_count;
};

typedef void task_reading_done(struct exchange *x, const struct task_read *task);

/* task_reading_begin reads the task that the path's first two parameters name. done is called when
 * it is there; otherwise the exchange is answered. Keeps x->state for itself until done. */
void task_reading_begin(struct exchange *x, task_reading_done *done);

#endif /* EXO_PRODUCER_TASK_READING_H */
