#include "scheduler/core/fleet.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"

enum { WINDOW = 4 };

static struct heap_budget budget;

static struct fleet *fleet_make(void)
{
    struct fleet_limits limits = {.silent_ticks = 3};
    struct fleet *fleet = fleet_new(allocator_heap(&budget), span_of("us"), &limits);

    assert_non_null(fleet);
    return fleet;
}

/* A heartbeat of a worker that lends us all its tickets under one lend number. */
static void beat_by(struct fleet *fleet, const char *name, uint64_t incarnation, uint64_t number,
                    uint64_t lend)
{
    uint32_t tickets[WINDOW];
    uint64_t lends[WINDOW];
    struct span class = span_of("default");
    struct fleet_suspicion suspicion;
    struct wire_loan loan = {.worker = span_of(name),
                             .incarnation = incarnation,
                             .process = span_of("us"),
                             .tickets = tickets,
                             .lends = lends,
                             .count = WINDOW};
    struct wire_heartbeat heartbeat = {.worker = span_of(name),
                                       .incarnation = incarnation,
                                       .number = number,
                                       .classes = &class,
                                       .class_count = 1,
                                       .window = WINDOW,
                                       .loans = &loan,
                                       .loan_count = 1};

    for (uint32_t i = 0; i < WINDOW; i++) {
        tickets[i] = i;
        lends[i] = lend;
    }
    assert_true(fleet_heartbeat(fleet, &heartbeat, 0, &suspicion));
}

static void beat(struct fleet *fleet, uint64_t incarnation, uint64_t number, uint64_t lend)
{
    beat_by(fleet, "w", incarnation, number, lend);
}

static void count_silent(void *context, const struct fleet_suspicion *suspicion)
{
    assert_int_equal(suspicion->kind, FLEET_SILENT);
    (*(uint32_t *)context)++;
}

static uint32_t silence(struct fleet *fleet, int ticks)
{
    uint32_t count = 0;

    for (int i = 0; i < ticks; i++) {
        fleet_tick(fleet, 0, count_silent, &count);
    }
    return count;
}

static uint32_t take_all(struct fleet *fleet)
{
    uint32_t tickets[WINDOW];
    uint64_t lends[WINDOW];
    uint32_t count;
    struct fleet_needs needs = {.class = fleet_class(fleet, span_of("default"))};

    (void)fleet_take(fleet, &needs, WINDOW, tickets, lends, &count);
    return count;
}

static void test_silent_worker_comes_back(void **state)
{
    struct fleet *fleet = fleet_make();

    (void)state;
    beat(fleet, 7, 1, 1);
    assert_int_equal(silence(fleet, 10), 1);
    assert_int_equal(fleet_available(fleet, 0), 0);
    beat(fleet, 7, 2, 1);
    assert_int_equal(fleet_available(fleet, 0), WINDOW);
    assert_int_equal(take_all(fleet), WINDOW);
    assert_int_equal(fleet_available(fleet, 0), 0);
    fleet_free(fleet);
}

/* A shard loaded meanwhile watches the worker: it gets no work before it speaks, its silence is
 * told once more, and when it speaks its tickets are counted once. */
static void test_watched_worker_comes_back(void **state)
{
    struct fleet *fleet = fleet_make();

    (void)state;
    beat(fleet, 7, 1, 1);
    assert_int_equal(silence(fleet, 10), 1);
    assert_true(fleet_expect(fleet, span_of("w"), 7, 0));
    assert_int_equal(fleet_available(fleet, 0), 0);
    assert_int_equal(take_all(fleet), 0);
    assert_int_equal(silence(fleet, 10), 1);
    assert_true(fleet_expect(fleet, span_of("w"), 7, 0));
    beat(fleet, 7, 2, 1);
    assert_int_equal(fleet_available(fleet, 0), WINDOW);
    assert_int_equal(take_all(fleet), WINDOW);
    assert_int_equal(fleet_available(fleet, 0), 0);
    fleet_free(fleet);
}

