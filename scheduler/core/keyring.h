/* keyring: the keys of a shard: what spans executions, so that of all with one key only so many run
 * at once (concurrency), or only so many start in a time (rate).
 *
 *   ask --> granted at once, or waiting, refused, or another cancelled for it --> answers
 *   release (it ended) --> the next that waits is granted
 *
 * A key lives on the shard of its hash; the executions it spans live anywhere and are answered by
 * message (protocol.md 6). Holders are kept by id, so that a key is never held for ever: whoever
 * finds that one has ended releases it. A late or repeated message changes nothing.
 *
 * Pure: memory from the given allocator; at most LIMIT_KEY_WAITING wait for one key. */
#ifndef EXO_SCHEDULER_KEYRING_H
#define EXO_SCHEDULER_KEYRING_H

#include "schemas/vocab/arena.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/time.h"
#include "schemas/wire/key.h"

struct keyring;

/* keyring_new gives an empty ring, or NULL without memory; keyring_free frees it (NULL is allowed).
 */
struct keyring *keyring_new(struct allocator allocator);
void keyring_free(struct keyring *ring);

/* keyring_ask lets an execution ask for a key. Its limit, window and policy hold from then on for
 * the key. One that holds it is told so once more, one that waits changes
 * nothing.
 * Returns false when memory is out: the ring is broken, drop it and load again. */
EXO_CHECKED bool keyring_ask(struct keyring *ring, const struct wire_key_ask *ask, exo_time now_ns);

/* keyring_release takes an execution from a key, holding it or waiting. */
EXO_CHECKED bool keyring_release(struct keyring *ring, const struct digest *key,
                                 const struct execution_id *execution, exo_time now_ns);

/* keyring_timer grants what a rate lets go on by now, and lets a rate go that nobody waits for and
 * whose whole burst is there again; keyring_deadline says when it is due next, EXO_TIME_NEVER:
 * nothing waits for time. */
EXO_CHECKED bool keyring_timer(struct keyring *ring, exo_time now_ns);
exo_time keyring_deadline(const struct keyring *ring);

/* keyring_holders calls back for each execution that holds a key of concurrency. */
void keyring_holders(const struct keyring *ring,
                     void (*call)(void *context, const struct digest *key,
                                  const struct execution_id *execution),
                     void *context);

/* ---- the open batch ---- */

struct keyring_change {
    struct digest key;
    bool is_gone;                /* its row is to be deleted */
    struct wire_key_state state; /* else written; borrowed from the ring */
};

/* keyring_change_count, keyring_change: the rows to write; valid until the next call of another
 * function. index below the count. */
uint32_t keyring_change_count(const struct keyring *ring);
struct keyring_change keyring_change(const struct keyring *ring, uint32_t index);

/* keyring_answers gives what the executions are to be told, in order. */
const struct wire_key_answer *keyring_answers(const struct keyring *ring, uint32_t *ret_count);

/* keyring_sealed forgets the open batch. */
void keyring_sealed(struct keyring *ring);

/* keyring_load puts a row back; false without memory, or when it does not fit (a broken row). */
EXO_CHECKED bool keyring_load(struct keyring *ring, const struct digest *key,
                              const struct wire_key_state *state);

/* keyring_check asserts every invariant; cost O(everything). */
void keyring_check(const struct keyring *ring);

#endif /* EXO_SCHEDULER_KEYRING_H */
