#include "scheduler/core/ownership.h"

#include <assert.h>
#include <string.h>

/* Since when, on our clock, a beat has stood still. */
struct sighting {
    char name[OWNERSHIP_NAME_BYTES]; /* of the owner or process; "": never seen */
    uint64_t beat;
    exo_time since_ns;
};

struct ownership {
    struct allocator allocator;
    char process[OWNERSHIP_NAME_BYTES];
    uint32_t shard_count;
    exo_time lease_ns;
    uint32_t live;
    struct sighting processes[OWNERSHIP_PROCESSES_MAX];
    struct sighting shards[];
};

static size_t ownership_bytes(uint32_t shard_count)
{
    return sizeof(struct ownership) + shard_count * sizeof(struct sighting);
}

static void name_copy(char to[OWNERSHIP_NAME_BYTES], const char *from)
{
    size_t bytes = strlen(from);

    bytes = bytes < OWNERSHIP_NAME_BYTES ? bytes : OWNERSHIP_NAME_BYTES - 1;
    memcpy(to, from, bytes);
    to[bytes] = '\0';
}

struct ownership *ownership_new(struct allocator allocator, const char *process,
                                uint32_t shard_count, exo_time lease_ns)
{
    size_t bytes = ownership_bytes(shard_count);
    struct ownership *o = allocator.resize(allocator.context, NULL, 0, bytes);

    if (o == NULL) {
        return NULL;
    }
    memset(o, 0, bytes);
    o->allocator = allocator;
    o->shard_count = shard_count;
    o->lease_ns = lease_ns;
    name_copy(o->process, process);
    return o;
}

void ownership_free(struct ownership *o)
{
    if (o != NULL) {
        (void)o->allocator.resize(o->allocator.context, o, ownership_bytes(o->shard_count), 0);
    }
}

/* True when the sighting has stood still for a whole lease. A change starts the count again. */
static bool is_stale(struct sighting *s, const char *name, uint64_t beat, exo_time lease_ns,
                     const struct ownership_read *read)
{
    if (strcmp(s->name, name) != 0 || s->beat != beat) {
        name_copy(s->name, name);
        s->beat = beat;
        s->since_ns = read->answered_ns;
        return false;
    }
    return read->asked_ns - s->since_ns >= lease_ns;
}

static bool is_listed(const struct ownership_read *read, const char *name)
{
    for (uint32_t i = 0; i < read->process_count; i++) {
        if (strcmp(read->processes[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Where a process is kept, else a free place; NULL when all are taken by others. */
static struct sighting *sighting_find(struct ownership *o, const char *name)
{
    struct sighting *free_one = NULL;

    for (uint32_t i = 0; i < OWNERSHIP_PROCESSES_MAX; i++) {
        if (strcmp(o->processes[i].name, name) == 0) {
            return &o->processes[i];
        }
        if (free_one == NULL && o->processes[i].name[0] == '\0') {
            free_one = &o->processes[i];
        }
    }
    return free_one;
}

/* Each start of a process has another name: those that the table has forgotten make room. */
static struct sighting *process_sighting(struct ownership *o, const struct ownership_read *read,
                                         const char *name)
{
    struct sighting *found = sighting_find(o, name);

    for (uint32_t i = 0; found == NULL && i < OWNERSHIP_PROCESSES_MAX; i++) {
        if (!is_listed(read, o->processes[i].name)) {
            found = &o->processes[i];
        }
    }
    return found;
}

static uint32_t count_live(struct ownership *o, const struct ownership_read *read)
{
    uint32_t live = 1; /* ourselves */

    for (uint32_t i = 0; i < read->process_count; i++) {
        const struct ownership_process *process = &read->processes[i];

        if (strcmp(process->name, o->process) == 0) {
            continue;
        }
        struct sighting *s = process_sighting(o, read, process->name);

        if (s != NULL && !is_stale(s, process->name, process->beat, o->lease_ns, read)) {
            live++;
        }
    }
    return live;
}

void ownership_step(struct ownership *o, const struct ownership_read *read,
                    struct ownership_plan *ret_plan)
{
    const struct ownership_row *rows = read->rows;
    uint32_t held = 0;

    o->live = count_live(o, read);
    ret_plan->take_count = 0;
    ret_plan->release_count = 0;

    uint32_t share = (o->shard_count + o->live - 1) / o->live;

    for (uint32_t i = 0; i < o->shard_count; i++) {
        if (strcmp(rows[i].owner, o->process) == 0 && ++held > share) {
            ret_plan->releases[ret_plan->release_count++] = i;
        }
    }
    for (uint32_t i = 0; i < o->shard_count; i++) {
        bool is_ours = strcmp(rows[i].owner, o->process) == 0;
        bool is_free = rows[i].owner[0] == '\0';
        bool is_expired = is_stale(&o->shards[i], rows[i].owner, rows[i].beat, o->lease_ns, read);

        if (!is_ours && (is_free || is_expired) && held < share) {
            ret_plan->takes[ret_plan->take_count++] = i;
            held++;
        }
    }
    assert(ret_plan->take_count == 0 || ret_plan->release_count == 0);
}

uint32_t ownership_live(const struct ownership *o)
{
    return o->live;
}
