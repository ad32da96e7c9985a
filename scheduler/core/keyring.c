#include "scheduler/core/keyring.h"

#include <assert.h>
#include <string.h>

#include "scheduler/core/heap.h"
#include "scheduler/core/table.h"
#include "scheduler/core/vector.h"
#include "schemas/vocab/limits.h"

struct key {
    struct digest id;
    enum wire_key_kind kind;
    uint32_t limit;
    exo_time per_ns;
    exo_time full_ns;
    struct vector holders; /* struct execution_id, oldest first, as those that wait */
    struct vector waiting;
    bool is_dirty;
    bool is_spent;          /* a rate that says no more than none: its row goes */
    struct heap_node timer; /* of a rate that is not spent */
    exo_time due_ns;
};

struct keyring {
    struct allocator allocator;
    struct table keys;
    struct heap timers;
    struct vector dirty;   /* struct key * */
    struct vector answers; /* struct wire_key_answer */
    bool is_broken;
};

static struct key *key_of(struct heap_node *node)
{
    return (struct key *)(void *)((unsigned char *)node - offsetof(struct key, timer));
}

static bool is_due_before(const struct heap_node *a, const struct heap_node *b)
{
    const struct key *x =
        (const struct key *)(const void *)((const unsigned char *)a - offsetof(struct key, timer));
    const struct key *y =
        (const struct key *)(const void *)((const unsigned char *)b - offsetof(struct key, timer));

    return x->due_ns < y->due_ns;
}

struct keyring *keyring_new(struct allocator allocator)
{
    struct keyring *ring = allocator.resize(allocator.context, NULL, 0, sizeof(*ring));

    if (ring == NULL) {
        return NULL;
    }
    memset(ring, 0, sizeof(*ring));
    ring->allocator = allocator;
    table_init(&ring->keys, allocator);
    heap_init(&ring->timers, allocator, is_due_before);
    vector_init(&ring->dirty, allocator, sizeof(struct key *));
    vector_init(&ring->answers, allocator, sizeof(struct wire_key_answer));
    return ring;
}

static uint64_t digest_hash(const struct digest *id)
{
    return table_hash((struct span){id->bytes, sizeof(id->bytes)});
}

static bool is_key(const void *item, const void *id)
{
    return memcmp(((const struct key *)item)->id.bytes, ((const struct digest *)id)->bytes,
                  DIGEST_BYTES) == 0;
}

static void key_free(struct keyring *ring, struct key *key)
{
    heap_remove(&ring->timers, &key->timer);
    table_remove(&ring->keys, digest_hash(&key->id), key);
    vector_release(&key->holders);
    vector_release(&key->waiting);
    (void)ring->allocator.resize(ring->allocator.context, key, sizeof(*key), 0);
}

void keyring_free(struct keyring *ring)
{
    if (ring == NULL) {
        return;
    }
    for (uint32_t i = 0; i < ring->keys.capacity;) {
        struct key *key = ring->keys.slots[i].item;

        if (key == NULL) {
            i++;
        } else {
            key_free(ring, key); /* may move another into this slot */
        }
    }
    table_release(&ring->keys);
    heap_release(&ring->timers);
    vector_release(&ring->dirty);
    vector_release(&ring->answers);
    (void)ring->allocator.resize(ring->allocator.context, ring, sizeof(*ring), 0);
}

static struct key *key_find(const struct keyring *ring, const struct digest *id)
{
    return table_find(&ring->keys, digest_hash(id), is_key, id);
}

static struct key *key_get(struct keyring *ring, const struct digest *id)
{
    struct key *key = key_find(ring, id);

    if (key != NULL) {
        return key;
    }
    key = ring->allocator.resize(ring->allocator.context, NULL, 0, sizeof(*key));
    if (key == NULL) {
        ring->is_broken = true;
        return NULL;
    }
    memset(key, 0, sizeof(*key));
    key->id = *id;
    vector_init(&key->holders, ring->allocator, sizeof(struct execution_id));
    vector_init(&key->waiting, ring->allocator, sizeof(struct execution_id));
    if (!table_insert(&ring->keys, digest_hash(id), key)) {
        ring->is_broken = true;
        (void)ring->allocator.resize(ring->allocator.context, key, sizeof(*key), 0);
        return NULL;
    }
    return key;
}

static void key_dirty(struct keyring *ring, struct key *key)
{
    struct key **note = key->is_dirty ? NULL : vector_add(&ring->dirty);

    if (key->is_dirty) {
        return;
    }
    if (note == NULL) {
        ring->is_broken = true;
        return;
    }
    key->is_dirty = true;
    *note = key;
}

/* ---- lists of executions ---- */

static uint32_t list_find(const struct vector *list, const struct execution_id *id)
{
    const struct execution_id *ids = list->items;

    for (uint32_t i = 0; i < list->count; i++) {
        if (execution_id_equal(&ids[i], id)) {
            return i;
        }
    }
    return UINT32_MAX;
}

