/* admit: executions come and go: memory, submission, cancel, finish. Pure. */
#include <assert.h>
#include <string.h>

#include "scheduler/core/sched_state.h"
#include "schemas/json/utf8.h"

void *sched_get(struct sched *s, size_t bytes)
{
    void *block = s->allocator.resize(s->allocator.context, NULL, 0, bytes == 0 ? 1 : bytes);

    if (block == NULL) {
        s->is_broken = true;
        return NULL;
    }
    memset(block, 0, bytes);
    return block;
}

void sched_put(struct sched *s, void *block, size_t bytes)
{
    if (block != NULL) {
        (void)s->allocator.resize(s->allocator.context, block, bytes == 0 ? 1 : bytes, 0);
    }
}

char *sched_text(struct sched *s, struct span text)
{
    char *copy = sched_get(s, text.bytes + 1);

    if (copy != NULL && text.bytes > 0) {
        memcpy(copy, text.data, text.bytes);
        /* Somebody may have cut it within a character; a NUL would break its freeing. */
        utf8_repair(copy, text.bytes);
    }
    return copy;
}

struct span sched_joined(struct sched *s, struct span first, const char *second)
{
    struct buffer both;

    buffer_init(&both, s->allocator, first.bytes + strlen(second));
    buffer_append(&both, first);
    buffer_text(&both, second);
    struct span joined = arena_copy(&s->batch_arena, buffer_span(&both));

    s->is_broken = s->is_broken || both.is_failed || joined.data == NULL;
    buffer_release(&both);
    return joined;
}

void sched_text_put(struct sched *s, char *text)
{
    if (text != NULL) {
        sched_put(s, text, strlen(text) + 1);
    }
}

unsigned char *bytes_copy(struct sched *s, struct span source, uint32_t *ret_bytes)
{
    unsigned char *copy = sched_get(s, source.bytes);

    if (copy == NULL) {
        return NULL;
    }
    if (source.bytes > 0) {
        memcpy(copy, source.data, source.bytes);
    }
    *ret_bytes = (uint32_t)source.bytes;
    return copy;
}

void output_drop(struct sched *s, struct kept_output *output)
{
    sched_put(s, output->json, output->bytes);
    *output = (struct kept_output){0};
}

bool output_keep(struct sched *s, struct kept_output *output, struct span json)
{
    output_drop(s, output);
    output->json = bytes_copy(s, json, &output->bytes);
    return output->json != NULL;
}

static uint64_t id_hash(const struct execution_id *id)
{
    return table_hash((struct span){id->bytes, sizeof(id->bytes)});
}

static bool is_execution(const void *item, const void *key)
{
    return execution_id_equal(&((const struct execution *)item)->id, key);
}

static bool is_tombstone(const void *item, const void *key)
{
    return execution_id_equal(item, key);
}

struct execution *execution_find(const struct sched *s, const struct execution_id *id)
{
    return table_find(&s->executions, id_hash(id), is_execution, id);
}

bool execution_is_known(const struct sched *s, const struct execution_id *id)
{
    return execution_find(s, id) != NULL ||
           table_find(&s->tombstones, id_hash(id), is_tombstone, id) != NULL;
}

static bool ring_make(struct sched *s)
{
    if (s->ring == NULL) {
        s->ring = sched_get(s, s->limits.tombstones * sizeof(*s->ring));
    }
    return s->ring != NULL;
}

static void forget(struct sched *s, const struct execution_id *id)
{
    int64_t ms = execution_id_ms(id);

    if (ms > s->forgotten_ms && sched_id_is_dated(ms, s->now_ns)) {
        s->forgotten_ms = ms;
    }
}

bool sched_may_have_forgotten(const struct sched *s, const struct execution_id *id)
{
    return execution_id_ms(id) <= s->forgotten_ms;
}

void execution_remember(struct sched *s, const struct execution_id *id)
{
    if (!ring_make(s)) {
        return;
    }
    struct execution_id *entry = &s->ring[s->ring_next];

    if (s->ring_count == s->limits.tombstones) {
        forget(s, entry);
        table_remove(&s->tombstones, id_hash(entry), entry);
    } else {
        s->ring_count++;
    }
    *entry = *id;
    s->ring_next = (s->ring_next + 1) % s->limits.tombstones;
    if (!table_insert(&s->tombstones, id_hash(id), entry)) {
        s->is_broken = true;
    }
}

struct execution *execution_new(struct sched *s, const struct execution_id *id,
                                struct definition *definition)
{
    struct execution *e = sched_get(s, sizeof(*e));

    if (e == NULL) {
        return NULL;
    }
    e->id = *id;
    e->definition = definition;
    e->priority = definition->cluster->priority;
    if (!frame_init(s, &e->root, &(struct frame_place){.execution = e}) ||
        !table_insert(&s->executions, id_hash(id), e)) {
        s->is_broken = true;
        frame_release(s, &e->root);
        sched_put(s, e, sizeof(*e));
        return NULL;
    }
    e->next_number = e->root.instance_count;
    definition->uses++;
    s->counts.executions++;
    return e;
}

