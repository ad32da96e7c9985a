#include "producer/core/submit.h"

#include <assert.h>

#include "producer/core/body_split.h"
#include "producer/core/definition_body.h"
#include "producer/core/start_body.h"
#include "schemas/cluster/field.h"
#include "schemas/cluster/name_rule.h"
#include "schemas/json/json_write.h"
#include "schemas/vocab/limits.h"

/* The members of a body. */
struct body {
    const struct value *version;
    const struct value *cluster;
    const struct value *input;
    const struct value *labels;
    struct span key;
    const struct value *project;
    const struct value *start_at;
};

/* clang-format off */
static const struct field body_fields[] = {
    {.name = "exosphere",       .in = FIELD_IN_ALL, .read = field_read_value, .offset = offsetof(struct body, version)},
    {.name = "cluster",         .in = FIELD_IN_ALL, .read = field_read_value, .offset = offsetof(struct body, cluster)},
    {.name = "input",           .in = FIELD_IN_ALL, .read = field_read_value, .offset = offsetof(struct body, input)},
    {.name = "labels",          .in = FIELD_IN_ALL, .read = field_read_value, .offset = offsetof(struct body, labels)},
    {.name = "idempotency_key", .in = FIELD_IN_ALL, .read = field_read_text,  .offset = offsetof(struct body, key), .min = 1, .max = SUBMIT_KEY_BYTES_MAX},
    {.name = "project",         .in = FIELD_IN_ALL, .read = field_read_value, .offset = offsetof(struct body, project)},
    {.name = "start_at",        .in = FIELD_IN_ALL, .read = field_read_value, .offset = offsetof(struct body, start_at)},
};
/* clang-format on */
enum { BODY_FIELDS = sizeof(body_fields) / sizeof(body_fields[0]), NEAREST_BUDGET = 1000 };

static const struct value_place labels_place = {.key = {"labels", 6}};
static const struct value_place project_place = {.key = {"project", 7}};
static const struct value_place cluster_place = {.key = {"cluster", 7}};
static const struct value_place version_place = {.key = {"exosphere", 9}};

/* One reading of a text. */
struct reading {
    struct field_reader r;
    struct arena *arena;
    struct fault_list *faults;
    const struct value *root;
    struct body body;
    const char *project; /* C string; NULL: none */
    int64_t start_at_ms; /* 0: at once */
};

/* All but the cluster. */
static void read_members(struct reading *reading)
{
    struct body *body = &reading->body;
    struct field_reader *r = &reading->r;

    if (!field_read_map(r, body_fields, BODY_FIELDS, FIELD_IN_ALL, reading->root, NULL, body)) {
        return;
    }
    if (body->version != NULL &&
        (body->version->kind != VALUE_STRING || !span_is(value_text(body->version), "v1"))) {
        field_fault(r, body->version, &version_place,
                    "write \"exosphere\": \"v1\", or leave it out",
                    "only version v1 is known here");
    }
    if (body->project != NULL && body->project->kind != VALUE_NULL &&
        field_is_kind(r, body->project, &project_place, VALUE_STRING) &&
        name_check(r, NAME_PLAIN, value_text(body->project), body->project, &project_place)) {
        struct span copy = field_copy(r, value_text(body->project));

        reading->project = copy.data;
    }
    start_body_time(r, body->start_at, &reading->start_at_ms);
    if (body->cluster == NULL) {
        field_fault(r, reading->root, &cluster_place,
                    "send the cluster itself, as an object, or PROJECT/NAME of a stored one",
                    "the body has no cluster");
    }
}

static void read_labels(struct reading *reading, struct submission *ret)
{
    const struct cluster_label *labels;
    uint32_t count;

    if (reading->body.labels == NULL || reading->body.labels->kind == VALUE_NULL ||
        labels_read(reading->body.labels, &labels_place, reading->arena, &labels, &count,
                    reading->faults) != 0) {
        return;
    }
    struct wire_pair *pairs = field_alloc(&reading->r, count, sizeof(*pairs));

    for (uint32_t i = 0; pairs != NULL && i < count; i++) {
        pairs[i] = (struct wire_pair){labels[i].key, labels[i].value};
    }
    ret->labels = pairs;
    ret->label_count = pairs == NULL ? 0 : count;
}

static void reading_init(struct reading *reading, struct arena *arena, struct fault_list *faults)
{
    *reading = (struct reading){
        .r = {.arena = arena, .faults = faults, .nearest_left = NEAREST_BUDGET},
        .arena = arena,
        .faults = faults,
    };
}

