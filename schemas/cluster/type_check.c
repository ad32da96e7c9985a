#include "schemas/cluster/type_check.h"

#include <string.h>

#include "schemas/cluster/cluster_input.h"

static struct expression_type type_of_input(const struct cluster_input *input)
{
    static const enum value_kind kinds[INPUT_TYPE_NR] = {
        [INPUT_INT] = VALUE_INT,   [INPUT_NUMBER] = VALUE_DOUBLE, [INPUT_STRING] = VALUE_STRING,
        [INPUT_BOOL] = VALUE_BOOL, [INPUT_LIST] = VALUE_LIST,     [INPUT_MAP] = VALUE_MAP,
    };
    struct expression_type type = expression_type_any();

    if (input->type != INPUT_ANY) {
        type = expression_type_of(kinds[input->type]);
    }
    if (!input->is_required && (input->fallback == NULL || input->fallback->kind == VALUE_NULL)) {
        type.kinds |= 1u << VALUE_NULL;
    }
    return type;
}

static bool is_step(const struct expression_reference *reference, uint32_t at, const char *name)
{
    return reference->step_count > at && reference->steps[at].name.data != NULL &&
           span_is(reference->steps[at].name, name);
}

static struct expression_type type_of_inputs(const struct input_declaration *declared,
                                             const struct expression_reference *reference,
                                             uint32_t *ret_steps)
{
    if (reference->step_count == 0) {
        return expression_type_of(VALUE_MAP);
    }
    const struct cluster_input *input = reference->steps[0].name.data == NULL
                                            ? NULL
                                            : input_find(declared, reference->steps[0].name);

    if (input != NULL) {
        *ret_steps = 1;
        return type_of_input(input);
    }
    *ret_steps = reference->step_count;
    return expression_type_any();
}

/* satellites.NAME.output is not known before it is there. */
static struct expression_type type_of_satellite(const struct expression_reference *reference,
                                                uint32_t *ret_steps)
{
    struct expression_type type = expression_type_of(VALUE_STRING);

    *ret_steps = 2;
    if (is_step(reference, 1, "state")) {
        return type;
    }
    if (is_step(reference, 1, "error")) {
        type.kinds |= 1u << VALUE_NULL;
        return type;
    }
    *ret_steps = reference->step_count;
    return expression_type_any();
}

static struct expression_type type_of_execution(const struct expression_reference *reference,
                                                uint32_t *ret_steps)
{
    *ret_steps = 1;
    if (is_step(reference, 0, "id")) {
        return expression_type_of(VALUE_STRING);
    }
    if (is_step(reference, 0, "time")) {
        return expression_type_of(VALUE_TIMESTAMP);
    }
    if (is_step(reference, 0, "labels")) {
        return (struct expression_type){1u << VALUE_MAP, 1u << VALUE_STRING};
    }
    *ret_steps = 0;
    return expression_type_any();
}

/* An expression_typing's function; its context is a gathering. */
static struct expression_type type_of(void *context, const struct expression_reference *reference,
                                      uint32_t *ret_steps)
{
    const struct gathering *g = context;

    *ret_steps = 0;
    if (span_is(reference->root, "input")) {
        const struct input_declaration declared = gathering_inputs(g);

        return type_of_inputs(&declared, reference, ret_steps);
    }
    if (span_is(reference->root, "satellites")) {
        return type_of_satellite(reference, ret_steps);
    }
    if (span_is(reference->root, "execution")) {
        return type_of_execution(reference, ret_steps);
    }
    uint32_t map = gathering_find_map(g, &reference->root);

    if (map != SATELLITE_NONE) {
        return (struct expression_type){g->each_types[map].items, expression_type_any().items};
    }
    if (span_is(reference->root, "failures")) {
        return (struct expression_type){1u << VALUE_LIST, 1u << VALUE_MAP};
    }
    return span_is(reference->root, "index") ? expression_type_of(VALUE_INT)
                                             : expression_type_any();
}

