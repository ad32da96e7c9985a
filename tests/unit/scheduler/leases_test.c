/* leases: when the table of leases is asked for. The store is a puppet that answers on the next
 * turn of the loop; a round lasts an hour here, so whatever comes sooner was hurried. */
#include "infra/store/backend.h"
#include "scheduler/shard.h"

#include "tests/support/test.h"

#include <stdio.h>

enum { SHARDS = 2 };

/* What leases.c wants of its neighbours. */
static bool is_warm;
static unsigned opened;

bool fleet_link_is_warm(const struct fleet_link *link)
{
    (void)link;
    return is_warm;
}

struct shard *shard_open(struct scheduler *scheduler, uint32_t number)
{
    static struct shard shards[SHARDS];

    (void)scheduler;
    opened++;
    return &shards[number];
}

void shard_close(struct shard *shard)
{
    (void)shard;
}

/* What the database's clock said last, and to how many. */
static exo_time heard_ns;
static unsigned hearings;

void shard_hear_time(struct shard *shard, exo_time database_ns, exo_time asked_ns)
{
    assert_non_null(shard);
    assert_true(asked_ns > 0);
    heard_ns = database_ns;
    hearings++;
}

/* Who was asked for last, and before. */
static const struct shard *looked[2];

void shard_look_back(struct shard *shard)
{
    looked[0] = looked[1];
    looked[1] = shard;
}

void scheduler_say(const struct scheduler *scheduler, const char *event, const char *format, ...)
{
    (void)scheduler;
    (void)event;
    (void)format;
}

void scheduler_troubled(struct scheduler *scheduler, const struct exo_error *err)
{
    scheduler->trouble = *err;
}

/* The puppet. */
static struct puppet {
    struct store store;
    struct loop *loop;
    struct store_lease leases[SHARDS];
    unsigned rounds;
    store_leases_done *done;
    void *argument;
    unsigned wanted_rounds;
    const struct exo_error *err; /* NULL: the round is done */
    struct leases *hurries;      /* hurried once, while its round is on its way */
    bool is_done;
} puppet;

static void answer(void *unused)
{
    static const char *const processes[] = {"me"};
    const uint64_t beats[] = {puppet.rounds};
    const struct store_leases table = {.leases = puppet.leases,
                                       .count = SHARDS,
                                       .processes = processes,
                                       .process_beats = beats,
                                       .process_count = 1,
                                       .database_now_ns = puppet.rounds * EXO_SECOND};

    (void)unused;
    puppet.is_done = puppet.rounds >= puppet.wanted_rounds;
    puppet.done(puppet.argument, puppet.err == NULL ? &table : NULL, puppet.err);
}

static void lease_round(struct store *store, const struct store_lease_round *round,
                        store_leases_done *done, void *argument)
{
    (void)store;
    puppet.rounds++;
    for (uint32_t i = 0; i < round->take_count; i++) {
        struct store_lease *lease = &puppet.leases[round->takes[i].shard];

        (void)snprintf(lease->owner, sizeof(lease->owner), "%s", round->process);
        lease->beat++;
    }
    puppet.done = done;
    puppet.argument = argument;
    if (puppet.hurries != NULL) {
        leases_hurry(puppet.hurries);
        puppet.hurries = NULL;
    }
    loop_defer(puppet.loop, answer, NULL);
}

static void run_rounds(unsigned count)
{
    puppet.wanted_rounds = puppet.rounds + count;
    puppet.is_done = false;
    assert_true(loop_run_until(puppet.loop, &puppet.is_done, 20 * EXO_SECOND));
}

static void run_a_while(void)
{
    bool never = false;

    (void)loop_run_until(puppet.loop, &never, 60 * EXO_MILLISECOND);
}

/* A scheduler of SHARDS shards over a new puppet; its fleet is not warm. */
struct stand {
    struct heap_budget budget;
    struct shard *shards[SHARDS];
    struct scheduler scheduler;
};

static void stand_open(struct stand *stand, exo_time round_ns)
{
    static const struct store_backend backend = {.lease_round = lease_round};
    struct exo_error err;

    puppet = (struct puppet){.store = {.backend = &backend}, .loop = loop_new(&err)};
    assert_non_null(puppet.loop);
    for (uint32_t i = 0; i < SHARDS; i++) {
        puppet.leases[i].shard = i;
    }
    is_warm = false;
    *stand = (struct stand){.scheduler = {
                                .loop = puppet.loop,
                                .store = &puppet.store,
                                .shard_count = SHARDS,
                                .process = "me",
                                .settings = {.round_ns = round_ns, .lease_ns = EXO_SECOND},
                            }};
    stand->scheduler.allocator = allocator_heap(&stand->budget);
    stand->scheduler.shards = stand->shards;
    stand->scheduler.leases = leases_open(&stand->scheduler);
}

/* The last round may be on its way still. */
static void stand_close(struct stand *stand)
{
    leases_close(stand->scheduler.leases);
    run_a_while();
    loop_free(puppet.loop);
    assert_int_equal(stand->budget.used_bytes, 0);
}

static void test_waits_until_the_fleet_is_warm(void **state)
{
    struct stand stand;

    (void)state;
    stand_open(&stand, EXO_HOUR);
    run_rounds(1);
    run_a_while();
    assert_int_equal(puppet.rounds, 1); /* asks no more: the answer would be of no use */
    assert_int_equal(opened, 0);
    is_warm = true;
    leases_hurry(stand.scheduler.leases);
    run_rounds(2); /* sees what is free, takes it */
    run_a_while();
    assert_int_equal(opened, SHARDS);
    unsigned settled = puppet.rounds;

    run_a_while();
    assert_int_equal(puppet.rounds, settled);
    hearings = 0;
    leases_hurry(stand.scheduler.leases);
    leases_hurry(stand.scheduler.leases);
    run_rounds(1);
    assert_int_equal(hearings, SHARDS); /* also those that commit nothing */
    assert_int_equal(heard_ns, puppet.rounds * EXO_SECOND);
    leases_hurry(stand.scheduler.leases);
    run_rounds(1);
    assert_non_null(looked[0]); /* one a round, in turn */
    assert_non_null(looked[1]);
    assert_ptr_not_equal(looked[0], looked[1]);
    stand_close(&stand);
}

/* One that comes while a round is on its way is not lost: another follows. */
static void test_hurried_within_a_round(void **state)
{
    struct stand stand;

    (void)state;
    stand_open(&stand, EXO_HOUR);
    puppet.hurries = stand.scheduler.leases;
    run_rounds(2);
    run_a_while();
    assert_int_equal(puppet.rounds, 2);
    stand_close(&stand);
}

/* A store that cannot renew them is told of until it can again. */
static void test_cannot_renew(void **state)
{
    static const struct exo_error full = {.code = EXO_EUNAVAILABLE, .text = "full"};
    struct stand stand;

    (void)state;
    stand_open(&stand, EXO_MILLISECOND);
    puppet.err = &full;
    run_rounds(2);
    assert_true(stand.scheduler.is_lease_failing);
    assert_string_equal(stand.scheduler.trouble.text, "full");
    puppet.err = NULL;
    run_rounds(2);
    assert_false(stand.scheduler.is_lease_failing);
    stand_close(&stand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_until_the_fleet_is_warm),
        cmocka_unit_test(test_hurried_within_a_round),
        cmocka_unit_test(test_cannot_renew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
