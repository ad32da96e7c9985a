/* sandbox_driver: what a driver of the sandbox fills in; nobody but the drivers and sandbox.c
 * includes it.
 *
 *   sandbox.c --checks the spec, counts runs--> struct sandbox_driver of crun | null
 *
 * A driver embeds struct sandbox and struct sandbox_run as first member of its own. */
#ifndef EXO_WORKERS_SANDBOX_DRIVER_H
#define EXO_WORKERS_SANDBOX_DRIVER_H

#include "workers/sandbox/sandbox.h"

/* The functions of a driver; each does what the function of the same name in sandbox.h says. */
struct sandbox_driver {
    const char *name;
    struct sandbox *(*open)(struct loop *loop, const struct sandbox_settings *settings,
                            struct exo_error *err);
    void (*close)(struct sandbox *sandbox);
    int (*recover)(struct sandbox *sandbox,
                   void (*on_leftover)(void *argument, const struct sandbox_leftover *leftover),
                   void *argument, struct exo_error *err);
    struct sandbox_run *(*start)(struct sandbox *sandbox, const struct sandbox_spec *spec,
                                 struct exo_error *err);
    void (*stop)(struct sandbox_run *run, exo_time grace_ns);
    bool (*signal)(struct sandbox_run *run, int signal);
};

/* The part of a sandbox that is the same for every driver. */
enum { SANDBOX_ID_HEADS = 256 };

struct sandbox {
    const struct sandbox_driver *driver;
    struct loop *loop; /* kept */
    uint32_t runs_max;
    uint32_t run_count;
    struct sandbox_run *runs;                    /* all that have not had on_exit; doubly linked */
    struct sandbox_run *by_id[SANDBOX_ID_HEADS]; /* the same, by the hash of the id */
};

/* The part of a run that is the same for every driver. */
struct sandbox_run {
    struct sandbox *sandbox;
    struct sandbox_events events;
    struct sandbox_run *next, *previous; /* in sandbox->runs */
    struct sandbox_run *next_by_id;
    char id[SANDBOX_ID_BYTES_MAX + 1];
};

/* The drivers. */
extern const struct sandbox_driver sandbox_crun_driver;
extern const struct sandbox_driver sandbox_null_driver;

/* sandbox_run_end takes a run out of its sandbox and tells on_exit; the driver frees its run right
 * after. result: borrowed. */
void sandbox_run_end(struct sandbox_run *run, const struct sandbox_result *result);

#endif /* EXO_WORKERS_SANDBOX_DRIVER_H */
