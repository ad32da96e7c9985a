/* parser: recursive descent over CEL's grammar, one token ahead; makes the tree of node.h. */
#include "schemas/expression/parser.h"

#include "schemas/expression/conversions.h"
#include "schemas/json/utf8.h"
#include "schemas/vocab/limits.h"

/* What binds how tight: a row up binds tighter. */
enum level { LEVEL_OR, LEVEL_AND, LEVEL_RELATION, LEVEL_SUM, LEVEL_PRODUCT, LEVEL_NR };

enum expression_err parser_fail_at(struct parser *p, struct place place, enum expression_err code,
                                   const char *text)
{
    (void)expression_error_set(p->lexer.error, code, text, "");
    (void)expression_error_at(p->lexer.error, place);
    return code;
}

enum expression_err parser_fail(struct parser *p, const char *text)
{
    return parser_fail_at(p, p->token.place, EXPRESSION_ESYNTAX, text);
}

enum expression_err parser_advance(struct parser *p)
{
    return lexer_next(&p->lexer, &p->token);
}

bool parser_is_sign(const struct parser *p, int sign)
{
    return p->token.kind == TOKEN_SIGN && p->token.sign == sign;
}

static bool is_word(const struct parser *p, const char *word)
{
    return p->token.kind == TOKEN_NAME && span_is(p->token.text, word);
}

/* Takes the sign, or fails saying what should stand here. */
enum expression_err parser_expect(struct parser *p, int sign, const char *text)
{
    return parser_is_sign(p, sign) ? parser_advance(p) : parser_fail(p, text);
}

static uint32_t depth_of(const struct node *node)
{
    return node == NULL ? 0 : node->depth;
}

