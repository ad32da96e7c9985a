/* seal_tasks: the records for workers: tasks that share what their satellite says, and kills.
 *
 * One record holds tasks of one worker and one class, at most RECORD_TASKS of them and about
 * RECORD_BYTES; its sequence number grows from record to record of the shard. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "infra/crypto/attempt_token.h"
#include "scheduler/sealed.h"
#include "schemas/json/json_write.h"
#include "schemas/wire/task.h"

enum { RECORD_TASKS = 256, RECORD_BYTES = 512 << 10, SEQUENCE_BITS = 20 };

/* One thing to tell a worker: exactly one of the two is set. */
struct letter {
    const struct holder *holder;
    const char *worker;
    uint64_t incarnation;
    uint32_t partition;
    struct span class;
    const struct sched_dispatch *dispatch;
    const struct sched_kill *kill;
};

static struct span first_class(const struct seal_facts *facts, const char *worker)
{
    const struct fleet_worker *w = fleet_worker_find(facts->fleet, span_of(worker));

    return w == NULL || w->class_count == 0 ? span_of("default")
                                            : fleet_class_name(facts->fleet, w->classes[0]);
}

/* Not by where they stand in memory: the same past gives the same records. */
static int by_instance(const struct instance *i, const struct instance *k)
{
    if (i->execution != k->execution) {
        return memcmp(i->execution->id.bytes, k->execution->id.bytes, EXECUTION_ID_BYTES);
    }
    return instance_number(i) < instance_number(k) ? -1 : 1;
}

static int by_text(struct span a, struct span b)
{
    size_t bytes = a.bytes < b.bytes ? a.bytes : b.bytes;
    int order = bytes == 0 ? 0 : memcmp(a.data, b.data, bytes);

    return order != 0 ? order : (a.bytes > b.bytes) - (a.bytes < b.bytes);
}

static int by_dispatch(const struct sched_dispatch *a, const struct sched_dispatch *b)
{
    int order = by_text(a->process, b->process);

    if (order != 0) {
        return order;
    }
    return a->instance != b->instance ? by_instance(a->instance, b->instance) : (a > b) - (a < b);
}

static int by_address(const void *a, const void *b)
{
    const struct letter *x = a;
    const struct letter *y = b;
    int order = strcmp(x->worker, y->worker);

    if (order != 0) {
        return order;
    }
    if (x->incarnation != y->incarnation) {
        return x->incarnation < y->incarnation ? -1 : 1;
    }
    if (x->partition != y->partition) {
        return x->partition < y->partition ? -1 : 1;
    }
    order = by_text(x->class, y->class);
    if (order != 0) {
        return order;
    }
    /* Kills last: one that comes before its Task kills nothing. */
    if (x->dispatch == NULL || y->dispatch == NULL) {
        return x->dispatch != NULL   ? -1
               : y->dispatch != NULL ? 1
                                     : (x->kill > y->kill) - (x->kill < y->kill);
    }
    return by_dispatch(x->dispatch, y->dispatch);
}

/* A record spends the tickets of one process, which an earlier owner may be that sent its Tasks. */
static bool is_same_lender(const struct letter *a, const struct letter *b)
{
    return a->dispatch == NULL || b->dispatch == NULL ||
           span_equal(a->dispatch->process, b->dispatch->process);
}

static bool is_same_address(const struct letter *a, const struct letter *b)
{
    return a->incarnation == b->incarnation && a->partition == b->partition &&
           strcmp(a->worker, b->worker) == 0 && span_equal(a->class, b->class) &&
           is_same_lender(a, b);
}

static struct span json_string(struct sealed *sealed, struct span text)
{
    struct heap_budget budget = {0};
    struct buffer buffer;

    if (text.bytes == 0) {
        return span_of("null");
    }
    buffer_init(&buffer, allocator_heap(&budget), 0);
    json_append_string(&buffer, text);
    struct span copy = sealed_copy(sealed, buffer_span(&buffer));

    buffer_release(&buffer);
    return copy;
}

