/* backends: the log, store and cache that a process's settings name, waited for until they serve.
 *
 *   open --> ask what is installed --> migrate --> read it --> prepare topics --> done
 *              ^--------------------------v------------------------v
 *                 away: said, asked again for ever, at most 5 s apart
 *
 * Touches what the ports touch, and makes the directory of the settings' `data`. */
#ifndef EXO_INFRA_PROCESS_BACKENDS_H
#define EXO_INFRA_PROCESS_BACKENDS_H

#include "infra/blob/blob.h"
#include "infra/cache/cache.h"
#include "infra/config/settings.h"
#include "infra/log/log.h"
#include "infra/loop/loop.h"
#include "infra/store/store.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"

struct backends;

enum backend {
    BACKEND_LOG = 1,
    BACKEND_STORE = 2,
    BACKEND_CACHE = 4,
    BACKEND_CHUNKS =
        8, /* a log of its own for chunks of output: a flood of them holds up nothing */
};

/* What is opened. All kept until backends_close. */
struct backends_options {
    const struct settings_set *set;
    unsigned wanted;       /* or of enum backend */
    const char *client_id; /* what the log and the store call us */
    bool is_existing;      /* SQLite's file must be there: none is made */
};

/* backends_open opens without waiting.
 * Gives it, or NULL with *err: EXO_EINVALID for a wrong setting, EXO_ECONFLICT where another
 * process holds SQLite's file, EXO_ENOTFOUND where it must be there and is not, EXO_EIO,
 * EXO_EDENIED. */
EXO_CHECKED struct backends *
backends_open(struct loop *loop, const struct backends_options *options, struct exo_error *err);

/* backends_open_tell tells a command's person on stderr why backends_open gave NULL.
 * Returns the command's exit status: 66 there is no such file, 73 another process has it, else 1.
 */
int backends_open_tell(const struct exo_error *err);

/* backends_prepare migrates the store and makes the topics, then calls back once: err NULL, or
 * EXO_ECONFLICT (a newer schema, another number of shards or partitions) and others that waiting
 * does not mend. Without a store there is nothing to prepare: who uses a topic makes it. */
void backends_prepare(struct backends *backends,
                      void (*done)(void *argument, const struct exo_error *err), void *argument);

/* backends_migrate is backends_prepare without the topics. */
void backends_migrate(struct backends *backends,
                      void (*done)(void *argument, const struct exo_error *err), void *argument);

/* backends_missing names what does not answer, "" when all does: "store (postgres): TEXT". A cache
 * that is away is no reason to wait. Borrowed until the next call. */
const char *backends_missing(struct backends *backends);

/* backends_tell logs what went away or came back since the last call. */
void backends_tell(struct backends *backends);

/* backends_log and the next two give what was opened; NULL where it was not asked for. */
struct log *backends_log(const struct backends *backends);
/* backends_chunks is where chunks of output go: the log itself where there is no other. */
struct log *backends_chunks(const struct backends *backends);
struct store *backends_store(const struct backends *backends);
struct cache *backends_cache(const struct backends *backends);

/* backends_blobs gives the large blobs beside the store; NULL without a store. */
struct blobs *backends_blobs(const struct backends *backends);

/* backends_schema is what is installed, once prepared; without a store its shard_count is the
 * setting's. */
const struct store_schema *backends_schema(const struct backends *backends);

/* backends_close closes log, blobs, store and cache; their last callbacks come from here. */
void backends_close(struct backends *backends);

/* backends_free frees what was closed. NULL is allowed. */
void backends_free(struct backends *backends);

#endif /* EXO_INFRA_PROCESS_BACKENDS_H */
