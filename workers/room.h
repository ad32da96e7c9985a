/* room: whether the disk under --runtime-dir has room for another attempt.
 *
 *   statvfs, once a second --+
 *                            +--> has room / is full --changed--> the core lends / recalls tickets
 *   a write was refused -----+         ^
 *                            |         |
 *                            +-- a file can be written again, tried once a second
 *
 * Full below ROOM_BYTES_LEAST or ROOM_FILES_LEAST, and no more at twice that, so that one log that
 * comes and goes does not turn it over and over. What statvfs does not show (a quota, a disk that
 * was mounted read-only after an error) is found by who was refused. One thread, the loop's; the
 * trial runs on another. */
#ifndef EXO_WORKERS_ROOM_H
#define EXO_WORKERS_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "infra/loop/loop.h"
#include "schemas/vocab/error.h"

enum { ROOM_BYTES_LEAST = 16 << 20, ROOM_FILES_LEAST = 64, ROOM_REASON_BYTES = 400 };

struct room;

/* room_open begins to look, first at once.
 * directory  copied; it exists
 * changed    called from the loop at each change, first when the disk is full for the first time
 * Gives it; never NULL. */
struct room *room_open(struct loop *loop, const char *directory, void (*changed)(void *argument),
                       void *argument);

/* room_refused tells that a write below the directory failed, with the reason. */
void room_refused(struct room *room, const struct exo_error *err);

/* room_full_reason says why the disk takes nothing and what to do; NULL while it has room.
 * Borrowed until the next change. */
const char *room_full_reason(const struct room *room);

/* room_close ends it; nothing is called any more. NULL is allowed. */
void room_close(struct room *room);

/* room_is_full judges what is free. Pure.
 * was_full  how it was judged last
 * files     that can still be made; UINT64_MAX: the file system does not count them */
bool room_is_full(bool was_full, uint64_t bytes, uint64_t files);

#endif /* EXO_WORKERS_ROOM_H */
