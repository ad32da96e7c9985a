#include "schemas/project/project.h"

#include "schemas/json/json_write.h"
#include "schemas/vocab/quantity.h"

enum { NEAREST_BUDGET = 2000, EXECUTIONS_MAX = 100000000 };

static const exo_time kept_least_ns = EXO_MINUTE;
static const char *const on_limit_words[] = {"queue", "reject", NULL};

/* The settings while they are checked. */
struct draft {
    struct project_settings settings;
    const struct value *retention, *quotas; /* NULL: not given */
    const struct value *executions;
};

#define AT(member) offsetof(struct draft, member)

/* clang-format off */
static const struct field fields[] = {
    {.name = "retention", .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(retention)},
    {.name = "quotas",    .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(quotas)},
};
static const struct field retention_fields[] = {
    {.name = "executions", .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(executions)},
};
static const struct field quota_fields[] = {
    {.name = "running_executions", .in = FIELD_IN_ALL, .read = field_read_uint, .offset = AT(settings.running_max), .min = 1, .max = EXECUTIONS_MAX},
    {.name = "on_limit",           .in = FIELD_IN_ALL, .read = field_read_word, .offset = AT(settings.on_limit), .words = on_limit_words},
};
/* clang-format on */
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void check_kept(struct field_reader *r, struct draft *draft, const struct value_place *up)
{
    const struct value_place place = {.up = up, .key = span_of("executions")};
    exo_time kept_ns = 0;

    if (draft->executions == NULL || !field_is_kind(r, draft->executions, &place, VALUE_STRING)) {
        return;
    }
    if (!duration_parse(value_text(draft->executions), &kept_ns) ||
        (kept_ns != 0 && kept_ns < kept_least_ns)) {
        field_fault(r, draft->executions, &place,
                    "write a duration such as \"720h\", at least 1m; \"0s\" keeps for ever",
                    "%q is no time that executions can be kept", value_text(draft->executions));
        return;
    }
    draft->settings.has_kept = true;
    draft->settings.kept_ns = kept_ns;
}

/* What becomes of those beyond a limit says nothing where there is none. */
static void check_quotas(struct field_reader *r, struct draft *draft, const struct value_place *up)
{
    const struct value_place place = {.up = up, .key = span_of("on_limit")};
    const struct value *on_limit = value_get(draft->quotas, place.key);

    if (on_limit != NULL && draft->settings.running_max == 0) {
        field_fault(r, on_limit, &place, "add running_executions, or remove it",
                    "%q says nothing without `running_executions`", place.key);
    }
}

int project_parse(const struct value *root, struct arena *arena,
                  struct project_settings *ret_settings, struct fault_list *faults)
{
    struct field_reader r = {.arena = arena, .faults = faults, .nearest_left = NEAREST_BUDGET};
    const struct value_place retention = {.key = span_of("retention")};
    const struct value_place quotas = {.key = span_of("quotas")};
    struct draft draft = {.retention = NULL};

    if (field_read_map(&r, fields, COUNT(fields), FIELD_IN_ALL, root, NULL, &draft)) {
        if (draft.retention != NULL &&
            field_read_map(&r, retention_fields, COUNT(retention_fields), FIELD_IN_ALL,
                           draft.retention, &retention, &draft)) {
            check_kept(&r, &draft, &retention);
        }
        if (draft.quotas != NULL &&
            field_read_map(&r, quota_fields, COUNT(quota_fields), FIELD_IN_ALL, draft.quotas,
                           &quotas, &draft) &&
            faults->error_count == 0) {
            check_quotas(&r, &draft, &quotas);
        }
    }
    if (faults->error_count > 0 || r.is_out_of_memory) {
        return -1;
    }
    *ret_settings = draft.settings;
    return 0;
}

static void put_quotas(struct json_writer *w, const struct project_settings *settings)
{
    json_key(w, "quotas");
    json_begin_map(w);
    json_key(w, "running_executions");
    json_put_uint(w, settings->running_max);
    if (settings->on_limit != PROJECT_QUEUE) {
        json_key(w, "on_limit");
        json_put_text(w, on_limit_words[settings->on_limit]);
    }
    json_end_map(w);
}

void project_canonical(const struct project_settings *settings, struct buffer *buffer)
{
    struct json_writer w = {.buffer = buffer};
    char kept[DURATION_TEXT_BYTES];

    json_begin_map(&w);
    if (settings->has_kept) {
        duration_format(settings->kept_ns, kept);
        json_key(&w, "retention");
        json_begin_map(&w);
        json_key(&w, "executions");
        json_put_text(&w, kept);
        json_end_map(&w);
    }
    if (settings->running_max > 0) {
        put_quotas(&w, settings);
    }
    json_end_map(&w);
}
