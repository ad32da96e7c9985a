#include <assert.h>

#include "schemas/cluster/fault_text.h"
#include "schemas/cluster/file_head.h"
#include "schemas/cluster/name_rule.h"
#include "schemas/cluster/plain.h"
#include "schemas/json/json_write.h"
#include "schemas/schedule/schedule.h"
#include "schemas/schedule/schedule_text.h"
#include "schemas/vocab/limits.h"
#include "schemas/vocab/timestamp.h"

enum { TITLE_BYTES_MAX = 256, NEAREST_BUDGET = 2000, VERSION_DIGITS_MAX = 9 };

static const exo_time jitter_max_ns = 24 * EXO_HOUR;
static const exo_time window_max_ns = 366 * 24 * EXO_HOUR;

const exo_time schedule_window_default_ns = 24 * EXO_HOUR;

static const char *const overlap_words[] = {"skip", "allow", "queue", "replace", NULL};
static const char *const catch_up_words[] = {"none", "last", "all", NULL};

const char *schedule_overlap_name(enum schedule_overlap overlap)
{
    assert(overlap < OVERLAP_NR);
    return overlap_words[overlap];
}

const char *schedule_catch_up_name(enum schedule_catch_up catch_up)
{
    assert(catch_up < CATCH_UP_NR);
    return catch_up_words[catch_up];
}

/* A schedule while it is checked. */
struct draft {
    struct field_reader reader;
    const struct schedule_source *source;
    const struct value *inner; /* what stands under `schedule` */
    struct schedule schedule;
    const struct value *name; /* fields as written, NULL: not given */
    const struct value *cron;
    const struct value *tz;
    const struct value *cluster;
    const struct value *input;
    const struct value *labels;
    const struct value *start;
    const struct value *end;
};

/* clang-format off */
const struct field schedule_file_fields[] = {FILE_HEAD_ROWS("schedule")};
const size_t schedule_file_field_count = sizeof(schedule_file_fields) / sizeof(schedule_file_fields[0]);

#define AT(member) offsetof(struct draft, member)

const struct field schedule_fields[] = {
    {.name = "name",            .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(name)},
    {.name = "title",           .in = FIELD_IN_ALL, .read = field_read_text, .offset = AT(schedule.title), .max = TITLE_BYTES_MAX},
    {.name = "cron",            .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(cron)},
    {.name = "tz",              .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(tz)},
    {.name = "cluster",         .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(cluster)},
    {.name = "input",           .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(input)},
    {.name = "labels",          .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(labels)},
    {.name = "jitter",          .in = FIELD_IN_ALL, .read = field_read_duration, .offset = AT(schedule.jitter_ns)},
    {.name = "overlap",         .in = FIELD_IN_ALL, .read = field_read_word, .offset = AT(schedule.overlap), .words = overlap_words},
    {.name = "catch_up",        .in = FIELD_IN_ALL, .read = field_read_word, .offset = AT(schedule.catch_up), .words = catch_up_words},
    {.name = "catch_up_window", .in = FIELD_IN_ALL, .read = field_read_duration, .offset = AT(schedule.window_ns), .min = 1},
    {.name = "start",           .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(start)},
    {.name = "end",             .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(end)},
    {.name = "paused",          .in = FIELD_IN_ALL, .read = field_read_bool, .offset = AT(schedule.is_paused)},
};
/* clang-format on */
const size_t schedule_field_count = sizeof(schedule_fields) / sizeof(schedule_fields[0]);

static const struct value_place schedule_place = {.key = {"schedule", 8}};

static struct value_place place_of(const char *field)
{
    return (struct value_place){.up = &schedule_place, .key = span_of(field)};
}

static struct span trimmed(struct span text)
{
    const char *bytes = text.data;
    size_t first = 0;
    size_t end = text.bytes;

    while (first < end && (bytes[first] == ' ' || bytes[first] == '\t')) {
        first++;
    }
    while (end > first && (bytes[end - 1] == ' ' || bytes[end - 1] == '\t')) {
        end--;
    }
    return (struct span){bytes + first, end - first};
}

static void check_project(struct draft *draft, struct span project, const struct value_place *place)
{
    struct field_reader *r = &draft->reader;
    const char *given = draft->source->default_project;

    if (project.data == NULL && given == NULL) {
        field_fault(r, draft->name, place, "write name: PROJECT/NAME, or give --project PROJECT",
                    "the schedule belongs to no project");
        return;
    }
    if (project.data != NULL && given != NULL && !span_is(project, given)) {
        field_fault(r, draft->name, place, "use one of the two",
                    "the file names the project %q, but %q is given", project, span_of(given));
        return;
    }
    project = project.data == NULL ? span_of(given) : project;
    if (name_check(r, NAME_PLAIN, project, draft->name, place)) {
        draft->schedule.project = field_copy(r, project);
    }
}

