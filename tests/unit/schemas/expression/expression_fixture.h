/* expression_fixture: what every test of expressions needs: an arena, a scope read from JSON, and
 * one line that says what an expression gives. */
#ifndef EXO_TEST_EXPRESSION_FIXTURE_H
#define EXO_TEST_EXPRESSION_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "schemas/expression/expression.h"
#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"

struct expression_fixture {
    struct heap_budget budget;
    struct arena arena;
    struct buffer buffer;
    struct value names;
    const struct value *names_at;
    struct expression_scope scope;
    struct expression_error error;
};

/* Reads a JSON text; fails the test when it is none. */
static inline struct value fixture_json(struct expression_fixture *f, const char *text)
{
    struct json_error error;
    struct value value = value_null();

    if (json_read(span_of(text), NULL, &f->arena, &value, &error) != JSON_OK) {
        fail_msg("%s: %s", text, error.text);
    }
    return value;
}

static inline void fixture_begin(struct expression_fixture *f, const char *names)
{
    memset(f, 0, sizeof(*f));
    arena_init(&f->arena, allocator_heap(&f->budget), 0);
    buffer_init(&f->buffer, allocator_heap(&f->budget), 0);
    f->names = fixture_json(f, names);
    f->names_at = &f->names;
    f->scope = expression_scope_of_map(&f->names_at);
}

static inline void fixture_end(struct expression_fixture *f)
{
    arena_release(&f->arena);
    buffer_release(&f->buffer);
    assert_int_equal(f->budget.used_bytes, 0);
}

/* The value as JSON, or "code@column: text" of the error. */
static inline const char *fixture_result(struct expression_fixture *f, enum expression_err err,
                                         const struct value *value)
{
    static char text[sizeof(f->error.text) + 64];

    if (err != EXPRESSION_OK) {
        assert_int_equal(err, f->error.code);
        (void)snprintf(text, sizeof(text), "%s@%u: %s", expression_err_name(err),
                       f->error.offset_column, f->error.text);
        return text;
    }
    buffer_reset(&f->buffer);
    json_write(&f->buffer, value);
    buffer_append(&f->buffer, (struct span){"", 1});
    return (const char *)f->buffer.data;
}

static inline const char *fixture_eval(struct expression_fixture *f, const char *source,
                                       const struct expression_limits *limits)
{
    const struct expression *expression;
    struct value value = value_null();
    enum expression_err err = expression_compile(span_of(source), (struct expression_position){0},
                                                 &f->arena, &expression, &f->error);

    if (err == EXPRESSION_OK) {
        uint64_t patterns_left = EXPRESSION_PATTERNS_MAX;

        err = expression_check_patterns(expression, &patterns_left, &f->error);
    }
    if (err == EXPRESSION_OK) {
        err = expression_eval(expression, &f->scope, limits, &f->arena, &value, &f->error);
    }
    return fixture_result(f, err, &value);
}

/* Checks one row of a table: the result, or where it ends in * how it begins. */
static inline void fixture_check(struct expression_fixture *f, const char *source,
                                 const char *expected)
{
    const char *result = fixture_eval(f, source, NULL);
    size_t bytes = strlen(expected);
    bool is_equal = bytes > 0 && expected[bytes - 1] == '*'
                        ? strncmp(result, expected, bytes - 1) == 0
                        : strcmp(result, expected) == 0;

    if (!is_equal) {
        fail_msg("%s\n  gives    %s\n  expected %s", source, result, expected);
    }
}

#endif /* EXO_TEST_EXPRESSION_FIXTURE_H */
