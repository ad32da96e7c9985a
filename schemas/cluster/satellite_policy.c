#include "schemas/cluster/satellite_policy.h"

#include <assert.h>
#include <string.h>

#include "schemas/cluster/failure_rules.h"
#include "schemas/cluster/fault_text.h"
#include "schemas/cluster/name_rule.h"
#include "schemas/cluster/plain.h"
#include "schemas/cluster/satellite_fields.h"
#include "schemas/vocab/limits.h"
#include "schemas/vocab/quantity.h"

enum {
    RETRIES_MAX = 1000,
    GPU_MAX = 1024,
    CPU_MILLIS_MAX = 1000000,
    SECRETS_MAX = 64,
    ENV_COUNT_MAX = 500,
    MOUNTS_MAX = 64,
    PATH_BYTES_MAX = 1024,
    CACHE_KEY_BYTES_MAX = 200,
};

static const int64_t memory_bytes_min = 1 << 20;
static const int64_t memory_bytes_max = (int64_t)1 << 50;

/* 0.29 * 1000 is a little less than 290 in binary. */
static bool is_whole_millis(double millis)
{
    if (!(millis > 0.5 && millis < CPU_MILLIS_MAX + 0.5)) {
        return false;
    }
    double rest = millis - (double)(uint32_t)(millis + 0.5);

    return rest > -1e-6 && rest < 1e-6;
}

static void read_cpu(struct field_reader *r, const struct field *field, const struct value *value,
                     const struct value_place *place, void *target)
{
    uint32_t *out = (uint32_t *)(void *)((char *)target + field->offset);
    double millis = 0;

    switch (value->kind) {
    case VALUE_STRING:
        if (cpu_parse(value_text(value), out)) {
            return;
        }
        break;
    case VALUE_INT:
    case VALUE_DOUBLE:
        millis = value->kind == VALUE_INT ? (double)value->integer * 1000 : value->number * 1000;
        if (is_whole_millis(millis)) {
            *out = (uint32_t)(millis + 0.5);
            return;
        }
        break;
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
    case VALUE_TYPE:
    case VALUE_KIND_NR:
        break;
    }
    field_fault(r, value, place, "write cores or thousandths of one, such as 2, 0.5 or 500m",
                "%q is no amount of cpu", span_of(field->name));
}

static void read_bytes(struct field_reader *r, const struct field *field, const struct value *value,
                       const struct value_place *place, void *target)
{
    uint64_t *out = (uint64_t *)(void *)((char *)target + field->offset);
    uint64_t bytes = 0;
    bool is_good = false;

    if (value->kind == VALUE_STRING) {
        is_good = memory_parse(value_text(value), &bytes);
    } else if (value->kind == VALUE_INT && value->integer > 0 &&
               value->integer <= memory_bytes_max) {
        bytes = (uint64_t)value->integer;
        is_good = true;
    }
    if (!is_good) {
        field_fault(r, value, place, "write bytes with a suffix, such as 128Mi, 2Gi or 500M",
                    "%q is no amount of bytes", span_of(field->name));
    } else if (bytes < (uint64_t)memory_bytes_min) {
        field_fault(r, value, place, "add the suffix that is meant, such as Mi",
                    "%q is less than 1Mi", span_of(field->name));
    } else {
        *out = bytes;
    }
}

#define AT(type, member) offsetof(struct type, member)

/* clang-format off */
const struct field resources_fields[] = {
    {.name = "cpu",    .in = FIELD_IN_ALL, .read = read_cpu, .offset = AT(satellite_resources, cpu_millis)},
    {.name = "memory", .in = FIELD_IN_ALL, .read = read_bytes, .offset = AT(satellite_resources, memory_bytes)},
    {.name = "gpu",    .in = FIELD_IN_ALL, .read = field_read_uint, .offset = AT(satellite_resources, gpu),
     .max = GPU_MAX},
    {.name = "disk",   .in = FIELD_IN_ALL, .read = read_bytes, .offset = AT(satellite_resources, disk_bytes)},
};
const size_t resources_field_count = sizeof(resources_fields) / sizeof(resources_fields[0]);

