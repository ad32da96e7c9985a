/* progress: one line for each change where there is no terminal. */
#include "producer/cli/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/json/json_read.h"

struct scene {
    struct heap_budget budget;
    struct arena arena;
    FILE *out;
    struct progress progress;
};

static void begin(struct scene *scene, bool is_quiet)
{
    *scene = (struct scene){.out = tmpfile()};
    assert_non_null(scene->out);
    arena_init(&scene->arena, allocator_heap(&scene->budget), 0);
    progress_init(&scene->progress, scene->out, is_quiet, &scene->arena, 0);
    assert_false(scene->progress.is_terminal);
}

static void show(struct scene *scene, const char *satellites, exo_time now_ns)
{
    char json[1024];
    struct value execution = {0};
    struct json_error error = {0};

    (void)snprintf(json, sizeof(json), "{\"state\":\"RUNNING\",\"satellites\":[%s]}", satellites);
    assert_int_equal(json_read(span_of(json), NULL, &scene->arena, &execution, &error), JSON_OK);
    progress_show(&scene->progress, &execution, now_ns);
}

static void expect(struct scene *scene, const char *wanted)
{
    char text[2048];

    rewind(scene->out);
    text[fread(text, 1, sizeof(text) - 1, scene->out)] = '\0';
    assert_string_equal(text, wanted);
    (void)fclose(scene->out);
    arena_release(&scene->arena);
}

static void test_a_line_for_each_change(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene, false);
    show(&scene, "{\"name\":\"a\",\"state\":\"WAITING\",\"counts\":{}}", 0);
    show(&scene, "{\"name\":\"a\",\"state\":\"RUNNING\",\"counts\":{}}", EXO_SECOND);
    show(&scene, "{\"name\":\"a\",\"state\":\"RUNNING\",\"counts\":{}}", 2 * EXO_SECOND);
    show(&scene, "{\"name\":\"a\",\"state\":\"FAILED\",\"counts\":{},\"error\":\"why\"}",
         3 * EXO_SECOND);
    expect(&scene, "    1.0s  a     RUNNING   \n    3.0s  a     FAILED      why\n");
}

/* Counts of a map are told once a second, its end at once. */
static void test_counts_of_a_map(void **state)
{
    static const char form[] =
        "{\"name\":\"each\",\"is_map\":true,\"tasks\":9,\"state\":\"%s\",\"counts\":"
        "{\"SUCCEEDED\":%d,\"FAILED\":%d,\"READY\":1}}";
    static const struct {
        const char *state;
        int succeeded, failed;
        exo_time at_ns;
    } steps[] = {
        {"RUNNING", 0, 0, EXO_SECOND},
        {"RUNNING", 1, 0, EXO_SECOND + 10 * EXO_MILLISECOND},
        {"RUNNING", 3, 1, 2 * EXO_SECOND},
        {"RUNNING", 4, 1, 2 * EXO_SECOND + 10 * EXO_MILLISECOND},
        {"FAILED", 8, 1, 2 * EXO_SECOND + 20 * EXO_MILLISECOND},
    };
    struct scene scene;

    (void)state;
    begin(&scene, false);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        char satellite[256];

        (void)snprintf(satellite, sizeof(satellite), form, steps[i].state, steps[i].succeeded,
                       steps[i].failed);
        show(&scene, satellite, steps[i].at_ns);
    }
    expect(&scene, "    1.0s  each  RUNNING    0/9\n"
                   "    2.0s  each  RUNNING    4/9, 1 failed\n"
                   "    2.0s  each  FAILED     9/9, 1 failed\n");
}

/* What an attempt says of itself is told once a second, when it is something new. */
static void test_progress_of_an_attempt(void **state)
{
    static const struct {
        const char *progress;
        exo_time at_ns;
    } steps[] = {
        {"null", EXO_SECOND},
        {"{\"percent\":40,\"message\":\"page 4\"}", 2 * EXO_SECOND},
        {"{\"percent\":40,\"message\":\"page 4\"}", 4 * EXO_SECOND},
        {"{\"percent\":50.5}", 4 * EXO_SECOND + 1},
        {"{\"message\":\"nearly\"}", 4 * EXO_SECOND + 2},
        {"7", 6 * EXO_SECOND},
    };
    struct scene scene;

    (void)state;
    begin(&scene, false);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        char satellite[256];

        (void)snprintf(satellite, sizeof(satellite),
                       "{\"name\":\"a\",\"state\":\"RUNNING\",\"counts\":{},\"progress\":%s}",
                       steps[i].progress);
        show(&scene, satellite, steps[i].at_ns);
    }
    expect(&scene, "    1.0s  a     RUNNING   \n"
                   "    2.0s  a     RUNNING    40 % page 4\n"
                   "    4.0s  a     RUNNING    50 %\n");
}

static void test_quiet_shows_nothing(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene, true);
    show(&scene, "{\"name\":\"a\",\"state\":\"RUNNING\"}", EXO_SECOND);
    progress_say(&scene.progress, "hello");
    expect(&scene, "");
}

/* What is no execution, or changes its shape, is no reason to fall. */
static void test_odd_answers(void **state)
{
    struct scene scene;
    struct value nothing = value_null();

    (void)state;
    begin(&scene, false);
    progress_show(&scene.progress, &nothing, 0);
    show(&scene, "1", 0);
    show(&scene, "{\"name\":\"a\",\"state\":\"RUNNING\"},{\"name\":\"b\",\"state\":\"RUNNING\"}",
         0);
    progress_say(&scene.progress, "end");
    expect(&scene, "    0.0s  a     RUNNING   \nend\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_for_each_change),
        cmocka_unit_test(test_counts_of_a_map),
        cmocka_unit_test(test_progress_of_an_attempt),
        cmocka_unit_test(test_quiet_shows_nothing),
        cmocka_unit_test(test_odd_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