static void check_name(struct draft *draft)
{
    struct field_reader *r = &draft->reader;
    const struct value_place place = place_of("name");
    struct span project;
    struct span name;

    if (draft->name == NULL) {
        field_fault(r, draft->inner, &place, "write name: PROJECT/NAME",
                    "the schedule has no name");
        return;
    }
    if (!field_is_kind(r, draft->name, &place, VALUE_STRING)) {
        return;
    }
    name_split(value_text(draft->name), &project, &name);
    if (name_check(r, NAME_PLAIN, name, draft->name, &place)) {
        draft->schedule.name = field_copy(r, name);
    }
    check_project(draft, project, &place);
}

static void check_cron(struct draft *draft)
{
    struct field_reader *r = &draft->reader;
    const struct value_place place = place_of("cron");
    const struct value *value = draft->cron;
    struct cron_error error;

    if (value == NULL) {
        field_fault(r, draft->inner, &place, "add cron: \"30 2 * * *\" or such as @daily",
                    "the schedule does not say when");
        return;
    }
    if (!field_is_kind(r, value, &place, VALUE_STRING)) {
        return;
    }
    if (cron_parse(value_text(value), &draft->schedule.cron, &error) != 0) {
        field_fault_at(r, value->line, value->line == 0 ? 0 : value->column + error.column - 1,
                       &place, error.hint, "%s", error.text);
        return;
    }
    draft->schedule.cron_text = field_copy(r, trimmed(value_text(value)));
}

static void check_zone(struct draft *draft)
{
    struct field_reader *r = &draft->reader;
    const struct value_place place = place_of("tz");
    const struct schedule_source *source = draft->source;

    draft->schedule.tz = span_of("UTC");
    if (draft->tz == NULL || !field_is_kind(r, draft->tz, &place, VALUE_STRING)) {
        return;
    }
    struct span name = value_text(draft->tz);

    if (!zone_path_is_clean(name) ||
        (source->is_zone != NULL && !source->is_zone(source->context, name))) {
        field_fault(r, draft->tz, &place,
                    "write a name of the time zone database, such as Europe/Berlin or UTC",
                    "no time zone is called %q", name);
        return;
    }
    draft->schedule.tz = field_copy(r, name);
}

/* Takes the digits behind the last @ off the text. Returns false when they are no version. */
static bool take_version(struct span *text, uint32_t *ret_version)
{
    const char *bytes = text->data;
    const char *at = text->bytes == 0 ? NULL : memrchr(bytes, '@', text->bytes);
    uint32_t version = 0;

    if (at == NULL) {
        return true;
    }
    size_t digits = text->bytes - (size_t)(at - bytes) - 1;

    for (size_t i = 1; i <= digits; i++) {
        if (at[i] < '0' || at[i] > '9' || digits > VERSION_DIGITS_MAX) {
            return false;
        }
        version = version * 10 + (uint32_t)(at[i] - '0');
    }
    text->bytes = (size_t)(at - bytes);
    *ret_version = version;
    return version > 0;
}

static void check_same_project(struct draft *draft, struct span project, const struct value *at,
                               const struct value_place *place)
{
    struct span own = draft->schedule.project;

    if (project.data != NULL && own.bytes > 0 && !span_equal(project, own)) {
        field_fault(&draft->reader, at, place, "a schedule starts clusters of its own project",
                    "the cluster is of the project %q, the schedule of %q", project, own);
    }
}

static void check_stored_cluster(struct draft *draft, const struct value_place *place)
{
    struct field_reader *r = &draft->reader;
    const struct value *value = draft->cluster;
    struct span text = value_text(value);
    struct span project;
    struct span name;

    if (!take_version(&text, &draft->schedule.cluster_version)) {
        field_fault(r, value, place, "write PROJECT/NAME@3, or without @ for the newest",
                    "%q does not end in a version", value_text(value));
        return;
    }
    name_split(text, &project, &name);
    if (!name_check(r, NAME_PLAIN, name, value, place) ||
        (project.data != NULL && !name_check(r, NAME_PLAIN, project, value, place))) {
        return;
    }
    check_same_project(draft, project, value, place);
    draft->schedule.cluster_name = field_copy(r, name);
}