const struct field retries_fields[] = {
    {.name = "limit",   .in = FIELD_IN_ALL, .read = field_read_uint, .offset = AT(satellite_retries, limit),
     .max = RETRIES_MAX},
    {.name = "backoff", .in = FIELD_IN_ALL, .read = field_read_word, .offset = AT(satellite_retries, backoff),
     .words = retry_backoff_words},
    {.name = "base",    .in = FIELD_IN_ALL, .read = field_read_duration, .offset = AT(satellite_retries, base_ns)},
    {.name = "cap",     .in = FIELD_IN_ALL, .read = field_read_duration, .offset = AT(satellite_retries, cap_ns)},
    {.name = "jitter",  .in = FIELD_IN_ALL, .read = field_read_word, .offset = AT(satellite_retries, jitter),
     .words = retry_jitter_words},
    {.name = "budget",  .in = FIELD_IN_ALL, .read = field_read_duration, .offset = AT(satellite_retries, budget_ns),
     .min = 1},
    {.name = "never",   .in = FIELD_IN_ALL, .read = failure_read_never},
    {.name = "later",   .in = FIELD_IN_ALL, .read = failure_read_later},
};
const size_t retries_field_count = sizeof(retries_fields) / sizeof(retries_fields[0]);

const struct field cache_fields[] = {
    {.name = "ttl", .in = FIELD_IN_ALL, .read = field_read_duration, .offset = AT(satellite_cache, ttl_ns),
     .min = EXO_SECOND},
    {.name = "key", .in = FIELD_IN_ALL, .read = field_read_text, .offset = AT(satellite_cache, key),
     .min = 1, .max = CACHE_KEY_BYTES_MAX},
};
const size_t cache_field_count = sizeof(cache_fields) / sizeof(cache_fields[0]);

const struct field mount_fields[] = {
    {.name = "volume", .in = FIELD_IN_ALL, .read = field_read_text, .offset = AT(satellite_mount, volume),
     .min = 1, .max = LIMIT_NAME_BYTES},
    {.name = "path",   .in = FIELD_IN_ALL, .read = field_read_text, .offset = AT(satellite_mount, path),
     .min = 1, .max = PATH_BYTES_MAX},
};
const size_t mount_field_count = sizeof(mount_fields) / sizeof(mount_fields[0]);
/* clang-format on */

void policy_read_resources(struct field_reader *r, const struct field *field,
                           const struct value *value, const struct value_place *place, void *target)
{
    (void)field_read_map(r, resources_fields, resources_field_count, FIELD_IN_ALL, value, place,
                         (char *)target + field->offset);
}

/* Where only base is given and is above the default cap, the cap follows it. */
void policy_read_retries(struct field_reader *r, const struct field *field,
                         const struct value *value, const struct value_place *place, void *target)
{
    struct satellite_retries *retries = (void *)((char *)target + field->offset);
    const struct value *cap = value_get(value, span_of("cap"));

    if (!field_read_map(r, retries_fields, retries_field_count, FIELD_IN_ALL, value, place,
                        retries)) {
        return;
    }
    failure_check_statuses(r, retries, value, place);
    if (retries->cap_ns >= retries->base_ns) {
        return;
    }
    if (cap != NULL) {
        const struct value_place inner = {.up = place, .key = span_of("cap")};

        field_fault(r, cap, &inner, "make cap at least as long as base",
                    "`cap` is shorter than `base`");
    }
    retries->cap_ns = retries->base_ns;
}

void policy_read_cache(struct field_reader *r, const struct field *field, const struct value *value,
                       const struct value_place *place, void *target)
{
    struct satellite_cache *cache = (void *)((char *)target + field->offset);

    if (field_read_map(r, cache_fields, cache_field_count, FIELD_IN_ALL, value, place, cache) &&
        value_get(value, span_of("ttl")) == NULL) {
        field_fault(r, value, place, "say how long a result may be used, such as ttl: 24h",
                    "`cache` has no `ttl`");
    }
}

void policy_warn_of_cache(struct field_reader *r, const struct satellite_notes *notes)
{
    const struct value_place cache = {.up = &notes->place, .key = span_of("cache")};
    const struct value_place place = {.up = &cache, .key = span_of("key")};
    const struct value *given = value_get(notes->source, cache.key);

    plain_warn(r, given == NULL ? NULL : value_get(given, place.key), &place,
               "remove it: `input` and `env` are compared anyway, with their values");
}

