/* parser: recursive descent over CEL's grammar, one token ahead; makes the tree of node.h. */
#include "schemas/expression/expression.h"

#include "schemas/expression/functions.h"
#include "schemas/expression/lexer.h"
#include "schemas/expression/node.h"
#include "schemas/json/utf8.h"
#include "schemas/vocab/limits.h"

struct parser {
    struct lexer lexer;
    struct token token; /* not yet used */
    uint32_t depth;     /* of brackets and conditionals that are open */
    bool makes_new;
    bool is_constant;
};

/* What binds how tight: a row up binds tighter. */
enum level { LEVEL_OR, LEVEL_AND, LEVEL_RELATION, LEVEL_SUM, LEVEL_PRODUCT, LEVEL_NR };

static enum expression_err parse_expr(struct parser *p, struct node **ret);

static enum expression_err fail_at(struct parser *p, struct place place, enum expression_err code,
                                   const char *text)
{
    (void)expression_error_set(p->lexer.error, code, text, "");
    return expression_error_at(p->lexer.error, place);
}

static enum expression_err fail(struct parser *p, const char *text)
{
    return fail_at(p, p->token.place, EXPRESSION_ESYNTAX, text);
}

static enum expression_err advance(struct parser *p)
{
    return lexer_next(&p->lexer, &p->token);
}

static bool is_sign(const struct parser *p, int sign)
{
    return p->token.kind == TOKEN_SIGN && p->token.sign == sign;
}

static bool is_word(const struct parser *p, const char *word)
{
    return p->token.kind == TOKEN_NAME && span_is(p->token.text, word);
}

/* Takes the sign, or fails saying what should stand here. */
static enum expression_err expect(struct parser *p, int sign, const char *text)
{
    return is_sign(p, sign) ? advance(p) : fail(p, text);
}

static uint32_t depth_of(const struct node *node)
{
    return node == NULL ? 0 : node->depth;
}

