/* kept_log: the log of one attempt on disk, as much of it as is kept: its first and last half.
 *
 *   file:  | magic limit total |  first half  |  ring of the last half  |
 *           total stays 0 until the ring has gone round
 *
 * Appends only go to the page cache, so a kill -9 of the worker loses nothing that was read. Memory
 * is used only to hand the log out. One file a run that wrote something; none for a silent one.
 *
 * Touches the file system. */
#ifndef EXO_WORKERS_KEPT_LOG_H
#define EXO_WORKERS_KEPT_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/vocab/span.h"

struct kept_log {
    int directory_fd;      /* borrowed */
    char name[136];        /* "ATTEMPT.log" */
    int fd;                /* -1 until something is written */
    uint64_t limit_bytes;  /* kept at most; even, at least 2 */
    uint64_t total_bytes;  /* written in all */
    uint64_t unkept_bytes; /* from here on the disk took nothing; UINT64_MAX: it took all */
};

/* A log read back. */
struct kept_log_text {
    char *text; /* gives: kept_log_text_free; NULL when empty */
    size_t bytes;
    uint64_t total_bytes;
    uint64_t lost_bytes; /* of total, not in text */
};

/* kept_log_init begins an empty log; makes no file.
 * directory_fd  borrowed until kept_log_close
 * id            of the attempt, borrowed */
void kept_log_init(struct kept_log *log, int directory_fd, const char *id, uint64_t limit_bytes);

/* kept_log_append keeps bytes. A disk that takes no more loses the rest, which is counted. */
void kept_log_append(struct kept_log *log, struct span bytes);

/* kept_log_read gives what is kept of a log, the cut marked by a line of its own.
 * Returns 0, or -1 with *err set (no memory, disk). */
EXO_CHECKED int kept_log_read(const struct kept_log *log, struct kept_log_text *ret_text,
                              struct exo_error *err);

/* kept_log_recover reads the file that a former life of the worker left.
 * Returns 0 (also when there is no file: an empty text), or -1 with *err set. */
EXO_CHECKED int kept_log_recover(int directory_fd, const char *id, struct kept_log_text *ret_text,
                                 struct exo_error *err);

/* kept_log_text_free frees the text; may be called twice. */
void kept_log_text_free(struct kept_log_text *text);

/* kept_log_close closes; with removes also deletes the file. */
void kept_log_close(struct kept_log *log, bool removes);

#endif /* EXO_WORKERS_KEPT_LOG_H */
