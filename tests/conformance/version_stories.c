#include "tests/conformance/version_stories.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infra/crypto/crypto.h"
#include "infra/store/store_versions.h"
#include "tests/support/patience.h"
#include "tests/support/test.h"

enum { NAME_BYTES = 40, TEXT_BYTES = 600 };

struct answer {
    bool is_done;
    uint32_t number;
    char text[TEXT_BYTES];
};

static void on_put(void *argument, uint32_t number, bool is_new, const struct exo_error *err)
{
    struct answer *answer = argument;

    (void)is_new;
    assert_null(err);
    answer->number = number;
    answer->is_done = true;
}

static void put(struct stage *stage, enum version_kind kind, const char *name, const char *text,
                uint32_t number)
{
    struct answer answer = {0};
    const struct store_version_put wanted = {.kind = kind,
                                             .project = "test",
                                             .name = name,
                                             .digest = sha256_of(span_of(text)),
                                             .text = span_of(text),
                                             .expected = STORE_VERSION_ANY};

    store_version_put(stage->store, &wanted, on_put, &answer);
    assert_true(stage_run(stage, &answer.is_done, TEST_WAIT));
    assert_int_equal(answer.number, number);
}

/* A cluster whose output tells its version. */
static void put_cluster(struct stage *stage, const char *name, uint32_t number)
{
    char text[TEXT_BYTES];

    (void)snprintf(text, sizeof(text),
                   "{\"exosphere\":\"v1\",\"cluster\":{\"name\":\"test/%s\",\"satellites\":[{"
                   "\"name\":\"a\",\"needs\":[],\"image\":\"oci:x\"}],\"output\":%u}}",
                   name, number);
    put(stage, VERSION_CLUSTER, name, text, number);
}

static void on_execution(void *argument, const struct store_execution *execution,
                         struct span definition_text, const struct exo_error *err)
{
    struct answer *answer = argument;

    assert_null(err);
    assert_non_null(execution);
    (void)snprintf(answer->text, sizeof(answer->text), "%.*s", SPAN_ARG(definition_text));
    answer->is_done = true;
}

static void assert_ran(struct stage *stage, const struct execution_id *id, const char *output,
                       const char *definition)
{
    struct answer answer = {0};
    char *found = NULL;

    assert_string_equal(stage_await(stage, id, &found), "SUCCEEDED");
    assert_string_equal(found, output);
    free(found);
    store_execution_get(stage->store, id, on_execution, &answer);
    assert_true(stage_run(stage, &answer.is_done, TEST_WAIT));
    if (strstr(answer.text, definition) == NULL) {
        fail_msg("no %s in %s", definition, answer.text);
    }
}

/* What is unknown costs no other Job. */
static void refused(struct stage *stage, const char *cluster)
{
    uint32_t letters = stage_letters(stage);
    struct execution_id after;

    (void)stage_submit(stage, cluster, "{}");
    after = stage_submit(stage,
                         "exosphere: v1\ncluster: {name: after, satellites: [{name: a, image: "
                         "x}], output: 1}\n",
                         "{}");
    assert_string_equal(stage_await(stage, &after, NULL), "SUCCEEDED");
    while (stage_letters(stage) == letters) {
        const bool never = false;

        (void)stage_run(stage, &never, 10 * EXO_MILLISECOND);
    }
    assert_int_equal(stage_letters(stage), letters + 1);
}

