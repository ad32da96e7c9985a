#include "workers/core/ticket.h"

#include <assert.h>

void ticket_table_init(struct ticket_table *table, struct ticket *tickets, uint32_t ticket_nr,
                       struct ticket_lender *lenders, uint32_t lender_nr, uint32_t place_nr)
{
    assert(ticket_nr >= 1);
    assert(lender_nr >= 1);
    assert(place_nr >= 1);
    assert(place_nr <= ticket_nr);
    *table = (struct ticket_table){
        .tickets = tickets,
        .ticket_nr = ticket_nr,
        .lenders = lenders,
        .lender_nr = lender_nr,
        .place_nr = place_nr,
    };
    memset(lenders, 0, lender_nr * sizeof(*lenders));
    for (uint32_t i = 0; i < ticket_nr; i++) {
        tickets[i] = (struct ticket){.lender = TICKET_AT_HOME};
    }
}

int32_t ticket_lender_find(const struct ticket_table *table, struct span process)
{
    for (uint32_t i = 0; i < table->lender_nr; i++) {
        const struct ticket_lender *lender = &table->lenders[i];

        if (lender->is_used &&
            span_equal(process, (struct span){lender->name, lender->name_bytes})) {
            return (int32_t)i;
        }
    }
    return -1;
}

static int32_t lender_new(struct ticket_table *table, struct span process)
{
    for (uint32_t i = 0; i < table->lender_nr; i++) {
        struct ticket_lender *lender = &table->lenders[i];

        if (!lender->is_used) {
            *lender = (struct ticket_lender){
                .is_used = true,
                .name_bytes = (uint32_t)process.bytes,
            };
            memcpy(lender->name, process.data, process.bytes);
            return (int32_t)i;
        }
    }
    return -1;
}

enum ticket_err ticket_tick(struct ticket_table *table, struct span process, uint64_t number,
                            uint64_t demand)
{
    if (process.bytes == 0 || process.bytes > TICKET_PROCESS_NAME_BYTES) {
        return TICKET_ESTALE;
    }
    int32_t found = ticket_lender_find(table, process);

    if (found < 0) {
        found = lender_new(table, process);
        if (found < 0) {
            return TICKET_EFULL;
        }
    } else if (number <= table->lenders[found].tick) {
        return TICKET_ESTALE;
    }
    struct ticket_lender *lender = &table->lenders[found];

    lender->tick = number;
    lender->silence = 0;
    lender->demand = demand;
    lender->waits = demand > 0 && lender->idle > 0 ? lender->waits + 1 : 0;
    return TICKET_OK;
}

/* Takes one idle ticket home; its next loan has another number, so this one is dead. */
static void ticket_take_home(struct ticket_table *table, struct ticket *ticket)
{
    assert(!ticket->is_spent);
    assert(ticket->lender != TICKET_AT_HOME);
    table->lenders[ticket->lender].idle--;
    table->idle--;
    ticket->lender = TICKET_AT_HOME;
}

static void ticket_lend(struct ticket_table *table, struct ticket *ticket, int32_t to)
{
    struct ticket_lender *lender = &table->lenders[to];

    assert(!ticket->is_spent);
    assert(ticket->lender == TICKET_AT_HOME);
    ticket->lender = to;
    ticket->lend++;
    lender->idle++;
    lender->last_lent = ++table->lent_count;
    table->idle++;
}

uint32_t ticket_lender_drop(struct ticket_table *table, int32_t lender)
{
    uint32_t home = 0;

    assert(lender >= 0);
    for (uint32_t i = 0; i < table->ticket_nr; i++) {
        struct ticket *ticket = &table->tickets[i];

        if (ticket->lender != lender) {
            continue;
        }
        if (ticket->is_spent) {
            table->lenders[lender].spent--;
            ticket->lender = TICKET_AT_HOME;
        } else {
            ticket_take_home(table, ticket);
            home++;
        }
    }
    assert(table->lenders[lender].idle == 0);
    assert(table->lenders[lender].spent == 0);
    table->lenders[lender].is_used = false;
    return home;
}

uint32_t ticket_silence(struct ticket_table *table, uint32_t limit)
{
    uint32_t dropped = 0;

    table->rotation++;
    for (uint32_t i = 0; i < table->lender_nr; i++) {
        if (table->lenders[i].is_used && ++table->lenders[i].silence >= limit) {
            (void)ticket_lender_drop(table, (int32_t)i); /* the next rebalance lends them out */
            dropped++;
        }
    }
    return dropped;
}

