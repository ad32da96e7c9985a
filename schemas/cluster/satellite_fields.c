#include "schemas/cluster/satellite_fields.h"

#include <assert.h>
#include <string.h>

#include "schemas/cluster/batch.h"
#include "schemas/cluster/failure_rules.h"
#include "schemas/cluster/name_rule.h"
#include "schemas/cluster/output_schema.h"
#include "schemas/cluster/satellite_policy.h"
#include "schemas/cluster/version_reference.h"
#include "schemas/cluster/wait.h"
#include "schemas/expression/template.h"
#include "schemas/vocab/limits.h"

enum { IMAGE_BYTES_MAX = 512, PATH_BYTES_MAX = 1024 };

/* clang-format off */
const char *const satellite_join_words[] = {"all_succeeded", "all_done", "any_succeeded",
                                             "at_least", "any_failed", NULL};
const char *const satellite_network_words[] = {"none", "host", NULL};
const char *const satellite_output_words[] = {"file", "stdout", "none", NULL};
const char *const satellite_claim_words[] = {"normal", "strict", NULL};
const char *const retry_backoff_words[] = {"exponential", "linear", "fixed", NULL};
const char *const retry_jitter_words[] = {"full", "equal", "none", NULL};
/* clang-format on */

/* A text that is used as it stands, where an expression would silently do nothing. */
static void read_plain(struct field_reader *r, const struct field *field, const struct value *value,
                       const struct value_place *place, void *target)
{
    if (value->kind == VALUE_STRING && template_has_expressions(value_text(value))) {
        field_fault(r, value, place, "use `input`, `env` or `command` for what varies",
                    "%q takes no expressions", span_of(field->name));
        return;
    }
    field_read_text(r, field, value, place, target);
}

static void read_image(struct field_reader *r, const struct field *field, const struct value *value,
                       const struct value_place *place, void *target)
{
    bool is_plain = value->kind == VALUE_STRING && value->count > 0 &&
                    !template_has_expressions(value_text(value));

    if (is_plain && memchr(value->text, ' ', value->count) != NULL) {
        field_fault(r, value, place,
                    "write it as docker://NAME:TAG, oci:PATH or docker-archive:PATH",
                    "%q is no image", value_text(value));
        return;
    }
    read_plain(r, field, value, place, target);
}

static void read_workdir(struct field_reader *r, const struct field *field,
                         const struct value *value, const struct value_place *place, void *target)
{
    bool is_plain = value->kind == VALUE_STRING && value->count > 0 &&
                    !template_has_expressions(value_text(value));

    if (!is_plain || path_check(r, value, place)) {
        read_plain(r, field, value, place, target);
    }
}

static void read_class(struct field_reader *r, const struct field *field, const struct value *value,
                       const struct value_place *place, void *target)
{
    struct span *out = (void *)((char *)target + field->offset);

    if (field_is_kind(r, value, place, VALUE_STRING) &&
        name_check(r, NAME_PLAIN, value_text(value), value, place)) {
        *out = field_copy(r, value_text(value));
    }
}

static void read_name(struct field_reader *r, const struct field *field, const struct value *value,
                      const struct value_place *place, void *target)
{
    struct satellite_draft *draft = (void *)((char *)target + field->offset);

    if (field_is_kind(r, value, place, VALUE_STRING) &&
        name_check(r, NAME_SATELLITE, value_text(value), value, place)) {
        draft->notes.name = value;
        draft->satellite.name = field_copy(r, value_text(value));
    }
}

static void read_uses(struct field_reader *r, const struct field *field, const struct value *value,
                      const struct value_place *place, void *target)
{
    struct span *out = (void *)((char *)target + field->offset);
    struct version_reference reference;

    if (!field_is_kind(r, value, place, VALUE_STRING)) {
        return;
    }
    const char *wrong = version_uses_parse(value_text(value), &reference);

    if (wrong != NULL) {
        field_fault(r, value, place, wrong, "%q names no stored %s", value_text(value),
                    version_uses_kind(value_text(value)) == VERSION_CLUSTER ? "cluster"
                                                                            : "satellite");
        return;
    }
    *out = field_copy(r, value_text(value));
}

static void read_item_name(struct field_reader *r, const struct field *field,
                           const struct value *value, const struct value_place *place, void *target)
{
    struct satellite_draft *draft = (void *)((char *)target + field->offset);

    draft->notes.item_name = value;
    if (field_is_kind(r, value, place, VALUE_STRING) && name_check_item(r, value, place)) {
        draft->satellite.item_name = field_copy(r, value_text(value));
    }
}

