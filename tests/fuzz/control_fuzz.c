/* control_fuzz: any bytes as what a request for a command says: the path of a task up to a line's
 * end, then the body. What is taken must be what the rules promise. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "producer/core/command_body.h"
#include "producer/core/command_fit.h"
#include "schemas/json/json_read.h"
#include "schemas/vocab/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "{\"name\":\"p/c\",\"satellites\":[{\"name\":\"a\",\"image\":\"x\"},"
    "{\"name\":\"m\",\"image\":\"x\",\"for_each\":\"${{ [1,2] }}\"},"
    "{\"name\":\"g\",\"for_each\":\"${{ [1] }}\",\"satellites\":[{\"name\":\"b\",\"image\":\"x\"},"
    "{\"name\":\"h\",\"satellites\":[{\"name\":\"n\",\"image\":\"x\",\"for_each\":\"${{ [1] "
    "}}\",\"as\":\"i\"}]}]},{\"name\":\"w\",\"wait\":{\"signal\":\"go\"}}]}";

static const struct cluster *cluster_make(void)
{
    static struct heap_budget budget;
    static struct arena arena;
    static struct value root;
    static const struct cluster *cluster;
    struct fault_list faults;
    struct json_error error;

    if (cluster == NULL) {
        arena_init(&arena, allocator_heap(&budget), 0);
        fault_list_init(&faults, &arena, 0);
        const struct cluster_source source = {.root = &root, .is_inner = true};

        if (json_read(span_of(text), NULL, &arena, &root, &error) != JSON_OK ||
            cluster_parse(&source, &arena, &cluster, &faults) != 0) {
            abort();
        }
    }
    return cluster;
}

/* Every command in every state has an answer, and says why where it is no. */
static void judge(const struct task_path *path)
{
    const struct wire_instance instance = {.next_index = 1};
    struct fault_text says;

    for (int kind = 1; kind < COMMAND_KIND_NR; kind++) {
        for (int state = 0; state < TASK_STATE_NR; state++) {
            const struct command_facts facts = {
                .kind = (enum wire_command_kind)kind,
                .execution = (enum execution_state)(state % EXECUTION_STATE_NR),
                .cluster = cluster_make(),
                .path = kind == COMMAND_SIGNAL || kind == COMMAND_PRIORITY ? NULL : path,
                .instance = &instance,
                .state = (enum task_state)state,
                .signal = span_of("go"),
            };
            enum command_fit fit = command_fit(&facts, &says);

            assert((fit == FIT_CONFLICT || fit == FIT_UNKNOWN) == (says.used > 0));
        }
    }
}

static void take_path(struct span given)
{
    struct task_path path;
    char written[TASK_PATH_BYTES];

    if (!task_path_parse(cluster_make(), given, &path)) {
        return;
    }
    assert(path.run_count <= LIMIT_GROUP_DEPTH && path.of_satellite.bytes <= given.bytes);
    task_path_format(path.of_satellite, path.has_index, path.index, written);
    assert(span_is(given, written));
    judge(&path);
}

static void take_body(enum wire_command_kind kind, struct span given)
{
    struct heap_budget budget = {.limit_bytes = 64 << 20};
    struct arena arena;
    struct buffer value;
    struct fault_list faults;
    const struct command_source source = {kind, given};
    struct command_body body;
    struct json_error error;
    struct value back;

    arena_init(&arena, allocator_heap(&budget), 0);
    buffer_init(&value, allocator_heap(&budget), 0);
    fault_list_init(&faults, &arena, 0);
    if (command_body_read(&source, &arena, &value, &body, &faults) != COMMAND_BODY_OK) {
        assert(faults.error_count > 0);
    } else {
        assert(body.reason.bytes <= COMMAND_TEXT_BYTES_MAX &&
               body.actor.bytes <= COMMAND_ACTOR_BYTES_MAX &&
               body.value.bytes <= LIMIT_INLINE_BYTES && body.priority <= CLUSTER_PRIORITY_MAX);
        if (body.value.bytes > 0 && json_read(body.value, NULL, &arena, &back, &error) != JSON_OK) {
            abort();
        }
    }
    buffer_release(&value);
    arena_release(&arena);
    assert(budget.used_bytes == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t line = 0;

    if (size == 0) {
        return 0;
    }
    enum wire_command_kind kind = (enum wire_command_kind)(1 + data[0] % (COMMAND_KIND_NR - 1));

    data++;
    size--;
    while (line < size && data[line] != '\n') {
        line++;
    }
    take_path((struct span){(const char *)data, line});
    if (line < size) {
        take_body(kind, (struct span){(const char *)data + line + 1, size - line - 1});
    }
    return 0;
}