static void fill_output(const struct instance *instance, struct wire_context *to)
{
    if (instance->is_map) {
        to->kind = CONTEXT_LIST;
        to->instance = instance_number(instance);
        to->count = instance->task_count;
    } else if (instance->output.has_ref) {
        to->kind = CONTEXT_BLOB;
        to->digest = instance->output.digest;
        to->bytes = instance->output.ref_bytes;
    } else {
        to->kind = CONTEXT_JSON;
        to->json = instance->output.bytes == 0
                       ? span_of("null")
                       : (struct span){instance->output.json, instance->output.bytes};
    }
}

/* The frame around that is a run of the group whose item or index is meant; NULL: the user's own.
 */
static const struct frame *frame_of_item(const struct instance *user, uint32_t satellite)
{
    for (const struct frame *f = user->frame; f->group != NULL; f = f->group->frame) {
        if (f->group->satellite->index == satellite) {
            return f;
        }
    }
    return NULL;
}

static bool fill_item(struct sealed *sealed, const struct instance *user,
                      const struct cluster_reference *reference, struct wire_context *to)
{
    const struct frame *frame = frame_of_item(user, reference->satellite);

    if (frame == NULL) {
        return false;
    }
    if (reference->kind == REFERENCE_ITEM) {
        to->json = item_at(frame->group, frame->index);
        return true;
    }
    char digits[16];
    int bytes = snprintf(digits, sizeof(digits), "%u", frame->index);

    to->json = sealed_copy(sealed, (struct span){digits, (size_t)bytes});
    return true;
}

/* What failed before an instance that deals with failures. */
static struct span failures_json(struct sealed *sealed, const struct instance *user)
{
    const struct frame *frame = user->frame;
    struct heap_budget budget = {0};
    struct buffer buffer;
    struct json_writer writer = {.buffer = &buffer};

    buffer_init(&buffer, allocator_heap(&budget), 0);
    json_begin_list(&writer);
    for (uint32_t i = 0; i < frame->instance_count; i++) {
        const struct instance *failed = &frame->instances[i];

        if (!instance_sees_failure(user, failed)) {
            continue;
        }
        json_begin_map(&writer);
        json_key(&writer, "satellite");
        json_put_string(&writer, failed->satellite->name);
        json_key(&writer, "state");
        json_put_text(&writer, task_state_name((enum task_state)failed->state));
        json_key(&writer, "error");
        if (failed->error == NULL) {
            json_put_null(&writer);
        } else {
            json_put_text(&writer, failed->error);
        }
        json_end_map(&writer);
    }
    json_end_list(&writer);
    if (buffer.is_failed) {
        abort();
    }
    struct span copy = sealed_copy(sealed, buffer_span(&buffer));

    buffer_release(&buffer);
    return copy;
}

static bool is_of_satellite(enum reference_kind kind)
{
    return kind == REFERENCE_OUTPUT || kind == REFERENCE_STATE || kind == REFERENCE_ERROR;
}

/* The value of one reference; false for those that need none (its own item and index). */
static bool fill_context(struct sealed *sealed, const struct instance *user,
                         const struct cluster_reference *reference, struct wire_context *to)
{
    const struct execution *e = user->execution;
    const struct instance *instance =
        is_of_satellite(reference->kind) ? frame_instance(user->frame, reference->satellite) : NULL;

    *to = (struct wire_context){.path = reference->path, .kind = CONTEXT_JSON};
    switch (reference->kind) {
    case REFERENCE_INPUT:
        to->json = frame_input(user->frame);
        return true;
    case REFERENCE_OUTPUT:
        fill_output(instance, to);
        return true;
    case REFERENCE_STATE:
        to->json = json_string(sealed, span_of(task_state_name((enum task_state)instance->state)));
        return true;
    case REFERENCE_ERROR:
        to->json = json_string(sealed, instance->error == NULL ? (struct span){NULL, 0}
                                                               : span_of(instance->error));
        return true;
    case REFERENCE_EXECUTION:
        to->json = (struct span){e->labels, e->labels_bytes};
        to->path = span_of("execution.labels");
        return true;
    case REFERENCE_ITEM:
    case REFERENCE_INDEX:
        return fill_item(sealed, user, reference, to);
    case REFERENCE_FAILURES:
        to->json = failures_json(sealed, user);
        return true;
    case REFERENCE_NR:
        break;
    }
    return false;
}