static uint32_t deeper(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static enum expression_err make(struct parser *p, enum node_kind kind, struct place place,
                                const struct node *first, const struct node *second,
                                struct node **ret)
{
    struct node *node = arena_alloc(p->lexer.arena, sizeof(*node));

    if (node == NULL) {
        return fail_at(p, place, EXPRESSION_EMEMORY,
                       "the expression needs more memory than it may take");
    }
    node->kind = kind;
    node->place = place;
    node->first = first;
    node->second = second;
    node->depth = 1 + deeper(depth_of(first), depth_of(second));
    if (node->depth > EXPRESSION_DEPTH_MAX) {
        return fail_at(p, place, EXPRESSION_ELIMIT,
                       "the expression is nested deeper than the limit of 200");
    }
    *ret = node;
    return EXPRESSION_OK;
}

static enum expression_err make_literal(struct parser *p, struct value literal, struct node **ret)
{
    enum expression_err err = make(p, NODE_LITERAL, p->token.place, NULL, NULL, ret);

    if (err != EXPRESSION_OK) {
        return err;
    }
    (*ret)->literal = literal;
    return advance(p);
}

/* Keeps a name of the text, which the tree must not point into. */
static enum expression_err set_name(struct parser *p, struct node *node, struct span name)
{
    node->name = arena_copy(p->lexer.arena, name);
    return node->name.data == NULL ? fail_at(p, node->place, EXPRESSION_EMEMORY,
                                             "the expression needs more memory than it may take")
                                   : EXPRESSION_OK;
}

/* Items up to the closing bracket, which is taken; a comma may stand after the last. In a map keys
 * and values come in turn. */
static enum expression_err parse_items(struct parser *p, struct node *holder, int closing)
{
    bool is_map = closing == '}';
    struct node *last = NULL;
    uint32_t nr = 0;
    enum expression_err err;

    while (!is_sign(p, closing)) {
        struct node *item;

        if (is_map && nr % 2 == 1) {
            err = expect(p, ':', "a colon must stand after the key of a map");
        } else if (nr > 0) {
            err = expect(p, ',',
                         is_map ? "a comma or } must stand here"
                                : "a comma or a closing bracket must stand here");
        } else {
            err = EXPRESSION_OK;
        }
        if (err == EXPRESSION_OK && nr > 0 && is_sign(p, closing) && closing != ')' &&
            (!is_map || nr % 2 == 0)) {
            break;
        }
        if (err == EXPRESSION_OK) {
            err = parse_expr(p, &item);
        }
        if (err != EXPRESSION_OK) {
            return err;
        }
        if (last == NULL) {
            holder->first = item;
        } else {
            last->next = item;
        }
        last = item;
        holder->depth = deeper(holder->depth, 1 + item->depth);
        nr++;
    }
    if (is_map && nr % 2 == 1) {
        return fail(p, "a colon must stand after the key of a map");
    }
    holder->count = is_map ? nr / 2 : nr;
    return advance(p);
}

/* JSON has no other keys; a key that is computed is looked at when it is. */
static enum expression_err check_keys(struct parser *p, const struct node *map)
{
    bool is_key = true;

    for (const struct node *item = map->first; item != NULL; item = item->next) {
        if (is_key && item->kind == NODE_LITERAL && item->literal.kind != VALUE_STRING) {
            return fail_at(p, item->place, EXPRESSION_EUNSUPPORTED,
                           "the keys of a map must be strings");
        }
        is_key = !is_key;
    }
    return EXPRESSION_OK;
}

static enum expression_err parse_collection(struct parser *p, struct node **ret)
{
    bool is_map = is_sign(p, '{');
    struct place place = p->token.place;
    enum expression_err err = make(p, is_map ? NODE_MAP : NODE_LIST, place, NULL, NULL, ret);

    p->makes_new = true;
    if (err == EXPRESSION_OK) {
        err = advance(p);
    }
    if (err == EXPRESSION_OK) {
        err = parse_items(p, *ret, is_map ? '}' : ']');
    }
    return err == EXPRESSION_OK && is_map ? check_keys(p, *ret) : err;
}

static enum expression_err check_call(struct parser *p, struct node *node, const struct node *args,
                                      const struct node *target)
{
    uint32_t given = args->count + (target != NULL);

    if (given != 1) {
        return fail_at(p, node->place, EXPRESSION_ESYNTAX,
                       node->kind == NODE_SIZE ? "size() takes one argument"
                                               : "has() takes one argument, such as has(a.b)");
    }
    node->first = target != NULL ? target : args->first;
    node->depth = 1 + node->first->depth;
    if (node->kind == NODE_HAS && node->first->kind != NODE_MEMBER) {
        return fail_at(p, node->first->place, EXPRESSION_ESYNTAX,
                       "has() takes a member such as has(a.b); for a key use \"key\" in a");
    }
    return EXPRESSION_OK;
}

/* name(...) or target.name(...); the token is the opening parenthesis. */
static enum expression_err parse_call(struct parser *p, struct token name,
                                      const struct node *target, struct node **ret)
{
    enum node_kind kind;
    struct node *args;
    enum expression_err err = functions_find(name.text, target != NULL, &kind, p->lexer.error);

    if (err != EXPRESSION_OK) {
        return expression_error_at(p->lexer.error, name.place);
    }
    err = make(p, kind, name.place, NULL, NULL, ret);
    if (err == EXPRESSION_OK) {
        err = make(p, NODE_LIST, p->token.place, NULL, NULL, &args);
    }
    if (err == EXPRESSION_OK) {
        err = advance(p);
    }
    if (err == EXPRESSION_OK) {
        err = parse_items(p, args, ')');
    }
    return err == EXPRESSION_OK ? check_call(p, *ret, args, target) : err;
}

/* No name at all, not even of a member. */
static bool is_keyword(struct span name)
{
    return span_is(name, "true") || span_is(name, "false") || span_is(name, "null") ||
           span_is(name, "in");
}

static enum expression_err parse_name(struct parser *p, struct node **ret)
{
    struct token name = p->token;

    if (span_is(name.text, "true") || span_is(name.text, "false")) {
        return make_literal(p, value_bool(span_is(name.text, "true")), ret);
    }
    if (span_is(name.text, "null")) {
        return make_literal(p, value_null(), ret);
    }
    if (expression_is_reserved(name.text)) {
        return fail(p, "this word is reserved by CEL and can be no name");
    }
    enum expression_err err = advance(p);

    if (err != EXPRESSION_OK) {
        return err;
    }
    if (is_sign(p, '(')) {
        return parse_call(p, name, NULL, ret);
    }
    p->is_constant = false;
    err = make(p, NODE_NAME, name.place, NULL, NULL, ret);
    return err == EXPRESSION_OK ? set_name(p, *ret, name.text) : err;
}

static enum expression_err parse_int(struct parser *p, bool is_negative, struct node **ret)
{
    uint64_t most = (uint64_t)INT64_MAX + is_negative;

    if (p->token.whole > most) {
        return fail(p, "the number is too large for an int");
    }
    int64_t number = (int64_t)(is_negative ? 0 - p->token.whole : p->token.whole);

    return make_literal(p, value_int(number), ret);
}

static enum expression_err parse_primary(struct parser *p, struct node **ret)
{
    enum expression_err err;

    switch (p->token.kind) {
    case TOKEN_INT:
        return parse_int(p, false, ret);
    case TOKEN_DOUBLE:
        return make_literal(p, value_double(p->token.number), ret);
    case TOKEN_STRING:
        return make_literal(p, value_string(p->token.text), ret);
    case TOKEN_NAME:
        return parse_name(p, ret);
    case TOKEN_END:
        return fail(p, "the expression ends too early");
    case TOKEN_QUOTED:
        return fail(p, "backticks are for members only, such as a.`content-type`");
    case TOKEN_SIGN:
        break;
    }
    if (is_sign(p, '[') || is_sign(p, '{')) {
        return parse_collection(p, ret);
    }
    if (is_sign(p, '.')) {
        /* A root name, which is what every name is. */
        err = advance(p);
        if (err != EXPRESSION_OK) {
            return err;
        }
        return p->token.kind == TOKEN_NAME && !is_keyword(p->token.text)
                   ? parse_name(p, ret)
                   : fail(p, "a name must stand after the dot");
    }
    if (!is_sign(p, '(')) {
        return fail(p, "a value must stand here: a name, a literal, or an expression in brackets");
    }
    err = advance(p);
    if (err == EXPRESSION_OK) {
        err = parse_expr(p, ret);
    }
    return err == EXPRESSION_OK ? expect(p, ')', "a ) must stand here") : err;
}

/* .name or .name(...); the token is the dot. */
static enum expression_err parse_member(struct parser *p, struct node **target)
{
    struct place dot = p->token.place;
    enum expression_err err = advance(p);

    if (err != EXPRESSION_OK) {
        return err;
    }
    struct token name = p->token;

    if (name.kind != TOKEN_QUOTED && (name.kind != TOKEN_NAME || is_keyword(name.text))) {
        return fail(p, "the name of a member must stand after the dot; other keys as a[\"key\"]");
    }
    err = advance(p);
    if (err != EXPRESSION_OK) {
        return err;
    }
    if (name.kind == TOKEN_NAME && is_sign(p, '(')) {
        return parse_call(p, name, *target, target);
    }
    err = make(p, NODE_MEMBER, dot, *target, NULL, target);
    return err == EXPRESSION_OK ? set_name(p, *target, name.text) : err;
}

static enum expression_err parse_index(struct parser *p, struct node **target)
{
    struct place bracket = p->token.place;
    struct node *index;
    enum expression_err err = advance(p);

    if (err == EXPRESSION_OK) {
        err = parse_expr(p, &index);
    }
    if (err == EXPRESSION_OK) {
        err = expect(p, ']', "a ] must stand here");
    }
    return err == EXPRESSION_OK ? make(p, NODE_INDEX, bracket, *target, index, target) : err;
}

static enum expression_err parse_postfix(struct parser *p, struct node **target)
{
    enum expression_err err = EXPRESSION_OK;

    while (err == EXPRESSION_OK) {
        if (is_sign(p, '.')) {
            err = parse_member(p, target);
        } else if (is_sign(p, '[')) {
            err = parse_index(p, target);
        } else if (is_sign(p, '{')) {
            return fail(p, "there are no message types: a map is written {\"key\": value}");
        } else {
            break;
        }
    }
    return err;
}

/* The minus belongs to a number that follows it: -9223372036854775808 fits an int. */
static enum expression_err parse_negative(struct parser *p, struct node **ret, bool *ret_is_done)
{
    *ret_is_done = p->token.kind == TOKEN_INT || p->token.kind == TOKEN_DOUBLE;
    if (p->token.kind == TOKEN_INT) {
        return parse_int(p, true, ret);
    }
    return *ret_is_done ? make_literal(p, value_double(-p->token.number), ret) : EXPRESSION_OK;
}

/* A run of ! or of -, then a member. */
static enum expression_err parse_unary(struct parser *p, struct node **ret)
{
    int sign = is_sign(p, '!') ? '!' : is_sign(p, '-') ? '-' : 0;
    struct place place = p->token.place;
    uint32_t nr = 0;
    bool is_done = false;
    enum expression_err err = EXPRESSION_OK;

    for (; sign != 0 && is_sign(p, sign) && err == EXPRESSION_OK; nr++) {
        err = advance(p);
    }
    if (err == EXPRESSION_OK && sign == '-') {
        err = parse_negative(p, ret, &is_done);
        nr -= is_done;
        p->makes_new = true;
    }
    if (err == EXPRESSION_OK && !is_done) {
        err = parse_primary(p, ret);
    }
    if (err == EXPRESSION_OK) {
        err = parse_postfix(p, ret);
    }
    for (; nr > 0 && err == EXPRESSION_OK; nr--) {
        err = make(p, sign == '!' ? NODE_NOT : NODE_NEGATE, place, *ret, NULL, ret);
    }
    return err;
}

struct operator_row {
    int sign; /* 0: the word "in" */
    enum level level;
    enum node_kind kind;
    enum node_op op;
};

/* clang-format off */
static const struct operator_row operators[] = {
    {SIGN_OR, LEVEL_OR, NODE_OR, 0},
    {SIGN_AND, LEVEL_AND, NODE_AND, 0},
    {SIGN_EQUAL, LEVEL_RELATION, NODE_BINARY, OP_EQUAL},
    {SIGN_NOT_EQUAL, LEVEL_RELATION, NODE_BINARY, OP_NOT_EQUAL},
    {'<', LEVEL_RELATION, NODE_BINARY, OP_LESS},
    {SIGN_LESS_EQUAL, LEVEL_RELATION, NODE_BINARY, OP_LESS_EQUAL},
    {'>', LEVEL_RELATION, NODE_BINARY, OP_GREATER},
    {SIGN_GREATER_EQUAL, LEVEL_RELATION, NODE_BINARY, OP_GREATER_EQUAL},
    {0, LEVEL_RELATION, NODE_BINARY, OP_IN},
    {'+', LEVEL_SUM, NODE_BINARY, OP_ADD},
    {'-', LEVEL_SUM, NODE_BINARY, OP_SUBTRACT},
    {'*', LEVEL_PRODUCT, NODE_BINARY, OP_MULTIPLY},
    {'/', LEVEL_PRODUCT, NODE_BINARY, OP_DIVIDE},
    {'%', LEVEL_PRODUCT, NODE_BINARY, OP_REMAINDER},
};
/* clang-format on */

static const struct operator_row *find_operator(const struct parser *p)
{
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (operators[i].sign == 0 ? is_word(p, "in") : is_sign(p, operators[i].sign)) {
            return &operators[i];
        }
    }
    return NULL;
}