static enum submit_result end_reading(struct reading *reading, struct submission *submission,
                                      struct submission *ret)
{
    if (reading->r.is_out_of_memory) {
        field_fault(&reading->r, reading->root, NULL, "send less at once",
                    "the body needs more memory than it may take");
    }
    if (reading->faults->error_count > 0) {
        return SUBMIT_EFAULTS;
    }
    submission->idempotency_key = reading->body.key.data;
    submission->start_at_ms = reading->start_at_ms;
    *ret = *submission;
    return SUBMIT_OK;
}

/* The cluster's text stands apart and the book knows it or takes it; anything amiss, and the slow
 * reading finds out with the right places. */
static bool read_fast(struct book *book, struct span text, struct arena *arena,
                      struct submission *ret)
{
    struct submission submission = {.entry = NULL};
    struct fault_list faults;
    struct reading reading;
    struct span cluster;
    struct buffer rest;

    if (!body_member(text, "cluster", &cluster)) {
        return false;
    }
    fault_list_init(&faults, arena, 1);
    reading_init(&reading, arena, &faults);
    buffer_init(&rest, arena->allocator, 0);
    body_without(text, cluster, &rest);
    struct span kept = arena_copy(arena, buffer_span(&rest));
    bool is_whole = !rest.is_failed && kept.data != NULL;

    buffer_release(&rest);
    if (is_whole) {
        reading.root = start_body_json(&reading.r, kept);
    }
    if (reading.root == NULL) {
        return false;
    }
    read_members(&reading);
    if (faults.error_count > 0) {
        return false;
    }
    const struct book_text wanted = {.text = cluster, .project = reading.project};

    submission.entry = book_get(book, &wanted, &faults);
    if (submission.entry == NULL) {
        return false;
    }
    read_labels(&reading, &submission);
    start_body_input(&reading.r, submission.entry->cluster, reading.body.input, &submission.input);
    return end_reading(&reading, &submission, ret) == SUBMIT_OK;
}

/* The same cluster once more through the book, for the entry. */
static struct book_entry *entry_of(struct book *book, const struct value *root, const char *project,
                                   struct reading *reading)
{
    struct book_entry *entry;
    struct buffer text;
    struct fault_list faults;

    fault_list_init(&faults, reading->arena, 1);
    buffer_init(&text, reading->arena->allocator, 0);
    json_write(&text, root);
    const struct book_text wanted = {.text = buffer_span(&text), .project = project};

    entry = text.is_failed ? NULL : book_get(book, &wanted, &faults);
    buffer_release(&text);
    if (entry == NULL) {
        field_fault(&reading->r, root, &cluster_place, "split it into several clusters",
                    "the cluster has more than %u bytes, or more memory than it may take",
                    (unsigned)LIMIT_CLUSTER_BYTES);
    }
    return entry;
}

/* Faults of the body are told once the store has answered, with all others. */
static enum submit_result want(struct reading *reading, struct uses_set *set,
                               struct submission *ret)
{
    const struct value *root = reading->body.cluster;
    struct uses_set *kept = field_alloc(&reading->r, 1, sizeof(*kept));
    struct buffer text;

    buffer_init(&text, reading->arena->allocator, 0);
    json_write(&text, root);
    struct span written = field_copy(&reading->r, buffer_span(&text));

    reading->r.is_out_of_memory = reading->r.is_out_of_memory || text.is_failed;
    buffer_release(&text);
    if (reading->r.is_out_of_memory) {
        return end_reading(reading, ret, ret);
    }
    *kept = *set;
    ret->wanted = kept;
    ret->written = written;
    return SUBMIT_WANTS;
}

/* "project/name@version": what it names, as the only one of a set; false with a fault. */
static bool name_stored(struct reading *reading, struct uses_set *ret_set)
{
    const struct value *name = reading->body.cluster;
    struct span project = span_of(reading->project == NULL ? "" : reading->project);
    struct uses_entry entry = {.at = name, .path = "cluster"};
    const char *wrong =
        version_reference_parse(VERSION_CLUSTER, value_text(name), project, &entry.reference);

    if (wrong == NULL && reading->project != NULL &&
        !span_is(entry.reference.project, reading->project)) {
        wrong = "it is of another project than `project` says";
    }
    if (wrong != NULL) {
        field_fault(&reading->r, name, &cluster_place, wrong, "%q names no stored cluster",
                    value_text(name));
        return false;
    }
    ret_set->entries = field_alloc(&reading->r, 1, sizeof(entry));
    if (ret_set->entries == NULL) {
        return false;
    }
    *ret_set->entries = entry;
    ret_set->count = 1;
    return true;
}