static void fault_type(struct gathering *g, const struct expression_error *error)
{
    bool is_placed = error->line > 0;
    const char *hint =
        strstr(error->text, " does not go with ") != NULL
            ? "convert one side with int(), double() or string()"
        : strstr(error->text, " has no ") != NULL
            ? "take the members of a map and the items of a list only"
            : "give it what it takes, or convert it with int(), double() or string()";

    field_fault_at(&g->draft->reader, is_placed ? error->line : g->string->line,
                   is_placed ? error->column : g->string->column, g->place, hint, "%s",
                   error->text);
}

/* Returns false after a fault. */
static bool check(struct gathering *g, const struct expression *expression,
                  struct expression_type *ret_type)
{
    const struct expression_typing typing = {.type = type_of, .context = g};
    struct expression_error error;

    if (expression_check_types(expression, &typing, ret_type, &error) == EXPRESSION_OK) {
        return true;
    }
    fault_type(g, &error);
    return false;
}

/* A template_visit. */
static bool check_next(void *context, const struct expression *expression)
{
    struct expression_type type;

    return check(context, expression, &type);
}

/* A template_visit. */
static bool check_patterns(void *context, const struct expression *expression)
{
    struct gathering *g = context;
    struct expression_error error;

    if (expression_check_patterns(expression, &g->draft->pattern_cost_left, &error) ==
        EXPRESSION_OK) {
        return true;
    }
    bool is_placed = error.line > 0;

    field_fault_at(&g->draft->reader, is_placed ? error.line : g->string->line,
                   is_placed ? error.column : g->string->column, g->place,
                   "matches() takes the syntax of RE2", "%s", error.text);
    return false;
}

void type_check_patterns(struct gathering *g, const struct template *template)
{
    if (!g->draft->is_stored) {
        template_expressions(template, check_patterns, g);
    }
}

void type_check(struct gathering *g, const struct template *template)
{
    if (!g->draft->is_stored) {
        template_expressions(template, check_next, g);
    }
}

struct expression_type type_check_whole(struct gathering *g, const struct expression *expression,
                                        enum value_kind kind, const char *hint)
{
    struct expression_type type = expression_type_any();
    struct expression_error error;
    char text[96];

    if (g->draft->is_stored || !check(g, expression, &type) || (type.kinds & 1u << kind) != 0) {
        return type;
    }
    expression_place(expression, &error);
    expression_type_text(type, text, sizeof(text));
    bool is_placed = error.line > 0;

    field_fault_at(&g->draft->reader, is_placed ? error.line : g->string->line,
                   is_placed ? error.column : g->string->column, g->place, hint,
                   "%q takes %s, but this gives %s", g->place->key, field_kind_words(kind), text);
    return expression_type_any();
}

void type_check_argument(struct gathering *g, const struct expression *expression,
                         const struct cluster_input *input)
{
    struct expression_type taken = type_of_input(input);
    struct expression_type given = expression_type_of(VALUE_STRING);
    struct expression_error error = {.line = 0};
    char taken_text[96];
    char given_text[96];

    if (g->draft->is_stored || input->type == INPUT_ANY ||
        (expression != NULL && !check(g, expression, &given))) {
        return;
    }
    taken.kinds |= input->type == INPUT_NUMBER ? 1u << VALUE_INT : 0;
    if ((given.kinds & taken.kinds) != 0) {
        return;
    }
    if (expression != NULL) {
        expression_place(expression, &error);
    }
    expression_type_text(taken, taken_text, sizeof(taken_text));
    expression_type_text(given, given_text, sizeof(given_text));
    field_fault_at(&g->draft->reader, error.line > 0 ? error.line : g->string->line,
                   error.line > 0 ? error.column : g->string->column, g->place,
                   "see the `inputs` of the cluster that is used", "%q takes %s, but this gives %s",
                   input->name, taken_text, given_text);
}
