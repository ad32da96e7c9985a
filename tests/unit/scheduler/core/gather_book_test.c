/* gather_book: who goes together, when a batch starts, who is told what; and a book that is loaded
 * again goes on the same. */
#include "scheduler/core/gather_book.h"

#include <stdio.h>

#include "schemas/vocab/limits.h"
#include "schemas/wire/status.h"
#include "tests/support/test.h"

enum { ROWS_MAX = 16 };

/* A book and the rows that a store would hold. */
struct bench {
    struct heap_budget budget;
    struct gather_book *book;
    exo_time now_ns;
    uint64_t last; /* number of the batch that started last */
    uint32_t starts;
    char said[512]; /* "1=0 " for: member 1 was told outcome 0 */
    struct arena arena;
    struct digest ids[ROWS_MAX];
    struct span rows[ROWS_MAX];
    uint32_t row_count;
};

static void row_put(struct bench *b, const struct gather_change *change)
{
    uint32_t at = 0;

    while (at < b->row_count && memcmp(b->ids[at].bytes, change->id.bytes, DIGEST_BYTES) != 0) {
        at++;
    }
    if (change->is_gone) {
        if (at < b->row_count) {
            b->row_count--;
            b->ids[at] = b->ids[b->row_count];
            b->rows[at] = b->rows[b->row_count];
        }
        return;
    }
    struct buffer text;

    assert_true(at < ROWS_MAX);
    buffer_init(&text, b->arena.allocator, 0);
    wire_gather_row_pack(&change->row, &b->arena, &text);
    assert_false(text.is_failed);
    b->ids[at] = change->id;
    b->rows[at] = arena_copy(&b->arena, buffer_span(&text));
    b->row_count += at == b->row_count;
    buffer_release(&text);
}

/* What a commit does. */
static void commit(struct bench *b)
{
    uint32_t count;
    const struct gather_told *told = gather_book_told(b->book, &count);

    for (uint32_t i = 0; i < count; i++) {
        size_t at = strlen(b->said);

        (void)snprintf(b->said + at, sizeof(b->said) - at, "%u=%u ",
                       told[i].result.member.task.index, told[i].result.outcome);
    }
    (void)gather_book_cancels(b->book, &count);
    for (uint32_t i = 0; i < count; i++) {
        size_t at = strlen(b->said);

        (void)snprintf(b->said + at, sizeof(b->said) - at, "cancel ");
    }
    for (uint32_t i = 0; i < gather_book_start_count(b->book); i++) {
        struct wire_gather_row row = gather_book_start(b->book, i);

        b->last = row.number;
        b->starts++;
        assert_true(row.ask.members[0].item.bytes > 0);
    }
    for (uint32_t i = 0; i < gather_book_change_count(b->book); i++) {
        struct gather_change change = gather_book_change(b->book, i);

        row_put(b, &change);
    }
    gather_book_check(b->book);
    gather_book_sealed(b->book);
    gather_book_check(b->book);
    assert_true(gather_book_is_clean(b->book));
}

static void load(struct bench *b, uint64_t epoch)
{
    gather_book_free(b->book);
    b->book = gather_book_new(allocator_heap(&b->budget), epoch);
    assert_non_null(b->book);
    for (uint32_t i = 0; i < b->row_count; i++) {
        struct wire_gather_row row = {.number = 0};

        assert_int_equal(wire_gather_row_unpack(b->rows[i], &b->arena, &row), WIRE_OK);
        assert_true(gather_book_load(b->book, &row));
    }
    gather_book_check(b->book);
}

static void bench_open(struct bench *b)
{
    *b = (struct bench){.now_ns = EXO_SECOND};
    arena_init(&b->arena, allocator_heap(&b->budget), 0);
    load(b, 1);
}

static void bench_close(struct bench *b)
{
    gather_book_free(b->book);
    arena_release(&b->arena);
    assert_int_equal(b->budget.used_bytes, 0);
}

static struct wire_gather_member member_of(uint32_t index)
{
    return (struct wire_gather_member){
        .task = {.execution = {{9}}, .index = index}, .attempt = 1, .item = span_of("{}")};
}

