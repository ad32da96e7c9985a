#include "workers/contract.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"
#include "schemas/vocab/limits.h"

/* The environment every attempt gets, beside its own (interfaces.md 3); satellite_parse refuses
 * these names in env. */
enum { OWN_ENV_NR = 5, PATH_BYTES = 96 };

static void copy(struct contract *contract, struct span *span, bool *is_full)
{
    if (span->bytes > 0) {
        *span = arena_copy(&contract->arena, *span);
        *is_full = *is_full || span->data == NULL;
    }
}

static bool contexts_copy(struct contract *contract, const struct wire_spec *source)
{
    bool is_full = false;
    struct wire_context *contexts =
        arena_alloc(&contract->arena, source->context_count * sizeof(*contexts));
    struct wire_pair *labels = arena_alloc(&contract->arena, source->label_count * sizeof(*labels));

    if (contexts == NULL || labels == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < source->context_count; i++) {
        contexts[i] = source->contexts[i];
        copy(contract, &contexts[i].path, &is_full);
        copy(contract, &contexts[i].json, &is_full);
    }
    for (uint32_t i = 0; i < source->label_count; i++) {
        labels[i] = source->labels[i];
        copy(contract, &labels[i].key, &is_full);
        copy(contract, &labels[i].value, &is_full);
    }
    contract->spec.contexts = contexts;
    contract->spec.labels = labels;
    return !is_full;
}

static bool spec_copy(struct contract *contract, const struct wire_spec *source)
{
    struct wire_spec *spec = &contract->spec;
    bool is_full = false;

    *spec = *source;
    copy(contract, &spec->project, &is_full);
    copy(contract, &spec->cluster, &is_full);
    copy(contract, &spec->satellite, &is_full);
    copy(contract, &spec->image, &is_full);
    copy(contract, &spec->image_digest, &is_full);
    copy(contract, &spec->definition, &is_full);
    copy(contract, &spec->traceparent, &is_full);
    copy(contract, &spec->item_name, &is_full);
    return !is_full && contexts_copy(contract, source);
}

void contract_faults_describe(const struct fault_list *faults, const char *code, char *ret_error)
{
    size_t at = (size_t)snprintf(ret_error, CONTRACT_ERROR_BYTES, "%s:", code);

    for (const struct fault *f = faults->first; f != NULL && at < CONTRACT_ERROR_BYTES / 2;
         f = f->next) {
        if (f->is_warning) {
            continue;
        }
        int bytes = snprintf(ret_error + at, CONTRACT_ERROR_BYTES - at, "%s %s: %s%s%s",
                             f == faults->first ? "" : ";", f->path, f->text,
                             f->hint[0] == '\0' ? "" : "; ", f->hint);

        at += bytes < 0 ? 0 : (size_t)bytes;
    }
}

static int definition_compile(struct contract *contract, char *ret_error)
{
    static const struct json_limits limits = {.depth_max = JSON_DEPTH_MOST, .borrows_text = true};
    struct value *source = arena_alloc(&contract->arena, sizeof(*source));
    struct json_error json_error = {.text = "too much memory"};
    struct fault_list faults;

    if (source == NULL || json_read(contract->spec.definition, &limits, &contract->arena, source,
                                    &json_error) != JSON_OK) {
        (void)snprintf(ret_error, CONTRACT_ERROR_BYTES,
                       "DEFINITION: the satellite's definition cannot be read: %s",
                       json_error.text);
        return -1;
    }
    fault_list_init(&faults, &contract->arena, 5);
    if (satellite_parse(source, &contract->arena, &contract->work, &faults) != 0) {
        contract_faults_describe(&faults, "DEFINITION", ret_error);
        return -1;
    }
    return 0;
}

/* Evaluation. */

static void expression_describe(const char *where, const struct expression_error *error,
                                char *ret_error)
{
    (void)snprintf(ret_error, CONTRACT_ERROR_BYTES,
                   "EXPRESSION: in the satellite's %s, column %u: %s", where, error->offset_column,
                   error->text);
}

static enum contract_result result_of(enum expression_err err, const char *where,
                                      const struct expression_error *error, char *ret_error)
{
    if (err == EXPRESSION_OK) {
        return CONTRACT_OK;
    }
    if (err == EXPRESSION_EPENDING) {
        return CONTRACT_PENDING;
    }
    expression_describe(where, error, ret_error);
    return CONTRACT_REFUSED;
}

static const char *text_of(const struct value *value, struct arena *arena)
{
    struct heap_budget budget = {.limit_bytes = CONTRACT_MEMORY_BYTES};
    struct buffer buffer;
    struct span text;

    if (value->kind == VALUE_STRING) {
        return arena_copy(arena, value_text(value)).data;
    }
    buffer_init(&buffer, allocator_heap(&budget), 0);
    json_write(&buffer, value);
    text = buffer.is_failed ? (struct span){NULL, 0} : arena_copy(arena, buffer_span(&buffer));
    buffer_release(&buffer);
    return text.data;
}

