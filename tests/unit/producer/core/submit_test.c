/* submit: bodies good and bad; the quick reading and the whole one agree. */
#include "producer/core/submit.h"

#include <stdio.h>

#include "tests/support/test.h"

#define ONE "{\"name\":\"p/one\",\"satellites\":[{\"name\":\"a\",\"image\":\"x\"}]}"

struct scene {
    struct heap_budget budget;
    struct arena arena;
    struct fault_list faults;
    struct book book;
};

static int setup(void **state)
{
    static struct scene scene;

    scene = (struct scene){.budget = {0}};
    arena_init(&scene.arena, allocator_heap(&scene.budget), 0);
    fault_list_init(&scene.faults, &scene.arena, 0);
    book_init(&scene.book, allocator_heap(&scene.budget), 100, 1 << 20);
    *state = &scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    book_release(&scene->book);
    arena_release(&scene->arena);
    assert_int_equal(scene->budget.used_bytes, 0);
    return 0;
}

static enum submit_result read_text(struct scene *scene, const char *text, struct submission *ret)
{
    fault_list_init(&scene->faults, &scene->arena, 0);
    return submit_read(&scene->book, span_of(text), &scene->arena, ret, &scene->faults);
}

static void test_good(void **state)
{
    struct scene *scene = *state;
    struct submission submission = {0};

    assert_int_equal(read_text(scene,
                               "{\"cluster\":" ONE ",\"input\":{\"k\": [1, 2.0]},"
                               "\"labels\":{\"a\":\"b\",\"c\":\"\"},\"idempotency_key\":\"key\"}",
                               &submission),
                     SUBMIT_OK);
    struct wire_job job = submit_job(&submission);

    assert_true(span_is(job.project, "p"));
    assert_true(span_is(job.input, "{\"k\":[1,2.0]}"));
    assert_true(span_equal(job.cluster, submission.entry->canonical));
    assert_int_equal(job.label_count, 2);
    assert_true(span_is(job.labels[0].key, "a") && span_is(job.labels[0].value, "b"));
    assert_true(span_is(job.labels[1].key, "c") && job.labels[1].value.bytes == 0);
    assert_string_equal(submission.idempotency_key, "key");
    assert_int_equal(job.execution_id.bytes, 0);
    assert_int_equal(scene->faults.error_count, 0);
}

static void test_least(void **state)
{
    struct scene *scene = *state;
    struct submission submission = {0};

    assert_int_equal(
        read_text(scene, "{\"cluster\":" ONE ",\"input\":null,\"labels\":null,\"project\":null}",
                  &submission),
        SUBMIT_OK);
    assert_int_equal(submission.input.bytes, 0);
    assert_int_equal(submission.label_count, 0);
    assert_null(submission.idempotency_key);
}

/* What the quick reading cannot split, the whole one reads to the same. */
static void test_both_ways(void **state)
{
    struct scene *scene = *state;
    struct submission quick = {0};
    struct submission whole = {0};

    assert_int_equal(read_text(scene, "{\"cluster\":" ONE "}", &quick), SUBMIT_OK);
    assert_int_equal(read_text(scene, "{\"\\u0063luster\":" ONE "}", &whole), SUBMIT_OK);
    assert_true(span_equal(quick.entry->canonical, whole.entry->canonical));
}

static void test_known_cluster_is_not_compiled_again(void **state)
{
    struct scene *scene = *state;
    struct submission first = {0};
    struct submission second = {0};

    assert_int_equal(read_text(scene, "{\"cluster\":" ONE ",\"input\":{\"n\":1}}", &first),
                     SUBMIT_OK);
    assert_int_equal(read_text(scene, "{\"input\":{\"n\":2},\"cluster\":" ONE "}", &second),
                     SUBMIT_OK);
    assert_ptr_equal(first.entry, second.entry);
    assert_int_equal(scene->book.count, 1);
}

static void test_malformed(void **state)
{
    static const char *const bad[] = {"", "{", "{\"cluster\":" ONE ",}", "{\"cluster\":" ONE "} x",
                                      "{\"cluster\":" ONE ",\"a\":tru}"};
    struct scene *scene = *state;
    struct submission submission = {0};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(read_text(scene, bad[i], &submission), SUBMIT_EMALFORMED);
        assert_int_equal(scene->faults.error_count, 1);
        assert_true(scene->faults.first->line >= 1);
    }
}

