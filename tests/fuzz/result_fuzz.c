/* result_fuzz: any bytes as what a container leaves: output.json of one task, control.json of it,
 * and the list of results of a batch. The first byte picks the satellite. What is taken is JSON
 * within its bound; what is not says why, with a code. */
#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>

#include "scheduler/core/gather_results.h"
#include "schemas/json/json_read.h"
#include "schemas/vocab/limits.h"
#include "schemas/wire/status.h"
#include "workers/contract.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KINDS = 4, BATCH_MAX = 5 };

static const char *const definitions[KINDS] = {
    "{\"image\":\"x\"}",
    "{\"image\":\"x\",\"output\":\"stdout\"}",
    "{\"image\":\"x\",\"output_schema\":{\"type\":\"object\",\"required\":[\"n\"],"
    "\"properties\":{\"n\":{\"type\":\"integer\",\"minimum\":1},\"l\":{\"type\":\"array\","
    "\"items\":{\"type\":\"string\",\"maxLength\":3}}}}}",
    "{\"image\":\"x\",\"output\":\"none\"}",
};

static const struct contract *contract_of(unsigned kind)
{
    static struct contract *contracts[KINDS];
    char error[CONTRACT_ERROR_BYTES];
    const struct wire_spec spec = {
        .project = span_of("p"),
        .cluster = span_of("c"),
        .satellite = span_of("s"),
        .definition = span_of(definitions[kind]),
        .is_map = kind % 2 == 0,
        .item_name = span_of("item"),
    };

    if (contracts[kind] == NULL) {
        contracts[kind] = contract_new(&spec, error);
        assert(contracts[kind] != NULL);
    }
    return contracts[kind];
}

/* "CODE: text". */
static void says_why(struct span text)
{
    const char *at = text.data;
    size_t code = 0;

    while (code < text.bytes && (isupper((unsigned char)at[code]) || at[code] == '_')) {
        code++;
    }
    assert(code > 0 && code + 2 < text.bytes && at[code] == ':' && at[code + 1] == ' ');
}

static void is_json(struct span text, struct arena *arena)
{
    struct json_error error;
    struct value value;
    enum json_err err = json_read(text, NULL, arena, &value, &error);

    assert(err == JSON_OK);
}

static void judge(const struct contract *contract, struct span output, const struct span *control,
                  struct arena *arena)
{
    const struct contract_result_files files = {
        .has_output = true,
        .output = output,
        .has_control = control != NULL,
        .control = control == NULL ? output : *control,
    };
    char error[CONTRACT_ERROR_BYTES] = "";
    struct buffer json, steering;

    buffer_init(&json, arena->allocator, 0);
    buffer_init(&steering, arena->allocator, 0);
    enum contract_result result = contract_judge(contract, &files, &json, &steering, error);

    assert(result == CONTRACT_OK || result == CONTRACT_FAULTY);
    if (result == CONTRACT_FAULTY) {
        says_why(span_of(error));
    } else {
        assert(json.bytes <= LIMIT_OUTPUT_BYTES && steering.bytes <= LIMIT_INLINE_BYTES);
        if (json.bytes > 0) {
            is_json(buffer_span(&json), arena);
        }
        if (steering.bytes > 0) {
            is_json(buffer_span(&steering), arena);
        }
    }
    buffer_release(&json);
    buffer_release(&steering);
}

static void share_out(struct span output, uint32_t count, struct arena *arena)
{
    struct gather_result results[BATCH_MAX];
    const char *wrong;
    bool is_read = gather_results_read(output, count, arena, results, &wrong);

    assert(is_read);
    if (wrong != NULL) {
        says_why(span_of(wrong));
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (results[i].outcome == OUTCOME_SUCCEEDED) {
            assert(results[i].output.bytes <= LIMIT_INLINE_BYTES);
            is_json(results[i].output, arena);
        } else {
            assert(results[i].outcome == OUTCOME_FAILED);
            assert(results[i].error.bytes > 0 && results[i].error.bytes <= 4 << 10);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heap_budget budget = {.limit_bytes = 64 << 20};
    struct arena arena;

    if (size == 0) {
        return 0;
    }
    const char *text = (const char *)data + 1;
    const char *mark = memmem(text, size - 1, "\n---\n", 5);
    size_t first = mark == NULL ? size - 1 : (size_t)(mark - text);
    struct span output = {text, first};
    struct span control = {mark == NULL ? text : mark + 5, mark == NULL ? 0 : size - 6 - first};

    arena_init(&arena, allocator_heap(&budget), 0);
    judge(contract_of(data[0] % KINDS), output, mark == NULL ? NULL : &control, &arena);
    share_out(output, 1 + data[0] / KINDS % BATCH_MAX, &arena);
    arena_release(&arena);
    assert(budget.used_bytes == 0);
    return 0;
}