static void ask_of(struct bench *b, uint8_t batch, uint32_t index, uint32_t size)
{
    const struct wire_gather_member member = member_of(index);
    const struct wire_gather_ask ask = {.batch = {{batch}},
                                        .project = span_of("p"),
                                        .satellite = span_of("{\"x\":1}"),
                                        .size = size,
                                        .interval_ns = EXO_SECOND,
                                        .priority = index,
                                        .members = &member,
                                        .member_count = 1};

    assert_true(gather_book_ask(b->book, &ask, b->now_ns));
}

static void leave(struct bench *b, uint8_t batch, uint32_t index)
{
    const struct wire_gather_leave gone = {{{batch}}, member_of(index)};

    assert_true(gather_book_leave(b->book, &gone));
}

static void end(struct bench *b, uint8_t batch, const struct gather_result *results)
{
    const struct gather_result whole = {.outcome = OUTCOME_NEVER_AGAIN};
    const struct execution_id id = {{batch}};

    assert_true(gather_book_end(b->book, &id, b->last, results, &whole));
}

static void size_starts_it(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    for (uint32_t i = 1; i <= 5; i++) {
        ask_of(&b, 1, i, 2);
    }
    commit(&b);
    assert_int_equal(b.starts, 2);
    assert_int_equal(b.row_count, 3);
    assert_string_equal(b.said, "1=0 2=0 3=0 4=0 ");
    bench_close(&b);
}

/* A database that went back gives a number again, to another task: both run, and each is told as it
 * asked. What an older program asked is the same, whoever says it. */
static void another_time_asks_for_itself(void **state)
{
    struct bench b;
    struct wire_gather_member member = member_of(1);
    struct wire_gather_ask ask = {.batch = {{1}},
                                  .project = span_of("p"),
                                  .satellite = span_of("{\"x\":1}"),
                                  .size = 3,
                                  .interval_ns = EXO_SECOND,
                                  .members = &member,
                                  .member_count = 1};
    uint32_t count;

    (void)state;
    bench_open(&b);
    for (member.asked = 1; member.asked <= 2; member.asked++) {
        assert_true(gather_book_ask(b.book, &ask, b.now_ns));
        assert_true(gather_book_ask(b.book, &ask, b.now_ns)); /* a repeat */
    }
    assert_int_equal(gather_book_start_count(b.book), 0);
    member = member_of(2);
    assert_true(gather_book_ask(b.book, &ask, b.now_ns));
    const struct gather_told *told = gather_book_told(b.book, &count);

    assert_int_equal(count, 3);
    assert_int_equal(told[0].result.member.asked, 1);
    assert_int_equal(told[1].result.member.asked, 2);
    assert_int_equal(told[2].result.member.asked, 0);
    member.asked = 7;
    assert_true(gather_book_ask(b.book, &ask, b.now_ns));
    assert_int_equal(gather_book_start_count(b.book), 1);
    commit(&b);
    assert_int_equal(b.row_count, 1);
    bench_close(&b);
}

static void time_starts_it(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    assert_true(gather_book_deadline(b.book) == EXO_TIME_NEVER);
    ask_of(&b, 1, 1, 100);
    commit(&b);
    load(&b, 2);
    assert_true(gather_book_deadline(b.book) == 2 * EXO_SECOND);
    assert_true(gather_book_timer(b.book, 2 * EXO_SECOND - 1));
    commit(&b);
    assert_int_equal(b.starts, 0);
    assert_true(gather_book_timer(b.book, 2 * EXO_SECOND));
    commit(&b);
    assert_int_equal(b.starts, 1);
    assert_int_equal(b.last >> 32, 2);
    assert_true(gather_book_deadline(b.book) == EXO_TIME_NEVER);
    bench_close(&b);
}

