/* schedule: what one schedule starts, leaves out and cancels, and when to look at it again.
 *
 *              now, an execution has ended, pause, change, backfill
 *                                  |
 *   definition, zone --> schedule_book_step --> START, CANCEL, SKIP (actions, in order)
 *                                  |
 *                       schedule_book_deadline: when to call next
 *
 *               CHANGE (a later end)
 *            +----------------------+
 *            v                      |
 *   --> OPEN ---no time is left---> OVER
 *        | ^                         |
 *  PAUSE | | RESUME                  | PAUSE      RESUME leads to OPEN; what passed meanwhile
 *        v |                         |            is not made up for
 *       PAUSED <---------------------+
 *
 * A time it is due at is NOMINAL: what cron_next gives. It is decided once, in order, at nominal +
 * jitter; `considered` is the last one decided, so that nothing is decided twice whatever is
 * repeated. The id of its execution follows from the schedule and the nominal time alone
 * (infra/crypto/fire_id.h): a START that is sent again starts nothing new.
 *
 * A nominal time whose start is late by more than SCHEDULE_LATE_NS was missed: nobody looked. The
 * definition's catch_up says what becomes of it; what is made up for then obeys overlap like any
 * other. LIVE are executions started and not ended; with overlap other than allow there is one at
 * most, those of a backfill counted.
 *
 * A step does at most SCHEDULE_STEP_MAX things; where more is left the deadline is now.
 *
 * Pure: jitter comes from a hash, so that the same past gives the same times. */
#ifndef EXO_SCHEDULER_SCHEDULE_H
#define EXO_SCHEDULER_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/schedule/schedule.h"
#include "schemas/vocab/arena.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/time.h"

enum {
    SCHEDULE_STEP_MAX = 64, /* actions of a step, and times looked at in it */
    SCHEDULE_LIVE_MAX = 100,
    SCHEDULE_WAITING_MAX = 100,
};

#define SCHEDULE_LATE_NS EXO_MINUTE

enum schedule_phase { SCHEDULE_OPEN, SCHEDULE_PAUSED, SCHEDULE_OVER, SCHEDULE_PHASE_NR };

enum schedule_event_kind {
    SCHEDULE_LOOK,          /* time has passed */
    SCHEDULE_ENDED,         /* the execution of a nominal time has ended, or ended long ago */
    SCHEDULE_PAUSE,         /* start nothing */
    SCHEDULE_RESUME,        /* go on from now */
    SCHEDULE_CHANGE,        /* another definition or zone */
    SCHEDULE_BACKFILL,      /* run the times of a range in the past, the oldest first */
    SCHEDULE_BACKFILL_STOP, /* start no more of them */
    SCHEDULE_TRIGGER,       /* start one now, paused or not, where overlap leaves room */
    SCHEDULE_EVENT_NR,
};

struct schedule_event {
    enum schedule_event_kind kind;
    exo_time nominal_ns;        /* ENDED, TRIGGER: not in the future */
    exo_time from_ns, until_ns; /* BACKFILL: both included */
    uint32_t parallel;          /* BACKFILL: at once, from 1; without overlap: allow it is 1 */
    const struct schedule *definition; /* CHANGE; kept */
    const struct zone *zone;           /* CHANGE; kept */
    bool is_behind; /* what was asked long before now may follow: only a TRIGGER starts anything */
};

enum schedule_result {
    SCHEDULE_TAKEN,
    SCHEDULE_ESTALE,    /* repeated or late: nothing to do */
    SCHEDULE_EINVALID,  /* BACKFILL: an empty range, one in the future, or parallel 0; TRIGGER: a
                         * time in the future */
    SCHEDULE_ECONFLICT, /* BACKFILL: another one is under way. TRIGGER: no room, by overlap */
};

enum schedule_action_kind { SCHEDULE_START, SCHEDULE_CANCEL, SCHEDULE_SKIP, SCHEDULE_ACTION_NR };

