/* record_window: the newest records of one partition, held in memory for its readers.
 *
 *      from                        end
 *       |  r r r r r r r r r r r    |        every record at or above `from` is here
 *       drop: oldest first          add
 *
 * A ring of pointers; a record's bytes stand behind its head. Aborts without memory for the ring
 * alone. No I/O. */
#ifndef EXO_INFRA_LOG_RECORD_WINDOW_H
#define EXO_INFRA_LOG_RECORD_WINDOW_H

#include "infra/log/log.h"

struct held_record {
    struct held_record *next; /* for whoever holds it outside a window */
    int64_t offset;
    exo_time timestamp_ns;
    uint32_t key_bytes;
    uint32_t value_bytes;
    unsigned char data[]; /* key, then value */
};

struct record_window {
    struct held_record **ring;
    size_t capacity; /* a power of two, or 0 */
    size_t head;     /* place of the oldest */
    size_t count;
    uint64_t bytes; /* as entry_cost counts */
    int64_t from;
};

/* held_record_new copies key and value; NULL without memory. Free with free(). */
EXO_CHECKED struct held_record *held_record_new(struct span key, struct span value);

/* held_record_show names the parts of a held record; borrows it. */
struct log_record held_record_show(const struct held_record *record);

/* record_window_init makes an empty window that begins at an offset. */
void record_window_init(struct record_window *window, int64_t from);

/* record_window_release frees all records. */
void record_window_release(struct record_window *window);

/* record_window_add takes a record whose offset is above all others. */
void record_window_add(struct record_window *window, struct held_record *record);

/* record_window_drop frees the oldest record; there must be one. `from` moves behind it. */
void record_window_drop(struct record_window *window);

/* record_window_show names records at and above an offset.
 * ret_records  out, borrows the window's bytes until it changes
 * Cost O(log count + cap). Returns how many, at most cap. */
size_t record_window_show(const struct record_window *window, int64_t offset,
                          struct log_record *ret_records, size_t cap);

#endif /* EXO_INFRA_LOG_RECORD_WINDOW_H */