static void test_every_fault_with_its_place(void **state)
{
    struct scene *scene = *state;
    struct submission submission = {0};

    assert_int_equal(
        read_text(scene,
                  "{\n"
                  "  \"cluster\": {\"name\": \"p/x\", \"inputs\": {\"n\": {\"type\": \"int\"}},\n"
                  "    \"satellites\": [{\"name\": \"a\", \"image\": \"x\"}]},\n"
                  "  \"input\": {\"n\": \"one\", \"m\": 2},\n"
                  "  \"labels\": {\"a\": 1},\n"
                  "  \"idempotency_key\": 7,\n"
                  "  \"projekt\": \"p\"\n"
                  "}",
                  &submission),
        SUBMIT_EFAULTS);
    static const struct {
        const char *path;
        uint32_t line;
    } wanted[] = {
        {"idempotency_key", 6}, {"projekt", 7}, {"input.n", 4}, {"input.m", 4}, {"labels.a", 5}};

    assert_int_equal(scene->faults.error_count, 5);
    for (size_t i = 0; i < 5; i++) {
        bool is_found = false;

        for (const struct fault *f = scene->faults.first; f != NULL; f = f->next) {
            is_found =
                is_found || (strcmp(f->path, wanted[i].path) == 0 && f->line == wanted[i].line);
        }
        if (!is_found) {
            fail_msg("no fault at %s, line %u", wanted[i].path, wanted[i].line);
        }
    }
}

static void test_a_whole_file_as_cluster(void **state)
{
    struct scene *scene = *state;
    struct submission submission = {0};

    assert_int_equal(read_text(scene,
                               "{\"cluster\": {\"exosphere\": \"v1\", \"cluster\": {\"name\": "
                               "\"p/x\", \"satellites\": []}}}",
                               &submission),
                     SUBMIT_EFAULTS);
    assert_int_equal(scene->faults.error_count, 1);
    assert_string_equal(scene->faults.first->path, "cluster");
    assert_string_equal(scene->faults.first->text, "this is a whole cluster file");
}

static void test_project(void **state)
{
    static const char inner[] =
        "{\"cluster\":{\"name\":\"one\",\"satellites\":[{\"name\":\"a\",\"image\":\"x\"}]},"
        "\"project\":\"q\"}";
    struct scene *scene = *state;
    struct submission submission = {0};

    assert_int_equal(read_text(scene, inner, &submission), SUBMIT_OK);
    assert_true(span_is(submit_job(&submission).project, "q"));
    assert_int_equal(read_text(scene, "{\"cluster\":" ONE ",\"project\":\"q\"}", &submission),
                     SUBMIT_EFAULTS);
    assert_int_equal(read_text(scene, "{\"cluster\":" ONE ",\"project\":\"p\"}", &submission),
                     SUBMIT_OK);
    assert_int_equal(read_text(scene, "{\"cluster\":" ONE ",\"project\":3}", &submission),
                     SUBMIT_EFAULTS);
}

/* Reads a text that names one stored definition, and again with what the store has: a canonical
 * text, or NULL and why not. */
static enum submit_result read_twice(struct scene *scene, const char *text, const char *found,
                                     struct submission *ret)
{
    *ret = (struct submission){0};
    assert_int_equal(read_text(scene, text, ret), SUBMIT_WANTS);
    assert_int_equal(ret->wanted->count, 1);
    ret->wanted->entries[0].number = 3;
    ret->wanted->entries[0].text = found == NULL ? (struct span){NULL, 0} : span_of(found);
    ret->wanted->entries[0].problem = found == NULL ? "it is not there" : NULL;
    return read_text(scene, text, ret);
}

