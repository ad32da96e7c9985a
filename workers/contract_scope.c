#include "workers/contract_scope.h"

#include <assert.h>
#include <string.h>

#include "schemas/json/json_read.h"
#include "schemas/vocab/limits.h"

/* What a lazy object points to: a context, or the names that begin so ("satellites.list"). */
struct seen {
    struct contract_scope *scope;
    const struct wire_context *context;
    struct span path;
};

static enum expression_err no_memory(struct expression_error *error)
{
    return expression_error_set(error, EXPRESSION_EMEMORY, "the values of the attempt need too ",
                                "much memory");
}

static enum expression_err parse(struct contract_scope *scope, struct span json,
                                 struct value *ret_value, struct expression_error *error)
{
    static const struct json_limits limits = {.depth_max = JSON_DEPTH_MOST, .borrows_text = true};
    struct json_error json_error;

    if (json.bytes == 0) {
        *ret_value = value_null();
        return EXPRESSION_OK;
    }
    switch (json_read(json, &limits, scope->arena, ret_value, &json_error)) {
    case JSON_OK:
        return EXPRESSION_OK;
    case JSON_EMEMORY:
        return no_memory(error);
    case JSON_ESYNTAX:
    case JSON_ELIMIT:
        break;
    }
    return expression_error_set(error, EXPRESSION_EFAILED,
                                "a value it was given is no JSON: ", json_error.text);
}

static struct contract_want *want_find(struct contract_scope *scope,
                                       const struct wire_context *context, uint32_t index)
{
    for (uint32_t i = 0; i < scope->want_count; i++) {
        if (scope->wants[i].context == context && scope->wants[i].index == index) {
            return &scope->wants[i];
        }
    }
    return NULL;
}

/* The fetched value, or a note that it must be fetched. */
static enum expression_err want(struct contract_scope *scope, const struct wire_context *context,
                                uint32_t index, struct value *ret_value,
                                struct expression_error *error)
{
    struct contract_want *found = want_find(scope, context, index);

    if (found == NULL) {
        if (scope->want_count == CONTRACT_WANTS_MAX) {
            return expression_error_set(error, EXPRESSION_ELIMIT,
                                        "more than 64 values by reference are looked into; pass "
                                        "them on whole",
                                        "");
        }
        found = &scope->wants[scope->want_count++];
        *found = (struct contract_want){.context = context, .index = index};
    }
    if (found->is_failed) {
        return expression_error_set(error, EXPRESSION_EFAILED, found->error, "");
    }
    if (!found->is_fetched) {
        return expression_error_set(error, EXPRESSION_EPENDING, "a value is being fetched", "");
    }
    *ret_value = found->value;
    return EXPRESSION_OK;
}

static enum expression_err load_whole(const struct expression_object *self, struct arena *arena,
                                      struct value *ret_value, struct expression_error *error)
{
    const struct seen *seen = self->data;

    (void)arena; /* the value is the scope's: it may be asked for again */
    if (seen->context->kind == CONTEXT_BLOB && seen->context->bytes > LIMIT_LIST_LOAD_BYTES) {
        return expression_error_set(error, EXPRESSION_ELIMIT,
                                    "a value above 1 MiB can be passed on but not looked into", "");
    }
    return want(seen->scope, seen->context, CONTRACT_WHOLE, ret_value, error);
}

static enum expression_err list_size(const struct expression_object *self, int64_t *ret_size,
                                     struct expression_error *error)
{
    const struct seen *seen = self->data;

    (void)error;
    *ret_size = seen->context->count;
    return EXPRESSION_OK;
}

static enum expression_err item_load(const struct expression_object *self, struct arena *arena,
                                     struct value *ret_value, struct expression_error *error)
{
    const struct seen *seen = self->data;

    (void)arena;
    return want(seen->scope, seen->context, (uint32_t)self->a, ret_value, error);
}

static const struct expression_object_type item_type = {.load = item_load};

static enum expression_err list_index(const struct expression_object *self, int64_t index,
                                      struct expression_object *ret_object,
                                      struct expression_error *error)
{
    const struct seen *seen = self->data;

    if (index < 0 || index >= (int64_t)seen->context->count) {
        return expression_error_set(error, EXPRESSION_EMISSING, "no such index in the list", "");
    }
    *ret_object =
        (struct expression_object){.type = &item_type, .data = seen, .a = (uint64_t)index};
    return EXPRESSION_OK;
}

static const struct expression_object_type blob_type = {.load = load_whole};
static const struct expression_object_type list_type = {
    .index = list_index, .size = list_size, .load = load_whole};

static enum expression_err path_load(const struct expression_object *self, struct arena *arena,
                                     struct value *ret_value, struct expression_error *error)
{
    (void)self;
    (void)arena;
    (void)ret_value;
    return expression_error_set(error, EXPRESSION_ETYPE,
                                "name a part, such as satellites.NAME.output", "");
}

static enum expression_err path_member(const struct expression_object *self, struct span name,
                                       struct expression_object *ret_object,
                                       struct expression_error *error);

static const struct expression_object_type path_type = {.member = path_member, .load = path_load};

static bool path_begins(struct span path, struct span with)
{
    return path.bytes > with.bytes && memcmp(path.data, with.data, with.bytes) == 0 &&
           ((const char *)path.data)[with.bytes] == '.';
}

static enum expression_err context_object(struct seen *seen, struct expression_object *ret_object,
                                          struct expression_error *error)
{
    *ret_object = (struct expression_object){.data = seen};
    switch (seen->context->kind) {
    case CONTEXT_BLOB:
        ret_object->type = &blob_type;
        return EXPRESSION_OK;
    case CONTEXT_LIST:
        ret_object->type = &list_type;
        return EXPRESSION_OK;
    case CONTEXT_JSON:
        break;
    }
    return parse(seen->scope, seen->context->json, &ret_object->value, error);
}

