/* ticket: loans, their numbers, and who gets how many. */
#include "workers/core/ticket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TICKETS_MAX = 300, LENDERS = 4 };

struct world {
    struct ticket tickets[TICKETS_MAX];
    struct ticket_lender lenders[LENDERS];
    struct ticket_move moves[TICKETS_MAX];
    struct ticket_table table;
};

static void world_init(struct world *w, uint32_t tickets, uint32_t places)
{
    ticket_table_init(&w->table, w->tickets, tickets, w->lenders, LENDERS, places);
}

static void tick(struct world *w, const char *process, uint64_t number, uint64_t demand)
{
    assert_int_equal(ticket_tick(&w->table, span_of(process), number, demand), TICKET_OK);
}

static uint32_t rebalance(struct world *w)
{
    uint32_t count = ticket_rebalance(&w->table, w->table.ticket_nr, w->moves);

    ticket_table_check(&w->table);
    return count;
}

static uint32_t idle_of(const struct world *w, const char *process)
{
    int32_t lender = ticket_lender_find(&w->table, span_of(process));

    assert_true(lender >= 0);
    return w->table.lenders[lender].idle;
}

/* Spends some idle ticket of a process and returns it. */
static uint32_t spend_any(struct world *w, const char *process)
{
    int32_t lender = ticket_lender_find(&w->table, span_of(process));

    for (uint32_t i = 0; i < w->table.ticket_nr; i++) {
        if (w->tickets[i].lender == lender && !w->tickets[i].is_spent) {
            assert_int_equal(ticket_spend(&w->table, span_of(process), i, w->tickets[i].lend),
                             TICKET_OK);
            return i;
        }
    }
    fail_msg("%s has no idle ticket", process);
    return 0;
}

static void one_process_gets_all(void **state)
{
    struct world w;

    (void)state;
    world_init(&w, 3, 2);
    assert_int_equal(rebalance(&w), 0); /* nobody to lend to */
    tick(&w, "a", 1, 0);
    assert_int_equal(rebalance(&w), 3);
    assert_int_equal(idle_of(&w, "a"), 3);
    assert_int_equal(rebalance(&w), 0); /* nothing to change */
}

static void a_loan_is_spent_once(void **state)
{
    struct world w;
    struct ticket_move move;

    (void)state;
    world_init(&w, 2, 2);
    tick(&w, "a", 1, 0);
    (void)rebalance(&w);
    assert_int_equal(ticket_spend(&w.table, span_of("b"), 0, 1), TICKET_ESTALE);
    assert_int_equal(ticket_spend(&w.table, span_of("a"), 2, 1), TICKET_ESTALE);
    assert_int_equal(ticket_spend(&w.table, span_of("a"), 0, 2), TICKET_ESTALE);
    assert_int_equal(ticket_spend(&w.table, span_of("a"), 0, 1), TICKET_OK);
    assert_int_equal(ticket_spend(&w.table, span_of("a"), 0, 1), TICKET_ESTALE);
    ticket_give_back(&w.table, 0, true, &move);
    assert_int_equal(move.lend, 2);
    assert_int_equal(w.tickets[0].lend, 2);
    assert_int_equal(ticket_spend(&w.table, span_of("a"), 0, 1), TICKET_ESTALE); /* late */
    assert_int_equal(ticket_spend(&w.table, span_of("a"), 0, 2), TICKET_OK);
    ticket_give_back(&w.table, 0, false, &move);
    assert_int_equal(move.lender, -1);
    ticket_table_check(&w.table);
}

static void idle_tickets_move_to_demand(void **state)
{
    struct world w;

    (void)state;
    world_init(&w, 4, 4);
    tick(&w, "a", 1, 0);
    tick(&w, "b", 1, 0);
    (void)rebalance(&w);
    assert_int_equal(idle_of(&w, "a"), 2);
    assert_int_equal(idle_of(&w, "b"), 2);
    tick(&w, "b", 2, 100);
    assert_int_equal(rebalance(&w), 2);
    assert_int_equal(w.moves[0].lend, 2); /* the loan to "a" is dead */
    assert_int_equal(idle_of(&w, "b"), 4);
    tick(&w, "a", 2, 100);
    assert_int_equal(rebalance(&w), 2);
    assert_int_equal(idle_of(&w, "a"), 2);
}

