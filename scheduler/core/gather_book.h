/* gather_book: the batches of a shard: tasks of any executions that one container runs together.
 *
 *   ask --> it gathers --size, bytes or time--> it runs (an execution of its own) --end--> results
 *   leave: nobody waits for that one any more         each of its members is told, once
 *
 * A batch's id follows from what must be the same (docs/adr/0020-batches.md); of one id one gathers
 * at most and any number run, each with a number of its own. The executions of the members live
 * anywhere and are answered by message (protocol.md 6). A late or repeated message changes nothing.
 *
 * Pure: memory from the given allocator. Bounded by its members, which are attempts of live
 * executions; one batch by LIMIT_BATCH_SIZE of them and LIMIT_BATCH_BYTES of items. */
#ifndef EXO_SCHEDULER_GATHER_BOOK_H
#define EXO_SCHEDULER_GATHER_BOOK_H

#include "schemas/vocab/arena.h"
#include "schemas/wire/gather.h"

struct gather_book;

/* gather_book_new gives an empty book, or NULL without memory; gather_book_free frees it (NULL is
 * allowed).
 * epoch  of the shard's owner: numbers of batches begin with it, so that none comes twice */
struct gather_book *gather_book_new(struct allocator allocator, uint64_t epoch);
void gather_book_free(struct gather_book *book);

/* gather_book_ask adds members to what gathers; one that is in a batch already stays there. A batch
 * that is full starts at once. ask is borrowed.
 * Returns false when memory is out: the book is broken, drop it and load again. */
EXO_CHECKED bool gather_book_ask(struct gather_book *book, const struct wire_gather_ask *ask,
                                 exo_time now_ns);

/* gather_book_leave takes a member out; of a batch that runs its result is dropped, and when nobody
 * is left in it, it is to be cancelled. */
EXO_CHECKED bool gather_book_leave(struct gather_book *book, const struct wire_gather_leave *leave);

/* gather_book_timer starts what has waited long enough; gather_book_deadline says when the next is
 * due, EXO_TIME_NEVER: nothing gathers. */
EXO_CHECKED bool gather_book_timer(struct gather_book *book, exo_time now_ns);
exo_time gather_book_deadline(const struct gather_book *book);

/* How one member's attempt, or the whole batch, ended. */
struct gather_result {
    uint32_t outcome; /* SUCCEEDED, FAILED or NEVER_AGAIN */
    struct span output;
    struct span error;
};

/* gather_book_size says of how many members a batch that runs is, those that left among them; 0:
 * there is no such batch, its end is stale. */
uint32_t gather_book_size(const struct gather_book *book, const struct execution_id *batch,
                          uint64_t number);

/* gather_book_end ends a batch that runs.
 * results  one a member, in order; spans live until gather_book_sealed; NULL: whole holds for all
 */
EXO_CHECKED bool gather_book_end(struct gather_book *book, const struct execution_id *batch,
                                 uint64_t number, const struct gather_result *results,
                                 const struct gather_result *whole);

/* gather_book_running calls back for each batch that runs. */
void gather_book_running(const struct gather_book *book,
                         void (*call)(void *context, const struct execution_id *batch,
                                      uint64_t number),
                         void *context);

/* ---- the open batch of the shard ---- */

struct gather_change {
    struct digest id;
    bool is_gone;               /* its row is to be deleted */
    struct wire_gather_row row; /* else written */
};

/* gather_book_change_count, gather_book_change: the rows to write; valid until the next call of
 * any function. index below the count. */
uint32_t gather_book_change_count(const struct gather_book *book);
struct gather_change gather_book_change(struct gather_book *book, uint32_t index);

/* gather_book_start_count, gather_book_start: the batches that have started: their members still
 * have their items. The same validity. */
uint32_t gather_book_start_count(const struct gather_book *book);
struct wire_gather_row gather_book_start(struct gather_book *book, uint32_t index);

/* Of a batch that runs or has ended. */
struct gather_told {
    struct execution_id batch;
    uint64_t number;
    struct wire_gather_result result; /* of one member */
};

/* gather_book_told gives what the executions are to be told, in order; gather_book_cancels the
 * batches whose executions are to be cancelled (their results hold nothing). */
const struct gather_told *gather_book_told(const struct gather_book *book, uint32_t *ret_count);
const struct gather_told *gather_book_cancels(const struct gather_book *book, uint32_t *ret_count);

/* gather_book_is_clean is true when the open batch holds nothing; gather_book_sealed forgets it. */
bool gather_book_is_clean(const struct gather_book *book);
void gather_book_sealed(struct gather_book *book);

/* gather_book_load puts a row back; false without memory, or when it does not fit (a broken row).
 */
EXO_CHECKED bool gather_book_load(struct gather_book *book, const struct wire_gather_row *row);

/* gather_book_check asserts every invariant; cost O(everything). */
void gather_book_check(const struct gather_book *book);

#endif /* EXO_SCHEDULER_GATHER_BOOK_H */
