/* grants: volumes and secrets that the settings allow, and no way around them. */
#include "workers/grants.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct world {
    char directory[64];
    struct grant_volume volume;
    struct grant_settings settings;
    struct heap_budget budget;
    struct arena arena;
    struct grants grants;
    struct exo_error err;
};

static void run(const char *format, ...) EXO_PRINTF(1, 2);
static void run(const char *format, ...)
{
    char line[512];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    assert_int_equal(system(line), 0);
}

static int world_open(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    (void)snprintf(w->directory, sizeof(w->directory), "/tmp/exo-grants-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    run("cd %s && mkdir p dir p/sub && printf 's3cret' > p/key && printf x > outside && "
        "ln -s ../outside p/link && head -c 65537 /dev/zero > p/large && mkfifo p/fifo",
        w->directory);
    w->volume = (struct grant_volume){"data", "/srv/data"};
    w->settings = (struct grant_settings){w->directory, &w->volume, 1};
    arena_init(&w->arena, allocator_heap(&w->budget), 0);
    *state = w;
    return 0;
}

static int world_close(void **state)
{
    struct world *w = *state;

    arena_release(&w->arena);
    run("rm -r %s", w->directory);
    free(w);
    return 0;
}

static int ask(struct world *w, const char *project, const char *secret, const char *volume)
{
    struct span name = span_of(secret);
    const struct satellite_mount mount = {span_of(volume), span_of("/d")};
    const struct satellite_work work = {
        .secrets = &name,
        .secret_count = secret == NULL ? 0 : 1,
        .mounts = &mount,
        .mount_count = volume == NULL ? 0 : 1,
    };

    return grants_make(&w->settings, span_of(project), &work, &w->arena, &w->grants, &w->err);
}

static void what_is_allowed_is_given(void **state)
{
    struct world *w = *state;

    assert_int_equal(ask(w, "p", "key", "data"), 0);
    assert_int_equal(w->grants.secret_count, 1);
    assert_string_equal(w->grants.secrets[0].name, "key");
    assert_true(span_is(w->grants.secrets[0].bytes, "s3cret"));
    assert_int_equal(w->grants.mount_count, 1);
    assert_string_equal(w->grants.mounts[0].source, "/srv/data");
    assert_string_equal(w->grants.mounts[0].destination, "/d");
    grants_wipe(&w->grants);
    assert_memory_equal(w->grants.secrets[0].bytes.data, "\0\0\0\0\0\0", 6);
}

static void refused(struct world *w, const char *project, const char *secret, const char *volume,
                    const char *code)
{
    assert_int_equal(ask(w, project, secret, volume), -1);
    assert_memory_equal(w->err.text, code, strlen(code));
    assert_null(strstr(w->err.text, "s3cret"));
}

static void everything_else_is_refused(void **state)
{
    struct world *w = *state;

    refused(w, "p", NULL, "other", "VOLUME: ");
    refused(w, "p", "none", NULL, "SECRET: ");
    assert_int_equal(w->err.code, EXO_EDENIED);
    refused(w, "q", "key", NULL, "SECRET: ");
    refused(w, "p", "../outside", NULL, "SECRET: ");
    refused(w, "..", "outside", NULL, "SECRET: ");
    refused(w, ".", "outside", NULL, "SECRET: ");
    refused(w, "p", "link", NULL, "SECRET: "); /* a way out */
    refused(w, "p", "sub", NULL, "SECRET: ");
    refused(w, "p", "fifo", NULL, "SECRET: "); /* would wait for ever */
    refused(w, "p", "large", NULL, "SECRET: ");
    assert_int_equal(w->err.code, EXO_ELIMIT);
    refused(w, "", "key", NULL, "SECRET: ");
    w->settings.secrets_dir = NULL;
    refused(w, "p", "key", NULL, "SECRET: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_allowed_is_given, world_open, world_close),
        cmocka_unit_test_setup_teardown(everything_else_is_refused, world_open, world_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
