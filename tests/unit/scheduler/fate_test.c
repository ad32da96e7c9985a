/* fate: what became of an execution. The store is a puppet that answers when it is told to. */
#include "scheduler/fate.h"

#include "scheduler/shard.h"

#include "tests/support/test.h"

static struct scheduler scheduler;
static struct shard shard = {.scheduler = &scheduler};
static const struct execution_id id = {{7}};

/* ---- puppets ---- */

struct shard_ticket *shard_ticket_new(struct shard *of, void *more)
{
    static struct shard_ticket ticket;

    assert_ptr_equal(of, &shard);
    of->outstanding++;
    ticket = (struct shard_ticket){of, of->generation, more};
    return &ticket;
}

struct shard *shard_ticket_end(struct shard_ticket *ticket)
{
    ticket->shard->outstanding--;
    return ticket->generation == ticket->shard->generation ? ticket->shard : NULL;
}

static struct {
    unsigned gets, knowns;
    void (*got)(void *argument, const struct store_execution *execution, struct span text,
                const struct exo_error *err);
    void (*known)(void *argument, const bool *is_known, const struct exo_error *err);
    void *argument;
} store;

void store_execution_get(struct store *of, const struct execution_id *asked,
                         void (*done)(void *argument, const struct store_execution *execution,
                                      struct span definition_text, const struct exo_error *err),
                         void *argument)
{
    assert_ptr_equal(of, scheduler.store);
    assert_true(execution_id_equal(asked, &id));
    store.gets++;
    store.got = done;
    store.argument = argument;
}

void store_execution_known(struct store *of, const struct execution_id *ids, uint32_t count,
                           void (*done)(void *argument, const bool *is_known,
                                        const struct exo_error *err),
                           void *argument)
{
    assert_ptr_equal(of, scheduler.store);
    assert_int_equal(count, 1);
    assert_true(execution_id_equal(ids, &id));
    store.knowns++;
    store.known = done;
    store.argument = argument;
}

static void answer_row(const struct store_execution *execution, const struct exo_error *err)
{
    store.got(store.argument, execution, (struct span){NULL, 0}, err);
}

static void answer_known(bool is_known, const struct exo_error *err)
{
    store.known(store.argument, err == NULL ? &is_known : NULL, err);
}

static struct {
    unsigned count;
    struct shard *shard;
    enum fate fate;
    const struct store_execution *execution;
} told;

static void tell(struct shard *of, void *argument, enum fate fate,
                 const struct store_execution *execution)
{
    assert_ptr_equal(argument, &told);
    told.count++;
    told.shard = of;
    told.fate = fate;
    told.execution = execution;
}

static const struct exo_error away = {.code = EXO_EUNAVAILABLE, .text = "away"};

static int set_up(void **state)
{
    (void)state;
    memset(&store, 0, sizeof(store));
    memset(&told, 0, sizeof(told));
    fate_ask(&shard, &id, tell, &told);
    return 0;
}

/* Told once, and nothing is left on its way. */
static void assert_told(enum fate fate)
{
    assert_int_equal(told.count, 1);
    assert_ptr_equal(told.shard, &shard);
    assert_int_equal(told.fate, fate);
    assert_int_equal(shard.outstanding, 0);
}

/* ---- stories ---- */

static void test_live_and_ended(void **state)
{
    const struct store_execution live = {.is_terminal = false};
    const struct store_execution ended = {.is_terminal = true};

    answer_row(&live, NULL);
    assert_told(FATE_LIVE);
    assert_ptr_equal(told.execution, &live);
    (void)set_up(state);
    answer_row(&ended, NULL);
    assert_told(FATE_ENDED);
    assert_ptr_equal(told.execution, &ended);
    assert_int_equal(store.knowns, 0);
}

static void test_never_there(void **state)
{
    (void)state;
    answer_row(NULL, NULL);
    assert_int_equal(told.count, 0);
    answer_known(false, NULL);
    assert_told(FATE_ABSENT);
    assert_int_equal(store.gets, 1);
}

static void test_deleted(void **state)
{
    (void)state;
    answer_row(NULL, NULL);
    answer_known(true, NULL);
    assert_int_equal(told.count, 0);
    answer_row(NULL, NULL);
    assert_told(FATE_DELETED);
    assert_null(told.execution);
}

static void test_comes_between_the_questions(void **state)
{
    const struct store_execution live = {.is_terminal = false};

    (void)state;
    answer_row(NULL, NULL);
    answer_known(true, NULL);
    answer_row(&live, NULL);
    assert_told(FATE_LIVE);
}

static void test_no_answer(void **state)
{
    answer_row(NULL, &away);
    assert_told(FATE_UNTOLD);
    (void)set_up(state);
    answer_row(NULL, NULL);
    answer_known(false, &away);
    assert_told(FATE_UNTOLD);
    (void)set_up(state);
    answer_row(NULL, NULL);
    answer_known(true, NULL);
    answer_row(NULL, &away);
    assert_told(FATE_UNTOLD);
}

/* Whoever asked is told so that it can free what it gave, and no more is asked. */
static void test_life_is_over(void **state)
{
    answer_row(NULL, NULL);
    shard.generation++;
    answer_known(true, NULL);
    assert_int_equal(told.count, 1);
    assert_null(told.shard);
    assert_int_equal(store.gets, 1);
    (void)set_up(state);
    shard.generation++;
    answer_row(NULL, NULL);
    assert_int_equal(told.count, 1);
    assert_null(told.shard);
    assert_int_equal(store.knowns, 0);
    assert_int_equal(shard.outstanding, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_live_and_ended, set_up),
        cmocka_unit_test_setup(test_never_there, set_up),
        cmocka_unit_test_setup(test_deleted, set_up),
        cmocka_unit_test_setup(test_comes_between_the_questions, set_up),
        cmocka_unit_test_setup(test_no_answer, set_up),
        cmocka_unit_test_setup(test_life_is_over, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