static void read_max_parallel(struct field_reader *r, const struct field *field,
                              const struct value *value, const struct value_place *place,
                              void *target)
{
    struct satellite_draft *draft = target;

    draft->notes.max_parallel = value;
    field_read_uint(r, field, value, place, target);
}

static void read_tolerate(struct field_reader *r, const struct field *field,
                          const struct value *value, const struct value_place *place, void *target)
{
    struct satellite_draft *draft = target;

    draft->notes.tolerate = value;
    failure_read_tolerance(r, field, value, place, target);
}

static void read_final(struct field_reader *r, const struct field *field, const struct value *value,
                       const struct value_place *place, void *target)
{
    struct satellite_draft *draft = target;

    draft->notes.final = value;
    field_read_bool(r, field, value, place, target);
}

static void read_output_schema(struct field_reader *r, const struct field *field,
                               const struct value *value, const struct value_place *place,
                               void *target)
{
    if (output_schema_check(value, place, r->faults) == 0) {
        field_read_value(r, field, value, place, target);
    }
}

#define AT(member) offsetof(struct satellite_draft, member)
#define STEP FIELD_IN_SATELLITE
#define EACH_KIND (FIELD_IN_SATELLITE | FIELD_IN_GROUP | FIELD_IN_WAIT | FIELD_IN_CLUSTER)
#define MAP (FIELD_IN_SATELLITE | FIELD_IN_GROUP | FIELD_IN_CLUSTER)
#define INNER (FIELD_IN_GROUP | FIELD_IN_CLUSTER)
#define SHARED (FIELD_IN_SATELLITE | FIELD_IN_DEFAULTS)
#define WORK (FIELD_IN_SATELLITE | FIELD_IN_WORK)

/* clang-format off */
const struct field satellite_fields[] = {
    {.name = "name",          .in = EACH_KIND, .read = read_name},
    {.name = "image",         .in = FIELD_IN_ALL, .read = read_image, .offset = AT(satellite.work.image),
     .min = 1, .max = IMAGE_BYTES_MAX},
    {.name = "uses",          .in = STEP | FIELD_IN_CLUSTER, .read = read_uses, .offset = AT(satellite.uses)},
    {.name = "command",       .in = WORK, .read = policy_read_command, .offset = AT(satellite.work.command)},
    {.name = "workdir",       .in = FIELD_IN_ALL, .read = read_workdir, .offset = AT(satellite.work.workdir),
     .min = 1, .max = PATH_BYTES_MAX},
    {.name = "needs",         .in = EACH_KIND, .read = field_read_value, .offset = AT(notes.needs)},
    {.name = "when",          .in = EACH_KIND, .read = field_read_value, .offset = AT(satellite.when_source)},
    {.name = "for_each",      .in = MAP, .read = field_read_value, .offset = AT(satellite.for_each_source)},
    {.name = "as",            .in = MAP, .read = read_item_name},
    {.name = "max_parallel",  .in = MAP, .read = read_max_parallel, .offset = AT(satellite.max_parallel),
     .min = 1, .max = LIMIT_TASKS},
    {.name = "tolerate",      .in = MAP, .read = read_tolerate, .offset = AT(satellite.tolerance)},
    {.name = "join",          .in = EACH_KIND, .read = failure_read_join},
    {.name = "continue_on_error", .in = EACH_KIND, .read = field_read_bool, .offset = AT(satellite.is_continued)},
    {.name = "final",         .in = STEP, .read = read_final, .offset = AT(satellite.is_final),
     .refusal = "only a satellite with an image can be final"},
    {.name = "wait",          .in = FIELD_IN_WAIT, .read = wait_read, .offset = AT(satellite.wait)},
    {.name = "input",         .in = WORK | FIELD_IN_CLUSTER, .read = field_read_value, .offset = AT(satellite.work.input)},
    {.name = "env",           .in = FIELD_IN_ALL, .read = policy_read_env, .offset = AT(satellite.work.env)},
    {.name = "secrets",       .in = FIELD_IN_ALL, .read = policy_read_secrets, .offset = AT(satellite.work)},
    {.name = "resources",     .in = FIELD_IN_ALL, .read = policy_read_resources,
     .offset = AT(satellite.work.resources)},
    {.name = "mounts",        .in = FIELD_IN_ALL, .read = policy_read_mounts, .offset = AT(satellite.work)},
    {.name = "network",       .in = FIELD_IN_ALL, .read = field_read_word, .offset = AT(satellite.work.network),
     .words = satellite_network_words},
    {.name = "output",        .in = WORK, .read = field_read_word, .offset = AT(satellite.work.output),
     .words = satellite_output_words},
    {.name = "output_schema", .in = WORK, .read = read_output_schema, .offset = AT(satellite.work.output_schema)},
    {.name = "cache",         .in = WORK, .read = policy_read_cache, .offset = AT(satellite.work.cache)},
    {.name = "class",         .in = SHARED, .read = read_class, .offset = AT(satellite.class)},
    {.name = "timeout",       .in = FIELD_IN_ALL | FIELD_IN_CLUSTER, .read = field_read_duration, .offset = AT(satellite.work.timeout_ns),
     .min = 1},
    {.name = "grace",         .in = FIELD_IN_ALL, .read = field_read_duration, .offset = AT(satellite.work.grace_ns)},
    {.name = "timeouts",      .in = SHARED, .read = failure_read_timeouts, .offset = AT(satellite.timeouts)},
    {.name = "retries",       .in = SHARED, .read = policy_read_retries, .offset = AT(satellite.retries)},
    {.name = "claim",         .in = SHARED, .read = field_read_word, .offset = AT(satellite.claim),
     .words = satellite_claim_words},
    {.name = "batch",         .in = STEP, .read = batch_read, .offset = AT(satellite.batch),
     .refusal = "only a satellite with an image can be gathered into batches"},
    {.name = "inputs",        .in = FIELD_IN_CLUSTER, .read = field_read_value, .offset = AT(notes.inputs)},
    {.name = "satellites",    .in = INNER, .read = field_read_value, .offset = AT(notes.inner)},
    {.name = "output",        .in = INNER, .read = field_read_value, .offset = AT(satellite.output_source)},
};
/* clang-format on */
const size_t satellite_field_count = sizeof(satellite_fields) / sizeof(satellite_fields[0]);

