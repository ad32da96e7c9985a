/* references: which names and members an expression uses, without evaluating it. */
#include "schemas/expression/references.h"

#include "schemas/expression/conversions.h"
#include "schemas/expression/lexer.h"
#include "schemas/vocab/fault.h"

struct walk {
    expression_visit *visit;
    void *context;
};

struct use {
    bool is_tested;
    bool is_sized;
};

static void walk_node(const struct walk *walk, const struct node *node, struct use use);

static bool is_static_index(const struct node *index)
{
    return index->kind == NODE_LITERAL &&
           (index->literal.kind == VALUE_STRING || index->literal.kind == VALUE_INT);
}

static struct expression_step step_of(const struct node *node)
{
    struct expression_step step = {.line = node->place.line, .column = node->place.column};

    if (node->kind == NODE_MEMBER) {
        step.name = node->name;
    } else if (node->second->literal.kind == VALUE_STRING) {
        step.name = value_text(&node->second->literal);
    } else {
        step.index = node->second->literal.integer;
    }
    return step;
}

uint32_t reference_chain(const struct node *node, const struct node **ret_chain,
                         const struct node **ret_root)
{
    uint32_t nr = 0;

    for (; node->kind == NODE_MEMBER || node->kind == NODE_INDEX; node = node->first) {
        ret_chain[nr++] = node;
    }
    for (uint32_t i = 0; i < nr / 2; i++) {
        const struct node *swap = ret_chain[i];

        ret_chain[i] = ret_chain[nr - 1 - i];
        ret_chain[nr - 1 - i] = swap;
    }
    *ret_root = node;
    return nr;
}

void reference_fill(const struct node *root, const struct node *const *chain, uint32_t count,
                    struct expression_step *steps, struct expression_reference *ret_reference)
{
    struct expression_reference reference = {.root = root->name,
                                             .steps = steps,
                                             .line = root->place.line,
                                             .column = root->place.column,
                                             .offset_column = root->place.offset_column};
    struct value type;

    while (reference.step_count < count && reference.step_count < REFERENCE_STEPS_MAX) {
        const struct node *node = chain[reference.step_count];

        if (node->kind == NODE_INDEX && !is_static_index(node->second)) {
            break;
        }
        steps[reference.step_count++] = step_of(node);
    }
    reference.is_cut = reference.step_count < count;
    reference.is_type = count == 0 && conversions_type(root->name, &type);
    *ret_reference = reference;
}

static void visit_chain(const struct walk *walk, const struct node *root,
                        const struct node *const *chain, uint32_t nr, struct use use)
{
    struct expression_step steps[REFERENCE_STEPS_MAX];
    struct expression_reference reference;

    reference_fill(root, chain, nr, steps, &reference);
    reference.is_tested = use.is_tested && !reference.is_cut;
    reference.is_sized = use.is_sized && !reference.is_cut;
    walk->visit(walk->context, &reference);
}

static void walk_chain(const struct walk *walk, const struct node *node, struct use use)
{
    const struct node *chain[EXPRESSION_DEPTH_MAX];
    const struct node *root;
    const struct use none = {0};
    uint32_t nr = reference_chain(node, chain, &root);

    if (root->kind == NODE_NAME) {
        visit_chain(walk, root, chain, nr, use);
    } else {
        walk_node(walk, root, none);
    }
    for (uint32_t i = 0; i < nr; i++) {
        if (chain[i]->kind == NODE_INDEX) {
            walk_node(walk, chain[i]->second, none);
        }
    }
}

static void walk_node(const struct walk *walk, const struct node *node, struct use use)
{
    const struct use none = {0};

    switch (node->kind) {
    case NODE_LITERAL:
    case NODE_LOCAL:
        return;
    case NODE_NAME:
    case NODE_MEMBER:
    case NODE_INDEX:
        walk_chain(walk, node, use);
        return;
    case NODE_HAS:
        walk_node(walk, node->first, (struct use){.is_tested = true});
        return;
    case NODE_SIZE:
        walk_node(walk, node->first, (struct use){.is_sized = true});
        return;
    case NODE_LIST:
    case NODE_MAP:
    case NODE_CALL:
        for (const struct node *item = node->first; item != NULL; item = item->next) {
            walk_node(walk, item, none);
        }
        return;
    case NODE_NOT:
    case NODE_NEGATE:
    case NODE_BINARY:
    case NODE_AND:
    case NODE_OR:
    case NODE_CONDITIONAL:
    case NODE_MACRO:
        break;
    }
    walk_node(walk, node->first, none);
    if (node->second != NULL) {
        walk_node(walk, node->second, none);
    }
    if (node->third != NULL) {
        walk_node(walk, node->third, none);
    }
}

void expression_references(const struct expression *expression, expression_visit *visit,
                           void *context)
{
    const struct walk walk = {.visit = visit, .context = context};

    walk_node(&walk, expression->root, (struct use){0});
}

bool expression_is_reference(const struct expression *expression)
{
    const struct node *node = expression->root;

    while (node->kind == NODE_MEMBER ||
           (node->kind == NODE_INDEX && is_static_index(node->second))) {
        node = node->first;
    }
    return node->kind == NODE_NAME;
}

bool expression_is_constant(const struct expression *expression)
{
    return expression->is_constant;
}

struct name_check {
    const char *const *names;
    size_t count;
    struct expression_error *error;
    enum expression_err code;
};

static void check_name(void *context, const struct expression_reference *reference)
{
    struct name_check *check = context;

    for (size_t i = 0; i < check->count; i++) {
        if (span_is(reference->root, check->names[i])) {
            return;
        }
    }
    if (check->code != EXPRESSION_OK || reference->is_type) {
        return;
    }
    const char *nearest = nearest_name(reference->root, check->names, check->count);

    check->code = expression_error_set(check->error, EXPRESSION_ENAME, "unknown name: ", "");
    expression_error_add(check->error, reference->root);
    if (nearest != NULL) {
        expression_error_add(check->error, span_of("; did you mean "));
        expression_error_add(check->error, span_of(nearest));
    }
    (void)expression_error_at(
        check->error, (struct place){reference->line, reference->column, reference->offset_column});
}

enum expression_err expression_check_names(const struct expression *expression,
                                           const char *const *names, size_t count,
                                           struct expression_error *ret_error)
{
    struct name_check check = {.names = names, .count = count, .error = ret_error};

    expression_references(expression, check_name, &check);
    return check.code;
}