enum ticket_err ticket_spend(struct ticket_table *table, struct span process, uint32_t ticket,
                             uint64_t lend)
{
    int32_t lender = ticket_lender_find(table, process);

    if (lender < 0 || ticket >= table->ticket_nr) {
        return TICKET_ESTALE;
    }
    struct ticket *found = &table->tickets[ticket];

    if (found->is_spent || found->lender != lender || found->lend != lend) {
        return TICKET_ESTALE;
    }
    found->is_spent = true;
    table->lenders[lender].idle--;
    table->lenders[lender].spent++;
    table->lenders[lender].waits = 0;
    if (table->lenders[lender].demand > 0) {
        table->lenders[lender].demand--;
    }
    table->idle--;
    return TICKET_OK;
}

static uint32_t held(const struct ticket_lender *lender)
{
    return lender->idle + lender->spent;
}

/* The process furthest below its target, even when that is above: a ticket is of no use at home.
 * Between equals the one that was lent to longest ago. */
static int32_t neediest(const struct ticket_table *table)
{
    int32_t best = -1;
    int64_t best_lack = 0;

    for (uint32_t i = 0; i < table->lender_nr; i++) {
        const struct ticket_lender *lender = &table->lenders[i];

        if (!lender->is_used) {
            continue;
        }
        int64_t lack = (int64_t)lender->target - (int64_t)held(lender);

        if (best < 0 || lack > best_lack ||
            (lack == best_lack && lender->last_lent < table->lenders[best].last_lent)) {
            best = (int32_t)i;
            best_lack = lack;
        }
    }
    return best;
}

void ticket_give_back(struct ticket_table *table, uint32_t ticket, bool may_lend,
                      struct ticket_move *ret_move)
{
    assert(ticket < table->ticket_nr);
    struct ticket *found = &table->tickets[ticket];

    assert(found->is_spent);
    if (found->lender != TICKET_AT_HOME) {
        table->lenders[found->lender].spent--;
    }
    found->is_spent = false;
    found->lender = TICKET_AT_HOME;
    int32_t to = may_lend ? neediest(table) : -1;

    if (to >= 0) {
        ticket_lend(table, found, to);
    }
    *ret_move = (struct ticket_move){.lender = to, .ticket = ticket, .lend = found->lend};
}

void ticket_recall_all(struct ticket_table *table)
{
    for (uint32_t i = 0; i < table->ticket_nr; i++) {
        struct ticket *ticket = &table->tickets[i];

        if (!ticket->is_spent && ticket->lender != TICKET_AT_HOME) {
            ticket_take_home(table, ticket);
        }
    }
}

static int32_t longest_wanting(const struct ticket_table *table)
{
    int32_t best = -1;

    for (uint32_t i = 0; i < table->lender_nr; i++) {
        const struct ticket_lender *lender = &table->lenders[i];

        if (lender->is_used && lender->demand > 0 &&
            (best < 0 || lender->last_lent < table->lenders[best].last_lent)) {
            best = (int32_t)i;
        }
    }
    return best;
}

uint32_t ticket_lend_one(struct ticket_table *table, struct ticket_move *ret_move)
{
    int32_t to = longest_wanting(table);

    ticket_recall_all(table);
    for (uint32_t i = 0; i < table->ticket_nr && to >= 0; i++) {
        if (!table->tickets[i].is_spent) {
            ticket_lend(table, &table->tickets[i], to);
            *ret_move = (struct ticket_move){to, i, table->tickets[i].lend};
            return 1;
        }
    }
    return 0;
}

/* Gives left tickets in rounds of one share each to those whose target is below their limit.
 * is_bounded: a process takes no more than it wants. Returns what nobody took. */
static uint32_t targets_fill(struct ticket_table *table, uint32_t left, bool is_bounded)
{
    while (left > 0) {
        uint32_t hungry = 0;

        for (uint32_t i = 0; i < table->lender_nr; i++) {
            const struct ticket_lender *l = &table->lenders[i];

            hungry += l->is_used && (!is_bounded || l->target < l->demand + l->spent);
        }
        if (hungry == 0) {
            return left;
        }
        uint32_t share = left / hungry;

        for (uint32_t k = 0; k < table->lender_nr && left > 0; k++) {
            struct ticket_lender *l = &table->lenders[(k + table->rotation) % table->lender_nr];
            uint64_t want = l->demand + l->spent;

            if (!l->is_used || (is_bounded && l->target >= want)) {
                continue;
            }
            uint32_t more = share == 0 ? 1 : share;

            if (is_bounded && want - l->target < more) {
                more = (uint32_t)(want - l->target);
            }
            l->target += more;
            left -= more;
        }
    }
    return 0;
}

