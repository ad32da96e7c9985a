#include "tests/conformance/command_stories.h"

#include <stdlib.h>
#include <string.h>

#include "infra/crypto/crypto.h"
#include "tests/support/test.h"

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

/* What was sent before it has been read: an execution of the same shard has ended. */
static void let_read(struct stage *stage, const struct execution_id *like)
{
    struct execution_id id;

    do {
        id = execution_id_new(clock_wall_ns() / EXO_MILLISECOND);
    } while (execution_shard(&id, stage->shard_count) != execution_shard(like, stage->shard_count));
    struct wire_command signal = {
        .kind = COMMAND_SIGNAL, .execution = id, .name = span_of("read"), .value = span_of("1")};

    stage_command(stage, &signal);
    stage_submit_as(stage, &id, execution_shard(&id, stage->shard_count),
                    "exosphere: v1\ncluster: {name: read, satellites: [{name: w, wait: {signal: "
                    "read}}], output: \"${{ satellites.w.output }}\"}\n",
                    "{}");
    assert_ends(stage, &id, "SUCCEEDED", "1");
}

void command_story(struct stage *stage)
{
    struct execution_id id = execution_id_new(clock_wall_ns() / EXO_MILLISECOND);
    uint32_t letters = stage_letters(stage);
    const struct wire_command commands[] = {
        {.kind = COMMAND_PAUSE, .execution = id},
        {.kind = COMMAND_SIGNAL,
         .execution = id,
         .name = span_of("go"),
         .value = span_of("{\"n\":5}")},
        {.kind = COMMAND_SKIP, .execution = id, .task = span_of("hang"), .value = span_of("6")},
        {.kind = COMMAND_RESUME, .execution = id},
    };

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        stage_command(stage, &commands[i]);
    }
    let_read(stage, &id);
    stage_scheduler_kill(stage, 0);
    stage_scheduler_start(stage, 1);
    stage_submit_as(
        stage, &id, execution_shard(&id, stage->shard_count),
        "exosphere: v1\ncluster:\n  name: early\n  satellites:\n"
        "    - {name: w, needs: [], wait: {signal: go}}\n"
        "    - {name: hang, needs: [], image: \"oci:x\", command: [x]}\n"
        "  output: [\"${{ satellites.w.output.n }}\", \"${{ satellites.hang.output }}\"]\n",
        "{}");
    assert_ends(stage, &id, "SUCCEEDED", "[5,6]");
    assert_int_equal(stage_letters(stage), letters);
}
