/* json_write: values and facts become JSON text.
 *
 *   json_write(value)            a whole value, compact or pretty
 *   struct json_writer           a text told step by step, commas put where they belong
 *   json_append_string, _double  one piece, for who writes by hand
 *
 * All append to a buffer; who writes checks buffer->is_failed once at the end. The text is always
 * valid UTF-8: bytes that are none become U+FFFD.
 *
 * Pure. Uses snprintf and strtod for doubles; the program never calls setlocale. */
#ifndef EXO_JSON_WRITE_H
#define EXO_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/buffer.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/value.h"

/* json_write appends a value in its shortest form, without blanks or a newline at the end.
 * An int is written as an int, a double always with a point or exponent (4.0), so that both keep
 * their kind when read back; a double in the fewest digits that read back the same.
 * value  borrowed; its doubles are finite (asserted), nested at most some hundred deep */
void json_write(struct buffer *buffer, const struct value *value);

/* json_write_pretty appends a value over several lines, indented by two blanks a level; ends
 * without a newline. Otherwise as json_write. */
void json_write_pretty(struct buffer *buffer, const struct value *value);

/* json_append_string appends a string in quotes with what JSON wants escaped. */
void json_append_string(struct buffer *buffer, struct span text);

/* json_append_int appends a whole number. */
void json_append_int(struct buffer *buffer, int64_t number);

/* json_append_double appends a finite number (asserted) as json_write does. */
void json_append_double(struct buffer *buffer, double number);

/* One text in the making. Begin with {.buffer = b}. */
struct json_writer {
    struct buffer *buffer; /* kept */
    bool needs_comma;      /* an item or member stands before the next */
};

/* json_begin_map opens a map, as a value. The writer does not check that what is opened is closed.
 */
void json_begin_map(struct json_writer *writer);

/* json_end_map closes the innermost map. */
void json_end_map(struct json_writer *writer);

/* json_begin_list opens a list, as a value. */
void json_begin_list(struct json_writer *writer);

/* json_end_list closes the innermost list. */
void json_end_list(struct json_writer *writer);

/* json_key puts the key of the next value in a map. key: a C string, borrowed. */
void json_key(struct json_writer *writer, const char *key);

/* json_key_span is json_key for a key that ends in no NUL. */
void json_key_span(struct json_writer *writer, struct span key);

/* json_put_null puts null: an item of the open list, or after json_key a member's value. So do all
 * the json_put functions with theirs. */
void json_put_null(struct json_writer *writer);

/* json_put_bool puts true or false. */
void json_put_bool(struct json_writer *writer, bool boolean);

/* json_put_int puts a whole number. */
void json_put_int(struct json_writer *writer, int64_t number);

/* json_put_uint puts a whole number, also one above int64, which readers take as a double. */
void json_put_uint(struct json_writer *writer, uint64_t number);

/* json_put_double puts a finite number (asserted), as json_append_double. */
void json_put_double(struct json_writer *writer, double number);

/* json_put_string puts a string. text: borrowed; any bytes. */
void json_put_string(struct json_writer *writer, struct span text);

/* json_put_text puts a C string, borrowed; NULL puts null. */
void json_put_text(struct json_writer *writer, const char *text);

/* json_put_value puts a whole value, borrowed, as json_write. */
void json_put_value(struct json_writer *writer, const struct value *value);

/* json_put_raw copies the text of one JSON value, borrowed and trusted, as it is. */
void json_put_raw(struct json_writer *writer, struct span json);

#endif /* EXO_JSON_WRITE_H */