void satellite_draft_init(struct satellite_draft *draft)
{
    static const struct value empty = {.kind = VALUE_MAP};

    *draft = (struct satellite_draft){
        .satellite = {.group = SATELLITE_NONE,
                      .closed_by = SATELLITE_NONE,
                      .class = {"default", 7},
                      .retries = {.base_ns = EXO_SECOND, .cap_ns = EXO_MINUTE},
                      .work = {.input = &empty,
                               .env = &empty,
                               .resources = {.cpu_millis = 500,
                                             .memory_bytes = (uint64_t)256 << 20,
                                             .disk_bytes = (uint64_t)1 << 30},
                               .grace_ns = 10 * EXO_SECOND}},
    };
}

void satellite_read(struct field_reader *r, unsigned in, const struct value *value,
                    const struct value_place *place, struct satellite_draft *draft)
{
    const struct satellite_work *work = &draft->satellite.work;

    draft->notes.source = value;
    if (!field_read_map(r, satellite_fields, satellite_field_count, in, value, place, draft) ||
        work->output_schema == NULL || work->output != OUTPUT_NONE) {
        return;
    }
    const struct value_place inner = {.up = place, .key = span_of("output_schema")};

    field_fault(r, value_get(value, span_of("output_schema")), &inner, "remove one of the two",
                "`output: none` leaves nothing for `output_schema`");
}

const char *satellite_kind_name(enum satellite_kind kind)
{
    static const char *const words[SATELLITE_KIND_NR] = {"container", "group", "wait"};

    assert(kind < SATELLITE_KIND_NR);
    return words[kind];
}

const char *satellite_join_name(enum satellite_join join)
{
    assert(join < JOIN_NR);
    return satellite_join_words[join];
}

const char *satellite_network_name(enum satellite_network network)
{
    assert(network < NETWORK_NR);
    return satellite_network_words[network];
}

const char *satellite_output_name(enum satellite_output output)
{
    assert(output < OUTPUT_NR);
    return satellite_output_words[output];
}

const char *satellite_claim_name(enum satellite_claim claim)
{
    assert(claim < CLAIM_NR);
    return satellite_claim_words[claim];
}

const char *retry_backoff_name(enum retry_backoff backoff)
{
    assert(backoff < BACKOFF_NR);
    return retry_backoff_words[backoff];
}

const char *retry_jitter_name(enum retry_jitter jitter)
{
    assert(jitter < JITTER_NR);
    return retry_jitter_words[jitter];
}
