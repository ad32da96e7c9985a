#include "schemas/cluster/templates.h"

#include <assert.h>
#include <string.h>

#include "schemas/cluster/cluster_input.h"
#include "schemas/cluster/fault_text.h"
#include "schemas/cluster/graph.h"
#include "schemas/cluster/references.h"
#include "schemas/cluster/type_check.h"
#include "schemas/expression/template.h"

static struct expression_position position_of(const struct value *string)
{
    return (struct expression_position){string->line, string->column};
}

static void fault_expression(struct gathering *g, const struct expression_error *error)
{
    bool is_placed = error->line > 0;

    if (error->code == EXPRESSION_EMEMORY) {
        g->draft->reader.is_out_of_memory = true;
        return;
    }
    field_fault_at(&g->draft->reader, is_placed ? error->line : g->string->line,
                   is_placed ? error->column : g->string->column, g->place, "", "%s", error->text);
}

/* Compiles a string and looks up its names. Returns NULL after a fault of the text itself. */
static const struct template *check_string(struct gathering *g, struct arena *arena,
                                           const struct value *string,
                                           const struct value_place *place)
{
    const struct template *template;
    struct expression_error error;

    g->string = string;
    g->place = place;
    if (template_compile(value_text(string), position_of(string), arena, &template, &error) !=
        EXPRESSION_OK) {
        fault_expression(g, &error);
        return NULL;
    }
    const struct expression *alone = template_expression(template);
    uint32_t errors = g->draft->reader.faults->error_count;

    g->is_alone = alone != NULL && expression_is_reference(alone);
    template_references(template, gathering_visit, g);
    type_check_patterns(g, template);
    if (g->is_gathered && g->draft->reader.faults->error_count == errors) {
        type_check(g, template);
    }
    return template;
}

static void check_strings(struct gathering *g, const struct value *value,
                          const struct value_place *place)
{
    if (value->kind == VALUE_STRING && template_has_expressions(value_text(value))) {
        (void)check_string(g, g->draft->scratch, value, place); /* its faults are all */
    }
    for (uint32_t i = 0; value->kind == VALUE_LIST && i < value->count; i++) {
        const struct value_place inner = {.up = place, .index = i};

        check_strings(g, &value->items[i], &inner);
    }
    for (uint32_t i = 0; value->kind == VALUE_MAP && i < value->count; i++) {
        const struct value_place inner = {.up = place, .key = value_text(&value->members[i].key)};

        if (template_has_expressions(inner.key)) {
            field_fault(&g->draft->reader, &value->members[i].key, place,
                        "write the key plainly and put what varies into its value",
                        "the key %q holds an expression, but keys are not evaluated", inner.key);
        }
        check_strings(g, &value->members[i].value, &inner);
    }
}

/* The strings are compiled twice: here alone, for names with exact places, then as one. */
static const struct value_template *check_value(struct gathering *g, const struct value *value,
                                                const struct value_place *place)
{
    struct field_reader *r = &g->draft->reader;
    const struct value_template *template = NULL;
    struct fault_text path = {.used = 0};
    uint32_t errors = r->faults->error_count;

    g->is_gathered = true;
    check_strings(g, value, place);
    if (r->faults->error_count != errors || r->is_out_of_memory) {
        return NULL;
    }
    fault_text_add_place(&path, place);
    if (value_template_compile(value, path.bytes, r->arena, &template, r->faults) ==
        EXPRESSION_EMEMORY) {
        r->is_out_of_memory = true;
    }
    return template;
}

/* What an expression must be that is a whole string, such as when: ${{ input.top > 3 }}. */
struct whole {
    enum value_kind kind;
    const char *example;
    const char *hint; /* when it is of another kind */
};

static const struct whole whole_condition = {
    VALUE_BOOL, "${{ CONDITION }}, true or false",
    "compare it, as in ${{ input.top > 3 }} or ${{ input.name != \"\" }}"};
static const struct whole whole_map = {VALUE_MAP, "${{ MAP }}, or a map of the inputs",
                                       "name a map, as in ${{ item }}"};
static const struct whole whole_list = {VALUE_LIST, "${{ LIST }}",
                                        "name a list, as in ${{ input.files }}"};

/* *ret_type is that of the result; any after a fault. */
static const struct expression *check_alone(struct gathering *g, const struct value *value,
                                            const struct value_place *place,
                                            const struct whole *whole,
                                            struct expression_type *ret_type)
{
    struct field_reader *r = &g->draft->reader;
    struct fault_text hint = {.used = 0};
    uint32_t errors = r->faults->error_count;

    *ret_type = expression_type_any();
    g->is_gathered = false;
    if (value->kind == VALUE_STRING && template_has_expressions(value_text(value))) {
        const struct template *template = check_string(g, r->arena, value, place);

        const struct expression *alone = template == NULL ? NULL : template_expression(template);

        if (alone != NULL && r->faults->error_count == errors) {
            *ret_type = type_check_whole(g, alone, whole->kind, whole->hint);
        }
        if (template == NULL || alone != NULL) {
            return alone;
        }
    }
    fault_text_add(&hint, "write %s", whole->example);
    field_fault(r, value, place, hint.bytes, "%q takes one expression and nothing around it",
                field_place_name(place));
    return NULL;
}

