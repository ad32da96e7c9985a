#include "schemas/expression/template.h"

#include <string.h>

#include "schemas/expression/lexer.h"
#include "schemas/expression/template_run.h"
#include "schemas/json/json_write.h"
#include "schemas/json/utf8.h"

/* A template is its parts in order: plain text, or an expression. */
struct part {
    const struct part *next;
    const struct expression *expression; /* NULL: text */
    struct span text;
};

struct template
{
    const struct part *first;
    bool is_alone; /* one expression and nothing else */
    bool is_constant;
};

struct building {
    struct span text;
    struct expression_position position;
    struct arena *arena;
    struct expression_error *error;
    struct part *first;
    struct part *last;
};

static enum expression_err fail_memory(struct expression_error *error)
{
    return expression_error_set(error, EXPRESSION_EMEMORY,
                                "the template needs more memory than it may take", "");
}

/* Returns the new last part, or NULL when there is no memory. */
static struct part *add_part(struct building *b)
{
    struct part *part = arena_alloc(b->arena, sizeof(*part));

    if (part == NULL) {
        return NULL;
    }
    if (b->last == NULL) {
        b->first = part;
    } else {
        b->last->next = part;
    }
    b->last = part;
    return part;
}

static enum expression_err add_text(struct building *b, size_t begin, size_t end)
{
    if (begin == end) {
        return EXPRESSION_OK;
    }
    struct part *part = add_part(b);

    if (part == NULL) {
        return fail_memory(b->error);
    }
    part->text =
        arena_copy(b->arena, (struct span){(const char *)b->text.data + begin, end - begin});
    return part->text.data == NULL ? fail_memory(b->error) : EXPRESSION_OK;
}

static enum expression_err add_expression(struct building *b, size_t begin, size_t *ret_end)
{
    const struct expression *expression;
    enum expression_err err = expression_parse(b->text, begin, true, b->position, b->arena,
                                               &expression, ret_end, b->error);

    if (err != EXPRESSION_OK) {
        return err;
    }
    struct part *part = add_part(b);

    if (part == NULL) {
        return fail_memory(b->error);
    }
    part->expression = expression;
    return EXPRESSION_OK;
}

static bool is_at(struct span text, size_t at, const char *mark)
{
    size_t bytes = strlen(mark);

    return text.bytes - at >= bytes && memcmp((const char *)text.data + at, mark, bytes) == 0;
}

/* The next ${{ or $${{ from at on; the end of the text when there is none. */
static size_t find_mark(struct span text, size_t at)
{
    while (at < text.bytes) {
        const char *found = memchr((const char *)text.data + at, '$', text.bytes - at);

        if (found == NULL) {
            break;
        }
        at = (size_t)(found - (const char *)text.data);
        if (is_at(text, at, "${{") || is_at(text, at, "$${{")) {
            return at;
        }
        at++;
    }
    return text.bytes;
}

static enum expression_err build(struct building *b)
{
    size_t at = 0;
    enum expression_err err = EXPRESSION_OK;

    while (err == EXPRESSION_OK && at < b->text.bytes) {
        size_t mark = find_mark(b->text, at);

        err = add_text(b, at, mark);
        if (err != EXPRESSION_OK || mark == b->text.bytes) {
            break;
        }
        if (is_at(b->text, mark, "$${{")) {
            err = add_text(b, mark + 1, mark + 4);
            at = mark + 4;
        } else {
            err = add_expression(b, mark + 3, &at);
            at += 2;
        }
    }
    return err;
}

enum expression_err template_compile(struct span text, struct expression_position position,
                                     struct arena *arena, const struct template **ret_template,
                                     struct expression_error *ret_error)
{
    struct building b = {.text = text, .position = position, .arena = arena, .error = ret_error};
    struct place begin = {position.line, position.line > 0 ? position.column : 1, 1};

    (void)expression_error_set(ret_error, EXPRESSION_ESYNTAX, "the text is not valid UTF-8", "");
    (void)expression_error_at(ret_error, begin);
    if (!utf8_is_valid(text)) {
        return EXPRESSION_ESYNTAX;
    }
    enum expression_err err = build(&b);

    if (err != EXPRESSION_OK) {
        return err;
    }
    struct template *template = arena_alloc(arena, sizeof(*template));

