/* admission: how much may be on its way to the log at once.
 *
 * Full means back-pressure (429), never growth. Pure. */
#ifndef EXO_PRODUCER_ADMISSION_H
#define EXO_PRODUCER_ADMISSION_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#include "schemas/vocab/checked.h"

struct admission {
    size_t bytes_max;
    size_t bytes; /* on their way */
};

/* admission_take takes room for a submission; false when there is none. One is always let in, so
 * that a body larger than the bound can pass alone. */
EXO_CHECKED static inline bool admission_take(struct admission *admission, size_t bytes)
{
    if (admission->bytes > 0 && bytes > admission->bytes_max - admission->bytes) {
        return false;
    }
    if (admission->bytes >= admission->bytes_max) {
        return false;
    }
    admission->bytes += bytes;
    return true;
}

/* admission_give gives room back. */
static inline void admission_give(struct admission *admission, size_t bytes)
{
    assert(bytes <= admission->bytes);
    admission->bytes -= bytes;
}

#endif /* EXO_PRODUCER_ADMISSION_H */
