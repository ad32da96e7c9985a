/* explain batch: which batches are waited for, and what is said with and without their rows. */
#include "producer/core/explain_batch.h"

#include "producer/core/cluster_book.h"
#include "producer/core/explain.h"
#include "tests/support/test.h"

static const char text[] =
    "{\"name\":\"p/c\",\"satellites\":["
    "{\"name\":\"one\",\"image\":\"x\",\"batch\":{\"size\":32,\"interval\":\"10s\",\"key\":\"k\"}},"
    "{\"name\":\"many\",\"image\":\"x\",\"for_each\":\"${{ [1] }}\",\"batch\":{\"size\":8,"
    "\"interval\":\"10s\"}},"
    "{\"name\":\"keyed\",\"image\":\"x\",\"for_each\":\"${{ [1] }}\",\"batch\":{\"size\":8,"
    "\"interval\":\"10s\",\"key\":\"k\"}},"
    "{\"name\":\"alone\",\"image\":\"x\"}]}";

enum { ONE, MANY, KEYED, ALONE, SATELLITES };

struct scene {
    struct heap_budget budget;
    struct arena arena;
    struct book book;
    const struct cluster *cluster;
    struct wire_instance instances[SATELLITES];
    struct wire_lease lease;
    struct run_scope scope;
};

static int setup(void **state)
{
    static struct scene s;
    struct fault_list faults;
    const struct book_text wanted = {.text = span_of(text)};

    s = (struct scene){.budget = {0}};
    arena_init(&s.arena, allocator_heap(&s.budget), 0);
    fault_list_init(&faults, &s.arena, 0);
    book_init(&s.book, allocator_heap(&s.budget), 4, 1 << 20);
    s.cluster = book_get(&s.book, &wanted, &faults)->cluster;
    s.lease.gather_key = span_of("k");
    s.lease.ready_ns = 1001 * EXO_SECOND;
    s.instances[ONE] = (struct wire_instance){.state = TASK_DISPATCHED,
                                              .task = {.leases = &s.lease, .lease_count = 1}};
    s.instances[MANY] = (struct wire_instance){.state = TASK_RUNNING, .is_map = true};
    s.instances[KEYED] = s.instances[MANY];
    s.instances[ALONE] = s.instances[ONE];
    for (int i = 0; i < SATELLITES; i++) {
        s.instances[i].counts[TASK_DISPATCHED] = 3;
    }
    s.scope = (struct run_scope){.instances = s.instances, .instance_count = SATELLITES};
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;

    book_release(&s->book);
    arena_release(&s->arena);
    return 0;
}

static void test_what_is_waited_for(void **state)
{
    struct scene *s = *state;
    struct explain_batch batches[EXPLAIN_BATCHES_MAX];

    assert_int_equal(explain_batches(s->cluster, &s->scope, 1, batches), 2);
    assert_ptr_equal(batches[0].instance, &s->instances[ONE]);
    assert_true(span_is(batches[0].key, "k"));
    assert_ptr_equal(batches[1].instance, &s->instances[MANY]);
    assert_int_equal(batches[1].key.bytes, 0);
    assert_int_equal(batches[1].gathered, 0);
    /* Of a map with a key each task may wait for another. */
    assert_true(explain_batch_of(&s->cluster->satellites[KEYED], &s->instances[KEYED], &s->lease,
                                 &batches[0]));
    assert_true(span_is(batches[0].key, "k"));
    s->lease.is_gathered = true;
    assert_false(explain_batch_of(&s->cluster->satellites[KEYED], &s->instances[KEYED], &s->lease,
                                  &batches[0]));
    assert_int_equal(explain_batches(s->cluster, &s->scope, 1, batches), 1);
    s->instances[MANY].counts[TASK_DISPATCHED] = 0;
    assert_int_equal(explain_batches(s->cluster, &s->scope, 1, batches), 0);
}

