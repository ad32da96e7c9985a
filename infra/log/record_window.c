#include "infra/log/record_window.h"

#include <assert.h>
#include <stdlib.h>

#include "infra/log/driver.h"

enum { CAPACITY_FIRST = 16 };

struct held_record *held_record_new(struct span key, struct span value)
{
    struct held_record *record = malloc(sizeof(*record) + key.bytes + value.bytes);

    if (record == NULL) {
        return NULL;
    }
    *record = (struct held_record){
        .key_bytes = (uint32_t)key.bytes,
        .value_bytes = (uint32_t)value.bytes,
    };
    if (key.bytes > 0) {
        memcpy(record->data, key.data, key.bytes);
    }
    if (value.bytes > 0) {
        memcpy(record->data + key.bytes, value.data, value.bytes);
    }
    return record;
}

struct log_record held_record_show(const struct held_record *record)
{
    return (struct log_record){
        .offset = record->offset,
        .timestamp_ns = record->timestamp_ns,
        .key = {record->data, record->key_bytes},
        .value = {record->data + record->key_bytes, record->value_bytes},
    };
}

void record_window_init(struct record_window *window, int64_t from)
{
    *window = (struct record_window){.from = from};
}

void record_window_release(struct record_window *window)
{
    while (window->count > 0) {
        record_window_drop(window);
    }
    free(window->ring);
    window->ring = NULL;
    window->capacity = 0;
}

static struct held_record *at(const struct record_window *window, size_t index)
{
    return window->ring[(window->head + index) & (window->capacity - 1)];
}

static void grow(struct record_window *window)
{
    size_t capacity = window->capacity == 0 ? CAPACITY_FIRST : window->capacity * 2;
    struct held_record **ring = malloc(capacity * sizeof(struct held_record *));

    if (ring == NULL) {
        abort();
    }
    for (size_t i = 0; i < window->count; i++) {
        ring[i] = at(window, i);
    }
    free(window->ring);
    window->ring = ring;
    window->capacity = capacity;
    window->head = 0;
}

void record_window_add(struct record_window *window, struct held_record *record)
{
    assert(record->offset >= window->from);
    assert(window->count == 0 || at(window, window->count - 1)->offset < record->offset);
    if (window->count == window->capacity) {
        grow(window);
    }
    window->ring[(window->head + window->count) & (window->capacity - 1)] = record;
    window->count++;
    window->bytes += entry_cost(record->key_bytes, record->value_bytes);
}

void record_window_drop(struct record_window *window)
{
    assert(window->count > 0);
    struct held_record *record = at(window, 0);

    window->head = (window->head + 1) & (window->capacity - 1);
    window->count--;
    window->bytes -= entry_cost(record->key_bytes, record->value_bytes);
    window->from = record->offset + 1;
    free(record);
}

size_t record_window_show(const struct record_window *window, int64_t offset,
                          struct log_record *ret_records, size_t cap)
{
    size_t low = 0;
    size_t high = window->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (at(window, middle)->offset < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    size_t count = 0;

    while (count < cap && low + count < window->count) {
        ret_records[count] = held_record_show(at(window, low + count));
        count++;
    }
    return count;
}