static void list_add(struct keyring *ring, struct vector *list, const struct execution_id *id)
{
    struct execution_id *added = vector_add(list);

    if (added == NULL) {
        ring->is_broken = true;
        return;
    }
    *added = *id;
}

static bool list_remove(struct vector *list, const struct execution_id *id)
{
    uint32_t at = list_find(list, id);
    struct execution_id *ids = list->items;

    if (at == UINT32_MAX) {
        return false;
    }
    list->count--;
    memmove(ids + at, ids + at + 1, (list->count - at) * sizeof(*ids));
    return true;
}

static void answer(struct keyring *ring, const struct key *key, const struct execution_id *id,
                   enum wire_key_verdict verdict)
{
    struct wire_key_answer *added = vector_add(&ring->answers);

    if (added == NULL) {
        ring->is_broken = true;
        return;
    }
    *added = (struct wire_key_answer){*id, key->kind, verdict};
}

/* ---- grants ---- */

/* Between two starts of a full rate. */
static exo_time interval_ns(const struct key *key)
{
    return key->per_ns / (exo_time)key->limit;
}

/* When the next may start: the theoretical arrival time less what a whole window may gather. */
static exo_time next_start_ns(const struct key *key)
{
    return key->full_ns - (exo_time)(key->limit - 1) * interval_ns(key);
}

static bool has_room(const struct key *key, exo_time now_ns)
{
    return key->kind == KEY_RATE ? next_start_ns(key) <= now_ns : key->holders.count < key->limit;
}

static void grant(struct keyring *ring, struct key *key, const struct execution_id *id,
                  exo_time now_ns)
{
    if (key->kind == KEY_RATE) {
        key->full_ns = (key->full_ns > now_ns ? key->full_ns : now_ns) + interval_ns(key);
    } else {
        list_add(ring, &key->holders, id);
    }
    answer(ring, key, id, KEY_GRANTED);
    key_dirty(ring, key);
}

/* A rate is looked at when the next that waits may start, or, where nobody waits, when its whole
 * burst is there again. */
static void timer_set(struct keyring *ring, struct key *key)
{
    heap_remove(&ring->timers, &key->timer);
    if (key->kind != KEY_RATE || key->is_spent) {
        return;
    }
    key->due_ns = key->waiting.count > 0 ? next_start_ns(key) : key->full_ns;
    if (!heap_insert(&ring->timers, &key->timer)) {
        ring->is_broken = true;
    }
}

/* Those that wait get what room there is, oldest first. */
static void grant_waiting(struct keyring *ring, struct key *key, exo_time now_ns)
{
    while (key->waiting.count > 0 && has_room(key, now_ns) && !ring->is_broken) {
        struct execution_id first = *(const struct execution_id *)key->waiting.items;
        bool is_out = list_remove(&key->waiting, &first);

        assert(is_out);
        grant(ring, key, &first, now_ns);
    }
    timer_set(ring, key);
}

static void cancel_waiting(struct keyring *ring, struct key *key)
{
    const struct execution_id *ids = key->waiting.items;

    for (uint32_t i = 0; i < key->waiting.count; i++) {
        answer(ring, key, &ids[i], KEY_CANCELLED);
    }
    key->waiting.count = 0;
}

/* One that finds no room. */
static void turn_away(struct keyring *ring, struct key *key, const struct wire_key_ask *ask)
{
    if (ask->policy == KEY_REPLACE) {
        cancel_waiting(ring, key);
    }
    if (ask->policy == KEY_REJECT || key->waiting.count >= LIMIT_KEY_WAITING) {
        answer(ring, key, &ask->execution, KEY_REFUSED);
        return;
    }
    if (ask->policy == KEY_CANCEL_OLDEST && key->holders.count > key->waiting.count) {
        /* One for each that waits: it gives its place back when it has ended. */
        answer(ring, key, (const struct execution_id *)key->holders.items + key->waiting.count,
               KEY_CANCELLED);
    }
    list_add(ring, &key->waiting, &ask->execution);
    key_dirty(ring, key);
    timer_set(ring, key);
}

bool keyring_ask(struct keyring *ring, const struct wire_key_ask *ask, exo_time now_ns)
{
    struct key *key = ring->is_broken ? NULL : key_get(ring, &ask->key);

    if (key == NULL) {
        return false;
    }
    assert(ask->limit >= 1);
    if (list_find(&key->waiting, &ask->execution) != UINT32_MAX) {
        return true;
    }
    if (list_find(&key->holders, &ask->execution) != UINT32_MAX) {
        answer(ring, key, &ask->execution, KEY_GRANTED); /* it may not have heard */
        return !ring->is_broken;
    }
    key_dirty(ring, key);
    key->is_spent = false;
    key->kind = ask->kind;
    key->limit = ask->limit;
    key->per_ns = ask->per_ns;
    grant_waiting(ring, key, now_ns); /* the limit may have grown */
    if (has_room(key, now_ns)) {
        grant(ring, key, &ask->execution, now_ns);
        timer_set(ring, key);
    } else {
        turn_away(ring, key, ask);
    }
    return !ring->is_broken;
}