static void test_not_more_than_there_is_room_for(void **state)
{
    struct scene *s = *state;
    struct explain_batch batches[EXPLAIN_BATCHES_MAX];
    struct run_scope scopes[EXPLAIN_BATCHES_MAX];

    for (int i = 0; i < EXPLAIN_BATCHES_MAX; i++) {
        scopes[i] = s->scope;
    }
    assert_int_equal(explain_batches(s->cluster, scopes, EXPLAIN_BATCHES_MAX, batches),
                     EXPLAIN_BATCHES_MAX);
}

static void test_what_is_said(void **state)
{
    struct scene *s = *state;
    struct explain_batch batch = {.gathered = 5, .due_ns = 1008 * EXO_SECOND};
    struct explain_batch_subject one = {.satellite = &s->cluster->satellites[ONE],
                                        .instance = &s->instances[ONE],
                                        .now_ms = 1000000};
    struct explain_batch_subject many = {.satellite = &s->cluster->satellites[MANY],
                                         .instance = &s->instances[MANY],
                                         .now_ms = 1000000};
    struct fault_text said = {.used = 0};

    explain_batch_say(&one, &said);
    assert_string_equal(said.bytes, "it waits for a batch: 32 tasks start it, or what is there at "
                                    "1970-01-01T00:16:51.000Z, in 11s");
    one.batch = &batch;
    said.used = 0;
    explain_batch_say(&one, &said);
    assert_string_equal(said.bytes, "it waits for a batch: 5 of 32 gathered, it runs at "
                                    "1970-01-01T00:16:48.000Z, in 8s at the latest");
    s->lease.is_gathered = true;
    said.used = 0;
    explain_batch_say(&one, &said);
    assert_string_equal(said.bytes, "it runs in a batch, in the execution "
                                    "00000000-0000-0000-0000-000000000000");
    said.used = 0;
    explain_batch_say_map(&many, &said);
    assert_string_equal(said.bytes, "0 tasks run in batches, 3 wait for one of up to 8");
    many.batch = &batch;
    said.used = 0;
    explain_batch_say_map(&many, &said);
    assert_string_equal(said.bytes,
                        "0 tasks run in batches, 3 wait for one of up to 8: 5 of 8 gathered, it "
                        "runs at 1970-01-01T00:16:48.000Z, in 8s at the latest");
    many.batch = NULL;
    many.satellite = &s->cluster->satellites[KEYED];
    said.used = 0;
    explain_batch_say_map(&many, &said);
    assert_string_equal(said.bytes, "0 tasks run in batches, 3 wait for one of up to 8; ask for "
                                    "one of them to see how many have gathered");
}

/* By the instance, and only that one. */
static void test_an_explanation_finds_its_batch(void **state)
{
    struct scene *s = *state;
    const struct explain_batch batch = {
        .instance = &s->instances[MANY], .gathered = 5, .due_ns = 1008 * EXO_SECOND};
    struct wire_body body = {.instances = s->instances, .instance_count = SATELLITES};
    const struct view_execution execution = {
        .cluster = s->cluster, .state = "RUNNING", .body = &body};
    struct fleet_view fleet;
    struct buffer out;

    fleet_view_init(&fleet, allocator_heap(&s->budget));
    const struct explain_facts facts = {.execution = &execution,
                                        .fleet = &fleet,
                                        .batches = &batch,
                                        .batch_count = 1,
                                        .now_ms = 1000000};

    buffer_init(&out, allocator_heap(&s->budget), 0);
    struct json_writer w = {.buffer = &out};

    explain_put(&w, &facts);
    buffer_append(&out, (struct span){"", 1});
    assert_non_null(strstr((char *)out.data, "5 of 8 gathered"));
    assert_non_null(strstr((char *)out.data, "it waits for a batch: 32 tasks start it"));
    buffer_release(&out);
    fleet_view_release(&fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_more_than_there_is_room_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_explanation_finds_its_batch, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
