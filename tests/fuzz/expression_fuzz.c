/* expression_fuzz: any bytes as an expression and as a template; compiled, listed, evaluated twice
 * over a small scope. The result must be a value of JSON, and the same both times; and it must be
 * of the type that was foretold. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/expression/template.h"
#include "schemas/expression/types.h"
#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char names[] =
    "{\"a\":{\"b\":[1,2,{\"c\":null}],\"d\":1.5,\"e\":\"text\"},\"i\":7,"
    "\"l\":[[1],\"x\"],\"t\":true,\"s\":\"GPL-3 \\u00e9\",\"at\":\"2026-01-31T12:00:00.5Z\"}";

static void visit(void *context, const struct expression_reference *reference)
{
    const size_t *size = context;

    assert(reference->root.bytes > 0 && reference->offset_column <= *size);
    for (uint32_t i = 0; i < reference->step_count; i++) {
        assert(reference->steps[i].name.data != NULL || reference->steps[i].name.bytes == 0);
    }
}

static void check_value(struct arena *arena, const struct value *value)
{
    struct buffer buffer;
    struct json_error error;
    struct value back;

    buffer_init(&buffer, arena->allocator, 0);
    json_write(&buffer, value);
    assert(!buffer.is_failed);
    if (json_read(buffer_span(&buffer), NULL, arena, &back, &error) != JSON_OK) {
        abort();
    }
    assert(value_equal(value, &back));
    buffer_release(&buffer);
}

static void check_error(const struct expression_error *error, enum expression_err err, size_t size)
{
    assert(error->code == err && error->text[0] != '\0');
    assert(error->offset_column >= 1 && error->offset_column <= size + 1);
}

static void check_template(struct span text, const struct expression_scope *scope,
                           struct arena *arena)
{
    const struct expression_limits limits = {.cost_max = 20000, .output_bytes_max = 20000};
    const struct template *template;
    struct expression_error error;
    struct value values[2];
    enum expression_err err =
        template_compile(text, (struct expression_position){0}, arena, &template, &error);

    if (err != EXPRESSION_OK) {
        check_error(&error, err, text.bytes);
        return;
    }
    template_references(template, visit, &text.bytes);
    err = template_eval(template, scope, &limits, arena, &values[0], &error);
    if (err != EXPRESSION_OK) {
        check_error(&error, err, text.bytes);
    }
    enum expression_err again = template_eval(template, scope, &limits, arena, &values[1], &error);

    assert(again == err);
    if (err == EXPRESSION_OK) {
        check_value(arena, &values[0]);
        assert(value_equal(&values[0], &values[1]));
    }
}

/* Of a root name its kind. context: the map of the names. */
static struct expression_type type(void *context, const struct expression_reference *reference,
                                   uint32_t *ret_steps)
{
    const struct value *found = value_get(context, reference->root);

    *ret_steps = 0;
    return found == NULL ? expression_type_any() : expression_type_of(found->kind);
}

/* Instants, lengths of time and types leave an evaluation as strings. */
static bool is_foretold(struct expression_type foretold, enum value_kind kind)
{
    unsigned strings = 1u << VALUE_TIMESTAMP | 1u << VALUE_DURATION | 1u << VALUE_TYPE;

    return (foretold.kinds & 1u << kind) != 0 ||
           (kind == VALUE_STRING && (foretold.kinds & strings) != 0);
}

static void check_type(const struct expression *expression, struct value *map,
                       const struct value *result, size_t size)
{
    const struct expression_typing typing = {.type = type, .context = map};
    struct expression_type foretold;
    struct expression_error error;
    enum expression_err err = expression_check_types(expression, &typing, &foretold, &error);

    if (err != EXPRESSION_OK) {
        check_error(&error, err, size);
    } else {
        assert(result == NULL || is_foretold(foretold, result->kind));
    }
}

static void check_expression(struct span text, const struct expression_scope *scope,
                             struct value *map, struct arena *arena)
{
    const struct expression *expression;
    struct expression_error error;
    struct value value;
    enum expression_err err =
        expression_compile(text, (struct expression_position){0}, arena, &expression, &error);

    if (err == EXPRESSION_OK) {
        expression_references(expression, visit, &text.bytes);
        err = expression_eval(expression, scope, NULL, arena, &value, &error);
        if (err == EXPRESSION_OK) {
            check_value(arena, &value);
        }
        check_type(expression, map, err == EXPRESSION_OK ? &value : NULL, text.bytes);
        assert(err != EXPRESSION_ENAME || !expression_is_constant(expression));
    }
    if (err != EXPRESSION_OK) {
        check_error(&error, err, text.bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heap_budget budget = {.limit_bytes = 64 << 20};
    struct arena arena;
    struct json_error error;
    struct value map;
    const struct value *map_at = &map;
    const struct expression_scope scope = expression_scope_of_map(&map_at);

    arena_init(&arena, allocator_heap(&budget), 0);
    if (json_read(span_of(names), NULL, &arena, &map, &error) != JSON_OK) {
        abort();
    }
    check_expression((struct span){data, size}, &scope, &map, &arena);
    check_template((struct span){data, size}, &scope, &arena);
    arena_release(&arena);
    assert(budget.used_bytes == 0);
    return 0;
}
