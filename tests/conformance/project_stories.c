#include "tests/conformance/project_stories.h"

#include <stdio.h>

#include "infra/crypto/crypto.h"
#include "infra/store/store_versions.h"
#include "schemas/project/project.h"
#include "tests/support/patience.h"
#include "tests/support/test.h"

static const char forever[] = "{\"retention\":{\"executions\":\"0s\"}}";
static const char waiting[] =
    "exosphere: v1\ncluster: {name: waiting, satellites: [{name: a, wait: {signal: go}}]}\n";
static const char one[] =
    "exosphere: v1\ncluster: {name: one, satellites: [{name: a, image: \"oci:x\"}]}\n";

static void keep_a_second(struct scheduler_settings *s)
{
    s->retention.kept_ns = EXO_SECOND;
    s->janitor_ns = 50 * EXO_MILLISECOND;
    s->reads_projects = true;
}

/* Deletes as soon as it has a shard. */
static void keep_in_haste(struct scheduler_settings *s)
{
    keep_a_second(s);
    s->janitor_ns = 1;
}

static void was_put(void *argument, uint32_t number, bool is_new, const struct exo_error *err)
{
    bool *is_done = argument;

    (void)number;
    (void)is_new;
    assert_null(err);
    *is_done = true;
}

static void was_deleted(void *argument, const struct exo_error *err)
{
    bool *is_done = argument;

    assert_null(err);
    *is_done = true;
}

static void say(struct stage *stage, const char *project, const char *text)
{
    bool is_done = false;
    const struct store_version_put wanted = {.kind = VERSION_PROJECT,
                                             .project = project,
                                             .name = PROJECT_SETTINGS_NAME,
                                             .digest = sha256_of(span_of(text)),
                                             .text = span_of(text),
                                             .expected = STORE_VERSION_ANY};

    store_version_put(stage->store, &wanted, was_put, &is_done);
    assert_true(stage_run(stage, &is_done, TEST_WAIT));
}

static void take_back(struct stage *stage, const char *project)
{
    bool is_done = false;
    const struct store_version_put which = {.kind = VERSION_PROJECT,
                                            .project = project,
                                            .name = PROJECT_SETTINGS_NAME,
                                            .expected = STORE_VERSION_ANY};

    store_version_delete(stage->store, &which, was_deleted, &is_done);
    assert_true(stage_run(stage, &is_done, TEST_WAIT));
}

static void goes(struct stage *stage, const struct execution_id *id)
{
    exo_time begin_ns = clock_monotonic_ns();
    const bool never = false;

    while (stage_has(stage, id)) {
        if (clock_monotonic_ns() - begin_ns > TEST_WAIT) {
            fail_msg("it is not deleted");
        }
        (void)stage_run(stage, &never, 5 * EXO_MILLISECOND);
    }
}

static void ends(struct stage *stage, const struct execution_id *id)
{
    assert_string_equal(stage_await(stage, id, NULL), "SUCCEEDED");
}

/* One of a project that says nothing, which ended after all before it, is deleted. It ends when it
 * has been seen. */
static void younger_goes(struct stage *stage)
{
    struct execution_id id = stage_submit(stage, waiting, "{}");
    exo_time begin_ns = clock_monotonic_ns();
    const bool never = false;

    while (!stage_has(stage, &id)) {
        assert_true(clock_monotonic_ns() - begin_ns < TEST_WAIT);
        (void)stage_run(stage, &never, 5 * EXO_MILLISECOND);
    }
    stage_command(stage, &(struct wire_command){
                             .kind = COMMAND_SIGNAL, .execution = id, .name = span_of("go")});
    goes(stage, &id);
}

/* What a project says goes before the scheduler's setting: also behind a thousand others that say
 * something, in words of a newer program, and where a scheduler has only begun. */
void project_story(struct stage *stage, int others)
{
    char kept_name[64], newer_name[64], name[64];

    for (int i = 0; i < others; i++) {
        (void)snprintf(name, sizeof(name), "a%04d", i);
        say(stage, name, forever);
    }
    (void)snprintf(kept_name, sizeof(kept_name), "kept%lld", (long long)clock_wall_ns());
    (void)snprintf(newer_name, sizeof(newer_name), "newer%lld", (long long)clock_wall_ns());
    say(stage, kept_name, forever);
    say(stage, newer_name, "{\"retention\":{\"executions\":\"24h\",\"later\":\"1m\"}}");
    stage->adjust = keep_a_second;
    stage_scheduler_start(stage, 0);
    struct execution_id kept = stage_submit_of(stage, kept_name, one);
    struct execution_id newer = stage_submit_of(stage, newer_name, one);

    ends(stage, &kept);
    ends(stage, &newer);
    younger_goes(stage);
    assert_true(stage_has(stage, &kept));
    assert_true(stage_has(stage, &newer));
    stage_scheduler_kill(stage, 0);
    stage->adjust = keep_in_haste;
    stage_scheduler_start(stage, 0);
    younger_goes(stage);
    assert_true(stage_has(stage, &kept));
    take_back(stage, kept_name);
    goes(stage, &kept);
    take_back(stage, newer_name);
    for (int i = 0; i < others; i++) {
        (void)snprintf(name, sizeof(name), "a%04d", i);
        take_back(stage, name);
    }
}
