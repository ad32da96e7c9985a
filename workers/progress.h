/* progress: what an attempt writes to /exosphere/progress.json, as it goes on to the scheduler.
 *
 *   {"percent": 40, "message": "page 4 of 10"}      either, or both; other members are left out
 *
 * Pure. */
#ifndef EXO_WORKERS_PROGRESS_H
#define EXO_WORKERS_PROGRESS_H

#include "schemas/vocab/buffer.h"
#include "schemas/vocab/checked.h"

enum {
    PROGRESS_MESSAGE_BYTES = 200, /* a longer message is cut, between two characters */
};

/* progress_read reads a progress.json.
 *
 * text  borrowed; any bytes
 * json  replaced: the progress in its shortest form, LIMIT_PROGRESS_BYTES at most; untouched where
 *       false is returned
 * Returns false when it says nothing: no JSON (it may be half written), no percent from 0 to 100
 * and no message. */
EXO_CHECKED bool progress_read(struct span text, struct buffer *json);

#endif /* EXO_WORKERS_PROGRESS_H */