static void bytes_start_it(void **state)
{
    static char large[64 << 10];
    struct bench b;

    (void)state;
    memset(large, ' ', sizeof(large));
    bench_open(&b);
    for (uint32_t i = 0; i <= LIMIT_BATCH_BYTES / sizeof(large); i++) {
        struct wire_gather_member member = member_of(i);

        member.item = (struct span){large, sizeof(large)};
        const struct wire_gather_ask ask = {.batch = {{1}},
                                            .satellite = span_of("{\"x\":1}"),
                                            .size = 1000,
                                            .interval_ns = EXO_SECOND,
                                            .members = &member,
                                            .member_count = 1};

        assert_true(gather_book_ask(b.book, &ask, b.now_ns));
    }
    commit(&b);
    assert_int_equal(b.starts, 1);
    assert_int_equal(b.row_count, 2);
    bench_close(&b);
}

static void others_do_not_meet_and_repeats_change_nothing(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    ask_of(&b, 1, 1, 2);
    ask_of(&b, 2, 2, 2);
    ask_of(&b, 1, 1, 2);
    commit(&b);
    assert_int_equal(b.starts, 0);
    load(&b, 2);
    ask_of(&b, 1, 1, 2);
    ask_of(&b, 1, 3, 2);
    commit(&b);
    assert_string_equal(b.said, "1=0 3=0 ");
    ask_of(&b, 1, 1, 2); /* it runs */
    assert_true(gather_book_is_clean(b.book));
    bench_close(&b);
}

static void each_is_told_its_own_once(void **state)
{
    const struct gather_result results[] = {{.outcome = OUTCOME_SUCCEEDED},
                                            {.outcome = OUTCOME_FAILED}};
    struct bench b;

    (void)state;
    bench_open(&b);
    ask_of(&b, 1, 1, 2);
    ask_of(&b, 1, 2, 2);
    commit(&b);
    load(&b, 2);
    assert_int_equal(gather_book_size(b.book, &(struct execution_id){{1}}, b.last), 2);
    end(&b, 1, results);
    end(&b, 1, results);
    commit(&b);
    end(&b, 1, results);
    commit(&b);
    assert_string_equal(b.said, "1=0 2=0 1=1 2=2 ");
    assert_int_equal(b.row_count, 0);
    bench_close(&b);
}

static void the_whole_fails_for_each(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    ask_of(&b, 1, 1, 2);
    ask_of(&b, 1, 2, 2);
    commit(&b);
    end(&b, 1, NULL);
    commit(&b);
    assert_string_equal(b.said, "1=0 2=0 1=3 2=3 ");
    bench_close(&b);
}

static void who_leaves_is_not_told(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    ask_of(&b, 1, 1, 3);
    leave(&b, 1, 1);
    leave(&b, 1, 1);
    commit(&b);
    assert_int_equal(b.row_count, 0);
    for (uint32_t i = 2; i <= 4; i++) {
        ask_of(&b, 1, i, 3);
    }
    commit(&b);
    leave(&b, 1, 3);
    commit(&b);
    load(&b, 2);
    leave(&b, 1, 3);
    end(&b, 1, NULL);
    commit(&b);
    assert_string_equal(b.said, "2=0 3=0 4=0 2=3 4=3 ");
    bench_close(&b);
}

static void a_batch_that_all_have_left_is_cancelled(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    ask_of(&b, 1, 1, 2);
    ask_of(&b, 1, 2, 2);
    commit(&b);
    leave(&b, 1, 1);
    commit(&b);
    load(&b, 2);
    leave(&b, 1, 2);
    commit(&b);
    assert_string_equal(b.said, "1=0 2=0 cancel ");
    assert_int_equal(b.row_count, 1);
    end(&b, 1, NULL);
    commit(&b);
    assert_int_equal(b.row_count, 0);
    assert_string_equal(b.said, "1=0 2=0 cancel ");
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(size_starts_it),
        cmocka_unit_test(another_time_asks_for_itself),
        cmocka_unit_test(time_starts_it),
        cmocka_unit_test(bytes_start_it),
        cmocka_unit_test(others_do_not_meet_and_repeats_change_nothing),
        cmocka_unit_test(each_is_told_its_own_once),
        cmocka_unit_test(the_whole_fails_for_each),
        cmocka_unit_test(who_leaves_is_not_told),
        cmocka_unit_test(a_batch_that_all_have_left_is_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