static void test_expected_life_has_its_own_tickets(void **state)
{
    struct fleet *fleet = fleet_make();

    (void)state;
    beat(fleet, 7, 5, 9);
    assert_true(fleet_expect(fleet, span_of("w"), 8, 0));
    assert_false(fleet_expect(fleet, span_of("w"), 7, 0));
    assert_int_equal(fleet_available(fleet, 0), 0);
    beat(fleet, 8, 1, 1);
    assert_int_equal(fleet_available(fleet, 0), WINDOW);
    assert_int_equal(take_all(fleet), WINDOW);
    fleet_free(fleet);
}

static void test_restored_ticket_is_spent_again(void **state)
{
    struct fleet *fleet = fleet_make();

    (void)state;
    beat(fleet, 7, 1, 1);
    assert_int_equal(take_all(fleet), WINDOW);
    fleet_ticket_restored(fleet, span_of("w"), 7, 2, 1);
    fleet_ticket_restored(fleet, span_of("w"), 7, 2, 1); /* twice is once */
    fleet_ticket_restored(fleet, span_of("w"), 7, 1, 2); /* of another loan */
    assert_int_equal(take_all(fleet), 1);
    fleet_free(fleet);
}

/* Its commit was in doubt, so its ticket was given back and taken for another; then it was loaded.
 */
static void test_loan_of_a_loaded_attempt_is_not_restored(void **state)
{
    struct fleet *fleet = fleet_make();
    struct span us = span_of("us");

    (void)state;
    beat(fleet, 7, 1, 1);
    assert_int_equal(take_all(fleet), WINDOW);
    fleet_ticket_restored(fleet, span_of("w"), 7, 2, 1);
    assert_int_equal(take_all(fleet), 1);
    assert_false(fleet_ticket_has_left(fleet, span_of("w"), 7, 2, 1));
    fleet_ticket_spent(fleet, span_of("w"), 7, 2, 1);
    assert_true(fleet_ticket_has_left(fleet, span_of("w"), 7, 2, 1));
    assert_false(fleet_ticket_has_left(fleet, span_of("w"), 7, 1, 1));
    assert_false(fleet_ticket_has_left(fleet, span_of("w"), 8, 2, 1));
    fleet_ticket_restored(fleet, span_of("w"), 7, 2, 1);
    assert_int_equal(fleet_available(fleet, 0), 0);
    fleet_ticket_returned(fleet, span_of("w"), 7, 2, us, 2);
    assert_false(fleet_ticket_has_left(fleet, span_of("w"), 7, 2, 2));
    assert_int_equal(take_all(fleet), 1);
    fleet_ticket_restored(fleet, span_of("w"), 7, 2, 2);
    fleet_ticket_spent(fleet, span_of("w"), 7, 2, 1); /* of the loan before */
    assert_int_equal(fleet_available(fleet, 0), 1);
    fleet_free(fleet);
}

/* Tickets spent, then words about them in the wrong order: only a higher lend number counts. */
static void test_late_and_repeated_words_about_tickets(void **state)
{
    struct fleet *fleet = fleet_make();
    struct span us = span_of("us");
    struct span them = span_of("them");

    (void)state;
    beat(fleet, 7, 1, 5);
    assert_int_equal(take_all(fleet), WINDOW);
    fleet_ticket_returned(fleet, span_of("w"), 7, 0, us, 5); /* the loan already spent */
    assert_int_equal(fleet_available(fleet, 0), 0);
    fleet_ticket_returned(fleet, span_of("w"), 7, 0, us, 7);
    fleet_ticket_returned(fleet, span_of("w"), 7, 0, us, 7); /* repeated */
    fleet_ticket_returned(fleet, span_of("w"), 7, 0, us, 6); /* late */
    assert_int_equal(fleet_available(fleet, 0), 1);
    fleet_ticket_returned(fleet, span_of("w"), 7, 0, them, 6); /* late: it was theirs before */
    assert_int_equal(fleet_available(fleet, 0), 1);
    fleet_ticket_returned(fleet, span_of("w"), 7, 0, them, 8); /* recalled and lent to them */
    assert_int_equal(fleet_available(fleet, 0), 0);
    fleet_ticket_returned(fleet, span_of("w"), 6, 1, us, 99);      /* of another life */
    fleet_ticket_returned(fleet, span_of("w"), 7, WINDOW, us, 99); /* no such ticket */
    fleet_ticket_returned(fleet, span_of("v"), 7, 1, us, 99);      /* no such worker */
    assert_int_equal(fleet_available(fleet, 0), 0);
    beat(fleet, 7, 2, 9); /* what was lost on the way is in the next heartbeat */
    assert_int_equal(fleet_available(fleet, 0), WINDOW);
    beat(fleet, 7, 2, 10); /* repeated heartbeats change nothing */
    assert_int_equal(take_all(fleet), WINDOW);
    assert_int_equal(take_all(fleet), 0);
    fleet_free(fleet);
}