static bool check_list(struct field_reader *r, const struct value *value,
                       const struct value_place *place, uint32_t count_max)
{
    if (!field_is_kind(r, value, place, VALUE_LIST)) {
        return false;
    }
    if (value->count > count_max) {
        field_fault(r, value, place, "", "%q has %u items, more than the limit of %u",
                    field_place_name(place), value->count, (unsigned)count_max);
        return false;
    }
    return true;
}

static bool is_ours(struct span path)
{
    const char *own = "/exosphere";
    size_t bytes = strlen(own);

    return path.bytes == 1 || (path.bytes >= bytes && memcmp(path.data, own, bytes) == 0 &&
                               (path.bytes == bytes || ((const char *)path.data)[bytes] == '/'));
}

static void check_mount_path(struct field_reader *r, const struct satellite_mount *mounts,
                             uint32_t index, const struct value *path,
                             const struct value_place *place)
{
    const struct value_place inner = {.up = place, .key = span_of("path")};

    if (path == NULL || path->kind != VALUE_STRING || !path_check(r, path, &inner)) {
        return;
    }
    if (is_ours(value_text(path))) {
        field_fault(r, path, &inner, "mount it somewhere else", "%q belongs to Exosphere",
                    value_text(path));
    }
    for (uint32_t i = 0; i < index; i++) {
        if (span_equal(mounts[i].path, value_text(path))) {
            field_fault(r, path, &inner, "mount each volume at a path of its own",
                        "%q is mounted twice", value_text(path));
            return;
        }
    }
}

static void read_mount(struct field_reader *r, const struct value *value,
                       const struct value_place *place, struct satellite_mount *mounts,
                       uint32_t index)
{
    static const char *const wanted[] = {"volume", "path"};

    if (!field_read_map(r, mount_fields, mount_field_count, FIELD_IN_ALL, value, place,
                        &mounts[index])) {
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        if (value_get(value, span_of(wanted[i])) == NULL) {
            field_fault(r, value, place, "write {volume: NAME, path: /PATH}", "%q is missing",
                        span_of(wanted[i]));
        }
    }
    const struct value *volume = value_get(value, span_of("volume"));
    const struct value_place inner = {.up = place, .key = span_of("volume")};

    if (volume != NULL && volume->kind == VALUE_STRING && volume->count > 0) {
        name_check(r, NAME_PLAIN, value_text(volume), volume, &inner); /* the fault is all */
    }
    check_mount_path(r, mounts, index, value_get(value, span_of("path")), place);
}

void policy_read_mounts(struct field_reader *r, const struct field *field,
                        const struct value *value, const struct value_place *place, void *target)
{
    struct satellite_work *work = (void *)((char *)target + field->offset);

    if (!check_list(r, value, place, MOUNTS_MAX)) {
        return;
    }
    struct satellite_mount *mounts = field_alloc(r, value->count, sizeof(*mounts));

    if (mounts == NULL) {
        return;
    }
    for (uint32_t i = 0; i < value->count; i++) {
        const struct value_place inner = {.up = place, .index = i};

        read_mount(r, &value->items[i], &inner, mounts, i);
    }
    work->mounts = mounts;
    work->mount_count = value->count;
}

void policy_read_secrets(struct field_reader *r, const struct field *field,
                         const struct value *value, const struct value_place *place, void *target)
{
    struct satellite_work *work = (void *)((char *)target + field->offset);

    if (!check_list(r, value, place, SECRETS_MAX)) {
        return;
    }
    struct span *secrets = field_alloc(r, value->count, sizeof(*secrets));

    for (uint32_t i = 0; secrets != NULL && i < value->count; i++) {
        const struct value *item = &value->items[i];
        const struct value_place inner = {.up = place, .index = i};

        if (!field_is_kind(r, item, &inner, VALUE_STRING) ||
            !name_check(r, NAME_FILE, value_text(item), item, &inner)) {
            continue;
        }
        for (uint32_t j = 0; j < i; j++) {
            if (span_equal(secrets[j], value_text(item))) {
                field_fault(r, item, &inner, "name it once", "the secret %q stands twice",
                            value_text(item));
                break;
            }
        }
        secrets[i] = field_copy(r, value_text(item));
    }
    if (secrets != NULL) {
        work->secrets = secrets;
        work->secret_count = value->count;
    }
}

static bool begins_with(struct span text, const char *prefix)
{
    size_t bytes = strlen(prefix);

    return text.bytes >= bytes && memcmp(text.data, prefix, bytes) == 0;
}