void execution_release(struct sched *s, struct execution *e)
{
    while (e->leases != NULL) {
        lease_free(s, e->leases);
    }
    heap_remove(&s->timeouts, &e->timer);
    heap_remove(&s->delays, &e->delay);
    works_purge(s, e, NULL);
    for (uint32_t i = e->frame_count; i > 0; i--) {
        frame_release(s, e->frames[i - 1]);
        sched_put(s, e->frames[i - 1], sizeof(struct frame));
    }
    sched_put(s, e->frames, e->frame_capacity * sizeof(struct frame *));
    frame_release(s, &e->root);
    for (int kind = 0; kind < KEY_KIND_NR; kind++) {
        sched_text_put(s, e->gates[kind].text);
    }
    while (e->signals != NULL) {
        struct signal *next = e->signals->next;

        signal_free(s, e->signals);
        e->signals = next;
    }
    sched_put(s, e->signal_marks,
              e->signal_marks == NULL ? 0 : SIGNAL_MARKS * sizeof(*e->signal_marks));
    table_remove(&s->executions, id_hash(&e->id), e);
    e->definition->uses--;
    sched_put(s, e->input, e->input_bytes);
    sched_put(s, e->labels, e->labels_bytes);
    sched_put(s, e->output, e->output_bytes);
    sched_text_put(s, e->error);
    sched_text_put(s, e->traceparent);
    sched_put(s, e, sizeof(*e));
    s->counts.executions--;
}

void execution_dirty(struct sched *s, struct execution *e)
{
    if (!e->is_dirty) {
        e->is_dirty = true;
        e->dirty_next = s->dirty;
        s->dirty = e;
    }
}

void execution_state_set(struct sched *s, struct execution *e, enum execution_state state)
{
    assert(!execution_state_is_terminal((enum execution_state)e->state));
    e->state = (uint8_t)state;
    if (state == EXECUTION_RUNNING && e->started_ns == 0) {
        e->started_ns = s->now_ns;
    }
    if (execution_state_is_terminal(state)) {
        e->ended_ns = s->now_ns;
        e->is_freed_at_seal = true;
        heap_remove(&s->timeouts, &e->timer);
        heap_remove(&s->delays, &e->delay);
        gates_release(s, e);
        s->counts.finished_executions++;
    }
    change_execution(s, e);
}

static exo_time later(exo_time a, exo_time b)
{
    return a > b ? a : b;
}

static bool submit_fill(struct sched *s, struct execution *e, const struct sched_submit *submit)
{
    const struct cluster *cluster = e->definition->cluster;

    e->is_new = true;
    e->state = EXECUTION_QUEUED;
    /* The clock of who submits may be ahead of ours: nothing is submitted after it was read. */
    e->submitted_ns = submit->submitted_ns < s->now_ns ? submit->submitted_ns : s->now_ns;
    e->deadline_ns =
        cluster->sla_ns == 0 ? 0 : later(e->submitted_ns, submit->start_ns) + cluster->sla_ns;
    e->input = bytes_copy(s, submit->input, &e->input_bytes);
    e->labels = bytes_copy(s, submit->labels, &e->labels_bytes);
    if (submit->traceparent.bytes > 0) {
        e->traceparent = sched_text(s, submit->traceparent);
    }
    if (cluster->timeout_ns != 0) {
        e->timeout_at_ns = later(s->now_ns, submit->start_ns) + cluster->timeout_ns;
        if (!heap_insert(&s->timeouts, &e->timer)) {
            s->is_broken = true;
        }
    }
    return !s->is_broken;
}

enum sched_err admit_submit(struct sched *s, const struct sched_submit *submit)
{
    if (execution_is_known(s, &submit->id)) {
        return SCHED_EKNOWN;
    }
    struct execution *e = execution_new(s, &submit->id, submit->definition);

    if (e == NULL || !submit_fill(s, e, submit)) {
        return SCHED_EMEMORY;
    }
    kept_take(s, e, submit);
    if (s->is_broken) {
        return SCHED_EMEMORY;
    }
    s->counts.admitted++;
    change_execution(s, e);
    gates_ask(s, e, submit);
    return SCHED_OK;
}

static void execution_fail(struct sched *s, struct execution *e, struct span what,
                           const char *middle, struct span why)
{
    struct buffer text;

    buffer_init(&text, s->allocator, 0);
    buffer_append(&text, what);
    buffer_text(&text, middle);
    buffer_append(&text, why);
    if (e->error == NULL) {
        e->error = sched_text(s, buffer_span(&text));
    }
    s->is_broken = s->is_broken || text.is_failed;
    buffer_release(&text);
    execution_state_set(s, e, EXECUTION_FAILED);
}

static void execution_succeed(struct sched *s, struct execution *e, struct span output)
{
    if (output.bytes > LIMIT_LIST_LOAD_BYTES) {
        execution_fail(s, e, span_of("output"), ": ",
                       span_of("it is above 1 MiB; name a smaller part in `output:`"));
        return;
    }
    e->output = bytes_copy(s, output, &e->output_bytes);
    execution_state_set(s, e, EXECUTION_SUCCEEDED);
}

void execution_finish(struct sched *s, struct execution *e)
{
    const struct instance *failed = frame_failure(&e->root);
    struct expression_error error = {.code = EXPRESSION_OK};
    struct buffer text;

    if (e->state == EXECUTION_CANCELLING) {
        execution_state_set(s, e, (enum execution_state)e->ending);
        return;
    }
    if (failed != NULL) {
        execution_fail(s, e, failed->satellite->name, ": ",
                       span_of(failed->error == NULL
                                   ? task_state_name((enum task_state)failed->state)
                                   : failed->error));
        return;
    }
    buffer_init(&text, s->allocator, 0);
    if (frame_output(s, &e->root, &text, &error)) {
        execution_succeed(s, e, buffer_span(&text));
    } else if (error.code != EXPRESSION_OK) {
        execution_fail(s, e, span_of("output"), ": ", span_of(error.text));
    }
    values_drop(s, &e->root);
    s->is_broken = s->is_broken || text.is_failed;
    buffer_release(&text);
    arena_reset(&s->scratch);
}
