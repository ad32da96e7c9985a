#include "schemas/expression/template_inset.h"

#include <string.h>

#include "schemas/expression/lexer.h"
#include "schemas/expression/template.h"
#include "schemas/json/json_write.h"

enum { MARK_BYTES = 3 /* of ${{ */, NESTING_MAX = 64 };

struct inset {
    struct span text;
    const struct value *arguments;
    struct arena *arena;
    struct expression_error *error;
    struct buffer out;
    size_t copied; /* of text; what follows is still to be copied */
};

/* One use of the name. */
struct use {
    size_t begin, end; /* in the text */
    bool is_member;    /* input.NAME, not input alone */
    struct span member;
};

static enum expression_err fail(struct inset *in, enum expression_err code, const char *text)
{
    return expression_error_set(in->error, code, text, "");
}

static enum expression_err argument(struct inset *in, const struct use *use,
                                    const struct value **ret_value)
{
    const struct value *found =
        use->is_member ? value_get(in->arguments, use->member) : in->arguments;

    if (found == NULL) {
        (void)fail(in, EXPRESSION_ENAME, "the input is not given: ");
        expression_error_add(in->error, use->member);
        return EXPRESSION_ENAME;
    }
    *ret_value = found;
    return EXPRESSION_OK;
}

static bool is_sign(const struct token *token, int sign)
{
    return token->kind == TOKEN_SIGN && token->sign == sign;
}

static bool is_name(const struct token *token, const char *name)
{
    return token->kind == TOKEN_NAME && span_is(token->text, name);
}

/* What follows `input`, whose token has just been read: .NAME, .`NAME`, ["NAME"] or nothing of
 * that, where the lexer stays. */
static enum expression_err read_member(struct lexer *lexer, struct use *use)
{
    struct lexer ahead = *lexer;
    struct token token;
    struct token name;
    struct token close;
    enum expression_err err = lexer_next(&ahead, &token);

    if (err != EXPRESSION_OK || (!is_sign(&token, '.') && !is_sign(&token, '['))) {
        return err;
    }
    err = lexer_next(&ahead, &name);
    if (err != EXPRESSION_OK) {
        return err;
    }
    bool is_dot = is_sign(&token, '.');
    bool is_named =
        is_dot ? name.kind == TOKEN_NAME || name.kind == TOKEN_QUOTED : name.kind == TOKEN_STRING;

    if (is_named && !is_dot) {
        err = lexer_next(&ahead, &close);
        if (err != EXPRESSION_OK || !is_sign(&close, ']')) {
            return err;
        }
    }
    if (is_named) {
        use->is_member = true;
        use->member = name.text;
        use->end = ahead.at;
        *lexer = ahead;
    }
    return EXPRESSION_OK;
}

static void copy_until(struct inset *in, size_t end)
{
    buffer_append(&in->out,
                  (struct span){(const char *)in->text.data + in->copied, end - in->copied});
    in->copied = end;
}

/* ---- an argument as the text of an expression ---- */

static enum expression_err put_value(struct inset *in, const struct value *v, unsigned nesting);

/* A text without expressions; $${{ stands for ${{. */
static void put_plain(struct inset *in, struct span text)
{
    struct buffer plain;
    const char *at = text.data;
    const char *end = at + text.bytes;

    buffer_init(&plain, in->arena->allocator, 0);
    while (at < end) {
        const char *mark = memmem(at, (size_t)(end - at), "$${{", 4);
        const char *stop = mark == NULL ? end : mark;

        buffer_append(&plain, (struct span){at, (size_t)(stop - at)});
        at = mark == NULL ? end : mark + 1;
        if (mark != NULL) {
            buffer_text(&plain, "${{");
            at += MARK_BYTES;
        }
    }
    json_append_string(&in->out, buffer_span(&plain));
    in->out.is_failed = in->out.is_failed || plain.is_failed;
    buffer_release(&plain);
}

static enum expression_err put_string(struct inset *in, struct span text)
{
    const struct template *template;

    if (!template_has_expressions(text)) {
        put_plain(in, text);
        return EXPRESSION_OK;
    }
    enum expression_err err =
        template_compile(text, (struct expression_position){0}, in->arena, &template, in->error);

    if (err != EXPRESSION_OK) {
        return err;
    }
    if (template_expression(template) == NULL) {
        return fail(in, EXPRESSION_EUNSUPPORTED,
                    "an input that mixes text and expressions cannot stand inside a larger "
                    "expression: hand it over as one expression");
    }
    buffer_text(&in->out, "(");
    buffer_append(&in->out,
                  (struct span){(const char *)text.data + MARK_BYTES, text.bytes - MARK_BYTES - 2});
    buffer_text(&in->out, ")");
    return EXPRESSION_OK;
}

