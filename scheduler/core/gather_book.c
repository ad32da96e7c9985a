#include "scheduler/core/gather_book.h"

#include <assert.h>
#include <string.h>

#include "scheduler/core/heap.h"
#include "scheduler/core/table.h"
#include "scheduler/core/vector.h"
#include "schemas/vocab/limits.h"
#include "schemas/wire/status.h"

enum { NUMBER_BITS = 32 };

struct member {
    struct wire_gather_member is; /* its item is owned */
    struct batch *batch;
};

/* One that gathers (number 0, and with no member until it is sealed) or runs. */
struct batch {
    struct wire_gather_ask ask; /* texts owned; no members */
    uint64_t number;
    exo_time due_ns;
    struct vector members; /* struct member * */
    uint32_t left;         /* of them */
    size_t item_bytes;
    bool is_dirty;
    bool is_over;
    struct heap_node timer; /* while it gathers */
};

struct gather_book {
    struct allocator allocator;
    uint64_t next_number;
    struct table batches; /* by row id */
    struct table members; /* by task, attempt and asked */
    struct heap timers;
    struct vector dirty;   /* struct batch * */
    struct vector starts;  /* struct batch * */
    struct vector told;    /* struct gather_told */
    struct vector cancels; /* the same */
    struct vector row;     /* struct wire_gather_member, of the row that is looked at */
    bool is_broken;
};

/* ---- memory ---- */

static void *get(struct gather_book *book, size_t bytes)
{
    void *block = book->allocator.resize(book->allocator.context, NULL, 0, bytes == 0 ? 1 : bytes);

    if (block == NULL) {
        book->is_broken = true;
        return NULL;
    }
    memset(block, 0, bytes);
    return block;
}

static void put(struct gather_book *book, const void *block, size_t bytes)
{
    if (block != NULL) {
        (void)book->allocator.resize(book->allocator.context, (void *)(uintptr_t)block,
                                     bytes == 0 ? 1 : bytes, 0);
    }
}

static struct span copy(struct gather_book *book, struct span source)
{
    void *block = get(book, source.bytes);

    if (block != NULL && source.bytes > 0) {
        memcpy(block, source.data, source.bytes);
    }
    return (struct span){block, block == NULL ? 0 : source.bytes};
}

static void *add(struct gather_book *book, struct vector *vector)
{
    void *item = vector_add(vector);

    book->is_broken = book->is_broken || item == NULL;
    return item;
}

static bool is_due_before(const struct heap_node *a, const struct heap_node *b)
{
    const struct batch *x = (const struct batch *)(const void *)((const unsigned char *)a -
                                                                 offsetof(struct batch, timer));
    const struct batch *y = (const struct batch *)(const void *)((const unsigned char *)b -
                                                                 offsetof(struct batch, timer));

    return x->due_ns < y->due_ns;
}

static struct batch *first_due(const struct gather_book *book)
{
    struct heap_node *first = heap_first(&book->timers);

    return first == NULL
               ? NULL
               : (struct batch *)(void *)((unsigned char *)first - offsetof(struct batch, timer));
}

struct gather_book *gather_book_new(struct allocator allocator, uint64_t epoch)
{
    struct gather_book *book = allocator.resize(allocator.context, NULL, 0, sizeof(*book));

    if (book == NULL) {
        return NULL;
    }
    memset(book, 0, sizeof(*book));
    book->allocator = allocator;
    book->next_number = (epoch << NUMBER_BITS) + 1;
    table_init(&book->batches, allocator);
    table_init(&book->members, allocator);
    heap_init(&book->timers, allocator, is_due_before);
    vector_init(&book->dirty, allocator, sizeof(struct batch *));
    vector_init(&book->starts, allocator, sizeof(struct batch *));
    vector_init(&book->told, allocator, sizeof(struct gather_told));
    vector_init(&book->cancels, allocator, sizeof(struct gather_told));
    vector_init(&book->row, allocator, sizeof(struct wire_gather_member));
    return book;
}

/* ---- members ---- */