static const char *pinned_in(const struct frame *frame, struct span image)
{
    for (uint32_t i = 0; i < frame->instance_count; i++) {
        const struct instance *other = &frame->instances[i];

        if (other->image_digest != NULL && span_equal(other->satellite->work.image, image)) {
            return other->image_digest;
        }
    }
    return NULL;
}

/* What the image was at its first start, by whichever satellite of the same run of a group or of
 * the top level: two that name the same one run the same. */
static struct span pinned_digest(const struct instance *instance)
{
    struct span image = instance->satellite->work.image;
    const char *digest = instance->image_digest;

    digest = digest == NULL ? pinned_in(instance->frame, image) : digest;
    digest = digest == NULL ? pinned_in(&instance->frame->execution->root, image) : digest;
    return digest == NULL ? (struct span){NULL, 0} : span_of(digest);
}

/* What a parent left in its artefacts; false for one that left none. */
static bool fill_artefacts(struct sealed *sealed, const struct instance *parent,
                           struct wire_context *to)
{
    char path[128];

    if (parent->is_map ? !parent->has_artefacts : !parent->output.has_artefacts) {
        return false;
    }
    (void)snprintf(path, sizeof(path), "artefacts-of/%.*s", SPAN_ARG(parent->satellite->name));
    *to = (struct wire_context){.path = sealed_copy(sealed, span_of(path))};
    if (parent->is_map) {
        to->kind = CONTEXT_LIST;
        to->instance = instance_number(parent);
        to->count = parent->task_count;
    } else {
        to->kind = CONTEXT_BLOB;
        to->digest = parent->output.artefacts;
        to->bytes = parent->output.artefacts_bytes;
    }
    return true;
}

/* The group around that is seen from the satellite; NULL: none. */
static const struct instance *group_seen(const struct instance *instance)
{
    const struct instance *group = instance->frame->group;

    return group == NULL || group->satellite->is_closed ? NULL : group;
}

/* The parents of a satellite and of each group around it, up to a closed one. */
static uint32_t count_parents(const struct instance *instance)
{
    uint32_t count = 0;

    for (; instance != NULL; instance = group_seen(instance)) {
        count += instance->satellite->parent_count;
    }
    return count;
}

/* Of the same parents: no name in a group hides one around it. Returns how many contexts were
 * filled. */
static uint32_t fill_artefacts_of_parents(struct sealed *sealed, const struct instance *instance,
                                          struct wire_context *contexts)
{
    uint32_t count = 0;

    for (; instance != NULL; instance = group_seen(instance)) {
        const struct satellite *satellite = instance->satellite;

        for (uint32_t i = 0; i < satellite->parent_count; i++) {
            count += fill_artefacts(sealed, frame_instance(instance->frame, satellite->parents[i]),
                                    &contexts[count]);
        }
    }
    return count;
}

static void fill_spec(struct sealed *sealed, const struct instance *instance, struct wire_spec *to)
{
    const struct execution *e = instance->execution;
    const struct satellite *satellite = instance->satellite;
    struct wire_context *contexts = sealed_alloc(
        sealed, (satellite->reference_count + count_parents(instance)) * sizeof(*contexts));

    *to = (struct wire_spec){
        .execution = e->id,
        .instance = instance_number(instance),
        .project = e->definition->cluster->project,
        .cluster = e->definition->cluster->name,
        .satellite = sealed_path(sealed, instance),
        .image = satellite->work.image,
        .image_digest = pinned_digest(instance),
        .definition = e->definition->works[satellite->index],
        .contexts = contexts,
        .timeout_ms = satellite->work.timeout_ns / EXO_MILLISECOND,
        .grace_ms = satellite->work.grace_ns / EXO_MILLISECOND,
        .traceparent = e->traceparent == NULL ? (struct span){NULL, 0} : span_of(e->traceparent),
        .execution_time_ms = e->submitted_ns / EXO_MILLISECOND,
        .is_map = instance->is_map,
        .item_name = satellite->item_name,
        .heartbeat_ms = satellite->timeouts.heartbeat_ns / EXO_MILLISECOND,
    };
    for (uint32_t i = 0; i < satellite->reference_count; i++) {
        to->context_count +=
            fill_context(sealed, instance, &satellite->references[i], &contexts[to->context_count]);
    }
    to->context_count += fill_artefacts_of_parents(sealed, instance, &contexts[to->context_count]);
}

