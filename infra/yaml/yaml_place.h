/* yaml_place: from libyaml's marks, which count characters, to lines and columns in bytes; for
 * this folder only.
 *
 * Pure. */
#ifndef EXO_YAML_PLACE_H
#define EXO_YAML_PLACE_H

#include <stdint.h>

#include "schemas/vocab/span.h"

struct yaml_place {
    struct span text; /* kept; valid UTF-8 up to where it is read */
    size_t character; /* how far we have come */
    size_t byte;
    size_t line_begin; /* a byte */
    uint32_t line;     /* from 1 */
};

/* yaml_place_init begins at the start of a text (kept). */
void yaml_place_init(struct yaml_place *place, struct span text);

/* yaml_place_move goes to a character, counted from 0; the line and yaml_place_column are then
 * those of that character. Cheap when places are asked for in the order of the text. */
void yaml_place_move(struct yaml_place *place, size_t character);

/* yaml_place_move_byte goes to a byte, counted from 0. */
void yaml_place_move_byte(struct yaml_place *place, size_t byte);

/* yaml_place_column gives the column, from 1, in bytes. */
static inline uint32_t yaml_place_column(const struct yaml_place *place)
{
    return (uint32_t)(place->byte - place->line_begin) + 1;
}

#endif /* EXO_YAML_PLACE_H */
