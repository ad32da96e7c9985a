#include "schemas/expression/value_template.h"

#include <string.h>

#include "schemas/expression/result.h"
#include "schemas/expression/template.h"
#include "schemas/expression/template_run.h"

enum { PATH_BYTES = 512 };

/* Mirrors the source where it holds expressions; what holds none is shared as it is. */
struct value_template {
    const struct value *source;
    const struct template *text;           /* of a string; NULL: the source as it is */
    const struct value_template *children; /* of a list or map, count of the source's */
};

struct building {
    struct arena *arena;
    struct fault_list *faults;
    enum expression_err code; /* of the first fault */
    char path[PATH_BYTES];
    size_t path_bytes;
};

static enum expression_err compile(struct building *b, const struct value *source,
                                   struct value_template *ret);

static void path_add(struct building *b, struct span text)
{
    size_t room = sizeof(b->path) - 1 - b->path_bytes;
    size_t bytes = text.bytes < room ? text.bytes : room;

    if (bytes > 0) {
        memcpy(b->path + b->path_bytes, text.data, bytes);
    }
    b->path_bytes += bytes;
    b->path[b->path_bytes] = '\0';
}

static void path_add_index(struct building *b, uint32_t index)
{
    char digits[16];
    size_t at = sizeof(digits);

    digits[--at] = ']';
    do {
        digits[--at] = (char)('0' + index % 10);
        index /= 10;
    } while (index > 0);
    digits[--at] = '[';
    path_add(b, (struct span){digits + at, sizeof(digits) - at});
}

static void path_cut(struct building *b, size_t bytes)
{
    b->path_bytes = bytes;
    b->path[bytes] = '\0';
}

static void add_fault(struct building *b, enum expression_err code, uint32_t line, uint32_t column,
                      const char *text, const char *hint)
{
    const struct fault fault = {
        .line = line, .column = column, .path = b->path, .text = text, .hint = hint};

    fault_add(b->faults, &fault);
    if (b->code == EXPRESSION_OK) {
        b->code = code;
    }
}

/* Only EMEMORY ends the compiling; faults are gathered. */
static enum expression_err compile_string(struct building *b, const struct value *source,
                                          struct value_template *ret)
{
    struct expression_error error;
    struct span text = value_text(source);

    /* Also $${{ must be rewritten, so the cheap test is for the shorter mark. */
    if (text.bytes == 0 || memmem(text.data, text.bytes, "${{", 3) == NULL) {
        return EXPRESSION_OK;
    }
    enum expression_err err =
        template_compile(text, (struct expression_position){source->line, source->column}, b->arena,
                         &ret->text, &error);

    if (err != EXPRESSION_OK && err != EXPRESSION_EMEMORY) {
        add_fault(b, err, error.line, error.column, error.text, "");
        return EXPRESSION_OK;
    }
    return err;
}

static void check_key(struct building *b, const struct value *key)
{
    if (template_has_expressions(value_text(key))) {
        add_fault(b, EXPRESSION_ESYNTAX, key->line, key->column,
                  "a key holds ${{ but keys are not evaluated",
                  "write the key plainly, or $${{ for the characters themselves in a value");
    }
}

static enum expression_err compile_items(struct building *b, const struct value *source,
                                         struct value_template *ret)
{
    bool is_map = source->kind == VALUE_MAP;
    bool has_any = false;
    struct value_template *children = arena_alloc(b->arena, source->count * sizeof(*children));
    size_t path_bytes = b->path_bytes;

    if (children == NULL) {
        return EXPRESSION_EMEMORY;
    }
    for (uint32_t i = 0; i < source->count; i++) {
        if (is_map) {
            path_add(b, span_of("."));
            path_add(b, value_text(&source->members[i].key));
            check_key(b, &source->members[i].key);
        } else {
            path_add_index(b, i);
        }
        enum expression_err err =
            compile(b, is_map ? &source->members[i].value : &source->items[i], &children[i]);

        if (err != EXPRESSION_OK) {
            return err;
        }
        has_any |= children[i].text != NULL || children[i].children != NULL;
        path_cut(b, path_bytes);
    }
    ret->children = has_any ? children : NULL;
    return EXPRESSION_OK;
}

