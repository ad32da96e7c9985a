/* sqlite: one SQLite file of this process, its lock, its writer thread and its reader thread.
 *
 *   store --write jobs--+                       +-- BEGIN, job, job, job, COMMIT: one fsync
 *                       +--> [queue] --> writer +
 *   log   --write jobs--+                       +--> done, done, done on the loop's thread
 *
 *   store, log --read jobs--> [queue] --> reader (a connection of its own, sees what is committed)
 *
 * Users in one process that name the same path share the file, so that one fsync serves them all.
 * A lock file beside it (PATH.lock) admits one process. ":memory:" is private to each open, and its
 * reads run on the writer. Touches the disk and threads; decides nothing. */
#ifndef EXO_INFRA_SQLITE_SQLITE_H
#define EXO_INFRA_SQLITE_SQLITE_H

#include "infra/loop/loop.h"
#include "infra/sqlite/statement.h"

struct sqlite_file;

/* sqlite_file_open opens or makes a file and starts its threads; blocks for as long as SQLite needs
 * to recover. Users of one path must be on one loop. Keeps the loop, borrows path.
 * Gives one user's handle, or NULL with *err: EXO_ECONFLICT when another process holds the file
 * (the text names its pid), EXO_EIO or EXO_EDENIED when it cannot be opened. */
EXO_CHECKED struct sqlite_file *sqlite_file_open(struct loop *loop, const char *path,
                                                 struct exo_error *err);

/* sqlite_file_close waits for this user's queued jobs, calls their dones, and frees the handle; the
 * last user's close ends threads and lock. NULL is allowed. */
void sqlite_file_close(struct sqlite_file *file);

/* sqlite_file_life names this hold of the file's lock: never the same again, so that a row that
 * carries another life was written by a process that is gone. */
int64_t sqlite_file_life(const struct sqlite_file *file);

/* A job runs on the file's thread with its connection, inside a transaction (a write job: inside
 * a savepoint of its own, so that it fails alone). It touches nothing but its argument.
 * Returns 0 to keep what it wrote, or -1 with *err set to undo all it wrote. */
typedef int sqlite_job(void *argument, struct sqlite_connection *connection, struct exo_error *err);

/* sqlite_file_write queues a job for the writer; jobs run in the order they were queued.
 * argument  kept until done
 * done  called once on the loop's thread, after the transaction has ended: err NULL when the job's
 *       writes are on disk; else the job's error, or that of the transaction (EXO_EUNKNOWN when the
 *       disk failed during the commit itself: the writes may come back after a crash) */
void sqlite_file_write(struct sqlite_file *file, sqlite_job *job,
                       void (*done)(void *argument, const struct exo_error *err), void *argument);

/* sqlite_file_read queues a job for the reader, in a read transaction of its own. It sees all
 * writes whose done has been called. argument and done as above. Jobs should be short (a chunk of
 * rows). */
void sqlite_file_read(struct sqlite_file *file, sqlite_job *job,
                      void (*done)(void *argument, const struct exo_error *err), void *argument);

#endif /* EXO_INFRA_SQLITE_SQLITE_H */