/* The kernel ends an argument or variable at its first NUL: what follows would be lost silently. */
static bool has_nul(const struct value *value)
{
    return value->kind == VALUE_STRING && value->count > 0 &&
           memchr(value->text, '\0', value->count) != NULL;
}

static enum contract_result refuse(char *ret_error, const char *text)
{
    (void)snprintf(ret_error, CONTRACT_ERROR_BYTES, "%s", text);
    return CONTRACT_REFUSED;
}

static enum contract_result args_make(const struct satellite_work *work,
                                      const struct expression_scope *names, struct arena *arena,
                                      const char *const **ret_args, char *ret_error)
{
    struct value list;
    struct expression_error error = {.text = ""};

    if (work->command_template == NULL) {
        *ret_args = NULL;
        return CONTRACT_OK;
    }
    enum contract_result result = result_of(
        value_template_eval(work->command_template, names, NULL, NULL, arena, &list, &error),
        "command", &error, ret_error);

    if (result != CONTRACT_OK) {
        return result;
    }
    if (list.kind != VALUE_LIST || list.count == 0) {
        return refuse(ret_error, "COMMAND: the command is no list of at least one argument");
    }
    const char **args = arena_alloc(arena, (list.count + 1u) * sizeof(*args));

    for (uint32_t i = 0; args != NULL && i < list.count; i++) {
        if (has_nul(&list.items[i])) {
            return refuse(ret_error, "COMMAND: an argument holds a NUL character; pass such data "
                                     "through input");
        }
        args[i] = text_of(&list.items[i], arena);
        if (args[i] == NULL) {
            args = NULL;
        }
    }
    if (args == NULL) {
        return refuse(ret_error, "COMMAND: the arguments need too much memory; pass large values "
                                 "through input");
    }
    *ret_args = args;
    return CONTRACT_OK;
}

struct contract *contract_new(const struct wire_spec *spec, char *ret_error)
{
    struct contract *contract = calloc(1, sizeof(*contract));

    if (contract == NULL) {
        (void)snprintf(ret_error, CONTRACT_ERROR_BYTES, "MEMORY: the worker is out of memory");
        return NULL;
    }
    contract->users = 1;
    contract->budget = (struct heap_budget){.limit_bytes = CONTRACT_MEMORY_BYTES};
    arena_init(&contract->arena, allocator_heap(&contract->budget), 0);
    if (!spec_copy(contract, spec)) {
        (void)snprintf(ret_error, CONTRACT_ERROR_BYTES,
                       "MEMORY: what the satellite was given is above %d MiB",
                       CONTRACT_MEMORY_BYTES >> 20);
        contract_release(contract);
        return NULL;
    }
    if (definition_compile(contract, ret_error) != 0) {
        contract_release(contract);
        return NULL;
    }
    const struct value_template *command = contract->work.command_template;

    if (command != NULL && value_template_is_constant(command)) {
        const struct value no_names = {.kind = VALUE_MAP};
        const struct value *map = &no_names;
        struct expression_scope names = expression_scope_of_map(&map);

        if (args_make(&contract->work, &names, &contract->arena, &contract->args, ret_error) !=
            CONTRACT_OK) {
            contract_release(contract);
            return NULL;
        }
    }
    return contract;
}

void contract_use(struct contract *contract)
{
    contract->users++;
}

void contract_release(struct contract *contract)
{
    if (contract == NULL || --contract->users > 0) {
        return;
    }
    arena_release(&contract->arena);
    free(contract);
}

/* Plans. */

int contract_plan_init(struct contract_plan *plan, const struct contract *contract,
                       const struct contract_attempt *attempt)
{
    plan->budget = (struct heap_budget){.limit_bytes = CONTRACT_MEMORY_BYTES};
    arena_init(&plan->arena, allocator_heap(&plan->budget), 0);
    buffer_init(&plan->json, allocator_heap(&plan->budget), 0);
    plan->contract = contract;
    plan->attempt = *attempt;
    plan->args = NULL;
    plan->env = NULL;
    plan->cwd = NULL;
    plan->parts = NULL;
    plan->part_count = 0;
    plan->has_holes = false;
    plan->error[0] = '\0';
    if (contract_scope_init(&plan->scope, &contract->spec, attempt->index, attempt->item,
                            &plan->arena) != 0) {
        (void)snprintf(plan->error, sizeof(plan->error),
                       "ITEM: the item of this task is no JSON; this is a fault of the scheduler");
        return -1;
    }
    return 0;
}

