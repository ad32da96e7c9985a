/* gate: what stands before an execution: its time, where it is to start later, and what spans
 * executions, as one of them sees it: before anything of it begins it asks for its
 * keys, and when it has ended it gives them back. The keys live on shards of their own (keyring.h).
 * Pure. */
#include <assert.h>

#include "scheduler/core/sched_state.h"
#include "schemas/cluster/fault_text.h"
#include "schemas/json/json_write.h"
#include "schemas/vocab/quantity.h"

/* In this order, in all executions: none holds what another waits for while it waits for what that
 * one holds. The quota comes behind the key that may be waited for long, and before the rate, which
 * counts what begins. */
static const enum wire_key_kind in_order[] = {KEY_CONCURRENCY, KEY_QUOTA, KEY_RATE};

enum { KINDS = sizeof(in_order) / sizeof(in_order[0]) };

/* Of a quota: a key that queues, as many at once as the project's settings say. */
static struct cluster_key key_of(const struct execution *e, enum wire_key_kind kind)
{
    const struct cluster *cluster = e->definition->cluster;

    if (kind == KEY_QUOTA) {
        return (struct cluster_key){.is_given = e->gates[KEY_QUOTA].text != NULL,
                                    .policy = e->gates[KEY_QUOTA].rejects ? CLUSTER_KEY_REJECT
                                                                          : CLUSTER_KEY_QUEUE,
                                    .limit = e->gates[KEY_QUOTA].limit};
    }
    return kind == KEY_RATE ? cluster->rate : cluster->concurrency;
}

static struct sched_message *message_add(struct sched *s, const struct execution *e,
                                         enum wire_key_kind kind)
{
    struct sched_message *message = vector_add(&s->messages);

    if (message == NULL) {
        s->is_broken = true;
        return NULL;
    }
    *message = (struct sched_message){
        .id = e->id,
        .kind = kind,
        .project = e->definition->cluster->project,
        .text = span_of(e->gates[kind].text),
    };
    return message;
}

static void ask(struct sched *s, struct execution *e, enum wire_key_kind kind)
{
    static const enum wire_key_policy policies[CLUSTER_KEY_POLICY_NR] = {
        [CLUSTER_KEY_QUEUE] = KEY_QUEUE,
        [CLUSTER_KEY_REJECT] = KEY_REJECT,
        [CLUSTER_KEY_REPLACE] = KEY_REPLACE,
        [CLUSTER_KEY_CANCEL_OLDEST] = KEY_CANCEL_OLDEST,
    };
    const struct cluster_key key = key_of(e, kind);
    struct sched_message *message = message_add(s, e, kind);

    if (message != NULL) {
        message->policy = policies[key.policy];
        message->limit = key.limit;
        message->per_ns = key.per_ns;
    }
    e->gates[kind].state = GATE_ASKED;
}

/* Where in the cluster file a key stands. */
static const char *place_of(enum wire_key_kind kind)
{
    return kind == KEY_RATE ? "rate.key" : "concurrency.key";
}

/* The execution fails for a key that has no text. */
static void key_fail(struct sched *s, struct execution *e, enum wire_key_kind kind, const char *why)
{
    struct fault_text said = {.used = 0};

    fault_text_add(&said, "%s: %s", place_of(kind), why);
    execution_end(s, e, EXECUTION_FAILED, span_of(said.bytes));
}