static const struct expression *check_when(struct gathering *g, const struct value *value,
                                           const struct value_place *place)
{
    const struct expression *constant = NULL;
    struct expression_error error;

    if (value->kind != VALUE_BOOL) {
        struct expression_type type; /* a bool, which says nothing more */

        return check_alone(g, value, place, &whole_condition, &type);
    }
    g->string = value;
    g->place = place;
    if (expression_compile(span_of(value->boolean ? "true" : "false"), position_of(value),
                           g->draft->reader.arena, &constant, &error) != EXPRESSION_OK) {
        fault_expression(g, &error);
    }
    return constant;
}

static bool is_named(struct span word, const char *const *names, size_t count)
{
    const char *text = word.data;
    size_t begin = word.bytes;

    while (begin > 0 && text[begin - 1] != '/') {
        begin--;
    }
    for (size_t i = 0; i < count; i++) {
        if (span_is((struct span){text + begin, word.bytes - begin}, names[i])) {
            return true;
        }
    }
    return false;
}

static bool is_option(struct span word, char letter)
{
    const char *text = word.data;

    return word.bytes >= 2 && text[0] == '-' && text[1] != '-' &&
           memchr(text, letter, word.bytes) != NULL;
}

/* The argument that a shell runs as a script: what follows -c, -ec ...; NULL when there is none. */
static const struct value *find_script(const struct value *command, uint32_t *ret_index)
{
    static const char *const shells[] = {"sh", "bash", "dash", "ash", "ksh", "zsh"};
    static const char *const wrappers[] = {"busybox", "env"};
    uint32_t at = 0;

    if (is_named(value_text(&command->items[0]), wrappers, 2)) {
        at = 1;
    }
    if (at >= command->count || !is_named(value_text(&command->items[at]), shells, 6)) {
        return NULL;
    }
    while (at + 2 < command->count) {
        struct span option = value_text(&command->items[++at]);

        if (is_option(option, 'c')) {
            *ret_index = at + 1;
            return &command->items[at + 1];
        }
        at += is_option(option, 'o') ? 1 : 0; /* -o pipefail */
        if (option.bytes == 0 || *(const char *)option.data != '-') {
            return NULL; /* a script's file */
        }
    }
    return NULL;
}

static void warn_of_script(struct gathering *g, const struct value *command,
                           const struct value_place *place)
{
    uint32_t index = 0;
    const struct value *script = find_script(command, &index);

    if (script == NULL || !template_has_expressions(value_text(script))) {
        return;
    }
    struct fault_text path = {.used = 0};
    const struct value_place inner = {.up = place, .index = index};

    fault_text_add_place(&path, &inner);
    fault_add(g->draft->reader.faults,
              &(struct fault){
                  .is_warning = true,
                  .line = script->line,
                  .column = script->column,
                  .path = path.bytes,
                  .text = "the value of ${{ }} becomes part of a shell script and may run as one",
                  .hint = "hand it over in `env` and write \"$NAME\" in the script"});
}

/* What a worker evaluates; the item has its name there. */
static void check_work(struct gathering *g, struct satellite *satellite,
                       const struct value_place *step)
{
    struct satellite_work *work = &satellite->work;
    const struct value_place command = {.up = step, .key = span_of("command")};
    const struct value_place input = {.up = step, .key = span_of("input")};
    const struct value_place env = {.up = step, .key = span_of("env")};

    g->map = satellite->index;
    if (work->command != NULL) {
        work->command_template = check_value(g, work->command, &command);
        warn_of_script(g, work->command, &command);
    }
    work->input_template = check_value(g, work->input, &input);
    work->env_template = check_value(g, work->env, &env);
    if (satellite->batch.key_source != NULL && satellite->batch.key_source->kind == VALUE_STRING) {
        const struct value_place batch = {.up = step, .key = span_of("batch")};
        const struct value_place key = {.up = &batch, .key = span_of("key")};

        satellite->batch.key = check_value(g, satellite->batch.key_source, &key);
    }
}

static void check_arguments(struct gathering *g, const struct satellite *satellite,
                            const struct value_place *place)
{
    const struct input_declaration declared = satellite_inputs(satellite);
    const struct value *given = satellite->work.input;

    for (uint32_t i = 0; given->kind == VALUE_MAP && i < given->count; i++) {
        const struct value_place inner = {.up = place, .key = value_text(&given->members[i].key)};
        const struct cluster_input *input = input_find(&declared, inner.key);
        const struct value *value = &given->members[i].value;

        if (input == NULL || value->kind != VALUE_STRING ||
            !template_has_expressions(value_text(value))) {
            continue;
        }
        const struct template *template =
            check_string(g, g->draft->scratch, value, &inner); /* without faults by now */

        if (template != NULL) {
            type_check_argument(g, template_expression(template), input);
        }
    }
}

/* What a run of a closed group is given: a map of templates, or one expression that gives a map.
 * The scheduler evaluates it; the item has its name there. */