static uint64_t member_hash(const struct wire_gather_member *m)
{
    const uint32_t rest[] = {m->task.instance, m->task.index, m->attempt};

    return table_hash((struct span){m->task.execution.bytes, EXECUTION_ID_BYTES}) ^
           table_hash((struct span){rest, sizeof(rest)});
}

static bool is_member(const void *item, const void *key)
{
    const struct wire_gather_member *a = &((const struct member *)item)->is;
    const struct wire_gather_member *b = key;

    return execution_id_equal(&a->task.execution, &b->task.execution) &&
           a->task.instance == b->task.instance && a->task.index == b->task.index &&
           a->attempt == b->attempt && (a->asked == b->asked || a->asked == 0 || b->asked == 0);
}

static struct member *member_find(const struct gather_book *book,
                                  const struct wire_gather_member *key)
{
    return table_find(&book->members, member_hash(key), is_member, key);
}

static void item_drop(struct gather_book *book, struct member *member)
{
    put(book, member->is.item.data, member->is.item.bytes);
    member->is.item = (struct span){NULL, 0};
}

static void member_free(struct gather_book *book, struct member *member)
{
    table_remove(&book->members, member_hash(&member->is), member);
    item_drop(book, member);
    put(book, member, sizeof(*member));
}

static void member_add(struct gather_book *book, struct batch *batch,
                       const struct wire_gather_member *from)
{
    struct member *member = get(book, sizeof(*member));
    struct member **place = member == NULL ? NULL : add(book, &batch->members);

    if (place == NULL) {
        put(book, member, sizeof(*member));
        return;
    }
    member->is = *from;
    member->is.item = copy(book, from->item);
    member->batch = batch;
    *place = member;
    batch->left += from->has_left;
    batch->item_bytes += from->item.bytes;
    if (!table_insert(&book->members, member_hash(&member->is), member)) {
        book->is_broken = true;
    }
}

static struct member *member_at(const struct batch *batch, uint32_t index)
{
    return ((struct member *const *)batch->members.items)[index];
}

/* ---- batches ---- */

static uint64_t id_hash(const struct digest *id)
{
    return table_hash((struct span){id->bytes, sizeof(id->bytes)});
}

static struct digest id_of(const struct batch *batch)
{
    return wire_gather_row_id(&batch->ask.batch, batch->number);
}

static bool is_batch(const void *item, const void *key)
{
    struct digest id = id_of(item);

    return memcmp(id.bytes, ((const struct digest *)key)->bytes, DIGEST_BYTES) == 0;
}

static struct batch *batch_find(const struct gather_book *book, const struct execution_id *id,
                                uint64_t number)
{
    struct digest row = wire_gather_row_id(id, number);

    return table_find(&book->batches, id_hash(&row), is_batch, &row);
}

static void batch_dirty(struct gather_book *book, struct batch *batch)
{
    struct batch **place = batch->is_dirty ? NULL : add(book, &book->dirty);

    if (place != NULL) {
        *place = batch;
        batch->is_dirty = true;
    }
}

static struct batch *batch_new(struct gather_book *book, const struct wire_gather_ask *ask,
                               uint64_t number)
{
    struct batch *batch = get(book, sizeof(*batch));

    if (batch == NULL) {
        return NULL;
    }
    batch->ask = *ask;
    batch->ask.project = copy(book, ask->project);
    batch->ask.satellite = copy(book, ask->satellite);
    batch->ask.members = NULL;
    batch->ask.member_count = 0;
    batch->number = number;
    vector_init(&batch->members, book->allocator, sizeof(struct member *));
    struct digest id = id_of(batch);

    if (!table_insert(&book->batches, id_hash(&id), batch)) {
        book->is_broken = true;
    }
    return batch;
}