    if (template == NULL) {
        return fail_memory(ret_error);
    }
    template->first = b.first;
    template->is_alone = b.first != NULL &&b.first == b.last &&b.first->expression != NULL;
    template->is_constant = true;
    for (const struct part *part = b.first; part != NULL; part = part->next) {
        template->is_constant &=
            part->expression == NULL || expression_is_constant(part->expression);
    }
    *ret_template = template;
    return EXPRESSION_OK;
}

bool template_has_expressions(struct span text)
{
    size_t at = 0;

    while (at < text.bytes) {
        at = find_mark(text, at);
        if (at < text.bytes && is_at(text, at, "${{")) {
            return true;
        }
        at += 4;
    }
    return false;
}

const struct expression *template_expression(const struct template *template)
{
    return template->is_alone ? template->first->expression : NULL;
}

bool template_is_constant(const struct template *template)
{
    return template->is_constant;
}

void template_expressions(const struct template *template, template_visit *visit, void *context)
{
    for (const struct part *part = template->first; part != NULL; part = part->next) {
        if (part->expression != NULL && !visit(context, part->expression)) {
            return;
        }
    }
}

void template_references(const struct template *template, expression_visit *visit, void *context)
{
    for (const struct part *part = template->first; part != NULL; part = part->next) {
        if (part->expression != NULL) {
            expression_references(part->expression, visit, context);
        }
    }
}

/* Appends the text of one part. Strings stand as they are, all else as compact JSON. */
static enum expression_err render_part(struct evaluation *e, const struct part *part,
                                       struct buffer *buffer)
{
    struct expression_object object;
    struct value value;
    size_t before = buffer->bytes;

    if (part->expression == NULL) {
        buffer_append(buffer, part->text);
    } else {
        enum expression_err err = evaluation_run(e, part->expression, &object);

        if (err == EXPRESSION_OK) {
            err = evaluation_check(e, part->expression, &object);
        }
        if (err == EXPRESSION_OK) {
            err = evaluation_load(e, part->expression, &object, &value);
        }
        if (err != EXPRESSION_OK) {
            return err;
        }
        if (value.kind == VALUE_STRING) {
            buffer_append(buffer, value_text(&value));
        } else {
            json_write(buffer, &value);
        }
    }
    return buffer->is_failed ? fail_memory(e->error) : evaluation_put(e, buffer->bytes - before);
}

static enum expression_err render(struct evaluation *e, const struct template *template,
                                  struct value *ret_value)
{
    struct buffer buffer;
    struct span text;
    enum expression_err err = EXPRESSION_OK;

    buffer_init(&buffer, e->arena->allocator, 0);
    for (const struct part *part = template->first; part != NULL && err == EXPRESSION_OK;
         part = part->next) {
        err = render_part(e, part, &buffer);
    }
    if (err == EXPRESSION_OK) {
        text = arena_copy(e->arena, buffer_span(&buffer));
        err = text.data == NULL ? fail_memory(e->error) : EXPRESSION_OK;
    }
    if (err == EXPRESSION_OK) {
        *ret_value = value_string(text);
    }
    buffer_release(&buffer);
    return err;
}

enum expression_err template_run(struct evaluation *e, const struct template *template,
                                 struct expression_object *ret_object)
{
    struct value value;

    if (template->is_alone) {
        return evaluation_run(e, template->first->expression, ret_object);
    }
    enum expression_err err = render(e, template, &value);

    if (err == EXPRESSION_OK) {
        *ret_object = expression_object_value(value);
    }
    return err;
}

enum expression_err template_eval(const struct template *template,
                                  const struct expression_scope *scope,
                                  const struct expression_limits *limits, struct arena *arena,
                                  struct value *ret_value, struct expression_error *ret_error)
{
    struct evaluation e;
    struct expression_object object = {0};

    evaluation_begin(&e, scope, limits, arena, ret_error);
    enum expression_err err = template_run(&e, template, &object);

    if (err == EXPRESSION_OK && template->is_alone) {
        err = evaluation_check(&e, template_expression(template), &object);
    }
    struct value value = object.value;

    if (err == EXPRESSION_OK && template->is_alone) {
        err = evaluation_load(&e, template_expression(template), &object, &value);
    }
    if (err == EXPRESSION_OK) {
        *ret_value = value;
    }
    evaluation_end(&e);
    return err;
}
