#include "infra/cache/heard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct execution_id id_of(uint32_t number)
{
    struct execution_id id = {{0}};

    memcpy(id.bytes, &number, sizeof(number));
    return id;
}

static void test_forgets_in_time(void **state)
{
    struct heard heard;
    struct execution_id one = id_of(1), two = id_of(2);

    (void)state;
    heard_init(&heard, 10);
    assert_false(heard_has(&heard, &one, 0));
    heard_note(&heard, &one, 0);
    heard_note(&heard, &two, 5);
    assert_true(heard_has(&heard, &one, 9));
    assert_false(heard_has(&heard, &one, 10));
    assert_true(heard_has(&heard, &two, 14));
    heard_note(&heard, &two, 14);
    assert_true(heard_has(&heard, &two, 23));
    assert_false(heard_has(&heard, &two, 24));
    assert_int_equal(heard.table.count, 0);
    heard_release(&heard);
}

static void test_the_oldest_go_when_there_are_too_many(void **state)
{
    struct heard heard;

    (void)state;
    heard_init(&heard, 10);
    for (uint32_t i = 0; i < HEARD_MAX; i++) {
        struct execution_id id = id_of(i);

        heard_note(&heard, &id, 0);
    }
    struct execution_id first = id_of(0), second = id_of(1), more = id_of(HEARD_MAX);

    heard_note(&heard, &first, 1);
    heard_note(&heard, &more, 1);
    assert_int_equal(heard.table.count, HEARD_MAX);
    assert_true(heard_has(&heard, &first, 1));
    assert_false(heard_has(&heard, &second, 1));
    assert_true(heard_has(&heard, &more, 1));
    heard_release(&heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forgets_in_time),
        cmocka_unit_test(test_the_oldest_go_when_there_are_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