static void batch_free(struct gather_book *book, struct batch *batch)
{
    struct digest id = id_of(batch);

    for (uint32_t i = 0; i < batch->members.count; i++) {
        member_free(book, member_at(batch, i));
    }
    heap_remove(&book->timers, &batch->timer);
    table_remove(&book->batches, id_hash(&id), batch);
    vector_release(&batch->members);
    put(book, batch->ask.project.data, batch->ask.project.bytes);
    put(book, batch->ask.satellite.data, batch->ask.satellite.bytes);
    put(book, batch, sizeof(*batch));
}

void gather_book_free(struct gather_book *book)
{
    if (book == NULL) {
        return;
    }
    for (uint32_t i = 0; i < book->batches.capacity;) {
        struct batch *batch = book->batches.slots[i].item;

        if (batch == NULL) {
            i++;
        } else {
            batch_free(book, batch); /* may move another into this slot */
        }
    }
    table_release(&book->batches);
    table_release(&book->members);
    heap_release(&book->timers);
    struct vector *vectors[] = {&book->dirty, &book->starts, &book->told, &book->cancels,
                                &book->row};

    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        vector_release(vectors[i]);
    }
    put(book, book, sizeof(*book));
}

/* ---- what happens ---- */

static void tell(struct gather_book *book, const struct batch *batch, const struct member *member,
                 const struct gather_result *result)
{
    struct gather_told *told = member->is.has_left ? NULL : add(book, &book->told);

    if (told != NULL) {
        *told = (struct gather_told){
            .batch = batch->ask.batch,
            .number = batch->number,
            .result = {member->is, result->outcome, result->output, result->error}};
    }
}

/* What gathers goes on as one that runs; the place of it is free for the next. */
static void start(struct gather_book *book, struct batch *from)
{
    const struct gather_result started = {.outcome = OUTCOME_NONE};
    struct batch *batch = batch_new(book, &from->ask, book->next_number++);
    struct batch **place = batch == NULL ? NULL : add(book, &book->starts);

    if (place == NULL) {
        return;
    }
    *place = batch;
    batch->members = from->members;
    vector_init(&from->members, book->allocator, sizeof(struct member *));
    from->item_bytes = 0;
    heap_remove(&book->timers, &from->timer);
    for (uint32_t i = 0; i < batch->members.count; i++) {
        member_at(batch, i)->batch = batch;
        tell(book, batch, member_at(batch, i), &started);
    }
    batch_dirty(book, batch);
    batch_dirty(book, from);
}

/* The batch of an id that gathers. */
static struct batch *gathering(struct gather_book *book, const struct wire_gather_ask *ask,
                               exo_time now_ns)
{
    struct batch *batch = batch_find(book, &ask->batch, 0);

    batch = batch == NULL ? batch_new(book, ask, 0) : batch;
    if (batch != NULL && batch->members.count == 0) {
        batch->due_ns = now_ns + ask->interval_ns;
        batch->ask.priority = ask->priority;
        if (!heap_insert(&book->timers, &batch->timer)) {
            book->is_broken = true;
        }
    }
    return batch;
}

static void take(struct gather_book *book, const struct wire_gather_ask *ask,
                 const struct wire_gather_member *member, exo_time now_ns)
{
    struct batch *batch = batch_find(book, &ask->batch, 0);

    if (member_find(book, member) != NULL) {
        return;
    }
    if (batch != NULL && batch->members.count > 0 &&
        batch->item_bytes + member->item.bytes > LIMIT_BATCH_BYTES) {
        start(book, batch);
    }
    batch = gathering(book, ask, now_ns);
    if (batch == NULL) {
        return;
    }
    member_add(book, batch, member);
    batch->ask.priority = ask->priority > batch->ask.priority ? ask->priority : batch->ask.priority;
    batch_dirty(book, batch);
    if (batch->members.count >= ask->size) {
        start(book, batch);
    }
}

bool gather_book_ask(struct gather_book *book, const struct wire_gather_ask *ask, exo_time now_ns)
{
    for (uint32_t i = 0; i < ask->member_count && !book->is_broken; i++) {
        take(book, ask, &ask->members[i], now_ns);
    }
    return !book->is_broken;
}