static enum expression_err put_parts(struct inset *in, const struct value *v, unsigned nesting)
{
    bool is_map = v->kind == VALUE_MAP;
    enum expression_err err = EXPRESSION_OK;

    if (nesting == NESTING_MAX) {
        return fail(in, EXPRESSION_ELIMIT, "an input is nested too deep for an expression");
    }
    buffer_text(&in->out, is_map ? "{" : "[");
    for (uint32_t i = 0; i < v->count && err == EXPRESSION_OK; i++) {
        buffer_text(&in->out, i == 0 ? "" : ", ");
        if (is_map) {
            json_append_string(&in->out, value_text(&v->members[i].key));
            buffer_text(&in->out, ": ");
        }
        err = put_value(in, is_map ? &v->members[i].value : &v->items[i], nesting + 1);
    }
    buffer_text(&in->out, is_map ? "}" : "]");
    return err;
}

static enum expression_err put_value(struct inset *in, const struct value *v, unsigned nesting)
{
    switch (v->kind) {
    case VALUE_STRING:
        return put_string(in, value_text(v));
    case VALUE_LIST:
    case VALUE_MAP:
        return put_parts(in, v, nesting);
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_DOUBLE:
    case VALUE_TIMESTAMP: /* these three stand in no file */
    case VALUE_DURATION:
    case VALUE_TYPE:
    case VALUE_KIND_NR:
        break;
    }
    buffer_text(&in->out, "(");
    json_write(&in->out, v);
    buffer_text(&in->out, ")");
    return EXPRESSION_OK;
}

/* ---- the expressions of the text ---- */

static enum expression_err put_use(struct inset *in, const struct use *use)
{
    const struct value *found;
    enum expression_err err = argument(in, use, &found);

    if (err == EXPRESSION_OK) {
        copy_until(in, use->begin);
        in->copied = use->end;
        err = put_value(in, found, 0);
    }
    return err;
}

/* has(input.NAME), whose `has` has just been read; *ret_is_put is false for anything else. */
static enum expression_err put_has(struct inset *in, struct lexer *lexer, size_t begin,
                                   bool *ret_is_put)
{
    struct lexer ahead = *lexer;
    struct use use = {0};
    struct token open;
    struct token name;
    struct token close;
    enum expression_err err = lexer_next(&ahead, &open);

    *ret_is_put = false;
    if (err != EXPRESSION_OK || !is_sign(&open, '(')) {
        return err;
    }
    err = lexer_next(&ahead, &name);
    if (err != EXPRESSION_OK || !is_name(&name, "input")) {
        return err;
    }
    err = read_member(&ahead, &use);
    err = err == EXPRESSION_OK ? lexer_next(&ahead, &close) : err;
    if (err != EXPRESSION_OK || !use.is_member || !is_sign(&close, ')')) {
        return err;
    }
    copy_until(in, begin);
    in->copied = ahead.at;
    buffer_text(&in->out, value_get(in->arguments, use.member) == NULL ? "false" : "true");
    *lexer = ahead;
    *ret_is_put = true;
    return EXPRESSION_OK;
}

static enum expression_err put_name(struct inset *in, struct lexer *lexer,
                                    const struct token *token)
{
    struct use use = {.begin = token->begin, .end = token->end};
    bool is_put = false;

    if (is_name(token, "has")) {
        return put_has(in, lexer, token->begin, &is_put);
    }
    if (!is_name(token, "input")) {
        return EXPRESSION_OK;
    }
    enum expression_err err = read_member(lexer, &use);

    return err == EXPRESSION_OK ? put_use(in, &use) : err;
}

/* One expression, from behind its mark to its }}. ret_end: of the }}. */
static enum expression_err put_expression(struct inset *in, size_t begin, size_t *ret_end)
{
    struct token token = {0};
    struct token previous = {0};
    struct lexer lexer;
    unsigned braces = 0;

    lexer_init(&lexer, in->text, begin, (struct expression_position){0}, in->arena, in->error);
    for (;;) {
        enum expression_err err = lexer_next(&lexer, &token);

        if (err != EXPRESSION_OK) {
            return err;
        }
        if (token.kind == TOKEN_END) {
            return fail(in, EXPRESSION_ESYNTAX, "${{ without }}");
        }
        if (is_sign(&token, '}') && braces == 0) {
            break;
        }
        braces += is_sign(&token, '{');
        braces -= is_sign(&token, '}');
        if (!is_sign(&previous, '.')) {
            err = put_name(in, &lexer, &token);
        }
        if (err != EXPRESSION_OK) {
            return err;
        }
        previous = token;
    }
    *ret_end = token.end + 1;
    return *ret_end <= in->text.bytes ? EXPRESSION_OK
                                      : fail(in, EXPRESSION_ESYNTAX, "${{ without }}");
}

