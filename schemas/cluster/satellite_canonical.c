#include "schemas/cluster/canonical.h"

#include "schemas/cluster/fault_text.h"
#include "schemas/cluster/satellite_fields.h"
#include "schemas/vocab/quantity.h"

void canonical_put_duration(struct json_writer *writer, const char *key, exo_time ns)
{
    char text[DURATION_TEXT_BYTES];

    duration_format(ns, text);
    json_key(writer, key);
    json_put_text(writer, text);
}

static void put_resources(struct json_writer *writer, const struct satellite_resources *resources,
                          const struct satellite_resources *usual)
{
    struct fault_text cpu = {.used = 0};

    if (resources->cpu_millis == usual->cpu_millis && resources->gpu == usual->gpu &&
        resources->memory_bytes == usual->memory_bytes &&
        resources->disk_bytes == usual->disk_bytes) {
        return;
    }
    fault_text_add(&cpu, "%um", (unsigned)resources->cpu_millis);
    json_key(writer, "resources");
    json_begin_map(writer);
    json_key(writer, "cpu");
    json_put_text(writer, cpu.bytes);
    json_key(writer, "memory");
    json_put_uint(writer, resources->memory_bytes);
    json_key(writer, "gpu");
    json_put_uint(writer, resources->gpu);
    json_key(writer, "disk");
    json_put_uint(writer, resources->disk_bytes);
    json_end_map(writer);
}

static void put_lists(struct json_writer *writer, const struct satellite_work *work)
{
    if (work->secret_count > 0) {
        json_key(writer, "secrets");
        json_begin_list(writer);
        for (uint32_t i = 0; i < work->secret_count; i++) {
            json_put_string(writer, work->secrets[i]);
        }
        json_end_list(writer);
    }
    if (work->mount_count > 0) {
        json_key(writer, "mounts");
        json_begin_list(writer);
        for (uint32_t i = 0; i < work->mount_count; i++) {
            json_begin_map(writer);
            json_key(writer, "volume");
            json_put_string(writer, work->mounts[i].volume);
            json_key(writer, "path");
            json_put_string(writer, work->mounts[i].path);
            json_end_map(writer);
        }
        json_end_list(writer);
    }
}

static void put_text(struct json_writer *writer, const char *key, struct span text)
{
    if (text.bytes > 0) {
        json_key(writer, key);
        json_put_string(writer, text);
    }
}

static void put_value(struct json_writer *writer, const char *key, const struct value *value)
{
    json_key(writer, key);
    json_put_value(writer, value);
}

void canonical_put_work(struct json_writer *writer, const struct satellite_work *work)
{
    struct satellite_draft usual;

    satellite_draft_init(&usual);
    put_text(writer, "image", work->image);
    if (work->command != NULL) {
        put_value(writer, "command", work->command);
    }
    put_text(writer, "workdir", work->workdir);
    if (work->input->kind != VALUE_MAP || work->input->count > 0) {
        put_value(writer, "input", work->input);
    }
    if (work->env->count > 0) {
        put_value(writer, "env", work->env);
    }
    put_lists(writer, work);
    put_resources(writer, &work->resources, &usual.satellite.work.resources);
    if (work->network != NETWORK_NONE) {
        json_key(writer, "network");
        json_put_text(writer, satellite_network_name(work->network));
    }
    if (work->output != OUTPUT_FILE) {
        json_key(writer, "output");
        json_put_text(writer, satellite_output_name(work->output));
    }
    if (work->output_schema != NULL) {
        put_value(writer, "output_schema", work->output_schema);
    }
    if (work->cache.ttl_ns > 0) {
        json_key(writer, "cache");
        json_begin_map(writer);
        canonical_put_duration(writer, "ttl", work->cache.ttl_ns);
        put_text(writer, "key", work->cache.key);
        json_end_map(writer);
    }
    if (work->timeout_ns > 0) {
        canonical_put_duration(writer, "timeout", work->timeout_ns);
    }
    if (work->grace_ns != usual.satellite.work.grace_ns) {
        canonical_put_duration(writer, "grace", work->grace_ns);
    }
}

void satellite_canonical(const struct satellite_work *work, struct buffer *buffer)
{
    struct json_writer writer = {.buffer = buffer};

    json_begin_map(&writer);
    canonical_put_work(&writer, work);
    json_end_map(&writer);
}

static const struct value_template *compile(struct field_reader *r, const struct value *source,
                                            const char *path)
{
    const struct value_template *template = NULL;

    if (value_template_compile(source, path, r->arena, &template, r->faults) ==
        EXPRESSION_EMEMORY) {
        r->is_out_of_memory = true;
    }
    return template;
}

int satellite_parse(const struct value *source, struct arena *arena,
                    struct satellite_work *ret_work, struct fault_list *faults)
{
    struct field_reader r = {.arena = arena, .faults = faults, .nearest_left = 1000};
    const struct value_place place = {.key = span_of("satellite")};
    struct satellite_draft draft;
    struct satellite_work *work = &draft.satellite.work;
    uint32_t errors = faults->error_count;

    satellite_draft_init(&draft);
    satellite_read(&r, FIELD_IN_WORK, source, &place, &draft);
    if (work->image.bytes == 0 && faults->error_count == errors) {
        field_fault(&r, source, &place, "", "the definition of the satellite has no image");
    }
    if (work->command != NULL) {
        work->command_template = compile(&r, work->command, "satellite.command");
    }
    work->input_template = compile(&r, work->input, "satellite.input");
    work->env_template = compile(&r, work->env, "satellite.env");
    if (r.is_out_of_memory) {
        field_fault(&r, source, &place, "", "the satellite needs more memory than it may take");
    }
    if (faults->error_count != errors) {
        return -1;
    }
    *ret_work = *work;
    return 0;
}
