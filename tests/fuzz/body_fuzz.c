/* body_fuzz: any bytes as the body of a request: a submission, a cluster or satellite to be stored,
 * a rerun, the settings of a project. The first byte picks one. What is refused has faults; what is
 * taken reads as the same once more; the quick split of a body agrees with reading all of it. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "infra/yaml/yaml_read.h"
#include "producer/core/body_split.h"
#include "producer/core/definition_body.h"
#include "producer/core/rerun_body.h"
#include "producer/core/submit.h"
#include "schemas/json/json_read.h"
#include "schemas/project/project.h"
#include "schemas/vocab/limits.h"
#include "schemas/vocab/states.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STORED_SATELLITE "{\"name\":\"p/s\",\"satellite\":{\"image\":\"x\"}}"
#define STORED_CLUSTER                                                                             \
    "{\"name\":\"p/c\",\"inputs\":{\"n\":{\"type\":\"int\",\"default\":1}},\"satellites\":["       \
    "{\"name\":\"a\",\"image\":\"x\"},{\"name\":\"b\",\"satellites\":[{\"name\":\"c\",\"image\":"  \
    "\"x\"}]}]}"

struct run {
    struct arena arena;
    struct fault_list faults;
};

static bool read(struct run *run, struct span text, struct value *ret)
{
    struct json_error error;

    return json_read(text, NULL, &run->arena, ret, &error) == JSON_OK;
}

/* Every second one is there. */
static void look_up(struct uses_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        bool is_cluster = set->entries[i].reference.kind == VERSION_CLUSTER;

        set->entries[i].number = 1 + i;
        if (i % 2 == 0) {
            set->entries[i].text = span_of(is_cluster ? STORED_CLUSTER : STORED_SATELLITE);
        } else {
            set->entries[i].problem = "there is none";
        }
    }
}

static void check_submission(struct run *run, struct book *book, const struct submission *taken)
{
    struct wire_job job = submit_job(taken);
    const struct book_text stored = {.text = job.cluster, .is_stored = true};
    struct value input;

    assert(job.label_count <= LIMIT_LABELS);
    assert(taken->idempotency_key == NULL ||
           strlen(taken->idempotency_key) <= SUBMIT_KEY_BYTES_MAX);
    if (job.input.bytes > 0) {
        bool is_read = read(run, job.input, &input);

        assert(is_read && input.kind == VALUE_MAP);
    }
    const struct cluster *cluster = taken->entry->cluster;
    const struct book_entry *again = book_get(book, &stored, &run->faults);

    assert(again != NULL && again->cluster->satellite_count == cluster->satellite_count);
    assert(span_equal(again->canonical, job.cluster));
}

static void submit(struct run *run, struct span text)
{
    struct submission submission = {.entry = NULL};
    struct book book;

    book_init(&book, run->arena.allocator, 8, 64 << 20);
    enum submit_result result = submit_read(&book, text, &run->arena, &submission, &run->faults);

    if (result == SUBMIT_WANTS) {
        look_up(submission.wanted);
        result = submit_read(&book, text, &run->arena, &submission, &run->faults);
        assert(result != SUBMIT_WANTS);
    }
    if (result == SUBMIT_OK) {
        assert(run->faults.error_count == 0);
        book_hold(submission.entry);
        check_submission(run, &book, &submission);
        book_drop(submission.entry);
    } else {
        assert(run->faults.error_count > 0);
    }
    book_release(&book);
}

static void define(struct run *run, enum version_kind kind, struct span text)
{
    const struct definition_name name = {kind, "p", "n"};
    struct definition_body body;
    struct uses_set uses;
    struct value root, file;

    if (!read(run, text, &root)) {
        return;
    }
    definition_body_read(kind, &root, &run->arena, &body, &run->faults);
    assert(body.definition != NULL || run->faults.error_count > 0);
    if (run->faults.error_count > 0) {
        return;
    }
    assert(body.expected >= -1 && body.message.bytes <= DEFINITION_MESSAGE_BYTES_MAX &&
           body.actor.bytes <= DEFINITION_ACTOR_BYTES_MAX);
    bool is_file = body.definition->kind == VALUE_STRING;

    if (is_file &&
        text_read(value_text(body.definition), NULL, &run->arena, &file, &run->faults) != 0) {
        return;
    }
    const struct value *inner = definition_inner(&name, is_file ? &file : body.definition, is_file,
                                                 &run->arena, &run->faults);

    if (inner == NULL) {
        assert(run->faults.error_count > 0);
        return;
    }
    definition_check_form("p", inner, &run->arena, &run->faults);
    if (run->faults.error_count > 0 || uses_collect(inner, &run->arena, &uses, &run->faults) != 0 ||
        uses.count > 0) {
        return; /* uses_fuzz has those */
    }
    struct span canonical = definition_check(&name, inner, &run->arena, &run->faults);

    assert((canonical.bytes == 0) == (run->faults.error_count > 0));
}