/* A cluster file within the body, one level too deep: one fault in place of one for each field. */
static bool is_whole_file(struct reading *reading)
{
    const struct value *root = reading->body.cluster;

    if (root->kind != VALUE_MAP || value_get(root, span_of("exosphere")) == NULL ||
        value_get(root, span_of("cluster")) == NULL) {
        return false;
    }
    field_fault(&reading->r, root, &cluster_place,
                "send the file itself as the body, or here what stands under its `cluster`",
                "this is a whole cluster file");
    return true;
}

/* The cluster that the store has for a name. */
static void read_stored(struct reading *reading, struct book *book, const struct uses_entry *found,
                        struct submission *ret)
{
    const struct book_text wanted = {.text = found->text, .is_stored = true};
    const struct value *name = reading->body.cluster;

    if (found->text.data == NULL) {
        field_fault(&reading->r, name, &cluster_place, "", "%q: %s", value_text(name),
                    found->problem == NULL ? "it was not looked up" : found->problem);
        return;
    }
    struct fault_list faults;

    fault_list_init(&faults, reading->arena, 1);
    ret->entry = book_get(book, &wanted, &faults);
    if (ret->entry == NULL) {
        field_fault(&reading->r, name, &cluster_place, "put it again, or name another version",
                    "this program cannot read that version of %q", value_text(name));
    } else {
        start_body_input(&reading->r, ret->entry->cluster, reading->body.input, &ret->input);
    }
}

/* A cluster of the body's own, the satellites it uses written out. */
static void read_own(struct reading *reading, struct book *book, const struct uses_set *uses,
                     struct submission *ret)
{
    struct value *root = field_alloc(&reading->r, 1, sizeof(*root));

    if (root == NULL) {
        return;
    }
    if (uses_inline(reading->body.cluster, uses, reading->arena, root, reading->faults) != 0) {
        definition_check_form(reading->project, reading->body.cluster, reading->arena,
                              reading->faults);
        return;
    }
    const struct cluster *cluster =
        submit_check_cluster(root, reading->project, reading->arena, reading->faults);

    if (cluster != NULL) {
        start_body_input(&reading->r, cluster, reading->body.input, &ret->input);
    }
    if (cluster != NULL && reading->faults->error_count == 0) {
        ret->entry = entry_of(book, root, reading->project, reading);
    }
}

enum submit_result submit_read(struct book *book, struct span text, struct arena *arena,
                               struct submission *ret, struct fault_list *faults)
{
    struct submission submission = {.wanted = ret->wanted, .written = ret->written};
    struct uses_set set = {.count = 0};
    struct reading reading;

    if (ret->wanted == NULL && read_fast(book, text, arena, ret)) {
        return SUBMIT_OK;
    }
    reading_init(&reading, arena, faults);
    reading.root = start_body_json(&reading.r, text);
    if (reading.root == NULL) {
        return SUBMIT_EMALFORMED;
    }
    read_members(&reading);
    const struct value *root = reading.body.cluster;
    bool is_name = root != NULL && root->kind == VALUE_STRING;
    bool is_good =
        root != NULL && !is_whole_file(&reading) &&
        (is_name ? name_stored(&reading, &set) : uses_collect(root, arena, &set, faults) == 0);

    if (is_good && set.count > 0 && ret->wanted == NULL) {
        return want(&reading, &set, ret);
    }
    if (is_good && is_name) {
        assert(ret->wanted != NULL); /* a name is one that is used: else it was wanted above */
        read_stored(&reading, book, ret->wanted->entries, &submission);
    } else if (is_good) {
        read_own(&reading, book, ret->wanted == NULL ? &set : ret->wanted, &submission);
    }
    read_labels(&reading, &submission);
    return end_reading(&reading, &submission, ret);
}

struct wire_job submit_job(const struct submission *submission)
{
    bool is_rerun = submission->rerun_of.bytes > 0;

    return (struct wire_job){
        .project = submission->entry->cluster->project,
        .cluster = is_rerun ? (struct span){NULL, 0} : submission->entry->canonical,
        .rerun_of = submission->rerun_of,
        .rerun_from = submission->rerun_from,
        .input = submission->input,
        .labels = submission->labels,
        .label_count = submission->label_count,
        .start_at_ms = submission->start_at_ms,
    };
}

const struct cluster *submit_check_cluster(const struct value *root, const char *project,
                                           struct arena *arena, struct fault_list *faults)
{
    struct cluster_source source = {.root = root, .default_project = project, .is_inner = true};
    const struct cluster *cluster;

    return cluster_parse(&source, arena, &cluster, faults) == 0 ? cluster : NULL;
}