/* A cluster as a satellite: the version that was named, whatever is put later. */
static void used_cluster_story(struct stage *stage, const char *name)
{
    char text[TEXT_BYTES];
    struct execution_id one, each;

    (void)snprintf(text, sizeof(text),
                   "exosphere: v1\ncluster: {name: u, satellites: [{name: part, uses: "
                   "cluster/test/%s@1}], output: \"${{ satellites.part.output }}\"}\n",
                   name);
    one = stage_submit(stage, text, "{}");
    (void)snprintf(text, sizeof(text),
                   "exosphere: v1\ncluster: {name: e, satellites: [{name: part, uses: "
                   "cluster/test/%s, for_each: \"${{ input.l }}\", input: {n: \"${{ item }}\"}}], "
                   "output: \"${{ satellites.part.output }}\"}\n",
                   name);
    each = stage_submit(stage, text, "{\"l\":[5,6]}");
    (void)snprintf(text, sizeof(text),
                   "\"uses\":\"cluster/test/%s@1\",\"needs\":[],\"satellites\":[{\"name\":\"a\","
                   "\"needs\":[],\"image\":\"oci:x\"}],\"output\":1",
                   name);
    assert_ran(stage, &one, "1", text);
    assert_ran(stage, &each, "[2,2]", "@2\"");
    refused(stage, "exosphere: v1\ncluster: {name: u, satellites: [{name: a, uses: "
                   "cluster/test/none@1}]}\n");
}

void version_story(struct stage *stage)
{
    char name[NAME_BYTES], tool[NAME_BYTES], text[TEXT_BYTES];
    struct execution_id id, latest, used, foreign = {{0}};

    /* Services keep what earlier runs have put. */
    (void)snprintf(name, sizeof(name), "c%llu", (unsigned long long)clock_wall_ns());
    (void)snprintf(tool, sizeof(tool), "s%llu", (unsigned long long)clock_wall_ns());
    put_cluster(stage, name, 1);
    put_cluster(stage, name, 2);
    (void)snprintf(
        text, sizeof(text),
        "{\"exosphere\":\"v1\",\"satellite\":{\"name\":\"test/%s\",\"inputs\":{\"n\":{"
        "\"type\":\"int\"}},\"image\":\"oci:tool\",\"command\":[\"${{ input.n + 1 }}\"]}}",
        tool);
    put(stage, VERSION_SATELLITE, tool, text, 1);

    (void)snprintf(text, sizeof(text), "test/%s@1", name);
    id = stage_submit(stage, text, "{}");
    (void)snprintf(text, sizeof(text), "%s", name); /* the Job's project is known */
    latest = stage_submit(stage, text, "{}");
    (void)snprintf(text, sizeof(text),
                   "exosphere: v1\ncluster: {name: u, satellites: [{name: a, uses: "
                   "satellite/test/%s, input: {n: 3}}], output: 7}\n",
                   tool);
    used = stage_submit(stage, text, "{}");
    assert_ran(stage, &id, "1", "\"output\":1");
    assert_ran(stage, &latest, "2", "\"output\":2");
    (void)snprintf(
        text, sizeof(text),
        "\"uses\":\"satellite/test/%s@1\",\"needs\":[],\"image\":\"oci:tool\",\"command\":"
        "[\"${{ (3) + 1 }}\"],\"input\":{\"n\":3}",
        tool);
    assert_ran(stage, &used, "7", text);
    /* Found on another partition, it is written out before it is handed on. */
    foreign = execution_id_new(clock_wall_ns() / EXO_MILLISECOND);
    (void)snprintf(text, sizeof(text), "test/%s@latest", name);
    stage_submit_as(stage, &foreign,
                    (execution_shard(&foreign, stage->shard_count) + 1) % stage->shard_count, text,
                    "{}");
    assert_ran(stage, &foreign, "2", "\"output\":2");

    (void)snprintf(text, sizeof(text), "test/%s@9", name);
    refused(stage, text);
    refused(stage, "no project/no name");
    refused(stage, "exosphere: v1\ncluster: {name: u, satellites: [{name: a, uses: "
                   "satellite/test/none@1}]}\n");
    (void)snprintf(text, sizeof(text),
                   "exosphere: v1\ncluster: {name: u, satellites: [{name: a, uses: "
                   "satellite/test/%s, input: {n: x}}]}\n",
                   tool);
    refused(stage, text);
    used_cluster_story(stage, name);
}
