/* artefact_store: artefacts that this worker has unpacked, once each, for the attempts that see
 * them.
 *
 *   one task's   blob --GET--> file, digest checked --unpack--> DIRECTORY/DIGEST/
 *   a map's      list --GET--> blobs, one after the other   --> DIRECTORY/DIGEST OF THE LIST/INDEX/
 *
 * What nobody uses stays for the next attempt until the cache is above its bound; then the longest
 * unused goes first. A new life of the worker begins with an empty cache.
 *
 * One thread, the loop's; unpacking and deleting run on others. */
#ifndef EXO_WORKERS_ARTEFACT_STORE_H
#define EXO_WORKERS_ARTEFACT_STORE_H

#include "infra/loop/loop.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/wire/task.h"
#include "workers/attempt_api.h"

struct artefact_store;
struct artefact_request;
struct artefact_dir;

/* artefact_store_open empties the directory (on another thread) and begins.
 *
 * directory  absolute, this worker's alone; copied
 * work_dir   where a package lies while it comes; copied
 * api        kept until artefact_store_close
 * Gives the store, or NULL with *err set. */
EXO_CHECKED struct artefact_store *artefact_store_open(struct loop *loop, const char *directory,
                                                       const char *work_dir,
                                                       struct attempt_api *api,
                                                       struct exo_error *err);

/* artefact_store_bound sets how many bytes of files may be kept that nobody uses (10 GiB). */
void artefact_store_bound(struct artefact_store *store, uint64_t bytes);

/* artefact_store_close ends fetches, without callbacks; waits for work on other threads to end, so
 * not from inside a callback. Close it before the api. NULL is allowed. */
void artefact_store_close(struct artefact_store *store);

/* How a request ended. dir: to be given back by artefact_release; or NULL with err (borrowed):
 * EXO_ENOTFOUND (no such blob any more), EXO_EINVALID (no package), EXO_ELIMIT, EXO_EDENIED,
 * EXO_EUNAVAILABLE, EXO_EIO. */
typedef void artefact_ready(void *argument, struct artefact_dir *dir, const struct exo_error *err);

/* artefact_get asks for the artefacts of a context: BLOB, or LIST of at most
 * LIMIT_ARTEFACT_MAP_TASKS.
 *
 * execution  of the list
 * token      of the attempt that asks first; copied
 * on_ready   called once, later, unless cancelled
 * Gives the request, gone when on_ready is called; never NULL. */
struct artefact_request *artefact_get(struct artefact_store *store,
                                      const struct execution_id *execution,
                                      const struct wire_context *context, struct span token,
                                      artefact_ready *on_ready, void *argument);

/* artefact_cancel takes a request back; what is on its way comes for the cache. NULL is allowed. */
void artefact_cancel(struct artefact_request *request);

/* artefact_path is where it is unpacked; valid until artefact_release. */
const char *artefact_path(const struct artefact_dir *dir);

/* artefact_release gives one back when the attempt has ended. */
void artefact_release(struct artefact_store *store, struct artefact_dir *dir);

#endif /* EXO_WORKERS_ARTEFACT_STORE_H */
