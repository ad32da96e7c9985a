#include "producer/core/inside.h"

#include <assert.h>
#include <string.h>

#include "producer/core/view.h"

/* One satellite over all runs it stands in. */
struct sum {
    uint32_t runs, tasks, counts[TASK_STATE_NR];
    const struct wire_instance *running; /* the only one so far that a worker has */
};

static struct sum sum_of(const struct satellite *satellite, const struct run_scope *scopes,
                         uint32_t scope_count)
{
    struct sum sum = {.runs = 0};
    uint32_t running = 0;

    for (uint32_t k = 1; k < scope_count; k++) {
        uint32_t place = satellite->index - scopes[k].first; /* wraps for one that is not there */

        if (place >= scopes[k].instance_count) {
            continue;
        }
        const struct wire_instance *instance = &scopes[k].instances[place];

        sum.runs++;
        sum.tasks += instance->task_count;
        for (int i = 0; i < TASK_STATE_NR; i++) {
            sum.counts[i] += instance->counts[i];
        }
        running += instance->counts[TASK_RUNNING];
        sum.running = running == 1 && instance->counts[TASK_RUNNING] == 1 ? instance : sum.running;
    }
    sum.running = running == 1 ? sum.running : NULL;
    return sum;
}

/* page.parse: the groups around it, without the numbers of runs. */
static void put_path(struct json_writer *w, const struct cluster *cluster,
                     const struct satellite *satellite)
{
    const struct satellite *ways[LIMIT_GROUP_DEPTH + 1];
    char path[TASK_PATH_BYTES];
    uint32_t depth = 0;
    size_t used = 0;

    for (;;) {
        assert(depth <= LIMIT_GROUP_DEPTH);
        ways[depth++] = satellite;
        if (satellite->group == SATELLITE_NONE) {
            break;
        }
        satellite = &cluster->satellites[satellite->group];
    }
    while (depth-- > 0) {
        memcpy(path + used, ways[depth]->name.data, ways[depth]->name.bytes);
        used += ways[depth]->name.bytes;
        path[used++] = '.';
    }
    path[used - 1] = '\0';
    json_key(w, "satellite");
    json_put_text(w, path);
}

static void put_sum(struct json_writer *w, const struct cluster *cluster,
                    const struct satellite *satellite, const struct sum *sum)
{
    json_begin_map(w);
    put_path(w, cluster, satellite);
    json_key(w, "kind");
    json_put_text(w, satellite_kind_name(satellite->kind));
    json_key(w, "runs");
    json_put_uint(w, sum->runs);
    json_key(w, "tasks");
    json_put_uint(w, sum->tasks);
    view_put_counts(w, sum->counts);
    view_put_json(w, "progress",
                  sum->running == NULL ? (struct span){NULL, 0} : view_progress_of(sum->running),
                  "null");
    json_end_map(w);
}

void inside_put(struct json_writer *w, const struct cluster *cluster, const struct wire_body *body,
                const struct inside *inside)
{
    struct run_scope scopes[INSIDE_RUNS_MAX + 1];

    assert(inside->run_count <= INSIDE_RUNS_MAX);
    uint32_t count = run_scopes(cluster, body, inside->runs, inside->run_count, scopes);

    json_key(w, "inside");
    json_begin_list(w);
    for (uint32_t i = cluster->root_count; i < cluster->satellite_count; i++) {
        struct sum sum = sum_of(&cluster->satellites[i], scopes, count);

        if (sum.runs > 0) {
            put_sum(w, cluster, &cluster->satellites[i], &sum);
        }
    }
    json_end_list(w);
    json_key(w, "inside_is_cut");
    json_put_bool(w, inside->has_more_runs);
}
