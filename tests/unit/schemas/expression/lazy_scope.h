/* lazy_scope: a scope as a scheduler has it, for tests: satellites.NAME.output is kept elsewhere.
 *
 *   satellites.count.output   a list of a million items i * i, never loaded
 *   satellites.small.output   {"a": [1, 2]}, may be loaded
 *   satellites.away.output    must first be fetched: pending
 *   satellites.broken.output  can never be given: failed
 *   input                     {"n": 3} */
#ifndef EXO_TEST_LAZY_SCOPE_H
#define EXO_TEST_LAZY_SCOPE_H

#include "tests/unit/schemas/expression/expression_fixture.h"

enum lazy_kind { LAZY_SATELLITES, LAZY_SATELLITE, LAZY_OUTPUT };
enum lazy_output { LAZY_COUNT, LAZY_SMALL, LAZY_AWAY, LAZY_BROKEN, LAZY_NR };
enum { LAZY_ITEMS = 1000000 };

static const char *const lazy_names[LAZY_NR] = {"count", "small", "away", "broken"};

struct lazy_scope {
    struct expression_fixture *fixture;
    uint32_t load_count;
    uint32_t pending_count;
};

static const struct expression_object_type lazy_type;

static inline struct lazy_scope *lazy_of(const struct expression_object *self)
{
    union {
        const void *in;
        struct lazy_scope *out;
    } scope = {self->data};

    return scope.out;
}

static inline enum expression_err lazy_fail(struct lazy_scope *scope, uint64_t output,
                                            struct expression_error *error)
{
    if (output == LAZY_AWAY) {
        scope->pending_count++;
        return expression_error_set(error, EXPRESSION_EPENDING, "not fetched yet", "");
    }
    return expression_error_set(error, EXPRESSION_EFAILED, "the blob is gone", "");
}

static inline enum expression_err lazy_member(const struct expression_object *self,
                                              struct span name, struct expression_object *ret,
                                              struct expression_error *error)
{
    if (self->a == LAZY_SATELLITES) {
        for (uint64_t i = 0; i < LAZY_NR; i++) {
            if (span_is(name, lazy_names[i])) {
                *ret = (struct expression_object){
                    .type = &lazy_type, .data = self->data, .a = LAZY_SATELLITE, .b = i};
                return EXPRESSION_OK;
            }
        }
    } else if (self->a == LAZY_SATELLITE && span_is(name, "output")) {
        *ret = (struct expression_object){
            .type = &lazy_type, .data = self->data, .a = LAZY_OUTPUT, .b = self->b};
        return EXPRESSION_OK;
    } else if (self->a == LAZY_OUTPUT && self->b == LAZY_SMALL && span_is(name, "a")) {
        struct lazy_scope *scope = lazy_of(self);

        scope->load_count++;
        *ret = expression_object_value(fixture_json(scope->fixture, "[1,2]"));
        return EXPRESSION_OK;
    } else if (self->a == LAZY_OUTPUT && self->b >= LAZY_AWAY) {
        return lazy_fail(lazy_of(self), self->b, error);
    }
    return expression_error_set(error, EXPRESSION_EMISSING, "no such key", "");
}

static inline enum expression_err lazy_index(const struct expression_object *self, int64_t index,
                                             struct expression_object *ret,
                                             struct expression_error *error)
{
    if (self->a != LAZY_OUTPUT || self->b != LAZY_COUNT) {
        return expression_error_set(error, EXPRESSION_ETYPE, "no list", "");
    }
    if (index < 0 || index >= LAZY_ITEMS) {
        return expression_error_set(error, EXPRESSION_EMISSING, "no such item", "");
    }
    *ret = expression_object_value(value_int(index * index));
    return EXPRESSION_OK;
}

static inline enum expression_err lazy_size(const struct expression_object *self, int64_t *ret_size,
                                            struct expression_error *error)
{
    if (self->a == LAZY_OUTPUT && self->b >= LAZY_AWAY) {
        return lazy_fail(lazy_of(self), self->b, error);
    }
    *ret_size = self->b == LAZY_COUNT ? LAZY_ITEMS : 1;
    return EXPRESSION_OK;
}

static inline enum expression_err lazy_load(const struct expression_object *self,
                                            struct arena *arena, struct value *ret_value,
                                            struct expression_error *error)
{
    struct lazy_scope *scope = lazy_of(self);

    (void)arena;
    if (self->a != LAZY_OUTPUT || self->b == LAZY_COUNT) {
        return expression_error_set(error, EXPRESSION_ELIMIT,
                                    "larger than 1 MiB: ", "take items of it or pass it on");
    }
    if (self->b >= LAZY_AWAY) {
        return lazy_fail(scope, self->b, error);
    }
    scope->load_count++;
    *ret_value = fixture_json(scope->fixture, "{\"a\":[1,2]}");
    return EXPRESSION_OK;
}

static const struct expression_object_type lazy_type = {
    .member = lazy_member, .index = lazy_index, .size = lazy_size, .load = lazy_load};

static inline enum expression_err lazy_lookup(void *context, struct span name,
                                              struct expression_object *ret,
                                              struct expression_error *error)
{
    struct lazy_scope *scope = context;

    if (span_is(name, "satellites")) {
        *ret = (struct expression_object){.type = &lazy_type, .data = scope, .a = LAZY_SATELLITES};
        return EXPRESSION_OK;
    }
    if (span_is(name, "input")) {
        *ret = expression_object_value(fixture_json(scope->fixture, "{\"n\":3}"));
        return EXPRESSION_OK;
    }
    return expression_error_set(error, EXPRESSION_ENAME, "", "");
}

static inline void lazy_begin(struct lazy_scope *scope, struct expression_fixture *fixture)
{
    fixture_begin(fixture, "{}");
    *scope = (struct lazy_scope){.fixture = fixture};
    fixture->scope = (struct expression_scope){.lookup = lazy_lookup, .context = scope};
}

#endif /* EXO_TEST_LAZY_SCOPE_H */