static enum fleet_suspicion_kind word(struct fleet *fleet, uint64_t incarnation, uint64_t number,
                                      bool is_leaving, uint64_t *ret_suspected)
{
    struct span class = span_of("default");
    struct fleet_suspicion suspicion;
    struct wire_heartbeat heartbeat = {.worker = span_of("w"),
                                       .incarnation = incarnation,
                                       .number = number,
                                       .classes = &class,
                                       .class_count = 1,
                                       .window = WINDOW,
                                       .is_leaving = is_leaving};

    assert_true(fleet_heartbeat(fleet, &heartbeat, 0, &suspicion));
    *ret_suspected = suspicion.incarnation;
    return suspicion.kind;
}

static void test_lives_of_a_worker(void **state)
{
    struct fleet *fleet = fleet_make();
    uint64_t suspected;

    (void)state;
    assert_int_equal(word(fleet, 7, 1, false, &suspected), FLEET_ABSENT);
    assert_int_equal(suspected, 7);
    assert_int_equal(word(fleet, 7, 1, false, &suspected), FLEET_NONE); /* repeated */
    assert_int_equal(word(fleet, 8, 1, false, &suspected), FLEET_REPLACED);
    assert_int_equal(suspected, 7);
    assert_int_equal(word(fleet, 7, 9, false, &suspected), FLEET_NONE); /* a ghost */
    assert_int_equal(word(fleet, 8, 2, true, &suspected), FLEET_LEFT);
    assert_int_equal(suspected, 8);
    assert_false(fleet_expect(fleet, span_of("w"), 7, 0)); /* also when the newer one is gone */
    fleet_free(fleet);
}

/* A new owner knows the newer life from its leases, and reads a late beat of the older one before
 * the newer's first. */
static void test_older_life_does_not_replace_a_watched_one(void **state)
{
    struct fleet *fleet = fleet_make();
    uint64_t suspected = 0;

    (void)state;
    assert_int_equal(word(fleet, 7, 1, false, &suspected), FLEET_ABSENT);
    assert_true(fleet_expect(fleet, span_of("w"), 8, 0));
    assert_int_equal(word(fleet, 7, 2, false, &suspected), FLEET_NONE);
    assert_int_equal(word(fleet, 8, 1, false, &suspected), FLEET_ABSENT);
    assert_int_equal(suspected, 8);
    assert_true(fleet_expect(fleet, span_of("w"), 9, 0));
    assert_int_equal(silence(fleet, 10), 1);
    /* It never spoke: the clock was set back. */
    assert_int_equal(word(fleet, 8, 2, false, &suspected), FLEET_REPLACED);
    assert_int_equal(suspected, 9);
    fleet_free(fleet);
}

/* Two lives of one name speak in turn: each goes on with the loans that are spent, also when a
 * heartbeat from before it read the Task lists them once more. */
