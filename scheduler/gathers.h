/* gathers: the batches of a shard, joined to its batches of records (docs/adr/0020-batches.md).
 *
 *   tasks ask, leave --messages of their shards--> book (scheduler/core/gather_book.h)
 *        --START: a Job, results: messages, through the outbox--> executions
 *   an execution that ran one has ended --> its output is read from the store --> results
 *
 * The book's rows go with the commit. For this folder's sources only. */
#ifndef EXO_SCHEDULER_GATHERS_H
#define EXO_SCHEDULER_GATHERS_H

#include "infra/store/store.h"
#include "scheduler/core/gather_book.h"

struct shard;

struct gathers {
    struct gather_book *book; /* NULL: the shard is not loaded */
    exo_time look_ns;         /* on the loop's clock: when running batches are looked at next */
    uint32_t looked;          /* so many of them were, from the first */
    uint32_t looking;         /* answers on their way */
    bool is_sweeping;         /* all of them are looked at, one after the other */
};

/* gathers_open makes an empty book; gathers_close drops it. */
void gathers_open(struct shard *shard);
void gathers_close(struct shard *shard);

/* gathers_load puts a row back; false when it does not fit. */
EXO_CHECKED bool gathers_load(struct shard *shard, const struct store_spanning *row);

/* gathers_ask, _leave and _ended take a message of an execution's shard, gathers_answer one of a
 * batch's. */
void gathers_ask(struct shard *shard, const struct wire_gather_ask *ask);
void gathers_leave(struct shard *shard, const struct wire_gather_leave *leave);
void gathers_ended(struct shard *shard, const struct wire_gather_ended *ended);
void gathers_answer(struct shard *shard, const struct wire_gather_answer *answer);

/* gathers_refuse and gathers_fail do so for a record that is condemned: who asked, or was to be
 * told, fails with the reason (which must live as long as the open batch). */
void gathers_refuse(struct shard *shard, const struct wire_gather_ask *ask, struct span reason);
void gathers_fail(struct shard *shard, const struct wire_gather_answer *answer, struct span reason);

/* gathers_has_changes is true while the book holds something to commit or to tell. */
bool gathers_has_changes(const struct shard *shard);

/* gathers_send puts the open batch's messages and Jobs into the outbox: before the seal.
 * gathers_seal adds the book's rows to the sealed batch: after keys_seal. */
void gathers_send(struct shard *shard);
void gathers_seal(struct shard *shard);

/* gathers_turn starts what has waited long enough, and looks whether what runs has ended. Returns
 * when it is due next, in shard time. */
exo_time gathers_turn(struct shard *shard);

#endif /* EXO_SCHEDULER_GATHERS_H */