/* What a process without demand keeps, so that its next task need not wait for a tick. Taken from
 * the prefetch alone: a place is never left empty for it. */
static uint32_t reserve_of(const struct ticket_table *table, uint32_t lenders)
{
    uint32_t above = (table->ticket_nr - table->place_nr) / lenders;
    uint32_t wish = table->ticket_nr / (8 * lenders);

    if (wish == 0) {
        wish = 1;
    }
    return wish < above ? wish : above;
}

/* Returns the reserve of each process; 0 without any. */
static uint32_t targets_set(struct ticket_table *table)
{
    uint32_t lenders = 0;

    for (uint32_t i = 0; i < table->lender_nr; i++) {
        lenders += table->lenders[i].is_used;
    }
    if (lenders == 0) {
        return 0;
    }
    uint32_t reserve = reserve_of(table, lenders);

    for (uint32_t i = 0; i < table->lender_nr; i++) {
        table->lenders[i].target = table->lenders[i].is_used ? reserve : 0;
    }
    uint32_t left = targets_fill(table, table->ticket_nr - lenders * reserve, true);

    left = targets_fill(table, left, false);
    assert(left == 0);
    return reserve;
}

/* Who has a use for one more idle ticket right now. */
static int32_t receiver(const struct ticket_table *table, uint32_t reserve)
{
    int32_t best = -1;
    uint32_t best_lack = 0;

    for (uint32_t i = 0; i < table->lender_nr; i++) {
        const struct ticket_lender *lender = &table->lenders[i];

        if (!lender->is_used || held(lender) >= lender->target) {
            continue;
        }
        if (lender->demand <= lender->idle && held(lender) >= reserve) {
            continue;
        }
        if (lender->target - held(lender) > best_lack) {
            best = (int32_t)i;
            best_lack = lender->target - held(lender);
        }
    }
    return best;
}

/* Brings the moves to one process together, so that each process needs one message. */
static void moves_group(struct ticket_move *moves, uint32_t count, uint32_t lender_nr)
{
    uint32_t filled = 0;

    for (uint32_t l = 0; l < lender_nr && filled < count; l++) {
        for (uint32_t i = filled; i < count; i++) {
            if (moves[i].lender == (int32_t)l) {
                struct ticket_move moved = moves[i];

                moves[i] = moves[filled];
                moves[filled] = moved;
                filled++;
            }
        }
    }
}

uint32_t ticket_rebalance(struct ticket_table *table, uint32_t lend_max,
                          struct ticket_move *ret_moves)
{
    uint32_t count = 0;
    uint32_t reserve = targets_set(table);

    for (uint32_t i = 0; i < table->ticket_nr; i++) {
        struct ticket *ticket = &table->tickets[i];
        int32_t to;

        if (ticket->is_spent) {
            continue;
        }
        if (ticket->lender == TICKET_AT_HOME) {
            to = lend_max > 0 ? neediest(table) : -1;
            if (to < 0) {
                continue;
            }
            lend_max--;
        } else if (table->lenders[ticket->lender].waits >= TICKET_WAITS_MAX) {
            to = ticket->lender;
            ticket_take_home(table, ticket);
        } else {
            if (held(&table->lenders[ticket->lender]) <= table->lenders[ticket->lender].target) {
                continue;
            }
            to = receiver(table, reserve);
            if (to < 0) {
                continue;
            }
            ticket_take_home(table, ticket);
        }
        ticket_lend(table, ticket, to);
        ret_moves[count++] = (struct ticket_move){to, i, ticket->lend};
    }
    for (uint32_t i = 0; i < table->lender_nr; i++) {
        struct ticket_lender *lender = &table->lenders[i];

        lender->waits = lender->waits >= TICKET_WAITS_MAX ? 0 : lender->waits;
    }
    moves_group(ret_moves, count, table->lender_nr);
    return count;
}

void ticket_table_check(const struct ticket_table *table)
{
    uint32_t idle_all = 0;

    for (uint32_t l = 0; l < table->lender_nr; l++) {
        uint32_t idle = 0;
        uint32_t spent = 0;

        for (uint32_t i = 0; i < table->ticket_nr; i++) {
            if (table->tickets[i].lender == (int32_t)l) {
                idle += !table->tickets[i].is_spent;
                spent += table->tickets[i].is_spent;
            }
        }
        if (!table->lenders[l].is_used) {
            assert(idle == 0);
            assert(spent == 0);
            continue;
        }
        assert(table->lenders[l].idle == idle);
        assert(table->lenders[l].spent == spent);
        idle_all += idle;
    }
    assert(table->idle == idle_all);
}