static void check_closed_input(struct gathering *g, struct satellite *satellite,
                               const struct value_place *step)
{
    const struct value_place place = {.up = step, .key = span_of("input")};
    const struct value *given = satellite->work.input;
    uint32_t errors = g->draft->reader.faults->error_count;

    if (given->kind != VALUE_MAP && given->kind != VALUE_STRING) {
        return; /* told */
    }
    g->map = satellite->index;
    if (given->kind == VALUE_STRING) {
        struct expression_type type; /* a map, which says nothing more */

        (void)check_alone(g, given, &place, &whole_map, &type); /* for its faults */
    }
    if (g->draft->reader.faults->error_count == errors) {
        satellite->work.input_template = check_value(g, given, &place);
    }
    if (g->draft->reader.faults->error_count == errors) {
        check_arguments(g, satellite, &place);
    }
    g->map = SATELLITE_NONE;
}

/* An object of the satellites of the scope that none in it needs, by name. */
static const struct value *default_output(struct cluster_draft *draft, uint32_t scope)
{
    uint32_t first;
    uint32_t count = graph_scope(&draft->cluster, scope, &first);
    struct value *output = field_alloc(&draft->reader, 1, sizeof(*output));
    struct value_member *members = field_alloc(&draft->reader, count, sizeof(*members));
    uint32_t count_kept = 0;

    for (uint32_t i = first; output != NULL && members != NULL && i < first + count; i++) {
        struct fault_text text = {.used = 0};

        if (!graph_is_last(&draft->cluster, &draft->satellites[i]) ||
            draft->satellites[i].name.bytes == 0) {
            continue;
        }
        fault_text_add(&text, "${{ satellites.%s.output }}", draft->names[i]);
        struct span kept = field_copy(&draft->reader, (struct span){text.bytes, text.used});

        members[count_kept++] = (struct value_member){
            .key = value_string(draft->satellites[i].name),
            .value = value_string(kept),
        };
    }
    if (output != NULL) {
        *output = (struct value){.kind = VALUE_MAP, .count = count_kept, .members = members};
    }
    return output;
}

/* The output of a group, or of the cluster: as written, or the default. NULL after a fault. */
static const struct value_template *check_output(struct gathering *g, uint32_t scope,
                                                 const struct value *source,
                                                 const struct value_place *up)
{
    const struct value_place place = {.up = up, .key = span_of("output")};

    gathering_begin_output(g, scope);
    if (source == NULL) {
        source = default_output(g->draft, scope);
    }
    return source == NULL ? NULL : check_value(g, source, &place);
}

static void check_one(struct gathering *g, uint32_t index)
{
    struct satellite *satellite = &g->draft->satellites[index];
    const struct value_place *step = &g->draft->notes[index].place;
    const struct value_place when = {.up = step, .key = span_of("when")};
    const struct value_place each = {.up = step, .key = span_of("for_each")};

    gathering_begin(g, index);
    if (satellite->when_source != NULL) {
        satellite->when = check_when(g, satellite->when_source, &when);
    }
    if (satellite->for_each_source != NULL) {
        satellite->for_each =
            check_alone(g, satellite->for_each_source, &each, &whole_list, &g->each_types[index]);
    }
    if (satellite->kind == SATELLITE_CONTAINER) {
        check_work(g, satellite, step);
    } else if (satellite->kind == SATELLITE_GROUP) {
        if (satellite->is_closed) {
            check_closed_input(g, satellite, step);
        }
        satellite->output = check_output(g, index, satellite->output_source, step);
    }
    satellite->references = gathering_keep(g);
    satellite->reference_count = g->count;
}

static void check_cluster_output(struct gathering *g)
{
    struct cluster *cluster = &g->draft->cluster;
    const struct value_place root = {.key = span_of("cluster")};

    cluster->output = check_output(g, SATELLITE_NONE, cluster->output_source, &root);
    cluster->output_references = gathering_keep(g);
    cluster->output_reference_count = g->count;
}

/* The text of a key, computed when an execution is admitted. */
static void check_key(struct gathering *g, struct cluster_key *key, const char *name)
{
    const struct value_place root = {.key = span_of("cluster")};
    const struct value_place up = {.up = &root, .key = span_of(name)};
    const struct value_place place = {.up = &up, .key = span_of("key")};

    if (key->source == NULL || key->source->kind != VALUE_STRING) {
        return;
    }
    gathering_begin_output(g, SATELLITE_NONE);
    g->is_admission = true;
    key->key = check_value(g, key->source, &place);
    g->is_admission = false;
}

void templates_compile(struct cluster_draft *draft)
{
    struct upstream upstream = {.draft = draft};
    struct gathering g;

    if (!gathering_init(&g, draft, &upstream)) {
        return;
    }
    for (uint32_t i = 0; i < draft->cluster.satellite_count; i++) {
        check_one(&g, i);
    }
    check_cluster_output(&g);
    check_key(&g, &draft->cluster.concurrency, "concurrency");
    check_key(&g, &draft->cluster.rate, "rate");
    upstream_answer(&upstream);
}