/* Operators that bind at least as tight as the level, each to the left (precedence climbing). */
static enum expression_err parse_operators(struct parser *p, enum level level, struct node **ret)
{
    enum expression_err err = parse_unary(p, ret);

    while (err == EXPRESSION_OK) {
        const struct operator_row *row = find_operator(p);
        struct place place = p->token.place;
        struct node *right;

        if (row == NULL || row->level < level) {
            break;
        }
        err = advance(p);
        if (err == EXPRESSION_OK) {
            err = parse_operators(p, row->level + 1, &right);
        }
        if (err == EXPRESSION_OK) {
            err = make(p, row->kind, place, *ret, right, ret);
        }
        if (err == EXPRESSION_OK) {
            (*ret)->op = row->op;
            p->makes_new |= row->level >= LEVEL_SUM;
        }
    }
    return err;
}

static enum expression_err parse_conditional(struct parser *p, struct node **ret)
{
    struct place place = p->token.place;
    struct node *yes;
    struct node *no;
    enum expression_err err = advance(p);

    if (err == EXPRESSION_OK) {
        err = parse_operators(p, LEVEL_OR, &yes);
    }
    if (err == EXPRESSION_OK) {
        err = expect(p, ':', "a : and the other value of the conditional must stand here");
    }
    if (err == EXPRESSION_OK) {
        err = parse_expr(p, &no);
    }
    if (err == EXPRESSION_OK) {
        err = make(p, NODE_CONDITIONAL, place, *ret, yes, ret);
    }
    if (err == EXPRESSION_OK) {
        (*ret)->third = no;
        (*ret)->depth = deeper((*ret)->depth, 1 + no->depth);
    }
    return err;
}

