#include "producer/core/explain_end.h"

enum { PARENTS_NAMED = 5 };

void explain_end_say(enum task_state state, struct span error, struct fault_text *text)
{
    fault_text_add(text, "it has ended: %s", task_state_name(state));
    if (error.bytes > 0) {
        fault_text_add(text, " (%q)", error);
    }
}

/* One that has ended, or a parent of it. */
struct ended {
    const struct cluster *cluster;
    const struct run_scope *scope;
    const struct satellite *satellite;
    const struct wire_instance *instance;
};

static struct ended ended_at(const struct cluster *cluster, const struct run_scope *scope,
                             uint32_t satellite)
{
    return (struct ended){cluster, scope, &cluster->satellites[satellite],
                          &scope->instances[satellite - scope->first]};
}

static enum task_state state_of(const struct ended *ended)
{
    return (enum task_state)(ended->instance->state % TASK_STATE_NR);
}

/* What an end counts as for those that come after it (docs/cluster-file.md, "Joins"). */
static bool is_skipped(const struct ended *ended)
{
    return state_of(ended) == TASK_SKIPPED || ended->instance->is_pruned;
}

static bool is_good(const struct ended *ended)
{
    return task_state_is_terminal(state_of(ended)) && !is_skipped(ended) &&
           (state_of(ended) == TASK_SUCCEEDED || ended->satellite->is_continued);
}

static bool is_failed(const struct ended *ended)
{
    return task_state_is_terminal(state_of(ended)) && !is_skipped(ended) && !is_good(ended);
}

/* How many parents are of a kind; text: names them, NULL: does not. */
static uint32_t count_parents(const struct ended *of, bool (*is_one)(const struct ended *parent),
                              struct fault_text *text)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < of->satellite->parent_count; i++) {
        struct ended parent = ended_at(of->cluster, of->scope, of->satellite->parents[i]);

        if (is_one(&parent) && found++ < PARENTS_NAMED && text != NULL) {
            fault_text_add(text, "%s%s (%s)", found == 1 ? ": it comes after " : ", ",
                           parent.satellite->name.data,
                           parent.instance->is_pruned ? "which asked to prune"
                                                      : task_state_name(state_of(&parent)));
        }
    }
    if (found > PARENTS_NAMED && text != NULL) {
        fault_text_add(text, " and %u more", (unsigned)(found - PARENTS_NAMED));
    }
    return found;
}

/* False: its join let it run. */
static bool say_join(const struct ended *ended, struct fault_text *text)
{
    const struct satellite *satellite = ended->satellite;
    uint32_t wanted = satellite->join == JOIN_AT_LEAST ? satellite->join_count : 1;
    uint32_t good;

    switch (satellite->join) {
    case JOIN_ALL_SUCCEEDED:
        return count_parents(ended, is_skipped, text) > 0;
    case JOIN_ANY_FAILED:
        if (count_parents(ended, is_failed, NULL) > 0) {
            return false;
        }
        fault_text_add(text, ": nothing that it comes after failed");
        return true;
    case JOIN_ANY_SUCCEEDED:
    case JOIN_AT_LEAST:
        good = count_parents(ended, is_good, NULL);
        if (good >= wanted || satellite->parent_count == 0) {
            return false;
        }
        fault_text_add(text, ": of those it comes after %u succeeded, and its `join` asks for %u",
                       (unsigned)good, (unsigned)wanted);
        return true;
    case JOIN_ALL_DONE:
    case JOIN_NR:
        break;
    }
    return false;
}

void explain_end_say_why(const struct cluster *cluster, const struct run_scope *scope,
                         const struct satellite *satellite, struct fault_text *text)
{
    struct ended ended = ended_at(cluster, scope, satellite->index);

    if (state_of(&ended) == TASK_UPSTREAM_FAILED) {
        (void)count_parents(&ended, is_failed, text);
    } else if (state_of(&ended) == TASK_SKIPPED && ended.instance->stop == TASK_SKIPPED) {
        fault_text_add(text, ": a satellite beside it asked to skip the rest");
    } else if (state_of(&ended) == TASK_SKIPPED && !say_join(&ended, text) &&
               satellite->when != NULL) {
        fault_text_add(text, ": its `when` was false");
    }
}
