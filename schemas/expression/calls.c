/* calls: what stands in the brackets of a call, a list or a map; the variables of macros. */
#include "schemas/expression/functions.h"
#include "schemas/expression/macro.h"
#include "schemas/expression/parser.h"

/* Items up to the closing bracket, which is taken; a comma may stand after the last. In a map keys
 * and values come in turn. */
enum expression_err parser_items(struct parser *p, struct node *holder, int closing,
                                 struct node **ret_first)
{
    bool is_map = closing == '}';
    struct node *last = NULL;
    uint32_t nr = 0;
    enum expression_err err;

    while (!parser_is_sign(p, closing)) {
        struct node *item;

        if (is_map && nr % 2 == 1) {
            err = parser_expect(p, ':', "a colon must stand after the key of a map");
        } else if (nr > 0) {
            err = parser_expect(p, ',',
                                is_map ? "a comma or } must stand here"
                                       : "a comma or a closing bracket must stand here");
        } else {
            err = EXPRESSION_OK;
        }
        if (err == EXPRESSION_OK && nr > 0 && parser_is_sign(p, closing) && closing != ')' &&
            (!is_map || nr % 2 == 0)) {
            break;
        }
        if (err == EXPRESSION_OK) {
            err = parser_expr(p, &item);
        }
        if (err != EXPRESSION_OK) {
            return err;
        }
        if (last == NULL) {
            holder->first = item;
            *ret_first = item;
        } else {
            last->next = item;
        }
        last = item;
        holder->depth = parser_deeper(holder->depth, 1 + item->depth);
        nr++;
    }
    if (is_map && nr % 2 == 1) {
        return parser_fail(p, "a colon must stand after the key of a map");
    }
    holder->count = is_map ? nr / 2 : nr;
    return parser_advance(p);
}

/* A node over others that were not known when it was made. */
static enum expression_err deepen(struct parser *p, struct node *node, const struct node *over)
{
    if (over != NULL) {
        node->depth = parser_deeper(node->depth, 1 + over->depth);
    }
    return node->depth <= EXPRESSION_DEPTH_MAX
               ? EXPRESSION_OK
               : parser_fail_at(p, node->place, EXPRESSION_ELIMIT,
                                "the expression is nested deeper than the limit of 200");
}

/* size(x) and has(a.b). */
static enum expression_err finish_builtin(struct parser *p, struct node *node)
{
    if (node->count != 1) {
        return parser_fail_at(p, node->place, EXPRESSION_ESYNTAX,
                              node->kind == NODE_SIZE
                                  ? "size() takes one argument"
                                  : "has() takes one argument, such as has(a.b)");
    }
    if (node->kind == NODE_HAS && node->first->kind != NODE_MEMBER) {
        return parser_fail_at(p, node->first->place, EXPRESSION_ESYNTAX,
                              "has() takes a member such as has(a.b); for a key use \"key\" in a");
    }
    return EXPRESSION_OK;
}

/* "contains() takes 1 argument". */
static enum expression_err fail_count(struct parser *p, const struct node *node, bool is_method)
{
    const struct function *function = node->function;
    uint32_t least = function->least - is_method;
    uint32_t most = function->most - is_method;

    (void)expression_error_set(p->lexer.error, EXPRESSION_ESYNTAX, function->name, "() takes ");
    expression_error_add_int(p->lexer.error, least);
    if (most != least) {
        expression_error_add(p->lexer.error, span_of(" to "));
        expression_error_add_int(p->lexer.error, most);
    }
    expression_error_add(p->lexer.error, span_of(most == 1 ? " argument" : " arguments"));
    return expression_error_at(p->lexer.error, node->place);
}

/* The arguments of a function, with what stands before its dot as the first. */
static enum expression_err parse_arguments(struct parser *p, struct node *node, struct node *target)
{
    struct node *first = NULL;
    enum expression_err err = parser_advance(p);

    if (err == EXPRESSION_OK) {
        err = parser_items(p, node, ')', &first);
    }
    if (err == EXPRESSION_OK && target != NULL) {
        target->next = first;
        node->first = target;
        node->count++;
    }
    return err == EXPRESSION_OK ? deepen(p, node, target) : err;
}

/* The name of a macro's variable and the comma behind it. */
static enum expression_err parse_variable(struct parser *p, struct variable *ret_variable)
{
    static const char text[] = "a macro begins with the name of its variable, as in all(x, x > 0)";
    enum expression_err err = parser_advance(p);

    if (err != EXPRESSION_OK) {
        return err;
    }
    if (p->token.kind != TOKEN_NAME || expression_is_reserved(p->token.text)) {
        return parser_fail(p, text);
    }
    ret_variable->name = p->token.text;
    err = parser_advance(p);
    return err == EXPRESSION_OK ? parser_expect(p, ',', text) : err;
}

/* (x, condition), or of map() also (x, condition, value). */
static enum expression_err parse_macro(struct parser *p, struct node *node, struct node *target)
{
    struct variable variable = {.outer = p->variables};
    struct node *second = NULL;
    struct node *third = NULL;
    enum expression_err err = parse_variable(p, &variable);

    p->makes_new = true;
    p->variables = &variable;
    if (err == EXPRESSION_OK) {
        err = parser_expr(p, &second);
    }
    if (err == EXPRESSION_OK && node->macro == MACRO_MAP && parser_is_sign(p, ',')) {
        err = parser_advance(p);
        if (err == EXPRESSION_OK) {
            err = parser_expr(p, &third);
        }
    }
    p->variables = variable.outer;
    if (err == EXPRESSION_OK && node->macro != MACRO_MAP && parser_is_sign(p, ',')) {
        return parser_fail_at(p, p->token.place, EXPRESSION_EUNSUPPORTED,
                              "macros with two variables are left out");
    }
    if (err == EXPRESSION_OK) {
        err = parser_expect(p, ')', "a ) must stand here: the macro has its arguments");
    }
    if (err != EXPRESSION_OK) {
        return err;
    }
    node->first = target;
    node->second = second;
    node->third = third;
    node->depth = parser_deeper(1 + second->depth, third == NULL ? 1 : 1 + third->depth);
    return deepen(p, node, target);
}

enum expression_err parser_call(struct parser *p, struct token name, struct node *target,
                                struct node **ret)
{
    struct callee callee;
    struct node *node;
    enum expression_err err = functions_find(name.text, target != NULL, &callee, p->lexer.error);

    if (err != EXPRESSION_OK) {
        return expression_error_at(p->lexer.error, name.place);
    }
    err = parser_make(p, callee.kind, name.place, NULL, NULL, &node);
    if (err != EXPRESSION_OK) {
        return err;
    }
    *ret = node;
    if (callee.kind == NODE_MACRO) {
        node->macro = callee.macro;
        return parse_macro(p, node, target);
    }
    node->function = callee.function;
    err = parse_arguments(p, node, target);
    if (err != EXPRESSION_OK) {
        return err;
    }
    if (callee.kind != NODE_CALL) {
        return finish_builtin(p, node);
    }
    p->makes_new = true;
    return node->count < node->function->least || node->count > node->function->most
               ? fail_count(p, node, target != NULL)
               : EXPRESSION_OK;
}