void contract_plan_release(struct contract_plan *plan)
{
    buffer_release(&plan->json);
    arena_release(&plan->arena);
}

void contract_task_path(const struct wire_spec *spec, uint32_t index, char *ret_path)
{
    if (spec->is_map) {
        (void)snprintf(ret_path, PATH_BYTES, "%.*s.%u", SPAN_ARG(spec->satellite), index);
    } else {
        (void)snprintf(ret_path, PATH_BYTES, "%.*s", SPAN_ARG(spec->satellite));
    }
}

static const char *env_text(struct contract_plan *plan, const char *name, const char *value)
{
    size_t bytes = strlen(name) + 1 + strlen(value) + 1;
    char *text = arena_alloc(&plan->arena, bytes);

    if (text != NULL) {
        (void)snprintf(text, bytes, "%s=%s", name, value);
    }
    return text;
}

/* Fills OWN_ENV_NR entries; false without memory. */
static bool own_env(struct contract_plan *plan, const char **env, uint32_t *count)
{
    const struct wire_spec *spec = &plan->contract->spec;
    char execution[EXECUTION_ID_TEXT_BYTES + 1];
    char task[PATH_BYTES];
    char attempt[16];
    char key[EXECUTION_ID_TEXT_BYTES + 1 + PATH_BYTES];
    uint32_t first = *count;

    execution_id_format(&spec->execution, execution);
    contract_task_path(spec, plan->attempt.index, task);
    (void)snprintf(attempt, sizeof(attempt), "%u", plan->attempt.attempt);
    (void)snprintf(key, sizeof(key), "%s/%s", execution, task);
    env[(*count)++] = env_text(plan, "EXOSPHERE_EXECUTION", execution);
    env[(*count)++] = env_text(plan, "EXOSPHERE_TASK", task);
    env[(*count)++] = env_text(plan, "EXOSPHERE_ATTEMPT", attempt);
    env[(*count)++] = env_text(plan, "EXOSPHERE_IDEMPOTENCY_KEY", key);
    if (spec->traceparent.bytes > 0) {
        struct span text = arena_copy(&plan->arena, spec->traceparent);

        env[*count] = text.data == NULL ? NULL : env_text(plan, "TRACEPARENT", text.data);
        (*count)++;
    }
    for (uint32_t i = first; i < *count; i++) {
        if (env[i] == NULL) {
            return false;
        }
    }
    return true;
}

static enum contract_result env_make(struct contract_plan *plan,
                                     const struct expression_scope *names)
{
    struct value map;
    struct expression_error error = {.text = ""};
    size_t bytes = 0;
    uint32_t count = 0;
    enum contract_result result =
        result_of(value_template_eval(plan->contract->work.env_template, names, NULL, NULL,
                                      &plan->arena, &map, &error),
                  "env", &error, plan->error);

    if (result != CONTRACT_OK) {
        return result;
    }
    if (map.kind != VALUE_MAP) {
        return refuse(plan->error, "ENV: env is no map of names to values");
    }
    const char **env = arena_alloc(&plan->arena, (map.count + OWN_ENV_NR + 1u) * sizeof(*env));

    for (uint32_t i = 0; env != NULL && i < map.count; i++) {
        const struct value_member *member = &map.members[i];

        if (has_nul(&member->value)) {
            return refuse(plan->error, "ENV: a value holds a NUL character; pass such data "
                                       "through input");
        }
        const char *name = arena_copy(&plan->arena, value_text(&member->key)).data;
        const char *text = text_of(&member->value, &plan->arena);

        env[count] = name == NULL || text == NULL ? NULL : env_text(plan, name, text);
        if (env[count] == NULL) {
            env = NULL;
            break;
        }
        bytes += strlen(env[count++]);
    }
    if (bytes > LIMIT_ENV_BYTES) {
        return refuse(plan->error, "ENV: names and values together are above 32 KiB; pass large "
                                   "values through input");
    }
    if (env == NULL || !own_env(plan, env, &count)) {
        return refuse(plan->error, "ENV: the values need too much memory; pass large values "
                                   "through input");
    }
    plan->env = env;
    return CONTRACT_OK;
}

/* A hole is known by where its text lies, which no other string of a value shares. */
struct hole {
    char mark[8];
    const struct wire_context *context;
    uint32_t index;
    struct hole *next;
};

struct holes {
    struct contract_plan *plan;
    struct hole *first;
    uint32_t count;
};

static enum expression_err hole_note(void *context, const struct value_place *place,
                                     const struct expression_object *object,
                                     struct value *ret_value, struct expression_error *ret_error)
{
    struct holes *holes = context;
    uint32_t index;
    const struct wire_context *found = contract_scope_context(object, &index);
    struct hole *hole = arena_alloc(&holes->plan->arena, sizeof(*hole));

