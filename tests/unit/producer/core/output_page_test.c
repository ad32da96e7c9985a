/* output_page: the last success of each task. */
#include "producer/core/output_page.h"

#include "tests/support/test.h"

static void add(struct output_page *page, struct arena *arena, uint32_t index, uint32_t attempt,
                enum wire_outcome outcome, const char *json)
{
    struct heap_budget budget = {0};
    struct buffer text;
    struct wire_output output = {
        .index = index, .attempt = attempt, .outcome = outcome, .json = span_of(json)};

    buffer_init(&text, allocator_heap(&budget), 0);
    wire_outputs_pack(&output, 1, arena, &text);
    struct span kept = arena_copy(arena, buffer_span(&text));

    assert_true(output_page_add(page, kept, arena));
    buffer_release(&text);
}

static void test_fold(void **state)
{
    static struct output_page page;
    struct heap_budget budget = {0};
    struct arena arena;

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    add(&page, &arena, 256, 1, OUTCOME_FAILED, "");
    add(&page, &arena, 256, 2, OUTCOME_SUCCEEDED, "7");
    add(&page, &arena, 257, 1, OUTCOME_FAILED, "");
    add(&page, &arena, 511, 1, OUTCOME_SUCCEEDED, "");
    assert_true(page.has_output[0] && span_is(output_json(&page.outputs[0]), "7"));
    assert_false(page.has_output[1]);
    assert_true(page.has_output[255] && span_is(output_json(&page.outputs[255]), "null"));
    assert_false(output_page_add(&page, span_of("\xff\xff"), &arena));
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fold)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
