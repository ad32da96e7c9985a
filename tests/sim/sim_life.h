/* sim_life: one life of a worker of a world; for sim_worker.c and sim_life*.c only. */
#ifndef EXO_TESTS_SIM_SIM_LIFE_H
#define EXO_TESTS_SIM_SIM_LIFE_H

#include "infra/log/log.h"
#include "schemas/vocab/buffer.h"
#include "schemas/wire/task.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_worker.h"

enum { LIFE_CLASSES_MAX = 2 };

/* What a slot of the core means outside of it. */
struct sim_attempt {
    struct sim_life *life;
    struct slot_handle slot;
    uint32_t shard;
    struct task_id task;
    uint32_t attempt;
    struct plan_spot spot; /* as its Task says ... */
    uint64_t mark;         /* ... and plan_spot_mark of it */
    enum task_end end;     /* decided when the container starts */
    struct span output;
    struct digest blob;
    bool has_blob;
    uint32_t run; /* counts starts and stops: older exits mean nothing */
};

/* The newest record of a shard that the core has taken. */
struct life_mark {
    uint64_t epoch, sequence;
};

/* How many heartbeats of its own this life has read since it read a tick of the process. */
struct life_silence {
    struct life_silence *next;
    struct span process;
    uint32_t beats;
};

struct life_class {
    struct sim_life *life;
    uint32_t index;
    struct log_reader *reader;
    bool is_opened;
};

struct sim_life {
    struct sim_life *next; /* an older one */
    struct sim_worker *worker;
    struct loop *loop;
    struct log *log;
    struct worker *core;
    uint64_t incarnation;
    struct life_class classes[LIFE_CLASSES_MAX];
    uint32_t class_count;
    struct log_reader *fleet;
    struct life_silence *silences;
    struct loop_timer *timer, *poll;
    struct sim_attempt **attempts; /* by slot */
    struct sim_file **told;        /* by slot: adopted from the spool */
    uint32_t *accepted;            /* by slot: the generation whose ACCEPTED was sent */
    struct life_mark *marks;       /* by class and shard: the records taken */
    struct sim_file *next_file;    /* to be told to the core */
    struct sim_file *adopting;
    bool is_spool_told;
    exo_time full_until_ns;      /* its disk, in true time */
    uint32_t failed;             /* attempts in a row that its machine did not start */
    struct worker_event *events; /* a ring: what came while the core was stepping */
    uint32_t event_first, event_count, event_room;
    bool is_stepping;
    bool is_over;
    /* of the step */
    const struct wire_task *task;
    const struct task_id *task_id;
    struct span task_path; /* of its instance */
    uint32_t task_shard;
    struct heap_budget budget;
    struct arena arena;
    struct buffer text;
};

static inline uint32_t fleet_partition_of(const struct sim_life *life)
{
    return topic_class_partition(span_of(life->worker->name), TOPIC_FLEET_PARTITIONS);
}

/* life_event gives the core an event, now or after the one it works on. */
enum worker_err life_event(struct sim_life *life, const struct worker_event *event);

/* life_do does what the core wants. */
void life_do(struct sim_life *life, const struct worker_action *action);

/* life_loan_check: who is silent has no tickets. */
void life_loan_check(struct sim_life *life, struct span process);

/* The doors of the readers. */
size_t life_on_tasks(void *argument, const struct log_record *records, size_t count);
size_t life_on_fleet(void *argument, const struct log_record *records, size_t count);

/* life_spool_tell hands what the spool holds to the core. */
void life_spool_tell(struct sim_life *life);

#endif /* EXO_TESTS_SIM_SIM_LIFE_H */
