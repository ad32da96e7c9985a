/* fleet_view: the workers as the API shows them, from their heartbeats.
 *
 *   heartbeat --fleet_view_heard--> ALIVE --15 s--> SILENT --60 s--> forgotten
 *                                     \--- leaving ----------------> forgotten
 *
 * Pure. Time is the loop's, given with each call. */
#ifndef EXO_PRODUCER_FLEET_VIEW_H
#define EXO_PRODUCER_FLEET_VIEW_H

#include "schemas/json/json_write.h"
#include "schemas/vocab/arena.h"
#include "schemas/vocab/time.h"
#include "schemas/wire/fleet.h"

enum {
    FLEET_VIEW_WORKERS_MAX = 10000,
    FLEET_VIEW_CLASSES_MAX = 8,
    FLEET_VIEW_NAME_BYTES = 64,
    FLEET_VIEW_RUNNING_MAX = 32, /* attempts named; more are counted */
    FLEET_VIEW_TROUBLE_BYTES = 768,
};

#define FLEET_VIEW_SILENT_NS (15 * EXO_SECOND)
#define FLEET_VIEW_FORGOTTEN_NS (60 * EXO_SECOND)

/* Read-only to others. */
struct fleet_view_worker {
    char name[FLEET_VIEW_NAME_BYTES];
    uint64_t incarnation;
    uint64_t number; /* of the last heartbeat */
    char classes[FLEET_VIEW_CLASSES_MAX][FLEET_VIEW_NAME_BYTES];
    uint32_t class_count;
    uint32_t partition; /* of its classes' topics */
    uint32_t slots;
    bool is_draining;
    char trouble[FLEET_VIEW_TROUBLE_BYTES]; /* why it takes no tasks; "": it does */
    uint64_t cpu_millis, memory_bytes, cpu_free_millis, memory_free_bytes;
    struct wire_running running[FLEET_VIEW_RUNNING_MAX];
    uint32_t running_count; /* in all */
    char version[32];
    int64_t at_ms;
    exo_time heard_ns;
};

struct fleet_view {
    struct allocator allocator;
    struct fleet_view_worker **workers; /* by name */
    uint32_t count, capacity;
};

/* fleet_view_init makes an empty view; allocates nothing. */
void fleet_view_init(struct fleet_view *view, struct allocator allocator);

/* fleet_view_release frees it; it is empty then and may be used again. */
void fleet_view_release(struct fleet_view *view);

/* fleet_view_heard takes one heartbeat (borrowed). A repeated one changes nothing, nor does an
 * older incarnation's before the newer is silent (a clock that was set back makes a restart look
 * older); beyond FLEET_VIEW_WORKERS_MAX workers, new ones are not shown. */
void fleet_view_heard(struct fleet_view *view, const struct wire_heartbeat *heartbeat,
                      exo_time now_ns);

/* fleet_view_forget drops who has been silent for too long. */
void fleet_view_forget(struct fleet_view *view, exo_time now_ns);

/* fleet_view_find gives a worker by name, NULL when it is not known. */
const struct fleet_view_worker *fleet_view_find(const struct fleet_view *view, struct span name);

/* fleet_view_is_silent is true when nothing was heard for FLEET_VIEW_SILENT_NS. */
bool fleet_view_is_silent(const struct fleet_view_worker *worker, exo_time now_ns);

/* fleet_view_put_worker puts one worker as a map. */
void fleet_view_put_worker(struct json_writer *w, const struct fleet_view_worker *worker,
                           exo_time now_ns);

/* What the fleet could do for a satellite. */
struct fleet_fit {
    uint32_t alive;            /* workers heard of lately */
    uint32_t of_class;         /* ... that serve the class */
    uint32_t draining;         /* ... of the class, that take no more */
    uint32_t large_enough;     /* ... of the class, not draining, that could ever hold it */
    uint32_t troubled;         /* ... of these, that take none at present: a full disk, unfit */
    uint32_t free;             /* ... of the others, that have room now */
    uint64_t memory_bytes_max; /* the largest of the class */
    uint64_t cpu_millis_max;
};

/* fleet_view_fit counts the workers for a satellite's class and needs. */
struct fleet_fit fleet_view_fit(const struct fleet_view *view, struct span class_name,
                                uint64_t cpu_millis, uint64_t memory_bytes, exo_time now_ns);

#endif /* EXO_PRODUCER_FLEET_VIEW_H */