static void test_stored_cluster(void **state)
{
    static const char canonical[] =
        "{\"exosphere\":\"v1\",\"cluster\":{\"name\":\"p/one\",\"inputs\":{\"n\":{\"type\":\"int\","
        "\"required\":true}},\"satellites\":[{\"name\":\"a\",\"needs\":[],\"image\":\"x\"}]}}";
    struct scene *scene = *state;
    struct submission submission = {0};

    assert_int_equal(
        read_twice(scene, "{\"cluster\":\"p/one@3\",\"input\":{\"n\":1}}", canonical, &submission),
        SUBMIT_OK);
    assert_true(span_is(submit_job(&submission).cluster, canonical));
    assert_true(span_is(submission.written, "\"p/one@3\""));
    assert_int_equal(submission.wanted->entries[0].reference.number, 3);
    assert_int_equal(read_twice(scene,
                                "{\"cluster\":\"one\",\"project\":\"p\",\"input\":{\"n\":2}}",
                                canonical, &submission),
                     SUBMIT_OK);
    assert_int_equal(submission.wanted->entries[0].reference.number, 0);
    /* Every fault at once, with the inputs it declares. */
    assert_int_equal(read_twice(scene, "{\"cluster\":\"p/one\",\"label\":{},\"labels\":[]}",
                                canonical, &submission),
                     SUBMIT_EFAULTS);
    assert_int_equal(scene->faults.error_count, 3);
    assert_int_equal(
        read_twice(scene, "{\"cluster\":\"p/one@9\",\"labels\":[]}", NULL, &submission),
        SUBMIT_EFAULTS);
    assert_int_equal(scene->faults.error_count, 2);
    assert_string_equal(scene->faults.first->text, "`p/one@9`: it is not there");
    submission = (struct submission){0};
    assert_int_equal(read_text(scene, "{\"cluster\":\"one\"}", &submission), SUBMIT_EFAULTS);
    assert_int_equal(read_text(scene, "{\"cluster\":\"p/one\",\"project\":\"q\"}", &submission),
                     SUBMIT_EFAULTS);
    assert_int_equal(read_text(scene, "{\"cluster\":\"p/one@x\"}", &submission), SUBMIT_EFAULTS);
    assert_null(submission.wanted);
}

static void test_stored_satellite(void **state)
{
    static const char stored[] =
        "{\"exosphere\":\"v1\",\"satellite\":{\"name\":\"t/s\",\"image\":\"oci:s\"}}";
    static const char text[] = "{\"cluster\":{\"name\":\"p/"
                               "u\",\"satellites\":[{\"name\":\"a\",\"uses\":\"satellite/t/s\"}]}}";
    struct scene *scene = *state;
    struct submission submission = {0};

    assert_int_equal(read_twice(scene, text, stored, &submission), SUBMIT_OK);
    assert_true(
        span_is(submit_job(&submission).cluster,
                "{\"exosphere\":\"v1\",\"cluster\":{\"name\":\"p/u\",\"satellites\":[{\"name\":"
                "\"a\",\"uses\":\"satellite/t/s@3\",\"needs\":[],\"image\":\"oci:s\"}]}}"));
    /* What was written out is submitted again as it is. */
    struct submission again = {0};
    char body[400];

    (void)snprintf(body, sizeof(body), "%.*s", SPAN_ARG(submission.entry->canonical));
    assert_int_equal(read_text(scene, body, &again), SUBMIT_OK);
    assert_null(again.wanted);
    assert_true(span_is(again.entry->canonical, body));
    /* What else is wrong is told with what is not there. */
    assert_int_equal(
        read_twice(
            scene,
            "{\"cluster\":{\"name\":\"p/u\",\"sla\":1,\"satellites\":[{\"name\":\"a\",\"uses\":"
            "\"satellite/t/s\"}]}}",
            NULL, &submission),
        SUBMIT_EFAULTS);
    assert_int_equal(scene->faults.error_count, 2);
    assert_string_equal(scene->faults.first->text, "satellite/t/s@3: it is not there");
}

static void test_no_memory(void **state)
{
    struct scene *scene = *state;
    struct submission submission = {0};

    for (size_t limit = 100; limit < 60000; limit += 509) {
        struct heap_budget budget = {.limit_bytes = limit};
        struct arena arena;
        struct fault_list faults;

        arena_init(&arena, allocator_heap(&budget), 0);
        fault_list_init(&faults, &arena, 0);
        enum submit_result result =
            submit_read(&scene->book, span_of("{\"cluster\":" ONE ",\"labels\":{\"a\":\"b\"}}"),
                        &arena, &submission, &faults);

        assert_true(result == SUBMIT_OK || faults.error_count > 0);
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good, setup, teardown),
        cmocka_unit_test_setup_teardown(test_least, setup, teardown),
        cmocka_unit_test_setup_teardown(test_both_ways, setup, teardown),
        cmocka_unit_test_setup_teardown(test_known_cluster_is_not_compiled_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_fault_with_its_place, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_whole_file_as_cluster, setup, teardown),
        cmocka_unit_test_setup_teardown(test_project, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stored_cluster, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stored_satellite, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
