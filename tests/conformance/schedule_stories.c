#include "tests/conformance/schedule_stories.h"

#include <stdio.h>
#include <stdlib.h>

#include "infra/crypto/fire_id.h"
#include "schemas/vocab/timestamp.h"
#include "schemas/wire/status.h"
#include "schemas/wire/topics.h"
#include "tests/support/test.h"

static const char definition[] =
    "{\"exosphere\":\"v1\",\"schedule\":{\"name\":\"test/nightly\",\"cron\":\"30 2 * * *\","
    "\"tz\":\"Europe/Berlin\",\"cluster\":{\"name\":\"a\",\"satellites\":[{\"name\":\"a\","
    "\"needs\":[],\"image\":\"oci:x\"}],\"output\":\"${{ execution.labels.schedule_time }}\"}}}";

static exo_time time_of(const char *text)
{
    exo_time ns = 0;

    assert_true(timestamp_parse(span_of(text), &ns));
    return ns;
}

static void command(struct stage *stage, struct wire_schedule_command command)
{
    struct heap_budget budget = {0};
    const struct wire_status status = {.schedules = &command, .schedule_count = 1};
    struct execution_id id;
    struct arena scratch;
    struct buffer text;

    command.project = span_of("test");
    command.name = span_of("nightly");
    command.expected = SCHEDULE_EXPECTED_ANY;
    id = schedule_id_of(command.project, command.name);
    arena_init(&scratch, allocator_heap(&budget), 0);
    buffer_init(&text, scratch.allocator, 0);
    wire_status_pack(&status, &scratch, &text);
    assert_false(text.is_failed);
    stage_append(stage, TOPIC_STATUS, execution_shard(&id, stage->shard_count), buffer_span(&text));
    buffer_release(&text);
    arena_release(&scratch);
}

/* The day Berlin's clock goes forward is among them; each command comes twice. */
void schedule_story(struct stage *stage)
{
    const uint32_t letters = stage_letters(stage);
    static const char *const times[] = {"2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z",
                                        "2026-03-30T00:30:00Z"};
    const struct execution_id schedule = schedule_id_of(span_of("test"), span_of("nightly"));

    for (int i = 0; i < 2; i++) {
        command(stage, (struct wire_schedule_command){.kind = SCHEDULE_COMMAND_PUT,
                                                      .id = span_of("put"),
                                                      .definition = span_of(definition)});
        command(stage, (struct wire_schedule_command){.kind = SCHEDULE_COMMAND_BACKFILL,
                                                      .id = span_of("backfill"),
                                                      .from_ns = time_of("2026-03-28"),
                                                      .until_ns = time_of("2026-03-30T12:00:00Z"),
                                                      .parallel = 1});
    }
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct execution_id id = fire_id_of(&schedule, time_of(times[i]));
        char *output = NULL;
        char expected[40];

        (void)snprintf(expected, sizeof(expected), "\"%s\"", times[i]);
        assert_string_equal(stage_await(stage, &id, &output), "SUCCEEDED");
        assert_string_equal(output, expected);
        free(output);
    }
    assert_int_equal(stage_letters(stage), letters);
}