static size_t spec_bytes(const struct wire_spec *spec)
{
    size_t bytes = spec->definition.bytes + 256;

    for (uint32_t i = 0; i < spec->context_count; i++) {
        bytes += spec->contexts[i].json.bytes + spec->contexts[i].path.bytes;
    }
    return bytes;
}

/* One record in the making. */
struct parcel {
    struct sealed *sealed;
    const struct seal_facts *facts;
    struct buffer *scratch;
    const struct letter *address;
    struct wire_spec *specs;
    struct wire_task *tasks;
    struct wire_kill *kills;
    struct task_id *ids;
    uint32_t *attempts;
    uint32_t spec_count, task_count, kill_count;
    const struct instance *instance; /* of the last spec */
    size_t bytes;
};

static void parcel_open(struct parcel *p, const struct letter *address, uint32_t left)
{
    uint32_t most = left < RECORD_TASKS ? left : RECORD_TASKS;

    p->address = address;
    p->specs = sealed_alloc(p->sealed, most * sizeof(*p->specs));
    p->tasks = sealed_alloc(p->sealed, most * sizeof(*p->tasks));
    p->kills = sealed_alloc(p->sealed, most * sizeof(*p->kills));
    p->ids = sealed_alloc(p->sealed, most * sizeof(*p->ids));
    p->attempts = sealed_alloc(p->sealed, most * sizeof(*p->attempts));
    p->spec_count = 0;
    p->task_count = 0;
    p->kill_count = 0;
    p->instance = NULL;
    p->bytes = 0;
}

/* What the grant kept goes before what the fleet says: a new owner sends before it has heard. */
static uint32_t tasks_partition(const struct seal_facts *facts, const char *worker, uint32_t kept)
{
    const struct fleet_worker *w = fleet_worker_find(facts->fleet, span_of(worker));

    return kept > 0 ? kept - 1
           : w == NULL || w->life.heartbeat == 0
               ? topic_class_partition(span_of(worker), TOPIC_TASKS_PARTITIONS)
               : w->life.tasks_partition;
}

static void parcel_send(struct parcel *p)
{
    struct sealed *sealed = p->sealed;
    struct sealed_task *to = &sealed->tasks[sealed->task_count];

    if (p->task_count == 0 && p->kill_count == 0) {
        return;
    }
    struct wire_task_record record = {
        .worker = span_of(p->address->worker),
        .incarnation = p->address->incarnation,
        .shard = p->facts->shard,
        .epoch = p->facts->epoch,
        .sequence = (p->facts->previous + 1) << SEQUENCE_BITS | sealed->task_count,
        .process =
            p->address->dispatch == NULL ? (struct span){NULL, 0} : p->address->dispatch->process,
        .specs = p->specs,
        .spec_count = p->spec_count,
        .tasks = p->tasks,
        .task_count = p->task_count,
        .kills = p->kills,
        .kill_count = p->kill_count,
    };

    if (!topic_name_of_class(p->address->class, to->topic)) {
        return; /* the class was checked with the cluster; a worker's own by the fleet */
    }
    buffer_reset(p->scratch);
    wire_task_record_pack(&record, &sealed->arena, p->scratch);
    to->partition = p->address->partition;
    to->key = sealed_copy(sealed, record.worker);
    to->value = sealed_copy(sealed, buffer_span(p->scratch));
    to->tasks = p->ids;
    to->attempts = p->attempts;
    to->task_count = p->task_count;
    sealed->task_count++;
}