    (void)place;
    if (found == NULL) {
        return expression_error_set(ret_error, EXPRESSION_ETYPE,
                                    "name a part, such as satellites.NAME.output", "");
    }
    if (hole == NULL) {
        return expression_error_set(ret_error, EXPRESSION_EMEMORY, "too much memory", "");
    }
    *hole = (struct hole){.mark = "hole", .context = found, .index = index, .next = holes->first};
    holes->first = hole;
    holes->count++;
    *ret_value = value_string((struct span){hole->mark, 4});
    return EXPRESSION_OK;
}

static const struct hole *hole_of(const struct holes *holes, const struct value *value)
{
    if (value->kind != VALUE_STRING) {
        return NULL;
    }
    for (const struct hole *hole = holes->first; hole != NULL; hole = hole->next) {
        if (value->text == hole->mark) {
            return hole;
        }
    }
    return NULL;
}

static void part_end(struct contract_plan *plan, const struct hole *hole)
{
    struct contract_part *part = &plan->parts[plan->part_count];

    part->text_begin = plan->part_count == 0 ? 0 : part[-1].text_end;
    part->text_end = plan->json.bytes;
    part->hole = hole == NULL ? NULL : hole->context;
    part->hole_index = hole == NULL ? 0 : hole->index;
    plan->part_count++;
}

/* Depth is bounded by LIMIT_JSON_DEPTH: the evaluation checks its result. */
static void parts_write(struct json_writer *writer, const struct holes *holes,
                        const struct value *value)
{
    const struct hole *hole = hole_of(holes, value);

    if (hole != NULL) {
        json_put_raw(writer, (struct span){"", 0});
        part_end(holes->plan, hole);
    } else if (value->kind == VALUE_LIST) {
        json_begin_list(writer);
        for (uint32_t i = 0; i < value->count; i++) {
            parts_write(writer, holes, &value->items[i]);
        }
        json_end_list(writer);
    } else if (value->kind == VALUE_MAP) {
        json_begin_map(writer);
        for (uint32_t i = 0; i < value->count; i++) {
            json_key_span(writer, value_text(&value->members[i].key));
            parts_write(writer, holes, &value->members[i].value);
        }
        json_end_map(writer);
    } else {
        json_put_value(writer, value);
    }
}

static enum contract_result input_make(struct contract_plan *plan,
                                       const struct expression_scope *names)
{
    struct holes holes = {.plan = plan};
    const struct value_template_holes ask = {.hole = hole_note, .context = &holes};
    struct value input;
    struct expression_error error = {.text = ""};
    enum contract_result result =
        result_of(value_template_eval(plan->contract->work.input_template, names, NULL, &ask,
                                      &plan->arena, &input, &error),
                  "input", &error, plan->error);

    if (result != CONTRACT_OK) {
        return result;
    }
    plan->parts = arena_alloc(&plan->arena, (holes.count + 1u) * sizeof(*plan->parts));
    if (plan->parts == NULL) {
        return refuse(plan->error, "INPUT: the input needs too much memory");
    }
    struct json_writer writer = {.buffer = &plan->json};

    plan->part_count = 0;
    buffer_reset(&plan->json);
    parts_write(&writer, &holes, &input);
    part_end(plan, NULL);
    plan->has_holes = plan->part_count > 1;
    if (plan->json.is_failed) {
        return refuse(plan->error, "INPUT: the input is above 48 MiB; hand large values on whole, "
                                   "by a reference that stands alone");
    }
    return CONTRACT_OK;
}

enum contract_result contract_plan_make(struct contract_plan *plan, bool is_dry)
{
    const struct satellite_work *work = &plan->contract->work;
    struct expression_scope names = contract_scope_names(&plan->scope);
    enum contract_result args = CONTRACT_OK;

    if (plan->contract->args != NULL) {
        plan->args = plan->contract->args;
    } else {
        args = args_make(work, &names, &plan->arena, &plan->args, plan->error);
    }
    if (is_dry || args < 0) {
        return args;
    }
    if (work->resources.gpu > 0) {
        return refuse(plan->error, "GPU: this version of the worker cannot give a satellite a gpu; "
                                   "leave resources.gpu out");
    }
    plan->cwd = work->workdir.bytes == 0 ? NULL : work->workdir.data;
    /* All three are asked even when one waits, so that everything is fetched in one round. */
    enum contract_result env = env_make(plan, &names);

    if (env < 0) {
        return env;
    }
    enum contract_result input = input_make(plan, &names);

    if (input < 0) {
        return input;
    }
    return args == CONTRACT_PENDING || env == CONTRACT_PENDING ? CONTRACT_PENDING : input;
}
