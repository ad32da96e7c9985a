/* task_reading: one task of an execution with how its attempts ended, read from the store.
 *
 *   {id}, {task} --reading--> instance --page, segments--> struct task_read
 *
 * For producer/http only. */
#ifndef EXO_PRODUCER_TASK_READING_H
#define EXO_PRODUCER_TASK_READING_H

#include "producer/http/place_reading.h"

/* Lives in the exchange's arena. */
struct task_read {
    const struct read_place *place; /* execution, instance */
    struct task_id id;
    struct view_task view;
    const struct wire_output **outputs; /* of its attempts that ended, in no order */
    uint32_t output_count;
};

typedef void task_reading_done(struct exchange *x, const struct task_read *task);

/* task_reading_at reads the task that a place names (task_path_is_task), without its attempts where
 * only_state is set. Else as task_reading_begin; x->state is as it was when done is called. */
void task_reading_at(struct exchange *x, const struct read_place *place, bool only_state,
                     task_reading_done *done);

/* task_reading_begin reads the task that the path's first two parameters name. done is called when
 * it is there; otherwise the exchange is answered. Keeps x->state for itself until done. */
void task_reading_begin(struct exchange *x, task_reading_done *done);

#endif /* EXO_PRODUCER_TASK_READING_H */
