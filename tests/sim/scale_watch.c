#include "tests/sim/scale_watch.h"

#include <string.h>
#include <time.h>

#include "scheduler/core/sched.h"
#include "schemas/wire/topics.h"
#include "tests/sim/crash.h"
#include "tests/sim/oracle.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"

struct scale_counts scale_counts;

enum sched_err __real_sched_step(struct sched *sched, const struct sched_event *event,
                                 exo_time now_ns);
enum sched_err __wrap_sched_step(struct sched *sched, const struct sched_event *event,
                                 exo_time now_ns);

uint64_t scale_cpu_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

const char *scale_topic_name(enum scale_topic topic)
{
    static const char *const names[] = {TOPIC_JOBS,   (TOPIC_TASKS_PREFIX "default"),
                                        TOPIC_STATUS, TOPIC_FLEET,
                                        TOPIC_EVENTS, "others"};

    return names[topic];
}

static enum scale_topic topic_of(const char *topic)
{
    int found = 0;

    while (found < SCALE_OTHER && strcmp(scale_topic_name((enum scale_topic)found), topic) != 0) {
        found++;
    }
    return (enum scale_topic)found;
}

enum sched_err __wrap_sched_step(struct sched *sched, const struct sched_event *event,
                                 exo_time now_ns)
{
    uint64_t before_ns = scale_cpu_ns();
    enum sched_err err = __real_sched_step(sched, event, now_ns);

    scale_counts.steps++;
    scale_counts.step_cpu_ns += scale_cpu_ns() - before_ns;
    return err;
}

void oracle_appends(const char *topic, uint32_t partition, struct span value)
{
    (void)partition;
    (void)value;
    scale_counts.peers += topic_of(topic) == SCALE_STATUS && sim.current != NULL &&
                          strncmp(sim.current->name, "scheduler", 9) == 0;
}

void oracle_stored(const char *topic, uint32_t partition, struct span value)
{
    enum scale_topic of = topic_of(topic);

    (void)partition;
    scale_counts.topics[of].records++;
    scale_counts.topics[of].bytes += value.bytes;
}

void oracle_unstored(const char *topic, struct span value)
{
    (void)value;
    sim_fail("%s loses its tail, and nothing goes wrong here", topic);
}

void oracle_commit(const struct store_shard *row, const struct store_batch *batch)
{
    if (batch->epoch != row->epoch || batch->previous != row->batch) {
        sim_fail("shard %u: a batch does not follow the last one", batch->shard);
    }
}

void oracle_deletes(const struct store_execution *row)
{
    (void)row;
}

void oracle_delete_asked(const struct store_execution *row)
{
    (void)row;
}

void oracle_committed(const struct store_batch *batch)
{
    scale_counts.batches++;
    scale_counts.pages += batch->page_count;
    scale_counts.segments += batch->segment_count;
    scale_counts.journal_bytes += batch->journal.bytes + batch->imprint.bytes;
    for (uint32_t i = 0; i < batch->update_count; i++) {
        scale_counts.ended += batch->updates[i].is_terminal;
        if (batch->updates[i].is_terminal && strcmp(batch->updates[i].state, "SUCCEEDED") != 0) {
            sim_fail("an execution of shard %u ends %s", batch->shard, batch->updates[i].state);
        }
    }
}

void oracle_cached(const struct execution_id *id, uint64_t epoch, uint64_t batch)
{
    (void)id;
    (void)epoch;
    (void)batch;
}

struct span oracle_blob(const struct digest *digest)
{
    (void)digest;
    sim_fail("a blob is read, and no task has given one back");
}

void rules_sealed(const struct store_batch *batch)
{
    (void)batch;
}

void rules_taken(uint32_t shard, const char *process)
{
    (void)shard;
    (void)process;
}

bool crash_killed(const char *process)
{
    (void)process;
    return false;
}