static const struct rerun_old *old_execution(void)
{
    static struct heap_budget budget;
    static struct arena arena;
    static struct value root;
    static struct fault_list faults;
    static const struct wire_instance instances[] = {{.state = TASK_SUCCEEDED},
                                                     {.state = TASK_FAILED}};
    static struct wire_body body = {.instances = instances, .instance_count = 2};
    static struct rerun_old old;
    const struct cluster_source source = {.root = &root, .is_inner = true};
    struct json_error error;

    if (old.cluster == NULL) {
        arena_init(&arena, allocator_heap(&budget), 0);
        fault_list_init(&faults, &arena, 0);
        if (json_read(span_of(STORED_CLUSTER), NULL, &arena, &root, &error) != JSON_OK ||
            cluster_parse(&source, &arena, &old.cluster, &faults) != 0) {
            abort();
        }
        old.body = &body;
    }
    return &old;
}

static void run_again(struct run *run, struct span text)
{
    struct rerun_body body = {.again = NULL};
    struct value input;

    if (rerun_body_read(text, old_execution(), &run->arena, &body, &run->faults) != SUBMIT_OK) {
        assert(run->faults.error_count > 0 && body.again == NULL);
        return;
    }
    assert(body.again[0] || body.again[1]);
    assert(body.start_at_ms >= 0 && body.start_at_ms <= WIRE_JOB_START_MS_MAX);
    if (body.input.bytes > 0) {
        bool is_read = read(run, body.input, &input);

        assert(is_read && input.kind == VALUE_MAP);
    }
}

static void set_project(struct run *run, struct span text)
{
    struct project_settings settings, again;
    struct buffer canonical, twice;
    struct value root;

    if (!read(run, text, &root)) {
        return;
    }
    if (project_parse(&root, &run->arena, &settings, &run->faults) != 0) {
        assert(run->faults.error_count > 0);
        return;
    }
    buffer_init(&canonical, run->arena.allocator, 0);
    buffer_init(&twice, run->arena.allocator, 0);
    project_canonical(&settings, &canonical);
    bool is_read = read(run, buffer_span(&canonical), &root) &&
                   project_parse(&root, &run->arena, &again, &run->faults) == 0;

    assert(is_read);
    project_canonical(&again, &twice);
    assert(span_equal(buffer_span(&canonical), buffer_span(&twice)));
    buffer_release(&canonical);
    buffer_release(&twice);
}

static void split(struct run *run, struct span text)
{
    struct value whole, part;
    struct buffer rest;
    struct span found;

    if (!body_member(text, "cluster", &found) || !read(run, text, &whole)) {
        return;
    }
    const struct value *member = value_get(&whole, span_of("cluster"));
    bool is_read = read(run, found, &part);

    assert(is_read && member != NULL && value_equal(member, &part));
    buffer_init(&rest, run->arena.allocator, 0);
    body_without(text, found, &rest);
    is_read = read(run, buffer_span(&rest), &whole);
    assert(is_read && value_get(&whole, span_of("cluster"))->kind == VALUE_NULL);
    buffer_release(&rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heap_budget budget = {.limit_bytes = (size_t)256 << 20};
    struct run run;

    if (size == 0) {
        return 0;
    }
    const struct span text = {data + 1, size - 1};

    arena_init(&run.arena, allocator_heap(&budget), 0);
    fault_list_init(&run.faults, &run.arena, 0);
    split(&run, text);
    switch (data[0] % 5) {
    case 0:
        submit(&run, text);
        break;
    case 1:
        define(&run, VERSION_CLUSTER, text);
        break;
    case 2:
        define(&run, VERSION_SATELLITE, text);
        break;
    case 3:
        run_again(&run, text);
        break;
    default:
        set_project(&run, text);
        break;
    }
    arena_release(&run.arena);
    assert(budget.used_bytes == 0);
    return 0;
}