/* The faults of the cluster stand under the schedule's path. */
static void take_faults(struct draft *draft, const struct fault_list *inner)
{
    for (const struct fault *fault = inner->first; fault != NULL; fault = fault->next) {
        struct fault_text path = {.used = 0};
        struct fault moved = *fault;

        fault_text_add(&path, "schedule.%s", fault->path);
        moved.path = path.bytes;
        fault_add(draft->reader.faults, &moved);
    }
    /* Those that were only counted count here too. */
    draft->reader.faults->error_count +=
        inner->error_count > inner->kept_count ? inner->error_count - inner->kept_count : 0;
}

static void check_inline_cluster(struct draft *draft)
{
    struct span project = draft->schedule.project;
    struct fault_list faults;
    const struct cluster *cluster = NULL;
    struct value checked;
    bool is_fit = true;

    if (project.bytes == 0) {
        return; /* its own fault is told; without it those of the cluster would mislead */
    }
    fault_list_init(&faults, draft->reader.faults->arena, 0);
    const struct cluster_source source = {.root = draft->cluster,
                                          .default_project = project.data, /* a NUL after it */
                                          .is_inner = true,
                                          .is_stored = draft->source->is_stored};

    if (cluster_parse(&source, draft->reader.arena, &cluster, &faults) == 0) {
        draft->schedule.cluster = cluster;
        if (draft->input == NULL || draft->input->kind == VALUE_MAP) {
            is_fit = cluster_input_check(cluster, draft->input, draft->reader.arena, &checked,
                                         &faults) == 0;
        }
    }
    assert(is_fit || faults.error_count > 0);
    take_faults(draft, &faults);
}

static void check_cluster(struct draft *draft)
{
    const struct value_place place = place_of("cluster");
    const struct value *value = draft->cluster;

    if (value == NULL) {
        field_fault(&draft->reader, draft->inner, &place,
                    "add cluster: PROJECT/NAME@VERSION, or what stands under `cluster` in a "
                    "cluster file",
                    "the schedule does not say what to start");
    } else if (value->kind == VALUE_STRING) {
        check_stored_cluster(draft, &place);
    } else if (value->kind == VALUE_MAP) {
        check_inline_cluster(draft);
    } else {
        field_fault(&draft->reader, value, &place, "", "%q must be a string or a map, not %s",
                    place.key, field_kind_words(value->kind));
    }
}

static void check_input(struct draft *draft)
{
    struct field_reader *r = &draft->reader;
    const struct value_place place = place_of("input");
    struct buffer text;

    if (draft->input == NULL || !field_is_kind(r, draft->input, &place, VALUE_MAP)) {
        return;
    }
    buffer_init(&text, r->arena->allocator, LIMIT_INLINE_BYTES);
    json_write(&text, draft->input);
    if (text.is_failed) {
        field_fault(r, draft->input, &place, "let a satellite read it from where it is",
                    "the input as JSON is larger than the limit of %u bytes",
                    (unsigned)LIMIT_INLINE_BYTES);
    }
    buffer_release(&text);
    draft->schedule.input = draft->input;
}

static void check_labels(struct draft *draft)
{
    struct field_reader *r = &draft->reader;
    struct schedule *schedule = &draft->schedule;
    const struct value_place place = place_of("labels");

    if (draft->labels == NULL || labels_read(draft->labels, &place, r->arena, &schedule->labels,
                                             &schedule->label_count, r->faults) != 0) {
        schedule->label_count = 0; /* the faults are told */
        return;
    }
    if (schedule->label_count > LIMIT_LABELS - SCHEDULE_OWN_LABELS) {
        field_fault(r, draft->labels, &place, "a schedule puts two of its own on each execution",
                    "there are more than %u labels",
                    (unsigned)(LIMIT_LABELS - SCHEDULE_OWN_LABELS));
    }
    for (uint32_t i = 0; i < schedule->label_count; i++) {
        struct span key = schedule->labels[i].key;
        const struct value_place inner = {.up = &place, .key = key};

        if (span_is(key, SCHEDULE_LABEL) || span_is(key, SCHEDULE_TIME_LABEL)) {
            field_fault(r, &draft->labels->members[i].key, &inner, "choose another name",
                        "the schedule itself puts %q on each execution", key);
        }
    }
}

static void check_time(struct draft *draft, const struct value *value, const char *field,
                       exo_time *time_ns)
{
    const struct value_place place = place_of(field);

    if (value == NULL || !field_is_kind(&draft->reader, value, &place, VALUE_STRING)) {
        return;
    }
    if (!timestamp_parse(value_text(value), time_ns)) {
        field_fault(&draft->reader, value, &place,
                    "write such as 2026-12-01T00:00:00Z or 2026-12-01T01:00:00+01:00",
                    "%q is not a time from 1970 on", value_text(value));
    }
}

