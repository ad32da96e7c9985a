#include "tests/conformance/batch_stories.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/cluster/batch.h"
#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"
#include "tests/support/test.h"

enum { TEXT_BYTES = 800 };

static struct span input_of(const struct wire_spec *spec)
{
    for (uint32_t i = 0; i < spec->context_count; i++) {
        if (span_is(spec->contexts[i].path, "input")) {
            return spec->contexts[i].json;
        }
    }
    return (struct span){NULL, 0};
}

static void put_result(struct json_writer *writer, const struct value *input)
{
    json_begin_map(writer);
    if (input != NULL && input->kind == VALUE_INT) {
        json_key(writer, "output");
        json_put_uint(writer, (uint64_t)(2 * input->integer));
    } else {
        json_key(writer, "error");
        json_put_text(writer, "no number");
    }
    json_end_map(writer);
}

bool batch_act(const struct wire_spec *spec, struct wire_report *report)
{
    static struct heap_budget budget;
    static struct buffer output; /* lives until the next */
    struct json_writer writer = {.buffer = &output};
    struct arena arena;
    struct json_error error;
    struct value root;

    if (!span_is(spec->satellite, BATCH_NAME)) {
        return false;
    }
    arena_init(&arena, allocator_heap(&budget), 0);
    buffer_release(&output);
    buffer_init(&output, allocator_heap(&budget), 0);
    assert_int_equal(json_read(input_of(spec), NULL, &arena, &root, &error), JSON_OK);
    const struct value *items = value_get(&root, span_of("items"));

    assert_non_null(items);
    json_begin_list(&writer);
    for (uint32_t i = 0; i < items->count; i++) {
        put_result(&writer, value_get(&items->items[i], span_of("input")));
    }
    json_end_list(&writer);
    report->output = buffer_span(&output);
    arena_release(&arena);
    return true;
}

/* A cluster whose batches are those of all clusters of this story with the same size and interval.
 * over: "" for a single task, else for_each. */
static struct execution_id submit(struct stage *stage, const char *name, const char *over,
                                  const char *batch, const char *input)
{
    static unsigned long long story; /* services keep what earlier runs have left */
    char text[TEXT_BYTES];

    story = story == 0 ? (unsigned long long)clock_wall_ns() : story;
    (void)snprintf(text, sizeof(text),
                   "exosphere: v1\ncluster:\n  name: %s\n  satellites:\n"
                   "    - {name: m, image: \"oci:x\", command: [b], %s env: {STORY: \"%llu\"},\n"
                   "       batch: {%s}, input: \"%s\"}\n"
                   "  output: \"${{ satellites.m.output }}\"\n",
                   name, over, story, batch, over[0] == '\0' ? "${{ input.x }}" : "${{ item }}");
    return stage_submit(stage, text, input);
}

static void assert_ends(struct stage *stage, const struct execution_id *id, const char *state,
                        const char *output)
{
    char *found = NULL;
    const char *ended = stage_await(stage, id, &found);

    if (strcmp(ended, state) != 0 || strcmp(found, output) != 0) {
        fail_msg("ended %s with %s, wanted %s with %s", ended, found, state, output);
    }
    free(found);
}

void batch_story(struct stage *stage)
{
    static const char each[] = "for_each: \"${{ input.l }}\", ";
    struct execution_id map, one, other;

    /* Four tasks of two clusters start one batch; what waits outlives its scheduler. */
    map = submit(stage, "each", each, "size: 4, interval: 1h", "{\"l\":[1,2,3]}");
    stage_scheduler_kill(stage, 0);
    stage_scheduler_start(stage, 1);
    one = submit(stage, "one", "", "size: 4, interval: 1h", "{\"x\":4}");
    assert_ends(stage, &map, "SUCCEEDED", "[2,4,6]");
    assert_ends(stage, &one, "SUCCEEDED", "8");

    /* An error is of one task. */
    one = submit(stage, "one", "", "size: 2, interval: 1h", "{\"x\":\"five\"}");
    other = submit(stage, "one", "", "size: 2, interval: 1h", "{\"x\":6}");
    assert_ends(stage, &one, "FAILED", "m: no number");
    assert_ends(stage, &other, "SUCCEEDED", "12");

    /* Another key is another batch: neither is full, both go when their time is over. */
    one = submit(stage, "one", "", "size: 2, interval: 100ms, key: a", "{\"x\":7}");
    other = submit(stage, "one", "", "size: 2, interval: 100ms, key: b", "{\"x\":8}");
    assert_ends(stage, &one, "SUCCEEDED", "14");
    assert_ends(stage, &other, "SUCCEEDED", "16");
}