bool keyring_release(struct keyring *ring, const struct digest *id,
                     const struct execution_id *execution, exo_time now_ns)
{
    struct key *key = ring->is_broken ? NULL : key_find(ring, id);

    if (key == NULL) {
        return !ring->is_broken;
    }
    if (list_remove(&key->holders, execution) || list_remove(&key->waiting, execution)) {
        key_dirty(ring, key);
        grant_waiting(ring, key, now_ns);
    }
    return !ring->is_broken;
}

/* A rate whose time has come. */
static void look(struct keyring *ring, struct key *key, exo_time now_ns)
{
    key->is_spent = key->waiting.count == 0;
    if (key->is_spent) {
        key_dirty(ring, key);
    }
    grant_waiting(ring, key, now_ns);
}

bool keyring_timer(struct keyring *ring, exo_time now_ns)
{
    for (;;) {
        struct heap_node *first = heap_first(&ring->timers);

        if (first == NULL || key_of(first)->due_ns > now_ns || ring->is_broken) {
            return !ring->is_broken;
        }
        look(ring, key_of(first), now_ns);
    }
}

exo_time keyring_deadline(const struct keyring *ring)
{
    struct heap_node *first = heap_first(&ring->timers);

    return first == NULL ? EXO_TIME_NEVER : key_of(first)->due_ns;
}

void keyring_holders(const struct keyring *ring,
                     void (*call)(void *context, const struct digest *key,
                                  const struct execution_id *execution),
                     void *context)
{
    for (uint32_t i = 0; i < ring->keys.capacity; i++) {
        const struct key *key = ring->keys.slots[i].item;

        for (uint32_t k = 0; key != NULL && k < key->holders.count; k++) {
            call(context, &key->id, (const struct execution_id *)key->holders.items + k);
        }
    }
}

/* ---- the open batch ---- */

static bool is_empty(const struct key *key)
{
    return key->holders.count == 0 && key->waiting.count == 0 &&
           (key->kind != KEY_RATE || key->is_spent);
}

uint32_t keyring_change_count(const struct keyring *ring)
{
    return ring->dirty.count;
}

struct keyring_change keyring_change(const struct keyring *ring, uint32_t index)
{
    assert(index < ring->dirty.count);
    const struct key *key = ((struct key *const *)ring->dirty.items)[index];

    return (struct keyring_change){
        .key = key->id,
        .is_gone = is_empty(key),
        .state = {.kind = key->kind,
                  .limit = key->limit,
                  .per_ns = key->per_ns,
                  .full_ns = key->full_ns,
                  .holders = key->holders.items,
                  .holder_count = key->holders.count,
                  .waiting = key->waiting.items,
                  .waiting_count = key->waiting.count},
    };
}

const struct wire_key_answer *keyring_answers(const struct keyring *ring, uint32_t *ret_count)
{
    *ret_count = ring->answers.count;
    return ring->answers.items;
}

void keyring_sealed(struct keyring *ring)
{
    struct key *const *dirty = ring->dirty.items;

    for (uint32_t i = 0; i < ring->dirty.count; i++) {
        dirty[i]->is_dirty = false;
        if (is_empty(dirty[i])) {
            key_free(ring, dirty[i]);
        }
    }
    ring->dirty.count = 0;
    ring->answers.count = 0;
}

bool keyring_load(struct keyring *ring, const struct digest *id, const struct wire_key_state *state)
{
    struct key *key = key_find(ring, id) != NULL || state->limit == 0 ? NULL : key_get(ring, id);

    if (key == NULL) {
        return false;
    }
    key->kind = state->kind;
    key->limit = state->limit;
    key->per_ns = state->per_ns;
    key->full_ns = state->full_ns;
    for (uint32_t i = 0; i < state->holder_count; i++) {
        list_add(ring, &key->holders, &state->holders[i]);
    }
    for (uint32_t i = 0; i < state->waiting_count; i++) {
        list_add(ring, &key->waiting, &state->waiting[i]);
    }
    timer_set(ring, key);
    return !ring->is_broken;
}

void keyring_check(const struct keyring *ring)
{
    assert(!ring->is_broken);
    for (uint32_t i = 0; i < ring->keys.capacity; i++) {
        const struct key *key = ring->keys.slots[i].item;

        if (key == NULL) {
            continue;
        }
        assert(key->limit >= 1);
        assert(key->waiting.count <= LIMIT_KEY_WAITING);
        assert((key->timer.place != 0) == (key->kind == KEY_RATE && !key->is_spent));
        assert(!key->is_spent || key->waiting.count == 0);
        assert(key->kind != KEY_RATE || key->holders.count == 0);
        for (uint32_t k = 0; k < key->waiting.count; k++) {
            assert(list_find(&key->holders, (const struct execution_id *)key->waiting.items + k) ==
                   UINT32_MAX);
        }
    }
}