static void check_times(struct draft *draft)
{
    struct schedule *schedule = &draft->schedule;
    const struct value_place place = place_of("end");

    schedule->end_ns = EXO_TIME_NEVER;
    check_time(draft, draft->start, "start", &schedule->start_ns);
    check_time(draft, draft->end, "end", &schedule->end_ns);
    if (schedule->end_ns <= schedule->start_ns) {
        field_fault(&draft->reader, draft->end, &place, "write a later one",
                    "the schedule ends before it starts");
    }
}

static void check_durations(struct draft *draft)
{
    struct schedule *schedule = &draft->schedule;
    const struct value_place jitter = place_of("jitter");
    const struct value_place window = place_of("catch_up_window");
    const struct value *written = value_get(draft->inner, window.key);

    if (schedule->jitter_ns > jitter_max_ns) {
        field_fault(&draft->reader, value_get(draft->inner, jitter.key), &jitter, "use at most 24h",
                    "%q is longer than a day", jitter.key);
    }
    if (schedule->window_ns > window_max_ns) {
        field_fault(&draft->reader, written, &window, "use at most 8784h",
                    "%q is longer than a year", window.key);
    }
    if (written != NULL && schedule->catch_up == CATCH_UP_NONE) {
        field_fault(&draft->reader, written, &window, "add catch_up: last or all, or remove it",
                    "%q says nothing without `catch_up`", window.key);
    }
}

/* Both stand as they are on each execution. */
static void warn_of_expressions(struct draft *draft)
{
    const struct value_place input = place_of("input");
    const struct value_place labels = place_of("labels");

    plain_warn(&draft->reader, draft->input, &input,
               "let the cluster read the time: ${{ execution.labels.schedule_time }}");
    plain_warn(&draft->reader, draft->labels, &labels,
               "write it plainly; the time is the label `schedule_time` anyway");
}

/* All are made up for, but while the first runs the rest is left out: hardly what is meant. */
static void warn_of_skipping(struct draft *draft)
{
    const struct value *at = value_get(draft->inner, span_of("catch_up"));

    if (draft->schedule.catch_up == CATCH_UP_ALL && draft->schedule.overlap == OVERLAP_SKIP) {
        fault_add(draft->reader.faults,
                  &(struct fault){.is_warning = true,
                                  .line = at->line,
                                  .column = at->column,
                                  .path = "schedule.catch_up",
                                  .text = "with `overlap: skip` only the first of what was missed "
                                          "is started",
                                  .hint = "add overlap: queue"});
    }
}

static void parse_inner(struct draft *draft, const struct value *inner)
{
    draft->inner = inner;
    draft->schedule.window_ns = schedule_window_default_ns;
    if (!field_read_map(&draft->reader, schedule_fields, schedule_field_count, FIELD_IN_ALL, inner,
                        &schedule_place, draft)) {
        return;
    }
    check_name(draft);
    check_cron(draft);
    check_zone(draft);
    check_cluster(draft);
    check_input(draft);
    check_labels(draft);
    check_times(draft);
    check_durations(draft);
    warn_of_expressions(draft);
    warn_of_skipping(draft);
}

static void parse_file(struct draft *draft)
{
    const struct value *root = draft->source->root;
    const struct value *inner =
        draft->source->is_inner ? root : file_head_read(&draft->reader, schedule_file_fields, root);

    if (inner != NULL) {
        parse_inner(draft, inner);
    }
}

int schedule_parse(const struct schedule_source *source, struct arena *arena,
                   const struct schedule **ret_schedule, struct fault_list *faults)
{
    struct draft draft = {
        .reader = {.arena = arena, .faults = faults, .nearest_left = NEAREST_BUDGET},
        .source = source,
    };
    struct fault *last = faults->last;
    uint32_t errors = faults->error_count;

    parse_file(&draft);
    struct schedule *schedule = field_alloc(&draft.reader, 1, sizeof(*schedule));

    if (draft.reader.is_out_of_memory) {
        field_fault(&draft.reader, source->root, &schedule_place, "make it smaller",
                    "the schedule needs more memory than it may take");
    }
    fault_list_sort(faults, last);
    if (faults->error_count != errors) {
        return -1;
    }
    assert(schedule != NULL);
    *schedule = draft.schedule;
    *ret_schedule = schedule;
    return 0;
}
