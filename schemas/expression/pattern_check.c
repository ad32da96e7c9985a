/* pattern_check: the regular expressions that stand in an expression, compiled before it is ever
 * evaluated. */
#include "schemas/expression/functions.h"
#include "schemas/expression/lexer.h"
#include "schemas/expression/string_functions.h"

enum { PATTERN_COST = 20, PATTERN_INSTRUCTIONS_MAX = REGEX_BYTES_MAX / 64 };

struct pattern_walk {
    uint64_t *cost_left;
    struct expression_error *error;
};

/* A pattern that is too large has cost as much as the largest. */
static enum expression_err check_pattern(const struct pattern_walk *walk, struct span pattern)
{
    struct patterns patterns = {.next = 0};
    const struct regex *regex = NULL;
    enum expression_err err = patterns_make(&patterns, pattern, &regex, walk->error);
    uint64_t cost = PATTERN_COST + (regex != NULL              ? regex_size(regex)
                                    : err == EXPRESSION_ELIMIT ? PATTERN_INSTRUCTIONS_MAX
                                                               : 0);

    patterns_release(&patterns);
    if (err == EXPRESSION_EVALUE) {
        walk->error->code = EXPRESSION_ESYNTAX;
        return EXPRESSION_ESYNTAX;
    }
    if (err == EXPRESSION_OK && cost > *walk->cost_left) {
        err = expression_error_set(walk->error, EXPRESSION_ELIMIT,
                                   "the patterns cost more together than the limit of what is "
                                   "checked; use fewer or smaller ones",
                                   "");
    }
    *walk->cost_left -= cost < *walk->cost_left ? cost : *walk->cost_left;
    return err;
}

static enum expression_err check(const struct pattern_walk *walk, const struct node *node);

static enum expression_err check_call(const struct pattern_walk *walk, const struct node *node)
{
    const struct node *pattern = node->first->next;

    if (node->kind != NODE_CALL || node->function->apply != string_matches ||
        pattern->kind != NODE_LITERAL || pattern->literal.kind != VALUE_STRING) {
        return EXPRESSION_OK;
    }
    return check_pattern(walk, value_text(&pattern->literal)) == EXPRESSION_OK
               ? EXPRESSION_OK
               : expression_error_at(walk->error, pattern->place);
}

static enum expression_err check_all(const struct pattern_walk *walk, const struct node *item)
{
    enum expression_err err = EXPRESSION_OK;

    for (; item != NULL && err == EXPRESSION_OK; item = item->next) {
        err = check(walk, item);
    }
    return err;
}

static enum expression_err check(const struct pattern_walk *walk, const struct node *node)
{
    enum expression_err err = EXPRESSION_OK;

    if (node->kind == NODE_LIST || node->kind == NODE_MAP || node->kind == NODE_CALL) {
        err = check_all(walk, node->first);
        return err == EXPRESSION_OK && node->first != NULL ? check_call(walk, node) : err;
    }
    if (node->first != NULL) {
        err = check(walk, node->first);
    }
    if (err == EXPRESSION_OK && node->second != NULL) {
        err = check(walk, node->second);
    }
    return err == EXPRESSION_OK && node->third != NULL ? check(walk, node->third) : err;
}

/* NOLINTBEGIN(readability-non-const-parameter): walk counts it down */
enum expression_err expression_check_patterns(const struct expression *expression,
                                              uint64_t *cost_left,
                                              struct expression_error *ret_error)
{
    const struct pattern_walk walk = {.cost_left = cost_left, .error = ret_error};

    return check(&walk, expression->root);
}
/* NOLINTEND(readability-non-const-parameter) */
