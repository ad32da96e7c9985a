#include "schemas/wire/topics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schemas/vocab/ids.h"

static const struct log_topic *find(const struct log_topic *topics, const char *name)
{
    for (size_t i = 0; i < TOPIC_FIXED_NR; i++) {
        if (strcmp(topics[i].name, name) == 0) {
            return &topics[i];
        }
    }
    fail_msg("no topic %s", name);
    return NULL;
}

static void test_fixed_topics(void **state)
{
    struct log_topic topics[TOPIC_FIXED_NR];

    (void)state;
    topics_fixed(7, topics);
    for (size_t i = 0; i < TOPIC_FIXED_NR; i++) {
        assert_true(topics[i].partitions >= 1);
        assert_true(strlen(topics[i].name) < TOPIC_NAME_BYTES);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(topics[i].name, topics[j].name);
        }
    }
    /* One partition a shard. */
    assert_int_equal(find(topics, TOPIC_JOBS)->partitions, 7);
    assert_int_equal(find(topics, TOPIC_STATUS)->partitions, 7);
    assert_int_equal(find(topics, TOPIC_EVENTS)->partitions, 7);
    /* What the truth is recovered from is never deleted by age, nor held in memory alone. */
    assert_int_equal(find(topics, TOPIC_JOBS)->retention_ms, -1);
    assert_int_equal(find(topics, TOPIC_STATUS)->retention_ms, -1);
    assert_false(find(topics, TOPIC_JOBS)->is_volatile);
    assert_false(find(topics, TOPIC_STATUS)->is_volatile);
    assert_false(find(topics, TOPIC_DLQ)->is_volatile);
    assert_true(find(topics, TOPIC_FLEET)->is_volatile);
    assert_int_equal(find(topics, TOPIC_FLEET)->retention_ms, 3600 * 1000);
    assert_int_equal(find(topics, TOPIC_FLEET)->timeout_ms, 2000);
    assert_int_equal(find(topics, TOPIC_EVENTS)->retention_ms, INT64_C(30) * 86400 * 1000);
}

static void test_name_of_class(void **state)
{
    char name[TOPIC_NAME_BYTES] = "untouched";
    char longest[64];
    static const char *const bad[] = {"", "a b", "a/b", "\xc3\xa4", "a\n", "a:b"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(topic_name_of_class(span_of(bad[i]), name));
        assert_string_equal(name, "untouched");
    }
    assert_false(topic_name_of_class((struct span){"a\0b", 3}, name));
    assert_true(topic_name_of_class(span_of("gpu-A.large_2"), name));
    assert_string_equal(name, "exo.tasks.gpu-A.large_2");
    memset(longest, 'x', sizeof(longest));
    assert_true(topic_name_of_class((struct span){longest, 63}, name));
    assert_int_equal(strlen(name), strlen(TOPIC_TASKS_PREFIX) + 63);
    assert_false(topic_name_of_class((struct span){longest, 64}, name));
}

static void test_topic_of_class(void **state)
{
    struct log_topic topic = topic_of_class("exo.tasks.default", 0);

    (void)state;
    assert_string_equal(topic.name, "exo.tasks.default");
    assert_int_equal(topic.partitions, TOPIC_TASKS_PARTITIONS);
    assert_int_equal(topic.retention_ms, 86400 * 1000);
    assert_int_equal(topic_of_class("exo.tasks.default", 3).partitions, 3);
}

static void test_class_partition(void **state)
{
    (void)state;
    assert_int_equal(topic_class_partition(span_of("123456789"), 16), 0xcbf43926u % 16);
    assert_int_equal(topic_class_partition(span_of("any"), 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixed_topics),
        cmocka_unit_test(test_name_of_class),
        cmocka_unit_test(test_topic_of_class),
        cmocka_unit_test(test_class_partition),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