static enum expression_err parse_expr(struct parser *p, struct node **ret)
{
    if (p->depth == EXPRESSION_DEPTH_MAX) {
        return fail_at(p, p->token.place, EXPRESSION_ELIMIT,
                       "the expression is nested deeper than the limit of 200");
    }
    p->depth++;
    enum expression_err err = parse_operators(p, LEVEL_OR, ret);

    if (err == EXPRESSION_OK && is_sign(p, '?')) {
        err = parse_conditional(p, ret);
    }
    p->depth--;
    return err;
}

/* After the expression: the end of the text, or }} with nothing between the two. */
static enum expression_err parse_end(struct parser *p, bool is_embedded, size_t *ret_end)
{
    *ret_end = p->token.begin;
    if (!is_embedded) {
        return p->token.kind == TOKEN_END
                   ? EXPRESSION_OK
                   : fail(p, "an operator or the end of the expression must stand here");
    }
    if (p->token.kind == TOKEN_END) {
        return fail(p, "a ${{ has no }} that ends it");
    }
    /* Looked at as bytes: what stands behind the }} is no part of the expression. */
    if (!is_sign(p, '}') || p->token.end >= p->lexer.bytes || p->lexer.text[p->token.end] != '}') {
        return fail(p, "an operator or }} must stand here");
    }
    return EXPRESSION_OK;
}