static void parcel_add_task(struct parcel *p, const struct sched_dispatch *d)
{
    struct task_id id = {d->execution->id, instance_number(d->instance), d->index};
    char token[ATTEMPT_TOKEN_TEXT_BYTES];

    assert(d->instance != NULL);
    if (p->instance != d->instance) {
        fill_spec(p->sealed, d->instance, &p->specs[p->spec_count]);
        p->bytes += spec_bytes(&p->specs[p->spec_count]);
        p->spec_count++;
        p->instance = d->instance;
    }
    attempt_token_make(p->facts->secret, &id, d->attempt, token);
    struct wire_task *task = &p->tasks[p->task_count];

    *task = (struct wire_task){
        .spec = p->spec_count - 1,
        .index = d->index,
        .attempt = d->attempt,
        .ticket = d->ticket,
        .lend = d->lend,
        .item = item_at(d->instance, d->index),
        .token = sealed_copy(p->sealed, span_of(token)),
    };
    p->bytes += task->item.bytes + 160;
    p->ids[p->task_count] = id;
    p->attempts[p->task_count++] = d->attempt;
    /* It never runs alone, wherever the other kills stand. */
    if (execution_task(d->instance, d->index)->lease->is_killed) {
        p->kills[p->kill_count++] = (struct wire_kill){
            .task = id,
            .attempt = d->attempt,
            .grace_ms = d->instance->satellite->work.grace_ns / EXO_MILLISECOND,
        };
    }
}

static void parcel_add_kill(struct parcel *p, const struct sched_kill *kill)
{
    p->kills[p->kill_count++] = (struct wire_kill){
        .task = kill->task,
        .attempt = kill->attempt,
        .grace_ms = kill->grace_ns / EXO_MILLISECOND,
    };
}

static bool parcel_is_full(const struct parcel *p)
{
    return p->task_count == RECORD_TASKS || p->kill_count == RECORD_TASKS ||
           p->bytes > RECORD_BYTES;
}

static uint32_t gather(struct sealed *sealed, const struct sched_batch *batch,
                       const struct seal_facts *facts, struct letter *letters)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < batch->dispatch_count; i++) {
        const struct sched_dispatch *d = &batch->dispatches[i];

        if (sched_leaves(d)) {
            letters[count++] = (struct letter){
                .worker = d->holder->name,
                .incarnation = d->holder->incarnation,
                .partition = tasks_partition(facts, d->holder->name, d->partition),
                .class = d->instance->satellite->class,
                .dispatch = d,
            };
        }
    }
    for (uint32_t i = 0; i < batch->kill_count; i++) {
        letters[count++] = (struct letter){
            .worker = batch->kills[i].worker,
            .incarnation = batch->kills[i].incarnation,
            .partition = tasks_partition(facts, batch->kills[i].worker, batch->kills[i].partition),
            .class = batch->kills[i].class.bytes > 0 ? batch->kills[i].class
                                                     : first_class(facts, batch->kills[i].worker),
            .kill = &batch->kills[i],
        };
    }
    (void)sealed;
    return count;
}

void seal_tasks(struct sealed *sealed, const struct sched_batch *batch,
                const struct seal_facts *facts)
{
    uint32_t most = batch->dispatch_count + batch->kill_count;
    struct letter *letters = sealed_alloc(sealed, most * sizeof(*letters));
    struct heap_budget budget = {0};
    struct buffer scratch;
    struct parcel parcel = {.sealed = sealed, .facts = facts, .scratch = &scratch};
    uint32_t count = gather(sealed, batch, facts, letters);

    if (count == 0) {
        return;
    }
    buffer_init(&scratch, allocator_heap(&budget), 0);
    sealed->tasks = sealed_alloc(sealed, count * sizeof(*sealed->tasks));
    qsort(letters, count, sizeof(*letters), by_address);
    parcel_open(&parcel, &letters[0], count);
    for (uint32_t i = 0; i < count; i++) {
        if (!is_same_address(&letters[i], parcel.address) || parcel_is_full(&parcel)) {
            parcel_send(&parcel);
            parcel_open(&parcel, &letters[i], count - i);
        }
        if (letters[i].dispatch != NULL) {
            parcel_add_task(&parcel, letters[i].dispatch);
        } else {
            parcel_add_kill(&parcel, letters[i].kill);
        }
    }
    parcel_send(&parcel);
    if (scratch.is_failed) {
        abort();
    }
    buffer_release(&scratch);
}