static void test_each_life_keeps_its_loans(void **state)
{
    struct fleet *fleet = fleet_make();
    struct span w = span_of("w");

    (void)state;
    beat(fleet, 8, 1, 1);
    assert_int_equal(take_all(fleet), WINDOW);
    assert_int_equal(silence(fleet, 3), 1);
    beat(fleet, 7, 5, 1); /* an older one is all there is */
    assert_int_equal(take_all(fleet), WINDOW);
    beat(fleet, 8, 2, 1);
    assert_int_equal(fleet_available(fleet, 0), 0);
    assert_int_equal(silence(fleet, 3), 1);
    beat(fleet, 7, 6, 1);
    assert_int_equal(fleet_available(fleet, 0), 0);
    /* What is said of the other meanwhile counts when it speaks. */
    fleet_ticket_restored(fleet, w, 8, 0, 1);
    fleet_ticket_returned(fleet, w, 8, 1, span_of("us"), 2);
    fleet_ticket_spent(fleet, w, 8, 2, 1);
    fleet_ticket_restored(fleet, w, 8, 2, 1);
    assert_true(fleet_ticket_has_left(fleet, w, 8, 2, 1));
    assert_false(fleet_ticket_has_left(fleet, w, 7, 2, 1));
    assert_int_equal(fleet_available(fleet, 0), 0);
    beat(fleet, 8, 3, 1);
    assert_int_equal(take_all(fleet), 2);
    fleet_free(fleet);
}

/* Those of a newer life are kept longest: it is heard first. */
static void test_newest_of_many_lives_keeps_its_loans(void **state)
{
    struct fleet *fleet = fleet_make();

    (void)state;
    beat(fleet, 1, 1, 1);
    assert_int_equal(take_all(fleet), WINDOW);
    beat(fleet, 100, 1, 1);
    assert_int_equal(take_all(fleet), WINDOW);
    assert_int_equal(silence(fleet, 3), 1);
    for (uint64_t incarnation = 2; incarnation < 3 + FLEET_LIVES_PAST; incarnation++) {
        beat(fleet, incarnation, 1, 1);
        assert_int_equal(take_all(fleet), WINDOW);
    }
    beat(fleet, 100, 2, 1);
    assert_int_equal(take_all(fleet), 0);
    assert_int_equal(silence(fleet, 3), 1);
    beat(fleet, 1, 2, 1); /* forgotten: as one never heard */
    assert_int_equal(take_all(fleet), WINDOW);
    fleet_free(fleet);
}

/* A machine whose clock was set back starts under a lower incarnation. Once the one before has
 * fallen silent it stays in its place: neither a late record of that one nor a shard that still
 * holds its attempts shuts it out again. */
static void test_clock_set_back(void **state)
{
    struct fleet *fleet = fleet_make();
    uint64_t suspected = 0;

    (void)state;
    beat(fleet, 9, 4, 1);
    beat(fleet, 8, 1, 1);
    assert_int_equal(fleet_worker_find(fleet, span_of("w"))->life.incarnation, 9);
    assert_int_equal(silence(fleet, 3), 1);
    assert_int_equal(word(fleet, 8, 2, false, &suspected), FLEET_REPLACED);
    assert_int_equal(suspected, 9);
    beat(fleet, 8, 3, 1);
    assert_int_equal(word(fleet, 9, 4, false, &suspected), FLEET_NONE);
    assert_false(fleet_expect(fleet, span_of("w"), 9, 0));
    assert_int_equal(fleet_available(fleet, 0), WINDOW);
    assert_true(fleet_expect(fleet, span_of("w"), 8, 0));
    assert_int_equal(fleet_available(fleet, 0), WINDOW);
    /* Where nobody speaks the newer one is waited for, by a new owner from 0. */
    assert_int_equal(silence(fleet, 3), 1);
    assert_true(fleet_expect(fleet, span_of("w"), 9, 0));
    assert_int_equal(word(fleet, 8, 4, false, &suspected), FLEET_NONE);
    assert_int_equal(silence(fleet, 3), 1);
    assert_int_equal(word(fleet, 8, 4, false, &suspected), FLEET_REPLACED);
    fleet_free(fleet);
}