static bool has_nul(struct span text)
{
    return text.bytes > 0 && memchr(text.data, '\0', text.bytes) != NULL;
}

static void check_variable(struct field_reader *r, const struct value_member *member,
                           const struct value_place *place)
{
    struct span name = value_text(&member->key);

    if (!name_check(r, NAME_VARIABLE, name, &member->key, place)) {
        return;
    }
    if (begins_with(name, "EXOSPHERE_") || span_is(name, "TRACEPARENT")) {
        field_fault(r, &member->key, place, "choose another name",
                    "the variable %q is set by Exosphere", name);
    }
    if (field_is_kind(r, &member->value, place, VALUE_STRING) &&
        has_nul(value_text(&member->value))) {
        field_fault(r, &member->value, place, "take the NUL out",
                    "an environment variable cannot hold a NUL character");
    }
}

static uint64_t env_bytes(const struct value *env)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < env->count; i++) {
        bytes += (uint64_t)env->members[i].key.count + env->members[i].value.count;
    }
    return bytes;
}

/* What stood in old and is not given anew, then all of given. */
static const struct value *merge_maps(struct field_reader *r, const struct value *old,
                                      const struct value *given)
{
    if (old->count == 0) {
        return given;
    }
    struct value_member *members =
        field_alloc(r, (size_t)old->count + given->count, sizeof(*members));
    struct value *merged = field_alloc(r, 1, sizeof(*merged));
    uint32_t count = 0;

    if (members == NULL || merged == NULL) {
        return old;
    }
    for (uint32_t i = 0; i < old->count; i++) {
        if (value_get(given, value_text(&old->members[i].key)) == NULL) {
            members[count++] = old->members[i];
        }
    }
    for (uint32_t i = 0; i < given->count; i++) {
        members[count++] = given->members[i];
    }
    *merged = *given;
    merged->count = count;
    merged->members = members;
    return merged;
}

void policy_read_env(struct field_reader *r, const struct field *field, const struct value *value,
                     const struct value_place *place, void *target)
{
    const struct value **out = (void *)((char *)target + field->offset);
    uint32_t errors = r->faults->error_count;

    if (!field_is_kind(r, value, place, VALUE_MAP)) {
        return;
    }
    if (value->count > ENV_COUNT_MAX) {
        field_fault(r, value, place, "hand many things in through `input`",
                    "`env` has %u variables, more than the limit of %u", value->count,
                    (unsigned)ENV_COUNT_MAX);
        return;
    }
    if (env_bytes(value) <= LIMIT_ENV_BYTES) {
        for (uint32_t i = 0; i < value->count; i++) {
            const struct value_place inner = {.up = place,
                                              .key = value_text(&value->members[i].key)};

            check_variable(r, &value->members[i], &inner);
        }
        if (r->faults->error_count != errors) {
            return;
        }
        value = merge_maps(r, *out, value);
    }
    if (env_bytes(value) > LIMIT_ENV_BYTES) {
        field_fault(r, value, place, "hand larger things in through `input`",
                    "names and values of `env` have %u bytes, more than the limit of %u",
                    (unsigned)env_bytes(value), (unsigned)LIMIT_ENV_BYTES);
        return;
    }
    *out = value;
}

void policy_read_command(struct field_reader *r, const struct field *field,
                         const struct value *value, const struct value_place *place, void *target)
{
    const struct value **out = (void *)((char *)target + field->offset);
    uint32_t errors = r->faults->error_count;

    if (value->kind == VALUE_STRING) {
        field_fault(r, value, place, "write each argument apart: [\"sort\", \"-n\", \"file\"]",
                    "`command` is a list of arguments, never a shell line");
        return;
    }
    if (!field_is_kind(r, value, place, VALUE_LIST)) {
        return;
    }
    if (value->count == 0) {
        field_fault(r, value, place, "remove the field to run the image's own command",
                    "`command` is empty");
    }
    for (uint32_t i = 0; i < value->count; i++) {
        const struct value_place inner = {.up = place, .index = i};

        if (field_is_kind(r, &value->items[i], &inner, VALUE_STRING) &&
            has_nul(value_text(&value->items[i]))) {
            field_fault(r, &value->items[i], &inner, "take the NUL out",
                        "an argument cannot hold a NUL character");
        }
    }
    if (r->faults->error_count == errors) {
        *out = value;
    }
}
