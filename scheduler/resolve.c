/* resolve: Jobs of other services that name stored definitions, before they are admitted.
 *
 *   Job --resolve_job--+--> its cluster is whole: nothing to do
 *                      +--> names something: RESOLVE_WAITS, its reader waits
 *                              version_gather --> written out, or why not --> the reader goes on
 *
 * What was found is kept for the one record it was asked for. Our own API has written everything
 * out already; a cluster that is known compiled is not looked at. */
#include <stdio.h>
#include <stdlib.h>

#include "infra/store/version_gather.h"
#include "infra/yaml/yaml_read.h"
#include "scheduler/shard.h"
#include "schemas/cluster/uses.h"
#include "schemas/json/json_write.h"

enum { RESOLUTION_BYTES_MAX = 64 << 20 };

/* One record's. */
struct resolution {
    struct arena arena;
    int64_t offset;
    bool is_named; /* the Job's cluster is a name */
    struct value root;
    struct uses_set set;
    bool is_done;
    struct span text; /* the cluster, written out; empty: refused */
    char refusal[REFUSAL_BYTES];
};

void resolve_free(struct shard *shard)
{
    if (shard->resolution != NULL) {
        arena_release(&shard->resolution->arena);
        free(shard->resolution);
        shard->resolution = NULL;
    }
}

static void refuse(struct resolution *r, const struct fault_list *faults)
{
    const struct fault *first = faults->first;

    r->is_done = true;
    (void)snprintf(
        r->refusal, sizeof(r->refusal), "%s: %s%s%s", first == NULL ? "cluster" : first->path,
        first == NULL ? "the cluster needs too much memory" : first->text,
        first == NULL || first->hint[0] == '\0' ? "" : "; ", first == NULL ? "" : first->hint);
}

/* ---- what it names ---- */

static bool name_read(struct resolution *r, const struct wire_job *job)
{
    struct uses_entry *entry = arena_alloc(&r->arena, sizeof(*entry));
    const char *wrong = entry == NULL
                            ? "there is no memory for it"
                            : version_reference_parse(VERSION_CLUSTER, value_text(&r->root),
                                                      job->project, &entry->reference);

    r->is_named = true;
    if (wrong != NULL) {
        r->is_done = true;
        (void)snprintf(r->refusal, sizeof(r->refusal),
                       "cluster: `%.*s` names no stored cluster: %s",
                       r->root.count > 150 ? 150 : (int)r->root.count, r->root.text, wrong);
        return true;
    }
    entry->path = "cluster";
    entry->at = &r->root;
    r->set = (struct uses_set){entry, 1};
    return true;
}

/* False when there is nothing to look up; what is wrong otherwise is told where it is admitted. */
static bool names_something(struct resolution *r, const struct wire_job *job)
{
    struct fault_list faults;

    fault_list_init(&faults, &r->arena, 1);
    struct span text = arena_copy(&r->arena, job->cluster);

    if (text.data == NULL || text_read(text, NULL, &r->arena, &r->root, &faults) != 0) {
        return false;
    }
    if (r->root.kind == VALUE_STRING) {
        return name_read(r, job);
    }
    const struct value *cluster = value_get(&r->root, span_of("cluster"));

    if (cluster == NULL) {
        return false;
    }
    if (uses_collect(cluster, &r->arena, &r->set, &faults) != 0) {
        refuse(r, &faults);
        return true;
    }
    return r->set.count > 0;
}

/* A text of which a glance says that it names nothing. */
static bool is_plain(const struct wire_job *job)
{
    return job->cluster.bytes > VERSION_REFERENCE_BYTES + 8 &&
           memmem(job->cluster.data, job->cluster.bytes, "uses", 4) == NULL;
}

/* ---- written out ---- */