/* Silence is counted in ticks of the worker's own partition, and told once. */
static void test_silence_is_counted_in_ticks(void **state)
{
    struct fleet *fleet = fleet_make();
    uint32_t count = 0;

    (void)state;
    beat(fleet, 7, 1, 1);
    for (int i = 0; i < 20; i++) {
        fleet_tick(fleet, 1, count_silent, &count);
    }
    assert_int_equal(count, 0);
    assert_int_equal(silence(fleet, 2), 0);
    beat(fleet, 7, 2, 1);
    assert_int_equal(silence(fleet, 2), 0);
    assert_int_equal(silence(fleet, 1), 1);
    assert_int_equal(silence(fleet, 20), 0);
    assert_int_equal(fleet_available(fleet, 0), 0);
    fleet_free(fleet);
}

/* A worker of one class; number: of the heartbeat. */
static void beat_of(struct fleet *fleet, const char *name, const char *class, uint64_t number,
                    bool is_leaving)
{
    struct span classes = span_of(class);
    struct fleet_suspicion suspicion;
    struct wire_heartbeat heartbeat = {.worker = span_of(name),
                                       .incarnation = 1,
                                       .number = number,
                                       .classes = &classes,
                                       .class_count = 1,
                                       .window = WINDOW,
                                       .is_leaving = is_leaving};

    assert_true(fleet_heartbeat(fleet, &heartbeat, 0, &suspicion));
}

static uint32_t class_of(struct fleet *fleet, const char *format, uint32_t number)
{
    char name[32];

    (void)snprintf(name, sizeof(name), format, number);
    return fleet_class(fleet, span_of(name));
}

/* Names that nobody uses any more make room; those that are held or served stay as they are. */
static void test_unused_classes_are_forgotten(void **state)
{
    struct fleet *fleet = fleet_make();
    uint32_t held = fleet_class(fleet, span_of("held"));

    (void)state;
    fleet_class_hold(fleet, held);
    beat(fleet, 7, 1, 1); /* serves "default" */
    uint32_t served = fleet_class(fleet, span_of("default"));

    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t class = class_of(fleet, "junk%u", i);

        assert_int_not_equal(class, UINT32_MAX);
        assert_int_not_equal(class, held);
        assert_int_not_equal(class, served);
    }
    assert_int_equal(fleet_class_count(fleet), FLEET_CLASSES_MAX);
    assert_true(span_is(fleet_class_name(fleet, held), "held"));
    assert_true(span_is(fleet_class_name(fleet, served), "default"));
    assert_int_equal(fleet_available(fleet, served), WINDOW);
    assert_int_equal(take_all(fleet), WINDOW);
    /* All are held: there is no room. Dropped: there is. */
    for (uint32_t i = 0; i < FLEET_CLASSES_MAX - 2; i++) {
        fleet_class_hold(fleet, class_of(fleet, "live%u", i));
    }
    assert_int_equal(fleet_class(fleet, span_of("one more")), UINT32_MAX);
    fleet_class_drop(fleet, held);
    assert_int_equal(fleet_class(fleet, span_of("one more")), held);
    fleet_class_hold(fleet, UINT32_MAX);
    fleet_class_drop(fleet, UINT32_MAX);
    fleet_free(fleet);
}

/* Whose worker left or fell silent is forgotten, too; when it speaks again it has a number again.
 */
static void test_class_of_a_gone_worker(void **state)
{
    struct fleet *fleet = fleet_make();

    (void)state;
    beat_of(fleet, "left", "rare", 1, false);
    uint32_t rare = fleet_class(fleet, span_of("rare"));

    for (uint32_t i = 0; i < FLEET_CLASSES_MAX - 1; i++) {
        fleet_class_hold(fleet, class_of(fleet, "live%u", i));
    }
    assert_int_equal(fleet_class(fleet, span_of("new")), UINT32_MAX); /* it serves it */
    beat_of(fleet, "left", "rare", 2, true);
    assert_int_equal(fleet_class(fleet, span_of("new")), rare);
    beat_of(fleet, "left", "rare", 3, false);
    assert_int_equal(fleet_class(fleet, span_of("rare")), rare);
    beat(fleet, 7, 1, 1); /* no number for "default": no work for it, and nothing breaks */
    assert_int_equal(take_all(fleet), 0);
    fleet_free(fleet);
}