/* The text of a key; false when its expression failed, and the execution with it. */
static bool text_make(struct sched *s, struct execution *e, enum wire_key_kind kind)
{
    const struct cluster_key key = key_of(e, kind);
    struct scope scope = {.sched = s, .frame = &e->root};
    struct expression_error error;
    struct value value;
    struct buffer text;

    if (key.key == NULL) {
        e->gates[kind].text = sched_text(s, e->definition->cluster->name);
        return !s->is_broken;
    }
    if (scope_eval_template(&scope, key.key, &value, &error) != EXPRESSION_OK) {
        key_fail(s, e, kind, error.text);
        return false;
    }
    buffer_init(&text, s->allocator, 0);
    if (value.kind == VALUE_STRING) {
        buffer_append(&text, value_text(&value));
    } else {
        json_write(&text, &value);
    }
    s->is_broken = s->is_broken || text.is_failed;
    if (text.bytes > LIMIT_EXPRESSION_BYTES) {
        key_fail(s, e, kind, "its text is above the limit of 4096 bytes");
    } else {
        e->gates[kind].text = sched_text(s, buffer_span(&text));
    }
    bool is_made = text.bytes <= LIMIT_EXPRESSION_BYTES && !s->is_broken;

    buffer_release(&text);
    arena_reset(&s->scratch);
    return is_made;
}

/* ---- its time ---- */

static struct execution *delayed(const struct heap_node *node)
{
    return (struct execution *)(void *)((unsigned char *)(uintptr_t)node -
                                        offsetof(struct execution, delay));
}

bool gate_is_before(const struct heap_node *a, const struct heap_node *b)
{
    return delayed(a)->start_ns < delayed(b)->start_ns;
}

struct execution *gates_first_delayed(const struct sched *s)
{
    const struct heap_node *first = heap_first(&s->delays);

    return first == NULL ? NULL : delayed(first);
}

exo_time gates_next_delay(const struct sched *s)
{
    const struct execution *first = gates_first_delayed(s);

    return first == NULL ? EXO_TIME_NEVER : first->start_ns;
}

/* ---- its keys ---- */

static void go_on(struct sched *s, struct execution *e)
{
    for (int i = 0; i < KINDS; i++) {
        enum wire_key_kind kind = in_order[i];

        if (e->gates[kind].text != NULL && e->gates[kind].state == GATE_NONE) {
            ask(s, e, kind);
            return;
        }
    }
    e->has_begun = true;
    frame_begin(s, &e->root);
}

void gates_ask(struct sched *s, struct execution *e, const struct sched_submit *submit)
{
    if (submit->running_max > 0) {
        e->gates[KEY_QUOTA].limit = submit->running_max;
        e->gates[KEY_QUOTA].rejects = submit->rejects;
        e->gates[KEY_QUOTA].text = sched_text(s, span_of("running_executions"));
    }
    for (enum wire_key_kind kind = KEY_CONCURRENCY; kind < KEY_KIND_NR; kind++) {
        if (kind != KEY_QUOTA && key_of(e, kind).is_given && !text_make(s, e, kind)) {
            return;
        }
    }
    if (s->is_broken) {
        return;
    }
    if (submit->start_ns <= s->now_ns) {
        go_on(s, e);
        return;
    }
    e->start_ns = submit->start_ns;
    s->is_broken = !heap_insert(&s->delays, &e->delay);
}

void gates_delayed(struct sched *s)
{
    while (s->budget > 0 && gates_next_delay(s) <= s->now_ns) {
        struct execution *e = gates_first_delayed(s);

        heap_remove(&s->delays, &e->delay);
        e->start_ns = 0;
        execution_dirty(s, e);
        s->budget--;
        go_on(s, e);
    }
}

/* Asked again: who holds a key already is told once more. */
void gates_load(struct sched *s, struct execution *e)
{
    if (e->start_ns != 0 && e->state != EXECUTION_CANCELLING &&
        !heap_insert(&s->delays, &e->delay)) {
        s->is_broken = true;
    }
    for (enum wire_key_kind kind = KEY_CONCURRENCY; kind < KEY_KIND_NR; kind++) {
        if (e->gates[kind].state == GATE_ASKED) {
            ask(s, e, kind);
            execution_dirty(s, e);
        }
    }
}

enum sched_err sched_ask_again(struct sched *s, uint32_t most)
{
    for (; s->ask_place < s->executions.capacity && most > 0; s->ask_place++, most--) {
        struct execution *e = s->executions.slots[s->ask_place].item;

        for (enum wire_key_kind kind = KEY_CONCURRENCY; e != NULL && kind < KEY_KIND_NR; kind++) {
            if (e->gates[kind].state == GATE_ASKED) {
                ask(s, e, kind);
            }
        }
    }
    bool has_more = s->ask_place < s->executions.capacity;

