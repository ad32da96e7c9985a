/* process: roles open together, leave one after another, are closed before the back-ends and freed
 * after them; what goes wrong ends with the right status. */
#include "infra/process/process.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "infra/telemetry/log_line.h"

/* What a fake role is to do; the order of calls is kept in `story`. */
struct fake {
    const char *name;
    enum exo_error_code open_error; /* EXO_OK: it opens */
    bool ends_by_itself;            /* when first asked whether it is ready */
    bool ends_with_error;
    struct process *process;
    unsigned number;
    unsigned looks;
};

static struct fake fakes[2];
static char story[512];

static void tell(const struct fake *fake, const char *what)
{
    size_t used = strlen(story);

    (void)snprintf(story + used, sizeof(story) - used, "%s.%s ", fake->name, what);
}

static void *open_fake(struct fake *fake, struct process *process, unsigned number,
                       struct exo_error *err)
{
    const struct process_ports *ports = process_ports(process);

    assert_non_null(ports->loop);
    assert_non_null(ports->log);
    assert_non_null(ports->store);
    assert_non_null(ports->cache);
    assert_int_equal(ports->schema.shard_count, 4);
    tell(fake, "open");
    fake->process = process;
    fake->number = number;
    if (fake->open_error != EXO_OK) {
        (void)exo_error_set(err, fake->open_error, "as was asked");
        return NULL;
    }
    return fake;
}

static void *open_first(struct process *process, unsigned number, struct exo_error *err)
{
    return open_fake(&fakes[0], process, number, err);
}

static void *open_second(struct process *process, unsigned number, struct exo_error *err)
{
    return open_fake(&fakes[1], process, number, err);
}

static bool is_ready(const void *object, const char **ret_reason)
{
    struct fake *fake = &fakes[((const struct fake *)object)->number];

    *ret_reason = "not looked at twice";
    fake->looks++;
    if (fake->looks == 2 && fake->ends_by_itself) {
        struct exo_error err;

        (void)exo_error_set(&err, EXO_EIO, "fell");
        process_left(fake->process, fake->number, fake->ends_with_error ? &err : NULL);
    }
    return fake->looks >= 2;
}

static void greet(const void *object, const struct settings *settings)
{
    assert_int_equal(settings->role, ROLE_DEV);
    tell(object, "greet");
    assert_int_equal(raise(SIGTERM), 0);
}

static void left(void *argument)
{
    const struct fake *fake = argument;

    process_left(fake->process, fake->number, NULL);
}

static void leave(void *object)
{
    const struct fake *fake = object;

    tell(fake, "leave");
    loop_defer(process_ports(fake->process)->loop, left, object);
}

static void close_it(void *object)
{
    const struct fake *fake = object;

    assert_true(log_is_up(process_ports(fake->process)->log)); /* the back-ends stand */
    tell(fake, "close");
}

static void free_it(void *object)
{
    tell(object, "free");
}

static const struct process_role roles[] = {
    {.name = "first",
     .has_store = true,
     .open = open_first,
     .is_ready = is_ready,
     .greet = greet,
     .leave = leave,
     .close = close_it,
     .free = free_it},
    {.name = "second",
     .open = open_second,
     .is_ready = is_ready,
     .leave = leave,
     .close = close_it,
     .free = free_it},
};

/* Runs both roles on memory until they end. */
static int run_both(void)
{
    static const char *const nothing[] = {NULL};
    static const struct setting_flag flags[] = {{"ephemeral", "true"}};
    static const struct process_role *const both[] = {&roles[0], &roles[1]};
    const struct settings_sources sources = {
        .role = ROLE_DEV, .flags = flags, .flag_count = 1, .environment = nothing};
    const struct command command = {.name = "dev"};
    const struct command_line line = {0};
    struct heap_budget budget = {0};
    struct arena arena;
    struct fault_list faults;
    struct settings_set set = {0};

    arena_init(&arena, allocator_heap(&budget), 0);
    fault_list_init(&faults, &arena, 0);
    assert_int_equal(settings_load(&set, &sources, &faults), 0);
    struct command_call call = {.command = &command,
                                .settings = &set.values,
                                .set = &set,
                                .sources = &sources,
                                .line = &line};
    int status = process_run(&call, both, 2);

    settings_release(&set);
    arena_release(&arena);
    return status;
}

static int setup(void **state)
{
    (void)state;
    fakes[0] = (struct fake){.name = "a"};
    fakes[1] = (struct fake){.name = "b"};
    story[0] = '\0';
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_JSON, STDERR_FILENO);
    return 0;
}

static void test_a_signal_ends_it_in_order(void **state)
{
    (void)state;
    assert_int_equal(run_both(), 0);
    assert_string_equal(story, "a.open b.open a.greet a.leave b.leave a.close b.close "
                               "a.free b.free ");
}

static void test_a_role_that_falls_ends_all(void **state)
{
    (void)state;
    fakes[1].ends_by_itself = true;
    fakes[1].ends_with_error = true;
    assert_int_equal(run_both(), EXIT_STATUS_FAILED);
    assert_null(strstr(story, "leave"));
    assert_non_null(strstr(story, "a.close b.close a.free b.free "));
}

/* Drained by request: the other goes on, and does not wait for it at the end. */
static void test_a_role_that_leaves_by_itself(void **state)
{
    (void)state;
    fakes[1].ends_by_itself = true;
    assert_int_equal(run_both(), 0);
    assert_string_equal(story, "a.open b.open a.greet a.leave a.close b.close a.free b.free ");
}

static void test_a_role_that_does_not_open(void **state)
{
    (void)state;
    fakes[1].open_error = EXO_EINVALID;
    assert_int_equal(run_both(), EXIT_STATUS_CONFIG);
    assert_string_equal(story, "a.open b.open a.close a.free ");
    (void)setup(NULL);
    fakes[0].open_error = EXO_EIO;
    assert_int_equal(run_both(), EXIT_STATUS_FAILED);
    assert_string_equal(story, "a.open ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_signal_ends_it_in_order, setup),
        cmocka_unit_test_setup(test_a_role_that_falls_ends_all, setup),
        cmocka_unit_test_setup(test_a_role_that_leaves_by_itself, setup),
        cmocka_unit_test_setup(test_a_role_that_does_not_open, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
