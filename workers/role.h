/* role: a worker, joined together on one loop: the core, the log, the sandbox, images, the spool.
 *
 *   exo.tasks.<class> ---> records --> core --> attempts --> sandbox, images
 *   exo.fleet <----------> ticks,     ^  |  --> reports ---> exo.status
 *                          heartbeats |  v
 *                                     spool
 *
 *   opens: leftovers removed, topics there, ends captured, readers open, spool told -> announces
 *
 * For the standalone `exosphere worker` and inside `dev`. Signals belong to the process: it calls
 * worker_role_drain. One thread, the loop's. */
#ifndef EXO_WORKERS_ROLE_H
#define EXO_WORKERS_ROLE_H

#include <stdbool.h>
#include <stdint.h>

#include "infra/log/log.h"
#include "infra/loop/loop.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/vocab/time.h"
#include "workers/grants.h"

struct worker_role;

enum { WORKER_NAME_BYTES_MAX = 63 };

/* All borrowed for worker_role_open, which copies what it keeps. 0 and NULL stand for the default.
 */
struct worker_role_settings {
    const char *name;           /* unique in the fleet; default: the machine's host name */
    const char *const *classes; /* NULL-terminated; default: "default" */
    uint32_t slots;             /* containers at once; default: two a processor (null: 256) */
    const char *sandbox;        /* "crun" (default) or "null" */
    const char *state_dir;      /* absolute; spool, containers, images; not for null */
    const char *image_dir;      /* absolute; for oci: and archives */
    const char *auth_file;      /* for registries, as written by `skopeo login` */
    const char *const *plain_registries; /* HOST[:PORT] without TLS, NULL-terminated */
    const char *api_url;                 /* of the API, for values by reference and logs */
    struct grant_settings grants;
    uint64_t memory_bytes;     /* for containers together; default: three quarters of the machine */
    uint32_t cpu_millis;       /* default: all processors */
    uint32_t pids_max;         /* of one container; default: 512 */
    uint32_t shard_count;      /* of the installation; default: 64 */
    uint32_t tasks_partitions; /* default: TOPIC_TASKS_PARTITIONS */
    exo_time heartbeat_ns;     /* default: 1 s */
};

/* worker_role_open begins; waits for nothing but leftovers of an earlier life (10 s at most).
 *
 * log      kept until worker_role_stop; prepared by the role for the topics it uses
 * logs     where chunks of attempts' output go; may be the same as log
 * on_end   called once: the worker has left (err NULL) after a drain, or cannot go on (the process
 *          should end and be started again). The role is still to be stopped
 *
 * Gives the role, or NULL with *err: EXO_EINVALID (a setting), EXO_EDENIED (not root; the text has
 * the line to type), EXO_ECONFLICT (another worker uses the state directory), EXO_ENOTFOUND,
 * EXO_EIO. */
EXO_CHECKED struct worker_role *
worker_role_open(struct loop *loop, const struct worker_role_settings *settings, struct log *log,
                 struct log *logs, void (*on_end)(void *argument, const struct exo_error *err),
                 void *argument, struct exo_error *err);

/* worker_role_is_ready is true while the worker is announced and takes Tasks; else *ret_reason (may
 * be NULL) says what it waits for: a static sentence. */
bool worker_role_is_ready(const struct worker_role *role, const char **ret_reason);

/* worker_role_drain takes no more Tasks, waits for what runs, hands the rest back uncounted after
 * drain_ns (EXO_TIME_NEVER: waits for ever), then says good-bye; on_end follows. May be called
 * again with less time. */
void worker_role_drain(struct worker_role *role, exo_time drain_ns);

/* worker_role_stop ends everything at once: readers and attempts; containers that still run are
 * killed, the next life tells their attempts as lost. The log is not used any more, but its appends
 * under way still call back: close the log, then free the role. Runs the loop while files are being
 * written, so not from inside a callback. */
void worker_role_stop(struct worker_role *role);

/* worker_role_free frees a role that was stopped, once its log is closed. NULL is allowed. */
void worker_role_free(struct worker_role *role);

#endif /* EXO_WORKERS_ROLE_H */
