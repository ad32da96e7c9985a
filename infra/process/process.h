/* process: the life of a process that runs one role, or all of them on one loop (`dev`).
 *
 *   START --back-ends prepared--> OPEN --all say ready--> READY (/readyz 200)
 *                                             SIGTERM, SIGINT |  or a role ends by itself
 *   exit <-- roles freed <-- back-ends closed <-- roles closed <-- LEAVE, one role after another
 *
 * Until then it waits for what is away, for ever, and says for what: /healthz 200, /readyz 503.
 * A second signal exits at once. SIGHUP reads log_level again. */
#ifndef EXO_INFRA_PROCESS_H
#define EXO_INFRA_PROCESS_H

#include "infra/cache/cache.h"
#include "infra/config/command.h"
#include "infra/http/health.h"
#include "infra/log/log.h"
#include "infra/loop/loop.h"
#include "infra/store/store.h"

struct process;

/* What a role stands on; all outlive the role's close. */
struct process_ports {
    struct loop *loop;
    const struct settings *settings;
    struct log *log;
    struct log *chunks;  /* where chunks of output go; may be log */
    struct store *store; /* NULL, as cache, when no role of the process has_store */
    struct cache *cache;
    struct blobs *blobs;        /* NULL where store is */
    struct health *health;      /* of the whole process */
    struct store_schema schema; /* as installed; without a store only shard_count, as set */
    const char *api_url; /* where a worker finds the API: the setting, or the one in this process */
};

/* A role of a process. object is what open gave. */
struct process_role {
    const char *name;
    bool has_store;  /* needs store and cache, else the log alone */
    bool has_chunks; /* ships output of attempts */

    /* Alone in its process it opens before the back-ends are prepared (schema.version is 0 then),
     * so that clients find it and hear what it waits for. */
    bool opens_early;

    /* Begins the role when the back-ends are prepared; process and number are for process_left.
     * Gives its object, or NULL with *err: EXO_EINVALID ends the process with 78. */
    void *(*open)(struct process *process, unsigned number, struct exo_error *err);

    /* True when it takes work; else *ret_reason, a static sentence. */
    bool (*is_ready)(const void *object, const char **ret_reason);

    /* May be NULL. While ready: what people should know (a static sentence, shown by /readyz), or
     * "".
     */
    const char *(*remark)(const void *object);

    /* May be NULL. Told once, when the whole process is ready for the first time. */
    void (*greet)(const void *object, const struct settings *settings);

    /* Ends its work in order, then process_left. */
    void (*leave)(void *object);

    /* Stops everything; not from inside a callback. The back-ends stand. */
    void (*close)(void *object);

    /* Frees a closed one; the back-ends are closed. */
    void (*free)(void *object);
};

/* process_run runs roles until they have ended. They leave in the order given.
 * call   of the command; borrowed
 * roles  count of them, at most 4; borrowed
 * Returns the exit status: 0, 1, or 78. */
int process_run(const struct command_call *call, const struct process_role *const *roles,
                unsigned count);

/* process_ports gives what the roles stand on; valid until the role is freed. */
const struct process_ports *process_ports(const struct process *process);

/* process_api_is_at tells the roles opened later the port that the API of this process took. */
void process_api_is_at(struct process *process, uint16_t port);

/* process_left says that a role has ended: as it was asked to (err NULL), by a signal or by request
 * (a drained worker: its process ends with it, other roles go on); or because it cannot go on: then
 * the whole process ends with 1.
 * err  borrowed */
void process_left(struct process *process, unsigned number, const struct exo_error *err);

#endif /* EXO_INFRA_PROCESS_H */