enum schedule_reason {
    REASON_DUE,       /* START */
    REASON_CAUGHT_UP, /* START: it was missed */
    REASON_WAITED,    /* START: what ran has ended */
    REASON_BACKFILL,  /* START */
    REASON_TRIGGERED, /* START: somebody asked for it */
    REASON_MISSED,    /* SKIP: nobody looked in time, and it is not made up for */
    REASON_OVERLAP,   /* SKIP: another one runs */
    REASON_FULL,      /* SKIP: too many are live or wait */
    REASON_REPLACED,  /* SKIP: a later one took its place. CANCEL: it makes room for a later one */
    REASON_NR,
};

struct schedule_action {
    enum schedule_action_kind kind;
    enum schedule_reason reason;
    exo_time nominal_ns; /* SKIP: the first time left out */
    exo_time until_ns;   /* SKIP: no time after it is meant; else nominal_ns */
};

struct schedule_actions {
    struct schedule_action items[SCHEDULE_STEP_MAX];
    uint32_t count;
};

/* An execution that was started and has not ended. */
struct schedule_live {
    exo_time nominal_ns;
    bool is_backfill;
    bool is_cancelled; /* CANCEL was said */
};

/* All that outlives the process, for the store. Its arrays are the book's: borrowed until the next
 * step. */
struct schedule_saved {
    exo_time considered_ns;
    bool is_paused;
    const struct schedule_live *live;
    uint32_t live_count;     /* at most SCHEDULE_LIVE_MAX */
    const exo_time *waiting; /* nominal times, the oldest first */
    uint32_t waiting_count;  /* at most SCHEDULE_WAITING_MAX */
    bool has_backfill;
    exo_time backfill_after_ns; /* the last one started, or the instant before the range */
    exo_time backfill_until_ns;
    uint32_t backfill_parallel;
};

struct schedule_book; /* opaque */

/* schedule_book_new gives the book of one schedule; NULL without memory.
 *
 * id          of the schedule: its jitter follows from it
 * definition  kept; zone: that of its tz, kept
 * saved       borrowed; NULL: a new schedule, due from now_ns on
 * Cost: one block of some 3 KB. Call schedule_book_step with LOOK next. */
struct schedule_book *schedule_book_new(struct allocator allocator, const struct execution_id *id,
                                        const struct schedule *definition, const struct zone *zone,
                                        const struct schedule_saved *saved, exo_time now_ns);

/* schedule_book_free frees it; NULL is allowed. */
void schedule_book_free(struct schedule_book *book);

/* schedule_book_step takes one event and goes on as far as it can at now_ns; with is_behind it does
 * not go on, and is due at once.
 * event        borrowed, but for what CHANGE keeps
 * now_ns       shard time; one before the last counts as the last
 * ret_actions  out: what to do, in order; written whatever the result
 * Returns what became of the event itself. */
EXO_CHECKED enum schedule_result schedule_book_step(struct schedule_book *book,
                                                    const struct schedule_event *event,
                                                    exo_time now_ns,
                                                    struct schedule_actions *ret_actions);

/* schedule_book_deadline says when to call with LOOK next, EXO_TIME_NEVER for only after an event;
 * known after a step. */
exo_time schedule_book_deadline(const struct schedule_book *book);

/* schedule_book_phase gives its state. */
enum schedule_phase schedule_book_phase(const struct schedule_book *book);

/* schedule_book_save tells what to keep. */
void schedule_book_save(const struct schedule_book *book, struct schedule_saved *ret_saved);

/* schedule_book_check asserts every invariant. Cost O((live + waiting)^2). */
void schedule_book_check(const struct schedule_book *book);

/* schedule_jitter gives how much later than its nominal time one is started: 0 .. jitter_ns, whole
 * milliseconds, always the same for the same three. */
exo_time schedule_jitter(const struct execution_id *id, exo_time nominal_ns, exo_time jitter_ns);

/* The names return a static word such as "START" or "caught up", never NULL. */
const char *schedule_action_name(enum schedule_action_kind kind);
const char *schedule_reason_name(enum schedule_reason reason);

#endif /* EXO_SCHEDULER_SCHEDULE_H */
