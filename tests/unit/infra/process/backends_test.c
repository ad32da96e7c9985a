/* backends: prepared on SQLite, kept numbers of shards, what no waiting mends. */
#include "infra/process/backends.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const exo_time limit_ns = 30 * EXO_SECOND;

struct scene {
    struct heap_budget budget;
    struct arena arena;
    struct fault_list faults;
    struct settings_set set;
    struct loop *loop;
    struct backends *backends;
    char directory[40];
    bool is_done;
    bool is_failed;
    struct exo_error err;
};

static void done(void *argument, const struct exo_error *err)
{
    struct scene *scene = argument;

    scene->is_done = true;
    scene->is_failed = err != NULL;
    if (err != NULL) {
        scene->err = *err;
    }
}

static void load(struct scene *scene, const struct setting_flag *flags, size_t count)
{
    static const char *const nothing[] = {NULL};
    const struct settings_sources sources = {
        .role = ROLE_DEV, .flags = flags, .flag_count = count, .environment = nothing};

    arena_init(&scene->arena, allocator_heap(&scene->budget), 0);
    fault_list_init(&scene->faults, &scene->arena, 0);
    assert_int_equal(settings_load(&scene->set, &sources, &scene->faults), 0);
    scene->loop = loop_new(&scene->err);
    assert_non_null(scene->loop);
}

static void unload(struct scene *scene)
{
    backends_close(scene->backends);
    backends_free(scene->backends);
    loop_free(scene->loop);
    settings_release(&scene->set);
    arena_release(&scene->arena);
    scene->backends = NULL;
}

static void prepare(struct scene *scene, unsigned wanted)
{
    const struct backends_options options = {
        .set = &scene->set, .wanted = wanted, .client_id = "test"};

    scene->is_done = false;
    scene->backends = backends_open(scene->loop, &options, &scene->err);
    assert_non_null(scene->backends);
    backends_prepare(scene->backends, done, scene);
    assert_true(loop_run_until(scene->loop, &scene->is_done, limit_ns));
}

enum { ALL = BACKEND_LOG | BACKEND_STORE | BACKEND_CACHE };

static void make_directory(struct scene *scene)
{
    (void)snprintf(scene->directory, sizeof(scene->directory), "/tmp/exo-backends-XXXXXX");
    assert_non_null(mkdtemp(scene->directory));
}

static void remove_directory(const struct scene *scene)
{
    char command[80];

    (void)snprintf(command, sizeof(command), "rm -r %s", scene->directory);
    assert_int_equal(system(command), 0);
}

static void test_prepared_in_memory(void **state)
{
    static const struct setting_flag flags[] = {{"ephemeral", "true"}, {"classes", "a, b"}};
    struct scene scene = {0};

    (void)state;
    load(&scene, flags, 2);
    prepare(&scene, ALL);
    assert_false(scene.is_failed);
    assert_non_null(backends_log(scene.backends));
    assert_non_null(backends_store(scene.backends));
    assert_non_null(backends_cache(scene.backends));
    assert_int_equal(backends_schema(scene.backends)->shard_count, 4);
    assert_string_equal(backends_missing(scene.backends), "");
    unload(&scene);
}

/* Only a number of shards that somebody said may disagree with what is installed. */
static void test_shards_are_kept(void **state)
{
    struct scene scene = {0};

    (void)state;
    make_directory(&scene);
    char data[60];
    const struct setting_flag first[] = {{"data", data}, {"shards", "3"}};
    const struct setting_flag other[] = {{"data", data}, {"shards", "5"}};

    (void)snprintf(data, sizeof(data), "%s/a/b", scene.directory); /* made with its parents */
    load(&scene, first, 2);
    prepare(&scene, ALL);
    assert_false(scene.is_failed);
    assert_int_equal(backends_schema(scene.backends)->shard_count, 3);
    unload(&scene);
    load(&scene, first, 1);
    prepare(&scene, ALL);
    assert_false(scene.is_failed);
    assert_int_equal(backends_schema(scene.backends)->shard_count, 3);
    unload(&scene);
    load(&scene, other, 2);
    prepare(&scene, ALL);
    assert_true(scene.is_failed);
    assert_int_equal(scene.err.code, EXO_ECONFLICT);
    unload(&scene);
    remove_directory(&scene);
}