/* An expression that is one use and nothing else: from behind its mark; *ret_end stands behind its
 * }}, or is 0 for any other expression. */
static enum expression_err read_alone(struct inset *in, size_t begin, struct use *ret_use,
                                      size_t *ret_end)
{
    struct token token;
    struct lexer lexer;

    *ret_end = 0;
    lexer_init(&lexer, in->text, begin, (struct expression_position){0}, in->arena, in->error);
    enum expression_err err = lexer_next(&lexer, &token);

    if (err != EXPRESSION_OK || !is_name(&token, "input")) {
        return err;
    }
    *ret_use = (struct use){.begin = token.begin, .end = token.end};
    err = read_member(&lexer, ret_use);
    err = err == EXPRESSION_OK ? lexer_next(&lexer, &token) : err;
    if (err == EXPRESSION_OK && is_sign(&token, '}') && token.end < in->text.bytes) {
        *ret_end = token.end + 1;
    }
    return err;
}

/* The next expression of a longer text, from its mark on. */
static enum expression_err put_part(struct inset *in, size_t mark, size_t *ret_end)
{
    const struct value *found;
    struct use use;
    size_t end;
    enum expression_err err = read_alone(in, mark + MARK_BYTES, &use, &end);

    if (err == EXPRESSION_OK && end > 0) {
        err = argument(in, &use, &found);
        if (err == EXPRESSION_OK && found->kind == VALUE_STRING) {
            copy_until(in, mark);
            buffer_append(&in->out, value_text(found));
            in->copied = end;
            *ret_end = end;
            return EXPRESSION_OK;
        }
    }
    return err == EXPRESSION_OK ? put_expression(in, mark + MARK_BYTES, ret_end) : err;
}

static enum expression_err put_text(struct inset *in)
{
    const char *text = in->text.data;
    enum expression_err err = EXPRESSION_OK;
    size_t at = 0;

    while (err == EXPRESSION_OK && at < in->text.bytes) {
        const char *mark = memmem(text + at, in->text.bytes - at, "${{", MARK_BYTES);

        if (mark == NULL) {
            break;
        }
        size_t begin = (size_t)(mark - text);

        if (begin > at && mark[-1] == '$') {
            at = begin + MARK_BYTES; /* $${{ is text */
        } else {
            err = put_part(in, begin, &at);
        }
    }
    copy_until(in, err == EXPRESSION_OK ? in->text.bytes : in->copied);
    return err;
}

static enum expression_err inset_text(struct inset *in, struct value *ret_value)
{
    buffer_init(&in->out, in->arena->allocator, 0);
    enum expression_err err = put_text(in);
    struct span made = arena_copy(in->arena, buffer_span(&in->out));
    bool is_whole = !in->out.is_failed && made.data != NULL;

    buffer_release(&in->out);
    if (err == EXPRESSION_OK && !is_whole) {
        err = fail(in, EXPRESSION_EMEMORY, "the template needs more memory than it may take");
    }
    if (err == EXPRESSION_OK) {
        *ret_value = value_string(made);
    }
    return err;
}

enum expression_err template_inset_text(struct span text, const struct value *arguments,
                                        struct arena *arena, struct value *ret_value,
                                        struct expression_error *ret_error)
{
    struct inset in = {.text = text, .arguments = arguments, .arena = arena, .error = ret_error};

    if (!template_has_expressions(text)) {
        *ret_value = value_string(text);
        return EXPRESSION_OK;
    }
    return inset_text(&in, ret_value);
}

enum expression_err template_inset(struct span text, const struct value *arguments,
                                   struct arena *arena, struct value *ret_value,
                                   struct expression_error *ret_error)
{
    struct inset in = {.text = text, .arguments = arguments, .arena = arena, .error = ret_error};
    const struct value *found;
    enum expression_err err;
    struct use use;
    size_t end;

    if (text.bytes < MARK_BYTES || memcmp(text.data, "${{", MARK_BYTES) != 0) {
        return template_inset_text(text, arguments, arena, ret_value, ret_error);
    }
    err = read_alone(&in, MARK_BYTES, &use, &end);
    if (err != EXPRESSION_OK || end != text.bytes) {
        return err == EXPRESSION_OK ? inset_text(&in, ret_value) : err;
    }
    err = argument(&in, &use, &found);
    if (err == EXPRESSION_OK) {
        *ret_value = *found;
    }
    return err;
}
