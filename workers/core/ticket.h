/* ticket: the worker's right to be sent Tasks, lent out in numbered pieces.
 *
 *                 lend, move (lend number + 1)
 *   at home  ------------------------------------>  idle at a process
 *      ^                                              |  ^
 *      | recall, process lost (one-sided)             |  | give back: lent again at once
 *      +----------------------------------------------+  | (lend number + 1)
 *      ^                                        spend |  |
 *      +------------- give back, nobody to lend to -- spent
 *
 * (ticket, lend) names one right to send one Task, so every message about it may be lost, repeated
 * or late. A ticket's lend number only grows while the worker lives.
 *
 * Who gets how many: each process wants what it has spent and what waits there; max-min fair, what
 * is left over is spread evenly. Idle tickets move only to where more waits than is idle. Where
 * tasks wait beside idle tickets for TICKET_WAITS_MAX ticks, the process has lost them: it counts
 * them as spent on a Task that never came or was refused, and nobody says so. A Task that went with
 * the tail of a log is such a one, and one that a scheduler of an older version sent again under
 * its own name. It is lent them again under new numbers.
 *
 * Pure: memory is given at init; reads no clock. */
#ifndef EXO_WORKERS_CORE_TICKET_H
#define EXO_WORKERS_CORE_TICKET_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/span.h"

enum {
    TICKET_PROCESS_NAME_BYTES = 64,
    TICKET_AT_HOME = -1,
    TICKET_WAITS_MAX = 16, /* ticks that tasks wait beside idle tickets */
};

/* One ticket. */
struct ticket {
    uint64_t lend;  /* of its last loan; 0: never lent */
    int32_t lender; /* index of the process it is with; TICKET_AT_HOME */
    bool is_spent;  /* an attempt runs on it; lender is then who spent it, if it still lives */
};

/* One scheduler process that ticks. */
struct ticket_lender {
    bool is_used;
    char name[TICKET_PROCESS_NAME_BYTES];
    uint32_t name_bytes;
    uint64_t tick;      /* number of its last tick */
    uint32_t silence;   /* heartbeats of ours read back since */
    uint64_t demand;    /* tasks that wait there for a ticket of our classes */
    uint32_t waits;     /* ticks in a row with demand and idle tickets, and none spent */
    uint32_t idle;      /* tickets it may spend */
    uint32_t spent;     /* tickets it has spent */
    uint32_t target;    /* tickets it should have, idle and spent */
    uint64_t last_lent; /* larger: later; breaks ties in favour of who waits longest */
};

struct ticket_table {
    struct ticket *tickets; /* ticket_nr of them; the worker's memory */
    uint32_t ticket_nr;
    struct ticket_lender *lenders; /* lender_nr of them; the worker's memory */
    uint32_t lender_nr;
    uint32_t place_nr;   /* containers at once: a reserve for the quiet is taken from above it */
    uint32_t idle;       /* tickets lent and not spent */
    uint32_t rotation;   /* shifts who gets the odd ticket */
    uint64_t lent_count; /* loans so far */
};

/* A ticket that changed hands. */
struct ticket_move {
    int32_t lender;
    uint32_t ticket;
    uint64_t lend;
};

enum ticket_err {
    TICKET_OK = 0,
    TICKET_ESTALE = -1, /* not lent to that process under that number, or spent already */
    TICKET_EFULL = -2,  /* no room for another process */
};

/* ticket_table_init makes a table of tickets that are all at home.
 * tickets, lenders  arrays of ticket_nr >= 1 and lender_nr >= 1; kept
 * place_nr          1 .. ticket_nr */
void ticket_table_init(struct ticket_table *table, struct ticket *tickets, uint32_t ticket_nr,
                       struct ticket_lender *lenders, uint32_t lender_nr, uint32_t place_nr);

/* ticket_lender_find gives the index of a process, or -1. */
int32_t ticket_lender_find(const struct ticket_table *table, struct span process);

/* ticket_tick notes that a process lives and what it wants.
 *
 * process  1 .. TICKET_PROCESS_NAME_BYTES bytes, borrowed
 * number   of its tick; grows
 * demand   its tasks of our classes that wait for a ticket
 *
 * Returns TICKET_OK, or TICKET_ESTALE (an old tick, or no name of ours: nothing changed), or
 * TICKET_EFULL. */
EXO_CHECKED enum ticket_err ticket_tick(struct ticket_table *table, struct span process,
                                        uint64_t number, uint64_t demand);

/* ticket_lender_drop takes all idle tickets of a process home and forgets it.
 * Returns how many came home. */
uint32_t ticket_lender_drop(struct ticket_table *table, int32_t lender);

/* ticket_silence counts one heartbeat of ours for every process and drops those with limit of them
 * since their last tick. Returns how many processes were dropped. */
uint32_t ticket_silence(struct ticket_table *table, uint32_t limit);

/* ticket_spend takes a loan for a Task.
 * Returns TICKET_OK, or TICKET_ESTALE with nothing changed. */
EXO_CHECKED enum ticket_err ticket_spend(struct ticket_table *table, struct span process,
                                         uint32_t ticket, uint64_t lend);

/* ticket_give_back ends what a spent ticket was spent on and lends it again.
 *
 * may_lend   false: it stays at home
 * ret_move   out: the next loan; lender -1 when there is none
 * The ticket must be spent (asserted). */
void ticket_give_back(struct ticket_table *table, uint32_t ticket, bool may_lend,
                      struct ticket_move *ret_move);

/* ticket_recall_all takes every idle ticket home; spent ones stay spent. */
void ticket_recall_all(struct ticket_table *table);

/* ticket_rebalance computes the targets, lends tickets that are at home and moves idle ones.
 *
 * lend_max   most tickets that may leave home
 * ret_moves  out, ticket_nr entries of room, ordered by lender
 * Cost O(tickets * processes).
 * Returns the count of moves. */
uint32_t ticket_rebalance(struct ticket_table *table, uint32_t lend_max,
                          struct ticket_move *ret_moves);

/* ticket_lend_one takes every idle ticket home and lends one of them to a process with demand: of
 * these, to the one that was lent to longest ago.
 *
 * ret_move  out: the loan
 * Returns 1, or 0 where nobody wants a ticket or all are spent. */
uint32_t ticket_lend_one(struct ticket_table *table, struct ticket_move *ret_move);

/* ticket_table_check asserts that counts and tickets agree. */
void ticket_table_check(const struct ticket_table *table);

#endif /* EXO_WORKERS_CORE_TICKET_H */
