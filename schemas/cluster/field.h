/* field: reads the fields of a map by a table, with a fault for all that does not fit.
 *
 *   struct value (a map) + table of struct field --field_read_map--> a struct of ours, faults
 *
 * Each row says the field's name, who reads it and where its result goes. The same tables are
 * what schemas/cluster.schema.json is tested against.
 *
 * Pure. */
#ifndef EXO_CLUSTER_FIELD_H
#define EXO_CLUSTER_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/expression/value_template.h"
#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/fault.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/value.h"

/* What all readings of one file share. */
struct field_reader {
    struct arena *arena;       /* of the results; kept */
    struct fault_list *faults; /* kept */
    uint32_t nearest_left;     /* comparisons that finding a nearest name may still cost */
    bool is_out_of_memory;     /* an allocation failed; the results are not to be used */
};

struct field;

/* Reads one value into target + field->offset. On a fault the target stays as it was. */
typedef void field_read(struct field_reader *r, const struct field *field,
                        const struct value *value, const struct value_place *place, void *target);

/* Maps a row may stand in; one table serves several kinds of map. */
enum {
    FIELD_IN_SATELLITE = 1, /* that runs an image */
    FIELD_IN_DEFAULTS = 2,
    FIELD_IN_WORK = 4,
    FIELD_IN_ALL = 7,
    FIELD_IN_GROUP = 8,    /* a satellite with satellites of its own */
    FIELD_IN_WAIT = 16,    /* a satellite that waits */
    FIELD_IN_CLUSTER = 32, /* a satellite that runs a stored cluster */
};

struct field {
    const char *name;
    unsigned in; /* FIELD_IN_*, together */
    field_read *read;
    size_t offset;            /* in the target */
    int64_t min;              /* field_read_uint, _duration: smallest; _text: fewest bytes */
    int64_t max;              /* field_read_uint: largest; _text: most bytes */
    const char *const *words; /* field_read_word: what each enum value is called, NULL at the end */
    const char *refusal;      /* what to do instead, where it is refused or has no place */
};

/* field_read_map reads each member of a map by the row of its name.
 *
 * value   borrowed; anything but a map is a fault
 * place   where it stands; borrowed
 * in      one FIELD_IN_*: other rows are unknown fields here
 * target  what the rows' offsets count from
 *
 * Returns false when value is no map. */
bool field_read_map(struct field_reader *r, const struct field *fields, size_t count, unsigned in,
                    const struct value *value, const struct value_place *place, void *target);

/* Readers for rows. Results:
 *   text      struct span, copied into the arena with a NUL after; no control characters
 *   value     const struct value *, borrowed as it is
 *   duration  exo_time, whole milliseconds, at least field->min
 *   uint      uint32_t in min .. max
 *   bool      bool
 *   word      an enum: the place of the word in field->words
 *   refuse    nothing: a fault that says so */
field_read field_read_text;
field_read field_read_value;
field_read field_read_duration;
field_read field_read_uint;
field_read field_read_bool;
field_read field_read_word;
field_read field_refuse;

/* field_fault adds an error; the words by the format of fault_text. hint: a C string. */
void field_fault(struct field_reader *r, const struct value *at, const struct value_place *place,
                 const char *hint, const char *format, ...);

/* field_fault_at is field_fault at a place of the text that no value marks. */
void field_fault_at(struct field_reader *r, uint32_t line, uint32_t column,
                    const struct value_place *place, const char *hint, const char *format, ...);

/* field_is_kind is true when the value is of the kind; else adds a fault that says both kinds. */
bool field_is_kind(struct field_reader *r, const struct value *value,
                   const struct value_place *place, enum value_kind kind);

/* field_kind_words gives "a string", "an int", ...; never NULL. */
const char *field_kind_words(enum value_kind kind);

/* field_alloc is arena_alloc for count things of a size, or NULL with r->is_out_of_memory set. */
void *field_alloc(struct field_reader *r, size_t count, size_t bytes);

/* field_copy copies a span into the arena with a NUL after it; the empty span when there is no
 * memory, with r->is_out_of_memory set. */
struct span field_copy(struct field_reader *r, struct span source);

/* field_nearest is nearest_name within the reader's budget: NULL when it is used up. */
const char *field_nearest(struct field_reader *r, struct span word, const char *const *names,
                          size_t count);

/* field_place_name is the key that a place ends in, for the words of a fault. */
struct span field_place_name(const struct value_place *place);

#endif /* EXO_CLUSTER_FIELD_H */