    s->ask_place = has_more ? s->ask_place : 0;
    return s->is_broken ? SCHED_EMEMORY : has_more ? SCHED_EMORE : SCHED_OK;
}

void gates_release(struct sched *s, struct execution *e)
{
    for (enum wire_key_kind kind = KEY_CONCURRENCY; kind < KEY_KIND_NR; kind++) {
        struct gate *gate = &e->gates[kind];

        /* What was started is started: a rate is given back only while it is waited for. */
        if (gate->state == GATE_ASKED || (gate->state == GATE_OPEN && kind != KEY_RATE)) {
            struct sched_message *message = message_add(s, e, kind);

            if (message != NULL) {
                message->is_release = true;
            }
        }
        gate->state = GATE_NONE;
    }
}

/* Why a key was refused: it rejects, as many wait for it as may, or its ask was quarantined. */
static void refuse(struct sched *s, struct execution *e, enum wire_key_kind kind)
{
    static const char *const words[KEY_KIND_NR] = {
        [KEY_CONCURRENCY] = "CONCURRENCY", [KEY_RATE] = "RATE", [KEY_QUOTA] = "QUOTA"};
    const struct cluster_key key = key_of(e, kind);
    struct span text = span_of(e->gates[kind].text);
    struct fault_text said = {.used = 0};
    char per[DURATION_TEXT_BYTES];

    if (key.policy != CLUSTER_KEY_REJECT) {
        fault_text_add(&said,
                       "%s: too many wait for the key %q (%u may), or its ask was put aside as a "
                       "dead letter",
                       words[kind], text, (unsigned)LIMIT_KEY_WAITING);
    } else if (kind == KEY_QUOTA) {
        fault_text_add(&said, "QUOTA: running_executions: %u of its project run, as many as may",
                       key.limit);
    } else if (kind == KEY_RATE) {
        duration_format(key.per_ns, per);
        fault_text_add(&said, "RATE: too many have started under the key %q: %u may in %s", text,
                       key.limit, per);
    } else {
        fault_text_add(&said, "CONCURRENCY: too many run under the key %q: %u may at once", text,
                       key.limit);
    }
    fault_text_add(&said, "; try again later");
    execution_end(s, e, EXECUTION_FAILED, span_of(said.bytes));
}

/* Another one of its key comes first: `replace`, `cancel_oldest`. */
static enum sched_err give_way(struct sched *s, struct execution *e, enum wire_key_kind kind)
{
    struct fault_text said = {.used = 0};

    fault_text_add(&said, "another execution of its key %q took its place",
                   span_of(e->gates[kind].text));
    return control_cancel(s, e, span_of(said.bytes));
}

enum sched_err gate_answer(struct sched *s, const struct wire_key_answer *answer)
{
    struct execution *e = execution_find(s, &answer->execution);
    struct gate *gate = e == NULL ? NULL : &e->gates[answer->kind];

    if (e == NULL || execution_state_is_terminal((enum execution_state)e->state)) {
        return SCHED_ESTALE;
    }
    switch (answer->verdict) {
    case KEY_GRANTED:
        if (gate->state != GATE_ASKED) {
            return SCHED_ESTALE;
        }
        gate->state = GATE_OPEN;
        execution_dirty(s, e);
        if (e->state != EXECUTION_CANCELLING) {
            go_on(s, e);
        }
        return SCHED_OK;
    case KEY_REFUSED:
        if (gate->state != GATE_ASKED || e->state == EXECUTION_CANCELLING) {
            return SCHED_ESTALE;
        }
        refuse(s, e, answer->kind);
        return SCHED_OK;
    case KEY_CANCELLED:
        return gate->state == GATE_NONE ? SCHED_ESTALE : give_way(s, e, answer->kind);
    case KEY_VERDICT_NR:
        break;
    }
    return SCHED_ESTALE;
}