static void test_a_wrong_class_is_refused(void **state)
{
    static const struct setting_flag flags[] = {{"ephemeral", "true"}, {"classes", "a b"}};
    struct scene scene = {0};

    (void)state;
    load(&scene, flags, 2);
    prepare(&scene, ALL);
    assert_true(scene.is_failed);
    assert_int_equal(scene.err.code, EXO_EINVALID);
    assert_non_null(strstr(scene.err.text, "a b"));
    unload(&scene);
}

static void test_the_log_alone_needs_nothing(void **state)
{
    static const struct setting_flag flags[] = {{"ephemeral", "true"}};
    struct scene scene = {0};

    (void)state;
    load(&scene, flags, 1);
    prepare(&scene, BACKEND_LOG);
    assert_false(scene.is_failed);
    assert_null(backends_store(scene.backends));
    assert_int_equal(backends_schema(scene.backends)->version, 0);
    assert_int_equal(backends_schema(scene.backends)->shard_count, 4);
    unload(&scene);
}

static void test_a_directory_that_cannot_be_made(void **state)
{
    static const struct setting_flag flags[] = {{"data", "/proc/no/such"}};
    struct scene scene = {0};

    (void)state;
    load(&scene, flags, 1);
    const struct backends_options options = {.set = &scene.set, .wanted = ALL, .client_id = "t"};

    assert_null(backends_open(scene.loop, &options, &scene.err));
    assert_non_null(strstr(scene.err.text, "--data"));
    unload(&scene);
}

/* Who looks into a store must not be told that one he has just made is in order. */
static void test_a_store_that_must_be_there(void **state)
{
    struct scene scene = {0};
    char data[60];
    const struct setting_flag flags[] = {{"data", data}};

    (void)state;
    make_directory(&scene);
    (void)snprintf(data, sizeof(data), "%s/none", scene.directory);
    load(&scene, flags, 1);
    const struct backends_options options = {
        .set = &scene.set, .wanted = ALL, .client_id = "t", .is_existing = true};

    assert_null(backends_open(scene.loop, &options, &scene.err));
    assert_int_equal(scene.err.code, EXO_ENOTFOUND);
    assert_non_null(strstr(scene.err.text, data));
    assert_int_equal(backends_open_tell(&scene.err), 66);
    assert_int_not_equal(access(data, F_OK), 0);
    unload(&scene);
    remove_directory(&scene);
}

/* A store that is away is waited for, and named. */
static void test_away(void **state)
{
    static const struct setting_flag flags[] = {
        {"store", "postgres"}, {"ephemeral", "true"}, {"postgres-url-file", "/dev/stdin"}};
    struct scene scene = {0};
    bool is_never = false;

    (void)state;
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    assert_true(write(fds[1], "postgresql://127.0.0.1:1/x\n", 27) == 27);
    (void)close(fds[1]);
    assert_true(dup2(fds[0], STDIN_FILENO) >= 0);
    (void)close(fds[0]);
    load(&scene, flags, 3);
    const struct backends_options options = {.set = &scene.set, .wanted = ALL, .client_id = "t"};

    scene.backends = backends_open(scene.loop, &options, &scene.err);
    assert_non_null(scene.backends);
    backends_prepare(scene.backends, done, &scene);
    while (strstr(backends_missing(scene.backends), "postgres") == NULL) {
        (void)loop_run_until(scene.loop, &is_never, 10 * EXO_MILLISECOND);
    }
    backends_tell(scene.backends);
    assert_false(scene.is_done);
    unload(&scene);
    assert_false(scene.is_done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prepared_in_memory),
        cmocka_unit_test(test_shards_are_kept),
        cmocka_unit_test(test_a_wrong_class_is_refused),
        cmocka_unit_test(test_the_log_alone_needs_nothing),
        cmocka_unit_test(test_a_directory_that_cannot_be_made),
        cmocka_unit_test(test_a_store_that_must_be_there),
        cmocka_unit_test(test_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
