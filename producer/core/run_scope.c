#include "producer/core/run_scope.h"

#include <assert.h>

static bool add_run(const struct cluster *cluster, const struct wire_run *run,
                    struct run_scope *scopes, uint32_t count)
{
    for (uint32_t i = count; i-- > 0;) {
        const struct run_scope *around = &scopes[i];

        if (run->group < around->number || run->group - around->number >= around->instance_count) {
            continue;
        }
        const struct satellite *group =
            &cluster->satellites[around->first + run->group - around->number];

        if (group->kind != SATELLITE_GROUP || run->instance_count != group->inner_count) {
            return false;
        }
        scopes[count] = (struct run_scope){
            .instances = run->instances,
            .instance_count = run->instance_count,
            .first = group->inner_first,
            .number = run->number,
            .around = around,
            .group = group,
            .index = run->index,
        };
        return true;
    }
    return false;
}

uint32_t run_scopes(const struct cluster *cluster, const struct wire_body *body,
                    const struct wire_run *runs, uint32_t run_count, struct run_scope *ret_scopes)
{
    uint32_t count = 1;

    assert(body->instance_count <= cluster->root_count);
    ret_scopes[0] =
        (struct run_scope){.instances = body->instances, .instance_count = body->instance_count};
    for (uint32_t i = 0; i < run_count; i++) {
        count += add_run(cluster, &runs[i], ret_scopes, count) ? 1 : 0;
    }
    return count;
}

void run_scope_path(const struct run_scope *scope, const struct satellite *satellite,
                    char ret_text[TASK_PATH_BYTES])
{
    const struct run_scope *ways[LIMIT_GROUP_DEPTH];
    uint32_t depth = 0;
    size_t bytes = 0;

    for (; scope->group != NULL; scope = scope->around) {
        assert(depth < LIMIT_GROUP_DEPTH);
        ways[depth++] = scope;
    }
    while (depth-- > 0) {
        const struct satellite *group = ways[depth]->group;

        memcpy(ret_text + bytes, group->name.data, group->name.bytes);
        bytes += group->name.bytes;
        if (group->for_each != NULL) {
            ret_text[bytes++] = '.';
            bytes += task_number_format(ways[depth]->index, ret_text + bytes);
        }
        ret_text[bytes++] = '.';
    }
    memcpy(ret_text + bytes, satellite->name.data, satellite->name.bytes);
    ret_text[bytes + satellite->name.bytes] = '\0';
}