static void write_out(struct resolution *r)
{
    const struct value *cluster = value_get(&r->root, span_of("cluster"));
    struct value_member *members = arena_alloc(&r->arena, r->root.count * sizeof(*members));
    struct fault_list faults;
    struct buffer text;
    struct value made;

    fault_list_init(&faults, &r->arena, 1);
    if (members == NULL || uses_inline(cluster, &r->set, &r->arena, &made, &faults) != 0) {
        refuse(r, &faults);
        return;
    }
    for (uint32_t i = 0; i < r->root.count; i++) {
        members[i] = r->root.members[i];
        if (&r->root.members[i].value == cluster) {
            members[i].value = made;
        }
    }
    r->root.members = members;
    buffer_init(&text, r->arena.allocator, 0);
    json_write(&text, &r->root);
    r->text = text.is_failed ? (struct span){NULL, 0} : arena_copy(&r->arena, buffer_span(&text));
    buffer_release(&text);
    if (r->text.data == NULL) {
        refuse(r, &faults);
    }
    r->is_done = true;
}

static void take_named(struct resolution *r)
{
    const struct uses_entry *entry = r->set.entries;

    r->is_done = true;
    r->text = entry->text;
    if (entry->text.data == NULL) {
        (void)snprintf(r->refusal, sizeof(r->refusal), "cluster: `%.*s`: %s",
                       r->root.count > 150 ? 150 : (int)r->root.count, r->root.text,
                       entry->problem);
    }
}

static void on_found(void *argument, const struct version_found *found, uint32_t count,
                     const struct exo_error *err)
{
    struct shard *shard = shard_ticket_end(argument);

    if (shard == NULL) {
        return;
    }
    struct resolution *r = shard->resolution;

    shard->is_checking = false;
    if (err != NULL) {
        resolve_free(shard); /* asked again with the next look at the record */
        loop_timer_start(shard->retry, EXO_SECOND, 0);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct uses_entry *entry = &r->set.entries[i];

        entry->number = found[i].number;
        entry->problem = found[i].problem;
        if (found[i].text.data != NULL) {
            entry->text = arena_copy(&r->arena, found[i].text);
        }
        if (found[i].text.data != NULL && entry->text.data == NULL) {
            entry->problem = "there is no memory for it";
        }
    }
    if (r->is_named) {
        take_named(r);
    } else {
        write_out(r);
    }
    log_reader_resume(shard->inputs[INPUT_JOBS].reader);
}

static void look_up(struct shard *shard, struct resolution *r)
{
    struct version_reference references[USES_MAX];

    for (uint32_t i = 0; i < r->set.count; i++) {
        references[i] = r->set.entries[i].reference;
    }
    shard->is_checking = true;
    version_gather(shard->scheduler->store, references, r->set.count, on_found,
                   shard_ticket_new(shard, NULL));
}

static enum resolve_result use(struct resolution *r, struct wire_job *job,
                               char ret_refusal[REFUSAL_BYTES])
{
    if (r->text.data == NULL) {
        memcpy(ret_refusal, r->refusal, sizeof(r->refusal));
        return RESOLVE_REFUSED;
    }
    job->cluster = r->text;
    return RESOLVE_OK;
}

enum resolve_result resolve_job(struct shard *shard, const struct log_record *record,
                                struct wire_job *job, char ret_refusal[REFUSAL_BYTES])
{
    struct resolution *r = shard->resolution;

    if (r != NULL && r->offset == record->offset) {
        return use(r, job, ret_refusal);
    }
    if (is_plain(job) ||
        definitions_knows(shard->scheduler->definitions, job->cluster, job->project)) {
        return RESOLVE_OK;
    }
    resolve_free(shard);
    r = calloc(1, sizeof(*r));
    if (r == NULL) {
        abort();
    }
    arena_init(&r->arena, shard->scheduler->allocator, RESOLUTION_BYTES_MAX);
    r->offset = record->offset;
    shard->resolution = r;
    if (!names_something(r, job)) {
        resolve_free(shard);
        return RESOLVE_OK;
    }
    if (r->is_done) {
        return use(r, job, ret_refusal);
    }
    look_up(shard, r);
    return RESOLVE_WAITS;
}