static enum expression_err compile(struct building *b, const struct value *source,
                                   struct value_template *ret)
{
    ret->source = source;
    if (source->kind == VALUE_STRING) {
        return compile_string(b, source, ret);
    }
    if (source->kind == VALUE_LIST || source->kind == VALUE_MAP) {
        return compile_items(b, source, ret);
    }
    return EXPRESSION_OK;
}

enum expression_err value_template_compile(const struct value *source, const char *path,
                                           struct arena *arena,
                                           const struct value_template **ret_template,
                                           struct fault_list *faults)
{
    struct building b = {.arena = arena, .faults = faults};
    struct value_template *template = arena_alloc(arena, sizeof(*template));

    if (template == NULL) {
        return EXPRESSION_EMEMORY;
    }
    path_add(&b, span_of(path));
    enum expression_err err = compile(&b, source, template);

    if (err == EXPRESSION_OK) {
        err = b.code;
    }
    if (err == EXPRESSION_OK) {
        *ret_template = template;
    }
    return err;
}

struct filling {
    struct evaluation evaluation;
    const struct value_template_holes *holes;
    bool is_pending;
    struct expression_error pending; /* the first */
};

static enum expression_err fill(struct filling *f, const struct value_template *template,
                                const struct value_place *place, struct value *ret);

/* For errors that arise outside an expression. */
static enum expression_err placed(struct filling *f, const struct value *source,
                                  enum expression_err err)
{
    struct expression_error *error = f->evaluation.error;

    if (err != EXPRESSION_OK) {
        error->code = err;
        error->line = source->line;
        error->column = source->column;
        error->offset_column = 1;
    }
    return err;
}

/* Where in the value, behind ret_error's text, as in "no such key: a, in parts[1].path". */
static void add_place(struct expression_error *error, const struct value_place *place)
{
    if (place->up == NULL) {
        return;
    }
    bool is_first = place->up->up == NULL;

    add_place(error, place->up);
    if (is_first) {
        expression_error_add(error, span_of(", in "));
    }
    if (place->key.data == NULL) {
        expression_error_add(error, span_of("["));
        expression_error_add_int(error, place->index);
        expression_error_add(error, span_of("]"));
    } else {
        expression_error_add(error, span_of(is_first ? "" : "."));
        expression_error_add(error, place->key);
    }
}

static enum expression_err fill_string(struct filling *f, const struct value_template *template,
                                       const struct value_place *place, struct value *ret)
{
    struct evaluation *e = &f->evaluation;
    struct expression_object object;
    enum expression_err err = template_run(e, template->text, &object);

    if (err != EXPRESSION_OK) {
        return err;
    }
    if (object.type == NULL) {
        *ret = object.value;
        return EXPRESSION_OK;
    }
    if (f->holes != NULL) {
        err = f->holes->hole(f->holes->context, place, &object, ret, e->error);
        return placed(f, template->source, err);
    }
    return evaluation_load(e, template_expression(template->text), &object, ret);
}

static enum expression_err fill_list(struct filling *f, const struct value_template *template,
                                     const struct value_place *place, struct value *ret)
{
    uint32_t count = template->source->count;
    void *memory;
    enum expression_err err =
        placed(f, template->source,
               evaluation_make(&f->evaluation, count * sizeof(struct value), &memory));
    struct value *items = memory;

    for (uint32_t i = 0; i < count && err == EXPRESSION_OK; i++) {
        const struct value_place item = {.up = place, .index = i};

        err = fill(f, &template->children[i], &item, &items[i]);
    }
    if (err == EXPRESSION_OK) {
        *ret = (struct value){.kind = VALUE_LIST, .count = count, .items = items};
    }
    return err;
}