static void lost_loans_are_lent_again(void **state)
{
    struct world w;
    uint64_t number = 1;

    (void)state;
    world_init(&w, 3, 3);
    tick(&w, "a", number++, 0);
    (void)rebalance(&w);
    for (int i = 0; i < TICKET_WAITS_MAX - 1; i++) {
        tick(&w, "a", number++, 1);
        assert_int_equal(rebalance(&w), 0);
    }
    (void)spend_any(&w, "a"); /* it has some: it is counted again from here on */
    for (int i = 0; i < TICKET_WAITS_MAX - 1; i++) {
        tick(&w, "a", number++, 1);
        assert_int_equal(rebalance(&w), 0);
    }
    tick(&w, "a", number++, 1);
    assert_int_equal(rebalance(&w), 2);
    assert_int_equal(w.moves[0].lend, 2);
    assert_int_equal(idle_of(&w, "a"), 2);
    tick(&w, "a", number++, 1);
    assert_int_equal(rebalance(&w), 0);
}

static void a_ticket_that_comes_back_goes_to_who_lacks_most(void **state)
{
    struct world w;
    struct ticket_move move;

    (void)state;
    world_init(&w, 4, 4);
    tick(&w, "a", 1, 10);
    (void)rebalance(&w);
    for (int i = 0; i < 4; i++) {
        (void)spend_any(&w, "a");
    }
    tick(&w, "b", 1, 10);
    assert_int_equal(rebalance(&w), 0); /* nothing lies idle */
    for (uint32_t i = 0; i < 4; i++) {
        ticket_give_back(&w.table, i, true, &move);
        ticket_table_check(&w.table);
    }
    assert_int_equal(idle_of(&w, "a"), 2);
    assert_int_equal(idle_of(&w, "b"), 2);
}

static void the_quiet_keep_a_reserve_of_the_prefetch_only(void **state)
{
    struct world w;

    (void)state;
    world_init(&w, 256 + 2, 2);
    tick(&w, "a", 1, 100000);
    tick(&w, "b", 1, 0);
    (void)rebalance(&w);
    assert_int_equal(idle_of(&w, "b"), 16);
    assert_int_equal(idle_of(&w, "a"), 242);

    world_init(&w, 3, 2);
    tick(&w, "a", 1, 5);
    tick(&w, "b", 1, 0);
    tick(&w, "c", 1, 0);
    (void)rebalance(&w);
    assert_int_equal(idle_of(&w, "a"), 3);
}

static void fewer_tickets_than_processes_go_round(void **state)
{
    struct world w;
    uint32_t had[3] = {0};
    const char *names[3] = {"a", "b", "c"};

    (void)state;
    world_init(&w, 1, 1);
    for (uint64_t round = 1; round <= 12; round++) {
        for (int i = 0; i < 3; i++) {
            tick(&w, names[i], round, 9);
        }
        (void)ticket_silence(&w.table, 100);
        (void)rebalance(&w);
        for (int i = 0; i < 3; i++) {
            had[i] += idle_of(&w, names[i]);
        }
    }
    for (int i = 0; i < 3; i++) {
        assert_true(had[i] >= 2);
    }
}

static void silence_takes_tickets_home(void **state)
{
    struct world w;
    struct ticket_move move;

    (void)state;
    world_init(&w, 2, 2);
    tick(&w, "a", 1, 0);
    (void)rebalance(&w);
    uint32_t spent = spend_any(&w, "a");

    for (int i = 0; i < 14; i++) {
        assert_int_equal(ticket_silence(&w.table, 15), 0);
    }
    tick(&w, "a", 2, 0); /* just in time */
    for (int i = 0; i < 14; i++) {
        assert_int_equal(ticket_silence(&w.table, 15), 0);
    }
    assert_int_equal(ticket_silence(&w.table, 15), 1);
    assert_int_equal(ticket_lender_find(&w.table, span_of("a")), -1);
    assert_int_equal(w.table.idle, 0);
    ticket_table_check(&w.table);
    tick(&w, "b", 1, 0);
    ticket_give_back(&w.table, spent, true, &move);
    assert_int_equal(move.lend, 2);
    assert_int_equal(rebalance(&w), 1);
    assert_int_equal(idle_of(&w, "b"), 2);
}