static void leave_gathering(struct gather_book *book, struct batch *batch, struct member *member)
{
    struct member **members = batch->members.items;
    uint32_t at = 0;

    while (members[at] != member) {
        at++;
    }
    memmove(&members[at], &members[at + 1], (batch->members.count - at - 1) * sizeof(*members));
    batch->members.count--;
    batch->item_bytes -= member->is.item.bytes;
    member_free(book, member);
    if (batch->members.count == 0) {
        heap_remove(&book->timers, &batch->timer);
    }
}

bool gather_book_leave(struct gather_book *book, const struct wire_gather_leave *leave)
{
    struct member *member = member_find(book, &leave->member);
    struct batch *batch = member == NULL ? NULL : member->batch;

    if (batch == NULL || member->is.has_left || batch->is_over ||
        !execution_id_equal(&batch->ask.batch, &leave->batch)) {
        return !book->is_broken;
    }
    batch_dirty(book, batch);
    if (batch->number == 0) {
        leave_gathering(book, batch, member);
        return !book->is_broken;
    }
    member->is.has_left = true;
    if (++batch->left == batch->members.count) {
        struct gather_told *cancel = add(book, &book->cancels);

        if (cancel != NULL) {
            *cancel = (struct gather_told){.batch = batch->ask.batch, .number = batch->number};
        }
    }
    return !book->is_broken;
}

bool gather_book_timer(struct gather_book *book, exo_time now_ns)
{
    struct batch *batch;

    while ((batch = first_due(book)) != NULL && batch->due_ns <= now_ns && !book->is_broken) {
        start(book, batch);
    }
    return !book->is_broken;
}

exo_time gather_book_deadline(const struct gather_book *book)
{
    const struct batch *batch = first_due(book);

    return batch == NULL ? EXO_TIME_NEVER : batch->due_ns;
}

static struct batch *running(const struct gather_book *book, const struct execution_id *id,
                             uint64_t number)
{
    struct batch *batch = number == 0 ? NULL : batch_find(book, id, number);

    return batch == NULL || batch->is_over ? NULL : batch;
}

uint32_t gather_book_size(const struct gather_book *book, const struct execution_id *batch,
                          uint64_t number)
{
    const struct batch *b = running(book, batch, number);

    return b == NULL ? 0 : b->members.count;
}

bool gather_book_end(struct gather_book *book, const struct execution_id *id, uint64_t number,
                     const struct gather_result *results, const struct gather_result *whole)
{
    struct batch *batch = running(book, id, number);

    if (batch == NULL) {
        return !book->is_broken;
    }
    for (uint32_t i = 0; i < batch->members.count; i++) {
        tell(book, batch, member_at(batch, i), results != NULL ? &results[i] : whole);
    }
    batch->is_over = true;
    batch_dirty(book, batch);
    return !book->is_broken;
}

void gather_book_running(const struct gather_book *book,
                         void (*call)(void *context, const struct execution_id *batch,
                                      uint64_t number),
                         void *context)
{
    for (uint32_t i = 0; i < book->batches.capacity; i++) {
        const struct batch *batch = book->batches.slots[i].item;

        if (batch != NULL && batch->number != 0 && !batch->is_over) {
            call(context, &batch->ask.batch, batch->number);
        }
    }
}

/* ---- the open batch of the shard ---- */

static bool is_gone(const struct batch *batch)
{
    return batch->is_over || batch->members.count == 0;
}

/* Its members in a row, as the wire wants them. */
static struct wire_gather_row row_of(struct gather_book *book, const struct batch *batch)
{
    struct wire_gather_row row = {
        .ask = batch->ask, .number = batch->number, .due_ns = batch->due_ns};

    book->row.count = 0;
    for (uint32_t i = 0; i < batch->members.count; i++) {
        struct wire_gather_member *to = add(book, &book->row);

        if (to != NULL) {
            *to = member_at(batch, i)->is;
        }
    }
    row.ask.members = book->row.items;
    row.ask.member_count = book->row.count;
    return row;
}

uint32_t gather_book_change_count(const struct gather_book *book)
{
    return book->dirty.count;
}

