/* place_reading: where a path such as page.3.parse leads in an execution.
 *
 *   {id}, path --reading--> execution --the row of run 3 of page--> frame, instance of parse
 *
 * A run's satellites stand in the run's row, those of the top level in the execution's.
 * For producer/http only. */
#ifndef EXO_PRODUCER_PLACE_READING_H
#define EXO_PRODUCER_PLACE_READING_H

#include "producer/core/task_path.h"
#include "producer/http/reading.h"

/* The satellites of the top level, or of one run of a group. Lives in the exchange's arena. */
struct read_frame {
    struct execution_id home; /* whose rows they are: the execution, or that of a kept group */
    const struct wire_instance *instances;
    uint32_t instance_count;
    uint32_t first;  /* satellite of instances[0] */
    uint32_t number; /* of instances[0] in the execution */
    struct span run; /* path of the run, such as page.3; bytes 0: the top level */
    uint32_t group;  /* number of the group's instance, where there is a run */
    uint32_t index;  /* of the run among the group's tasks */
};

/* Lives in the exchange's arena. */
struct read_place {
    const struct read_execution *execution;
    struct task_path path; /* its text in the arena too */
    struct read_frame frame;
    const struct wire_instance *instance; /* of path.satellite, in the frame */
    uint32_t number;                      /* of the instance in the execution */
    bool is_stopped;                      /* it, or a group around it, is being ended */
};

typedef void place_reading_done(struct exchange *x, const struct read_place *place);
typedef void frame_reading_done(struct exchange *x, const struct read_execution *execution,
                                const struct read_frame *frame);

/* place_reading_begin reads the execution that the path's first parameter names, and what the text
 * names in it. done is called when it is there; otherwise the exchange is answered.
 * text  copied. Leaves x->state alone */
void place_reading_begin(struct exchange *x, struct span text, place_reading_done *done);

/* frame_reading_begin reads the execution in the same way, and the satellites of the run that the
 * text names (page.3, or inner where the group has no for_each); of the top level for an empty
 * text. */
void frame_reading_begin(struct exchange *x, struct span text, frame_reading_done *done);

/* read_frame_of_run unpacks a run's row into an arena.
 * row        copied
 * group      whose run it is; NULL: not known, then ret_frame->first stays 0
 * ret_frame  out, without `run`; untouched on failure
 * Returns false when the row cannot be read or does not fit the group. */
EXO_CHECKED bool read_frame_of_run(struct arena *arena, const struct store_run *row,
                                   const struct satellite *group, struct read_frame *ret_frame);

/* read_frame_root is the frame of the top level. */
struct read_frame read_frame_root(const struct read_execution *execution);

/* read_frame_instance is the row of a satellite of the frame's scope. */
const struct wire_instance *read_frame_instance(const struct read_frame *frame,
                                                const struct satellite *satellite);

/* read_frame_path gives the path of a frame's satellite, in the exchange's arena. */
struct span read_frame_path(struct exchange *x, const struct read_frame *frame,
                            const struct satellite *satellite);

#endif /* EXO_PRODUCER_PLACE_READING_H */
