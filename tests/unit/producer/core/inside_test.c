/* inside: sums over runs, paths without numbers, and the one attempt that says how far it is. */
#include "producer/core/inside.h"

#include "producer/core/cluster_book.h"
#include "schemas/vocab/states.h"
#include "tests/support/test.h"

static const char text[] =
    "{\"name\":\"p/c\",\"satellites\":["
    "{\"name\":\"first\",\"image\":\"x\"},"
    "{\"name\":\"page\",\"for_each\":\"${{ [1] }}\",\"satellites\":["
    "{\"name\":\"parse\",\"image\":\"x\"},"
    "{\"name\":\"part\",\"satellites\":[{\"name\":\"word\",\"image\":\"x\"}]}]}]}";

enum { FIRST, PAGE, PARSE, PART, WORD };

struct scene {
    struct heap_budget budget;
    struct arena arena;
    struct book book;
    const struct cluster *cluster;
    struct wire_instance root[2], pages[2][2], word;
    struct wire_lease lease;
    struct wire_run runs[3];
    struct buffer out;
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
    buffer_init(&s.out, allocator_heap(&s.budget), 0);
    s.cluster = book_get(&s.book, &wanted, &faults)->cluster;
    s.lease.progress = span_of("{\"percent\":7}");
    for (int i = 0; i < 2; i++) {
        s.pages[i][0] = (struct wire_instance){.state = i == 0 ? TASK_RUNNING : TASK_SUCCEEDED,
                                               .has_task = true,
                                               .task = {.leases = &s.lease, .lease_count = 1},
                                               .task_count = 1};
        s.pages[i][0].counts[s.pages[i][0].state] = 1;
        s.runs[i] = (struct wire_run){.group = 1,
                                      .index = (uint32_t)i,
                                      .number = 2 + 2 * (uint32_t)i,
                                      .instances = s.pages[i],
                                      .instance_count = 2};
    }
    s.word.counts[TASK_READY] = 1;
    s.word.task_count = 1;
    s.runs[2] =
        (struct wire_run){.group = 5, .number = 6, .instances = &s.word, .instance_count = 1};
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;

    buffer_release(&s->out);
    book_release(&s->book);
    arena_release(&s->arena);
    return 0;
}

static void assert_shows(struct scene *s, uint32_t run_count, bool has_more, const char *wanted)
{
    const struct wire_body body = {.instances = s->root, .instance_count = 2};
    const struct inside inside = {s->runs, run_count, has_more};
    struct json_writer w = {.buffer = &s->out};

    buffer_reset(&s->out);
    json_begin_map(&w);
    inside_put(&w, s->cluster, &body, &inside);
    json_end_map(&w);
    buffer_append(&s->out, (struct span){"", 1});
    assert_string_equal((char *)s->out.data, wanted);
}

static void test_nothing_is_under_way(void **state)
{
    assert_shows(*state, 0, false, "{\"inside\":[],\"inside_is_cut\":false}");
}

static void test_runs_are_added_up(void **state)
{
    assert_shows(
        *state, 3, true,
        "{\"inside\":[{\"satellite\":\"page.parse\",\"kind\":\"container\",\"runs\":2,\"tasks\":2,"
        "\"counts\":{\"RUNNING\":1,\"SUCCEEDED\":1},\"progress\":{\"percent\":7}},"
        "{\"satellite\":\"page.part\",\"kind\":\"group\",\"runs\":2,\"tasks\":0,\"counts\":{},"
        "\"progress\":null},"
        "{\"satellite\":\"page.part.word\",\"kind\":\"container\",\"runs\":1,\"tasks\":1,"
        "\"counts\":{\"READY\":1},\"progress\":null}],\"inside_is_cut\":true}");
}

/* Of two that run there is no one progress. */
static void test_progress_is_of_one(void **state)
{
    struct scene *s = *state;

    s->pages[1][0].state = TASK_RUNNING;
    s->pages[1][0].counts[TASK_SUCCEEDED] = 0;
    s->pages[1][0].counts[TASK_RUNNING] = 1;
    assert_shows(s, 2, false,
                 "{\"inside\":[{\"satellite\":\"page.parse\",\"kind\":\"container\",\"runs\":2,"
                 "\"tasks\":2,\"counts\":{\"RUNNING\":2},\"progress\":null},"
                 "{\"satellite\":\"page.part\",\"kind\":\"group\",\"runs\":2,\"tasks\":0,"
                 "\"counts\":{},\"progress\":null}],\"inside_is_cut\":false}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_is_under_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_runs_are_added_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_progress_is_of_one, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