static enum expression_err fill_map(struct filling *f, const struct value_template *template,
                                    const struct value_place *place, struct value *ret)
{
    uint32_t count = template->source->count;
    void *memory;
    enum expression_err err =
        placed(f, template->source,
               evaluation_make(&f->evaluation, count * sizeof(struct value_member), &memory));
    struct value_member *members = memory;

    for (uint32_t i = 0; i < count && err == EXPRESSION_OK; i++) {
        const struct value *key = &template->source->members[i].key;
        const struct value_place member = {.up = place, .key = value_text(key)};

        members[i].key = *key;
        err = fill(f, &template->children[i], &member, &members[i].value);
    }
    if (err == EXPRESSION_OK) {
        *ret = (struct value){.kind = VALUE_MAP, .count = count, .members = members};
    }
    return err;
}

static enum expression_err fill(struct filling *f, const struct value_template *template,
                                const struct value_place *place, struct value *ret)
{
    if (template->text != NULL) {
        enum expression_err err = fill_string(f, template, place, ret);

        /* Go on, so that the scope notes all that it must fetch in one round. */
        if (err == EXPRESSION_EPENDING) {
            f->pending = f->is_pending ? f->pending : *f->evaluation.error;
            f->is_pending = true;
            *ret = value_null(); /* the whole is looked through once more */
            err = EXPRESSION_OK;
        } else if (err != EXPRESSION_OK) {
            add_place(f->evaluation.error, place);
        }
        return err;
    }
    if (template->children == NULL) {
        *ret = *template->source;
        return EXPRESSION_OK;
    }
    return template->source->kind == VALUE_LIST ? fill_list(f, template, place, ret)
                                                : fill_map(f, template, place, ret);
}

enum expression_err value_template_eval(const struct value_template *template,
                                        const struct expression_scope *scope,
                                        const struct expression_limits *limits,
                                        const struct value_template_holes *holes,
                                        struct arena *arena, struct value *ret_value,
                                        struct expression_error *ret_error)
{
    struct filling f;
    const struct value_place root = {.up = NULL};
    struct value value;

    f.holes = holes;
    f.is_pending = false;
    evaluation_begin(&f.evaluation, scope, limits, arena, ret_error);
    enum expression_err err = fill(&f, template, &root, &value);

    if (err == EXPRESSION_OK) {
        err = placed(&f, template->source,
                     result_finish(&f.evaluation, &value, f.evaluation.value_depth_max));
    }
    if (err == EXPRESSION_OK && f.is_pending) {
        *ret_error = f.pending;
        err = EXPRESSION_EPENDING;
    }
    if (err == EXPRESSION_OK) {
        *ret_value = value;
    }
    evaluation_end(&f.evaluation);
    return err;
}

bool value_has_expressions(const struct value *value)
{
    if (value->kind == VALUE_STRING) {
        return template_has_expressions(value_text(value));
    }
    for (uint32_t i = 0; value->kind == VALUE_LIST && i < value->count; i++) {
        if (value_has_expressions(&value->items[i])) {
            return true;
        }
    }
    for (uint32_t i = 0; value->kind == VALUE_MAP && i < value->count; i++) {
        if (value_has_expressions(&value->members[i].value)) {
            return true;
        }
    }
    return false;
}

bool value_template_is_constant(const struct value_template *template)
{
    if (template->text != NULL) {
        return template_is_constant(template->text);
    }
    for (uint32_t i = 0; template->children != NULL && i < template->source->count; i++) {
        if (!value_template_is_constant(&template->children[i])) {
            return false;
        }
    }
    return true;
}

void value_template_references(const struct value_template *template, expression_visit *visit,
                               void *context)
{
    if (template->text != NULL) {
        template_references(template->text, visit, context);
        return;
    }
    for (uint32_t i = 0; template->children != NULL && i < template->source->count; i++) {
        value_template_references(&template->children[i], visit, context);
    }
}