/* The object of a path: a context, or what stands before one. The path is copied by nobody: it
 * must live in the arena or in the spec. */
static enum expression_err path_object(struct contract_scope *scope, struct span path,
                                       struct expression_object *ret_object,
                                       struct expression_error *error)
{
    struct seen *seen = arena_alloc(scope->arena, sizeof(*seen));
    bool is_prefix = false;

    if (seen == NULL) {
        return no_memory(error);
    }
    *seen = (struct seen){.scope = scope, .path = path};
    for (uint32_t i = 0; i < scope->spec->context_count; i++) {
        const struct wire_context *context = &scope->spec->contexts[i];

        if (span_equal(context->path, path)) {
            seen->context = context;
            return context_object(seen, ret_object, error);
        }
        is_prefix = is_prefix || path_begins(context->path, path);
    }
    if (!is_prefix) {
        return EXPRESSION_EMISSING;
    }
    *ret_object = (struct expression_object){.type = &path_type, .data = seen};
    return EXPRESSION_OK;
}

static enum expression_err path_member(const struct expression_object *self, struct span name,
                                       struct expression_object *ret_object,
                                       struct expression_error *error)
{
    const struct seen *seen = self->data;
    struct arena *arena = seen->scope->arena;
    char *text = arena_alloc(arena, seen->path.bytes + 1 + name.bytes);

    if (text == NULL) {
        return no_memory(error);
    }
    memcpy(text, seen->path.data, seen->path.bytes);
    text[seen->path.bytes] = '.';
    if (name.bytes > 0) {
        memcpy(text + seen->path.bytes + 1, name.data, name.bytes);
    }
    struct span path = {text, seen->path.bytes + 1 + name.bytes};
    enum expression_err err = path_object(seen->scope, path, ret_object, error);

    if (err == EXPRESSION_EMISSING) {
        return expression_error_set(error, EXPRESSION_EMISSING, "the task was not given this value",
                                    "");
    }
    return err;
}

static enum expression_err execution_object(struct contract_scope *scope,
                                            struct expression_object *ret_object,
                                            struct expression_error *error)
{
    const struct wire_spec *spec = scope->spec;
    char *id = arena_alloc(scope->arena, EXECUTION_ID_TEXT_BYTES + 1);
    struct value_member *labels = arena_alloc(scope->arena, spec->label_count * sizeof(*labels));
    struct value_member *members = arena_alloc(scope->arena, 3 * sizeof(*members));

    if (id == NULL || labels == NULL || members == NULL) {
        return no_memory(error);
    }
    execution_id_format(&spec->execution, id);
    for (uint32_t i = 0; i < spec->label_count; i++) {
        labels[i].key = value_string(spec->labels[i].key);
        labels[i].value = value_string(spec->labels[i].value);
    }
    members[0].key = value_string(span_of("id"));
    members[0].value = value_string(span_of(id));
    members[1].key = value_string(span_of("time"));
    members[1].value = value_timestamp_ms(spec->execution_time_ms);
    members[2].key = value_string(span_of("labels"));
    members[2].value =
        (struct value){.kind = VALUE_MAP, .count = spec->label_count, .members = labels};
    *ret_object =
        expression_object_value((struct value){.kind = VALUE_MAP, .count = 3, .members = members});
    return EXPRESSION_OK;
}

static enum expression_err lookup(void *context, struct span name,
                                  struct expression_object *ret_object,
                                  struct expression_error *error)
{
    struct contract_scope *scope = context;

    if (span_is(name, "execution")) {
        return execution_object(scope, ret_object, error);
    }
    if (scope->has_item && span_is(name, "index")) {
        *ret_object = expression_object_value(value_int(scope->index));
        return EXPRESSION_OK;
    }
    if (scope->has_item && span_equal(name, scope->spec->item_name)) {
        *ret_object = expression_object_value(scope->item);
        return EXPRESSION_OK;
    }
    enum expression_err err = path_object(scope, name, ret_object, error);

    return err == EXPRESSION_EMISSING ? EXPRESSION_ENAME : err;
}

int contract_scope_init(struct contract_scope *scope, const struct wire_spec *spec, uint32_t index,
                        struct span item, struct arena *arena)
{
    scope->spec = spec;
    scope->arena = arena;
    scope->index = index;
    scope->has_item = spec->is_map;
    scope->item = value_null();
    scope->want_count = 0;
    if (spec->is_map && parse(scope, item, &scope->item, NULL) != EXPRESSION_OK) {
        return -1;
    }
    return 0;
}

struct expression_scope contract_scope_names(struct contract_scope *scope)
{
    return (struct expression_scope){.lookup = lookup, .context = scope};
}

void contract_scope_fetched(struct contract_scope *scope, struct contract_want *found,
                            struct span json)
{
    struct expression_error error = {.text = ""};

    if (parse(scope, json, &found->value, &error) == EXPRESSION_OK) {
        found->is_fetched = true;
    } else {
        contract_scope_failed(scope, found, error.text);
    }
}

void contract_scope_failed(struct contract_scope *scope, struct contract_want *found,
                           const char *reason)
{
    struct span copy = arena_copy(scope->arena, span_of(reason));

    found->is_failed = true;
    found->error = copy.data == NULL ? "a value could not be fetched" : copy.data;
}

const struct wire_context *contract_scope_context(const struct expression_object *object,
                                                  uint32_t *ret_index)
{
    const struct seen *seen = object->data;

    assert(object->type != NULL);
    *ret_index = object->type == &item_type ? (uint32_t)object->a : CONTRACT_WHOLE;
    return seen->context;
}
