/* caution: how a shard goes on after its owners died, or after the database refused a batch, until
 * it is known which input was to blame (protocol.md 2, docs/adr/0012-poison.md).
 *
 *   NONE --two owners died, or one on a marker--> CRASHED --the range lies behind--> NONE
 *     +---a batch was refused---> REFUSED ---------------------the same------------------+
 *
 *   an input:  offered --marker committed--> offered again --> stepped --> its batch committed
 *              MARK_NONE   MARK_ASKED .. MARK_STANDS          MARK_USED           MARK_NONE
 *                               +-- the shard is loaded again: MARK_LEFT --taken--> MARK_NONE
 *
 * While a shard is careful one input goes a batch. After crashes a marker is committed before it,
 * and while that stands no other shard of the process steps anything, so that a death then has one
 * cause. An input that brought two processes down, or that the database refused alone, is
 * condemned: quarantined when it is offered next. For this folder's sources only. */
#ifndef EXO_SCHEDULER_CAUTION_H
#define EXO_SCHEDULER_CAUTION_H

#include <stdbool.h>
#include <stdint.h>

#include "infra/store/store.h"
#include "scheduler/core/sched.h"

struct shard;
struct scheduler;

enum caution_mode { CAUTION_NONE, CAUTION_REFUSED, CAUTION_CRASHED };

enum caution_mark {
    MARK_NONE,
    MARK_ASKED,
    MARK_STANDS,
    MARK_USED,
    MARK_LEFT, /* the shard is to be loaded again, and what its row says of the mark is not known */
};

enum caution_verdict {
    CAUTION_STEP,
    CAUTION_WAIT, /* it is offered again when that may help: by the reader, or each turn */
    CAUTION_QUARANTINE,
};

/* An input that is known to bring its reader down, and how. */
struct condemned {
    char input[STORE_MARKER_BYTES]; /* "": none */
    char why[256];
    bool is_blind;     /* its quarantine did too: nothing of it is looked at */
    bool is_duplicate; /* refused because its execution is there already */
};

/* Several of the refused are kept: two that are offered in turns must both be found. */
enum { REFUSALS_KEPT = 8, BY_DEATH = 0, BY_REFUSAL, CONDEMNED_NR = BY_REFUSAL + REFUSALS_KEPT };

struct caution {
    enum caution_mode mode;
    enum caution_mark mark;
    char input[STORE_MARKER_BYTES];  /* the one that mark is about */
    exo_time stands_ns;              /* since when; this and the next four on the loop's clock */
    exo_time heard_ns[STORE_INPUTS]; /* a record was offered */
    exo_time over_ns;                /* not over before; 0: not running yet */
    exo_time ended_ns;               /* when it was over the last time */
    exo_time length_ns;              /* of the wait for inputs that are no records */
    int64_t until[STORE_INPUTS];     /* records below it go one a batch */
    uint32_t last;                   /* whose record went last: the other is next */
    /* The suspect goes first, or two of them could take turns in killing us and never be condemned:
     * until then, or until this time (0: not running yet), what it need not wait for waits. */
    char first[STORE_MARKER_BYTES];
    exo_time first_ns;
    struct condemned condemned[CONDEMNED_NR];
    uint32_t refused_count;  /* whose place was taken for another */
    struct condemned *found; /* the one that is being quarantined */
};

/* caution_taken looks at what earlier owners left, before anything is loaded. */
void caution_taken(struct shard *shard, const struct store_guard *guard);

/* caution_refused is told that the database refuses the batch in flight; the shard is then loaded
 * again. is_duplicate: an insert's id is there already. */
void caution_refused(struct shard *shard, bool is_duplicate, const char *why);

/* caution_record and caution_event ask whether an input may be stepped now. The event is one that
 * comes with no record. */
enum caution_verdict caution_record(struct shard *shard, uint32_t input, int64_t offset);
enum caution_verdict caution_event(struct shard *shard, const struct sched_event *event);

/* caution_unused gives back what caution_record allowed: the record cannot be stepped yet. */
void caution_unused(struct shard *shard);

/* caution_fail quarantines an input that came with no record: its execution fails, a dead letter
 * says so; where that cannot be done either, the shard stands still. */
void caution_fail(struct shard *shard, const struct sched_event *event);

/* caution_committed: the batch in flight is committed. */
void caution_committed(struct shard *shard);

/* caution_turn gives a marker up that nobody came for, and ends caution when its time has come. */
void caution_turn(struct shard *shard);

/* caution_life_end forgets what was asked for; until the shard is taken again, which wipes its
 * marker, a death would be blamed on that, so no other shard moves. Where it stands still instead
 * caution_stopped asks for a marker that blames nobody. caution_close forgets all. */
void caution_life_end(struct shard *shard);
void caution_stopped(struct shard *shard);
void caution_close(struct shard *shard);

/* caution_holds is true while another shard's marker stands: nothing of this one may move. */
bool caution_holds(const struct shard *shard);

/* caution_reason writes why the condemned input is quarantined, and what became of it. */
void caution_reason(const struct shard *shard, const char *became, char text[512]);

#endif /* EXO_SCHEDULER_CAUTION_H */