static void ticks_are_refused(void **state)
{
    struct world w;
    char name[TICKET_PROCESS_NAME_BYTES + 1];

    (void)state;
    memset(name, 'x', sizeof(name));
    world_init(&w, 2, 2);
    assert_int_equal(ticket_tick(&w.table, (struct span){name, 0}, 1, 0), TICKET_ESTALE);
    assert_int_equal(ticket_tick(&w.table, (struct span){name, sizeof(name)}, 1, 0), TICKET_ESTALE);
    for (int i = 0; i < LENDERS; i++) {
        name[0] = (char)('a' + i);
        assert_int_equal(ticket_tick(&w.table, (struct span){name, sizeof(name) - 1}, 7, 0),
                         TICKET_OK);
    }
    assert_int_equal(ticket_tick(&w.table, (struct span){name, sizeof(name) - 1}, 7, 0),
                     TICKET_ESTALE); /* repeated */
    assert_int_equal(ticket_tick(&w.table, span_of("one more"), 1, 0), TICKET_EFULL);
}

static void lend_max_holds(void **state)
{
    struct world w;

    (void)state;
    world_init(&w, 10, 2);
    tick(&w, "a", 1, 0);
    assert_int_equal(ticket_rebalance(&w.table, 4, w.moves), 4);
    assert_int_equal(ticket_rebalance(&w.table, 0, w.moves), 0);
    assert_int_equal(idle_of(&w, "a"), 4);
    ticket_recall_all(&w.table);
    assert_int_equal(w.table.idle, 0);
    ticket_table_check(&w.table);
}

static void one_ticket_goes_round_those_who_want_it(void **state)
{
    struct world w;
    struct ticket_move move;

    (void)state;
    world_init(&w, 3, 2);
    tick(&w, "a", 1, 0);
    (void)rebalance(&w);
    assert_int_equal(ticket_lend_one(&w.table, &move), 0); /* nobody wants it */
    assert_int_equal(w.table.idle, 0);
    tick(&w, "b", 1, 4);
    tick(&w, "c", 1, 4);
    assert_int_equal(ticket_lend_one(&w.table, &move), 1);
    assert_int_equal(idle_of(&w, "b"), 1);
    assert_int_equal(move.lend, w.tickets[move.ticket].lend);
    assert_int_equal(ticket_lend_one(&w.table, &move), 1); /* it was not taken */
    assert_int_equal(idle_of(&w, "b"), 0);
    assert_int_equal(idle_of(&w, "c"), 1);
    for (int i = 0; i < 3; i++) {
        (void)spend_any(&w, i % 2 == 0 ? "c" : "b");
        ticket_table_check(&w.table);
        assert_int_equal(ticket_lend_one(&w.table, &move), i < 2);
    }
    assert_int_equal(w.table.idle, 0); /* all are spent */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_process_gets_all),
        cmocka_unit_test(a_loan_is_spent_once),
        cmocka_unit_test(idle_tickets_move_to_demand),
        cmocka_unit_test(lost_loans_are_lent_again),
        cmocka_unit_test(a_ticket_that_comes_back_goes_to_who_lacks_most),
        cmocka_unit_test(the_quiet_keep_a_reserve_of_the_prefetch_only),
        cmocka_unit_test(fewer_tickets_than_processes_go_round),
        cmocka_unit_test(silence_takes_tickets_home),
        cmocka_unit_test(ticks_are_refused),
        cmocka_unit_test(lend_max_holds),
        cmocka_unit_test(one_ticket_goes_round_those_who_want_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