struct gather_change gather_book_change(struct gather_book *book, uint32_t index)
{
    const struct batch *batch = ((struct batch *const *)book->dirty.items)[index];
    struct gather_change change = {.id = id_of(batch), .is_gone = is_gone(batch)};

    if (change.is_gone) {
        return change;
    }
    change.row = row_of(book, batch);
    if (batch->number == 0) {
        return change;
    }
    /* What it runs stands in its execution. */
    change.row.ask.project = (struct span){NULL, 0};
    change.row.ask.satellite = (struct span){NULL, 0};
    for (uint32_t i = 0; i < book->row.count; i++) {
        ((struct wire_gather_member *)book->row.items)[i].item = (struct span){NULL, 0};
    }
    return change;
}

uint32_t gather_book_start_count(const struct gather_book *book)
{
    return book->starts.count;
}

struct wire_gather_row gather_book_start(struct gather_book *book, uint32_t index)
{
    return row_of(book, ((struct batch *const *)book->starts.items)[index]);
}

const struct gather_told *gather_book_told(const struct gather_book *book, uint32_t *ret_count)
{
    *ret_count = book->told.count;
    return book->told.items;
}

const struct gather_told *gather_book_cancels(const struct gather_book *book, uint32_t *ret_count)
{
    *ret_count = book->cancels.count;
    return book->cancels.items;
}

bool gather_book_is_clean(const struct gather_book *book)
{
    return book->dirty.count == 0 && book->told.count == 0 && book->cancels.count == 0;
}

void gather_book_sealed(struct gather_book *book)
{
    struct batch **dirty = book->dirty.items;
    struct batch **starts = book->starts.items;

    for (uint32_t i = 0; i < book->starts.count; i++) {
        for (uint32_t k = 0; k < starts[i]->members.count; k++) {
            item_drop(book, member_at(starts[i], k));
        }
        starts[i]->item_bytes = 0;
    }
    for (uint32_t i = 0; i < book->dirty.count; i++) {
        dirty[i]->is_dirty = false;
        if (is_gone(dirty[i])) {
            batch_free(book, dirty[i]);
        }
    }
    book->dirty.count = 0;
    book->starts.count = 0;
    book->told.count = 0;
    book->cancels.count = 0;
}

bool gather_book_load(struct gather_book *book, const struct wire_gather_row *row)
{
    if (batch_find(book, &row->ask.batch, row->number) != NULL) {
        return false;
    }
    for (uint32_t i = 0; i < row->ask.member_count; i++) {
        if (member_find(book, &row->ask.members[i]) != NULL) {
            return false;
        }
    }
    struct batch *batch = batch_new(book, &row->ask, row->number);

    for (uint32_t i = 0; batch != NULL && i < row->ask.member_count; i++) {
        member_add(book, batch, &row->ask.members[i]);
    }
    if (batch != NULL && row->number == 0) {
        batch->due_ns = row->due_ns;
        if (!heap_insert(&book->timers, &batch->timer)) {
            book->is_broken = true;
        }
    }
    return !book->is_broken;
}

void gather_book_check(const struct gather_book *book)
{
    uint32_t members = 0;

    assert(!book->is_broken);
    for (uint32_t i = 0; i < book->batches.capacity; i++) {
        const struct batch *batch = book->batches.slots[i].item;
        uint32_t left = 0;

        if (batch == NULL) {
            continue;
        }
        assert(batch->members.count <= LIMIT_BATCH_SIZE);
        assert((batch->timer.place != 0) == (batch->number == 0 && batch->members.count > 0));
        assert(batch->members.count > 0 || batch->is_dirty);
        for (uint32_t k = 0; k < batch->members.count; k++) {
            const struct member *member = member_at(batch, k);

            assert(member->batch == batch);
            assert(member_find(book, &member->is) == member);
            left += member->is.has_left;
        }
        assert(left == batch->left);
        assert(batch->number != 0 || left == 0);
        members += batch->members.count;
    }
    assert(members == book->members.count);
}
