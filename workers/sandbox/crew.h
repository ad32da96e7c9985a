/* crew: a few threads that do what would block the loop, inside a mount namespace of their own.
 *
 *   loop's thread --crew_submit--> queue --> threads: job->work --> done list --wake--> job->done
 *
 * Mount namespaces belong to threads: the crew's mounts are seen by the crew and by the children it
 * starts, by nobody else, and are gone with the process however it ends. So a kill -9 leaves no
 * mount behind, and the rest of the process keeps the machine's own view.
 *
 * Touches threads and namespaces; a job belongs to the crew between submit and done. */
#ifndef EXO_WORKERS_CREW_H
#define EXO_WORKERS_CREW_H

#include <stdint.h>

#include "infra/loop/loop.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"

struct crew;

/* One piece of work; embedded in what it works on. */
struct crew_job {
    void (*work)(struct crew_job *job); /* on a thread of the crew */
    void (*done)(struct crew_job *job); /* on the loop's thread; NULL: nobody is told */
    struct crew_job *next;              /* the crew's */
};

/* crew_new starts the threads and prepares their namespace; returns when that is done.
 *
 * loop      kept
 * threads   at least 1
 * prepare   run once, on the first thread, in the new namespace (its mounts do not reach the
 *           machine; the machine's reach it); returns 0 or -1 with *err set
 * argument  of prepare; borrowed
 * Gives the crew, or NULL with *err set. */
EXO_CHECKED struct crew *crew_new(struct loop *loop, uint32_t threads,
                                  int (*prepare)(void *argument, struct exo_error *err),
                                  void *argument, struct exo_error *err);

/* crew_submit hands a job over; jobs begin in this order. */
void crew_submit(struct crew *crew, struct crew_job *job);

/* crew_drain blocks until every job has been worked on; their done is not called any more. */
void crew_drain(struct crew *crew);

/* crew_free drains, ends the threads and frees; NULL is allowed. */
void crew_free(struct crew *crew);

#endif /* EXO_WORKERS_CREW_H */