uint32_t parser_deeper(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* The same value each time it is computed in an evaluation, whatever macros stand around it. */
static bool is_static(enum node_kind kind, const struct node *first, const struct node *second)
{
    return kind == NODE_NAME || (kind == NODE_MEMBER && first->is_static) ||
           (kind == NODE_INDEX && first->is_static && second->kind == NODE_LITERAL);
}

enum expression_err parser_make(struct parser *p, enum node_kind kind, struct place place,
                                const struct node *first, const struct node *second,
                                struct node **ret)
{
    struct node *node = arena_alloc(p->lexer.arena, sizeof(*node));

    if (node == NULL) {
        return parser_fail_at(p, place, EXPRESSION_EMEMORY,
                              "the expression needs more memory than it may take");
    }
    node->kind = kind;
    node->place = place;
    node->first = first;
    node->second = second;
    node->number = p->node_count++;
    node->depth = 1 + parser_deeper(depth_of(first), depth_of(second));
    node->is_static = is_static(kind, first, second);
    if (node->depth > EXPRESSION_DEPTH_MAX) {
        return parser_fail_at(p, place, EXPRESSION_ELIMIT,
                              "the expression is nested deeper than the limit of 200");
    }
    *ret = node;
    return EXPRESSION_OK;
}

static enum expression_err make_literal(struct parser *p, struct value literal, struct node **ret)
{
    enum expression_err err = parser_make(p, NODE_LITERAL, p->token.place, NULL, NULL, ret);

    if (err != EXPRESSION_OK) {
        return err;
    }
    (*ret)->literal = literal;
    return parser_advance(p);
}

/* Keeps a name of the text, which the tree must not point into. */
static enum expression_err set_name(struct parser *p, struct node *node, struct span name)
{
    node->name = arena_copy(p->lexer.arena, name);
    return node->name.data == NULL
               ? parser_fail_at(p, node->place, EXPRESSION_EMEMORY,
                                "the expression needs more memory than it may take")
               : EXPRESSION_OK;
}

/* JSON has no other keys; a key that is computed is looked at when it is. */
static enum expression_err check_keys(struct parser *p, const struct node *map)
{
    bool is_key = true;

    for (const struct node *item = map->first; item != NULL; item = item->next) {
        if (is_key && item->kind == NODE_LITERAL && item->literal.kind != VALUE_STRING) {
            return parser_fail_at(p, item->place, EXPRESSION_EUNSUPPORTED,
                                  "the keys of a map must be strings");
        }
        is_key = !is_key;
    }
    return EXPRESSION_OK;
}

static enum expression_err parse_collection(struct parser *p, struct node **ret)
{
    bool is_map = parser_is_sign(p, '{');
    struct node *first; /* not needed */
    struct place place = p->token.place;
    enum expression_err err = parser_make(p, is_map ? NODE_MAP : NODE_LIST, place, NULL, NULL, ret);

    p->makes_new = true;
    if (err == EXPRESSION_OK) {
        err = parser_advance(p);
    }
    if (err == EXPRESSION_OK) {
        err = parser_items(p, *ret, is_map ? '}' : ']', &first);
    }
    return err == EXPRESSION_OK && is_map ? check_keys(p, *ret) : err;
}

/* No name at all, not even of a member. */
static bool is_keyword(struct span name)
{
    return span_is(name, "true") || span_is(name, "false") || span_is(name, "null") ||
           span_is(name, "in");
}

/* How many macros further out the variable of that name stands. */
static bool is_variable(const struct parser *p, struct span name, uint32_t *ret_outward)
{
    *ret_outward = 0;
    for (const struct variable *v = p->variables; v != NULL; v = v->outer) {
        if (span_equal(v->name, name)) {
            return true;
        }
        ++*ret_outward;
    }
    return false;
}

/* is_root: after a dot, which no variable of a macro hides. */
static enum expression_err parse_name(struct parser *p, bool is_root, struct node **ret)
{
    struct token name = p->token;

    if (span_is(name.text, "true") || span_is(name.text, "false")) {
        return make_literal(p, value_bool(span_is(name.text, "true")), ret);
    }
    if (span_is(name.text, "null")) {
        return make_literal(p, value_null(), ret);
    }
    if (expression_is_reserved(name.text)) {
        return parser_fail(p, "this word is reserved by CEL and can be no name");
    }
    enum expression_err err = parser_advance(p);

    if (err != EXPRESSION_OK) {
        return err;
    }
    if (parser_is_sign(p, '(')) {
        return parser_call(p, name, NULL, ret);
    }
    uint32_t outward;

    if (!is_root && is_variable(p, name.text, &outward)) {
        err = parser_make(p, NODE_LOCAL, name.place, NULL, NULL, ret);
        if (err == EXPRESSION_OK) {
            (*ret)->count = outward;
        }
        return err;
    }
    p->is_constant = false;
    err = parser_make(p, NODE_NAME, name.place, NULL, NULL, ret);
    return err == EXPRESSION_OK ? set_name(p, *ret, name.text) : err;
}

static enum expression_err parse_int(struct parser *p, bool is_negative, struct node **ret)
{
    uint64_t most = (uint64_t)INT64_MAX + is_negative;

    if (p->token.whole > most) {
        return parser_fail(p, "the number is too large for an int");
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
        return parse_name(p, false, ret);
    case TOKEN_END:
        return parser_fail(p, "the expression ends too early");
    case TOKEN_QUOTED:
        return parser_fail(p, "backticks are for members only, such as a.`content-type`");
    case TOKEN_SIGN:
        break;
    }
    if (parser_is_sign(p, '[') || parser_is_sign(p, '{')) {
        return parse_collection(p, ret);
    }
    if (parser_is_sign(p, '.')) {
        /* A root name, which is what every name is. */
        err = parser_advance(p);
        if (err != EXPRESSION_OK) {
            return err;
        }
        return p->token.kind == TOKEN_NAME && !is_keyword(p->token.text)
                   ? parse_name(p, true, ret)
                   : parser_fail(p, "a name must stand after the dot");
    }
    if (!parser_is_sign(p, '(')) {
        return parser_fail(
            p, "a value must stand here: a name, a literal, or an expression in brackets");
    }
    err = parser_advance(p);
    if (err == EXPRESSION_OK) {
        err = parser_expr(p, ret);
    }
    return err == EXPRESSION_OK ? parser_expect(p, ')', "a ) must stand here") : err;
}

/* google.protobuf.Timestamp and google.protobuf.Duration, the only types whose names have dots. */
static bool is_protobuf_type(const struct node *node, struct value *ret_type)
{
    const struct node *middle = node->first;

    if (middle->kind != NODE_MEMBER || !span_is(middle->name, "protobuf") ||
        middle->first->kind != NODE_NAME || !span_is(middle->first->name, "google")) {
        return false;
    }
    return conversions_type(span_is(node->name, "Timestamp")  ? span_of("google.protobuf.Timestamp")
                            : span_is(node->name, "Duration") ? span_of("google.protobuf.Duration")
                                                              : span_of(""),
                            ret_type);
}

/* .name or .name(...); the token is the dot. */
static enum expression_err parse_member(struct parser *p, struct node **target)
{
    struct place dot = p->token.place;
    struct value type;
    enum expression_err err = parser_advance(p);

    if (err != EXPRESSION_OK) {
        return err;
    }
    struct token name = p->token;

    if (parser_is_sign(p, '?')) {
        return parser_fail_at(p, name.place, EXPRESSION_EUNSUPPORTED,
                              "optional values are left out: write has(a.b) ? a.b : null");
    }
    if (name.kind != TOKEN_QUOTED && (name.kind != TOKEN_NAME || is_keyword(name.text))) {
        return parser_fail(
            p, "the name of a member must stand after the dot; other keys as a[\"key\"]");
    }
    err = parser_advance(p);
    if (err != EXPRESSION_OK) {
        return err;
    }
    if (name.kind == TOKEN_NAME && parser_is_sign(p, '(')) {
        return parser_call(p, name, *target, target);
    }
    err = parser_make(p, NODE_MEMBER, dot, *target, NULL, target);
    if (err == EXPRESSION_OK) {
        err = set_name(p, *target, name.text);
    }
    if (err == EXPRESSION_OK && is_protobuf_type(*target, &type)) {
        (*target)->kind = NODE_LITERAL;
        (*target)->literal = type;
    }
    return err;
}

static enum expression_err parse_index(struct parser *p, struct node **target)
{
    struct place bracket = p->token.place;
    struct node *index;
    enum expression_err err = parser_advance(p);

    if (err == EXPRESSION_OK) {
        err = parser_expr(p, &index);
    }
    if (err == EXPRESSION_OK) {
        err = parser_expect(p, ']', "a ] must stand here");
    }
    return err == EXPRESSION_OK ? parser_make(p, NODE_INDEX, bracket, *target, index, target) : err;
}

static enum expression_err parse_postfix(struct parser *p, struct node **target)
{
    enum expression_err err = EXPRESSION_OK;

    while (err == EXPRESSION_OK) {
        if (parser_is_sign(p, '.')) {
            err = parse_member(p, target);
        } else if (parser_is_sign(p, '[')) {
            err = parse_index(p, target);
        } else if (parser_is_sign(p, '{')) {
            return parser_fail(p, "there are no message types: a map is written {\"key\": value}");
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
    int sign = parser_is_sign(p, '!') ? '!' : parser_is_sign(p, '-') ? '-' : 0;
    struct place place = p->token.place;
    uint32_t nr = 0;
    bool is_done = false;
    enum expression_err err = EXPRESSION_OK;

    for (; sign != 0 && parser_is_sign(p, sign) && err == EXPRESSION_OK; nr++) {
        err = parser_advance(p);
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
        err = parser_make(p, sign == '!' ? NODE_NOT : NODE_NEGATE, place, *ret, NULL, ret);
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
        if (operators[i].sign == 0 ? is_word(p, "in") : parser_is_sign(p, operators[i].sign)) {
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
        err = parser_advance(p);
        if (err == EXPRESSION_OK) {
            err = parse_operators(p, row->level + 1, &right);
        }
        if (err == EXPRESSION_OK) {
            err = parser_make(p, row->kind, place, *ret, right, ret);
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
    enum expression_err err = parser_advance(p);

    if (err == EXPRESSION_OK) {
        err = parse_operators(p, LEVEL_OR, &yes);
    }
    if (err == EXPRESSION_OK) {
        err = parser_expect(p, ':', "a : and the other value of the conditional must stand here");
    }
    if (err == EXPRESSION_OK) {
        err = parser_expr(p, &no);
    }
    if (err == EXPRESSION_OK) {
        err = parser_make(p, NODE_CONDITIONAL, place, *ret, yes, ret);
    }
    if (err == EXPRESSION_OK) {
        (*ret)->third = no;
        (*ret)->depth = parser_deeper((*ret)->depth, 1 + no->depth);
    }
    return err;
}

enum expression_err parser_expr(struct parser *p, struct node **ret)
{
    if (p->depth == EXPRESSION_DEPTH_MAX) {
        return parser_fail_at(p, p->token.place, EXPRESSION_ELIMIT,
                              "the expression is nested deeper than the limit of 200");
    }
    p->depth++;
    enum expression_err err = parse_operators(p, LEVEL_OR, ret);

    if (err == EXPRESSION_OK && parser_is_sign(p, '?')) {
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
                   : parser_fail(p, "an operator or the end of the expression must stand here");
    }
    if (p->token.kind == TOKEN_END) {
        return parser_fail(p, "a ${{ has no }} that ends it");
    }
    /* Looked at as bytes: what stands behind the }} is no part of the expression. */
    if (!parser_is_sign(p, '}') || p->token.end >= p->lexer.bytes ||
        p->lexer.text[p->token.end] != '}') {
        return parser_fail(p, "an operator or }} must stand here");
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
    enum expression_err err = parser_advance(&p);

    if (err == EXPRESSION_OK) {
        err = parser_expr(&p, &root);
    }
    if (err == EXPRESSION_OK) {
        err = parse_end(&p, is_embedded, ret_end);
    }
    if (err != EXPRESSION_OK) {
        return err;
    }
    struct expression *expression = arena_alloc(arena, sizeof(*expression));

    if (expression == NULL) {
        return parser_fail_at(&p, root->place, EXPRESSION_EMEMORY,
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