enum expression_err expression_parse(struct span text, size_t begin, bool is_embedded,
                                     struct expression_position position, struct arena *arena,
                                     const struct expression **ret_expression, size_t *ret_end,
                                     struct expression_error *ret_error)
{
    struct parser p = {.is_constant = true};
    struct node *root = NULL;

    lexer_init(&p.lexer, text, begin, position, arena, ret_error);
    enum expression_err err = advance(&p);

    if (err == EXPRESSION_OK) {
        err = parse_expr(&p, &root);
    }
    if (err == EXPRESSION_OK) {
        err = parse_end(&p, is_embedded, ret_end);
    }
    if (err != EXPRESSION_OK) {
        return err;
    }
    struct expression *expression = arena_alloc(arena, sizeof(*expression));

    if (expression == NULL) {
        return fail_at(&p, root->place, EXPRESSION_EMEMORY,
                       "the expression needs more memory than it may take");
    }
    expression->root = root;
    expression->makes_new = p.makes_new;
    expression->is_constant = p.is_constant;
    *ret_expression = expression;
    return EXPRESSION_OK;
}

enum expression_err expression_compile(struct span text, struct expression_position position,
                                       struct arena *arena,
                                       const struct expression **ret_expression,
                                       struct expression_error *ret_error)
{
    size_t end;
    struct place begin = {position.line, position.line > 0 ? position.column : 1, 1};

    if (text.bytes > LIMIT_EXPRESSION_BYTES) {
        (void)expression_error_set(ret_error, EXPRESSION_ELIMIT,
                                   "the expression is longer than the limit of 4096 bytes", "");
        return expression_error_at(ret_error, begin);
    }
    if (!utf8_is_valid(text)) {
        (void)expression_error_set(ret_error, EXPRESSION_ESYNTAX,
                                   "the expression is not valid UTF-8", "");
        return expression_error_at(ret_error, begin);
    }
    return expression_parse(text, 0, false, position, arena, ret_expression, &end, ret_error);
}