/* Whose ticket is spent next; "": nobody has one. Gives its number and lend. */
static const char *take_one(struct fleet *fleet, uint32_t *ret_ticket, uint64_t *ret_lend)
{
    struct fleet_needs needs = {.class = fleet_class(fleet, span_of("default"))};
    uint32_t count;
    const struct fleet_worker *w = fleet_take(fleet, &needs, 1, ret_ticket, ret_lend, &count);

    assert_int_equal(count, w != NULL);
    return w == NULL ? "" : w->name;
}

/* Who lost it gets it again only where nobody else has a ticket, and keeps its turn for others. */
static void test_a_worker_is_avoided(void **state)
{
    struct fleet *fleet = fleet_make();
    struct fleet_needs needs = {.class = fleet_class(fleet, span_of("default")),
                                .avoid = table_hash(span_of("a"))};
    uint32_t tickets[WINDOW];
    uint64_t lends[WINDOW];
    uint32_t count;

    (void)state;
    beat_by(fleet, "a", 7, 1, 1);
    beat_by(fleet, "b", 7, 1, 1);
    for (uint32_t i = 0; i < WINDOW; i++) {
        assert_string_equal(fleet_take(fleet, &needs, 1, tickets, lends, &count)->name, "b");
    }
    assert_string_equal(fleet_take(fleet, &needs, WINDOW, tickets, lends, &count)->name, "a");
    assert_int_equal(count, WINDOW);
    assert_null(fleet_take(fleet, &needs, 1, tickets, lends, &count));
    fleet_free(fleet);
}

/* Workers have their turns; one without a ticket is not asked, and comes last when it has one
 * again; one that is gone is not asked either. */
static void test_workers_have_their_turns(void **state)
{
    static const char *const names[] = {"a", "b", "c"};
    struct fleet *fleet = fleet_make();
    uint32_t ticket;
    uint64_t lend;

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        beat_by(fleet, names[i], 7, 1, 1);
    }
    for (uint32_t i = 0; i < 3 * (WINDOW - 1); i++) {
        assert_string_equal(take_one(fleet, &ticket, &lend), names[i % 3]);
    }
    assert_string_equal(take_one(fleet, &ticket, &lend), "a"); /* its last */
    fleet_ticket_restored(fleet, span_of("a"), 7, ticket, lend);
    assert_string_equal(take_one(fleet, &ticket, &lend), "b");
    assert_string_equal(take_one(fleet, &ticket, &lend), "c");
    assert_string_equal(take_one(fleet, &ticket, &lend), "a");
    assert_string_equal(take_one(fleet, &ticket, &lend), "");
    beat_by(fleet, "b", 7, 2, 2);
    beat_by(fleet, "c", 7, 2, 2);
    assert_true(fleet_expect(fleet, span_of("b"), 8, 0));
    assert_string_equal(take_one(fleet, &ticket, &lend), "c");
    beat_by(fleet, "b", 8, 1, 1);
    assert_string_equal(take_one(fleet, &ticket, &lend), "c");
    assert_string_equal(take_one(fleet, &ticket, &lend), "b");
    fleet_free(fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silent_worker_comes_back),
        cmocka_unit_test(test_watched_worker_comes_back),
        cmocka_unit_test(test_expected_life_has_its_own_tickets),
        cmocka_unit_test(test_restored_ticket_is_spent_again),
        cmocka_unit_test(test_loan_of_a_loaded_attempt_is_not_restored),
        cmocka_unit_test(test_late_and_repeated_words_about_tickets),
        cmocka_unit_test(test_lives_of_a_worker),
        cmocka_unit_test(test_older_life_does_not_replace_a_watched_one),
        cmocka_unit_test(test_each_life_keeps_its_loans),
        cmocka_unit_test(test_newest_of_many_lives_keeps_its_loans),
        cmocka_unit_test(test_clock_set_back),
        cmocka_unit_test(test_silence_is_counted_in_ticks),
        cmocka_unit_test(test_unused_classes_are_forgotten),
        cmocka_unit_test(test_class_of_a_gone_worker),
        cmocka_unit_test(test_workers_have_their_turns),
        cmocka_unit_test(test_a_worker_is_avoided),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
