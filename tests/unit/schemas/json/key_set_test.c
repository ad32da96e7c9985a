#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schemas/json/key_set.h"

enum { MEMBERS = 40 };

static struct value_member members[MEMBERS];
static char keys[MEMBERS][4];

static void make_map(uint32_t count, struct value *ret_map)
{
    for (uint32_t i = 0; i < count; i++) {
        keys[i][0] = (char)('a' + i % 3);
        keys[i][1] = (char)('0' + i / 3);
        members[i].key = value_string((struct span){keys[i], i == 0 ? 0 : 2});
    }
    *ret_map = (struct value){.kind = VALUE_MAP, .count = count, .members = members};
}

/* Few and many members take two ways; both must name the first key that came before. */
static void names_the_first_key_that_came_before(void **state)
{
    struct heap_budget budget = {0};
    struct value map;
    const struct value *twice = &members[0].key;

    (void)state;
    for (uint32_t count = 0; count <= MEMBERS; count++) {
        make_map(count, &map);
        assert_true(key_set_check(&map, allocator_heap(&budget), &twice));
        assert_null(twice);
        for (uint32_t i = 1; i + 1 < count; i++) {
            make_map(count, &map);
            members[i].key = members[0].key;
            members[count - 1].key = members[0].key;
            assert_true(key_set_check(&map, allocator_heap(&budget), &twice));
            assert_ptr_equal(twice, &members[i].key);
        }
    }
    assert_int_equal(budget.used_bytes, 0);
}

static void says_when_there_is_no_memory(void **state)
{
    struct heap_budget budget = {.limit_bytes = 8};
    struct value map;
    const struct value *twice = NULL;

    (void)state;
    make_map(MEMBERS, &map);
    assert_false(key_set_check(&map, allocator_heap(&budget), &twice));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_first_key_that_came_before),
        cmocka_unit_test(says_when_there_is_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
