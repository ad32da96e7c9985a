/* codec: what every message's pack and unpack share.
 *
 * Pure: memory comes from the arena or buffer given. Decoders take bytes from outside: they refuse,
 * never assert, and bound what they allocate by the arena's limit. */
#ifndef EXO_WIRE_CODEC_H
#define EXO_WIRE_CODEC_H

#include "schemas/vocab/arena.h"
#include "schemas/vocab/buffer.h"
#include "schemas/vocab/checked.h"

/* The version every message carries today; a reader refuses others, tolerates unknown fields. */
enum { WIRE_VERSION = 1 };

enum wire_result {
    WIRE_OK = 0,
    WIRE_EMALFORMED = -1, /* not this message, or a field out of its range */
    WIRE_EVERSION = -2,   /* another version of it */
    WIRE_EMEMORY = -3,    /* the arena's bound */
};

/* wire_result_text returns a static sentence for people, never NULL. */
const char *wire_result_text(enum wire_result result);

#endif /* EXO_WIRE_CODEC_H */
