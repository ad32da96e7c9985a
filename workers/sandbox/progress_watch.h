/* progress_watch: looks, once a second, whether an attempt has written its progress.json.
 *
 *   timer --every second--> stat below the attempt's /exosphere --changed--> read --> call
 *
 * Any change of the file is a sign of life: written again, replaced, touched. The file is an
 * enemy's: only a regular one counts, no link is followed, nothing is waited for. It lies on a
 * tmpfs, so that looking does not block the loop.
 *
 * Touches the file system and the loop. */
#ifndef EXO_WORKERS_PROGRESS_WATCH_H
#define EXO_WORKERS_PROGRESS_WATCH_H

#include "infra/loop/loop.h"
#include "schemas/vocab/span.h"

struct progress_watch;

/* progress_watch_new begins to look.
 *
 * loop          kept
 * directory_fd  takes it: of the directory that is /exosphere inside; O_PATH is enough
 * call          gets what the file holds after each change; bytes are borrowed, at most
 *               SANDBOX_PROGRESS_BYTES, empty where there are more. May stop the attempt, but not
 *               free the watch
 * argument      kept
 * Never NULL (aborts without memory, as the loop does). */
struct progress_watch *progress_watch_new(struct loop *loop, int directory_fd,
                                          void (*call)(void *argument, struct span bytes),
                                          void *argument);

/* progress_watch_free ends it and closes the directory; NULL is allowed. */
void progress_watch_free(struct progress_watch *watch);

#endif /* EXO_WORKERS_PROGRESS_WATCH_H */
