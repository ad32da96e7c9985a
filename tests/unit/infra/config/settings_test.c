/* settings: which source wins, what is refused and how it is said; secrets stay hidden. */
#include "infra/config/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct heap_budget budget;
static struct arena arena;
static struct fault_list faults;
static struct settings_set set;
static char directory[] = "/tmp/exo-settings-XXXXXX";
static char path[128];
static char secret_path[128];

static void write_file(const char *file, const char *text)
{
    FILE *out = fopen(file, "w");

    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static int make_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/exosphere.yaml", directory);
    (void)snprintf(secret_path, sizeof(secret_path), "%s/token", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(secret_path);
    return rmdir(directory);
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    fault_list_init(&faults, &arena, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    settings_release(&set);
    arena_release(&arena);
    return budget.used_bytes == 0 && set.budget.used_bytes == 0 ? 0 : -1;
}

static const char *const no_environment[] = {NULL};

static int load(enum role role, const struct setting_flag *flags, size_t flag_count,
                const char *const *environment, const char *config)
{
    struct settings_sources sources = {role, flags, flag_count, environment, config};

    return settings_load(&set, &sources, &faults);
}

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(load(ROLE_API, NULL, 0, no_environment, NULL), 0);
    assert_int_equal(set.values.role, ROLE_API);
    assert_string_equal(set.values.listen, "127.0.0.1:8080");
    assert_string_equal(set.values.log, "kafka");
    assert_string_equal(set.values.api_token, "");
    assert_string_equal(set.values.image_dir, "/var/lib/exosphere/images");
    assert_int_equal(set.values.shards, 64);
    assert_int_equal(set.values.body_bytes_max, 4 << 20);
    assert_int_equal(set.values.drain, 30 * EXO_SECOND);
    assert_false(set.values.ephemeral);
    settings_release(&set);
    assert_int_equal(load(ROLE_DEV, NULL, 0, no_environment, NULL), 0);
    assert_string_equal(set.values.log, "sqlite");
    assert_string_equal(set.values.runtime_dir, ".exosphere/run");
}

static void test_every_default_is_valid_for_every_role(void **state)
{
    (void)state;
    for (unsigned role = 1; role < ROLE_ANY; role *= 2) {
        assert_int_equal(load((enum role)role, NULL, 0, no_environment, NULL), 0);
        settings_release(&set);
    }
    assert_int_equal(load(ROLE_DEV, NULL, 0, no_environment, NULL), 0);
}

static void test_a_directory_alone_means_what_dev_keeps_there(void **state)
{
    static const struct setting_flag flags[] = {{"data", "/d"}, {"store", "postgres"}};
    const char *const url[] = {"EXOSPHERE_POSTGRES_URL=postgresql:///x", NULL};

    (void)state;
    assert_int_equal(load(ROLE_ADMIN, flags, 1, no_environment, NULL), 0);
    assert_string_equal(set.values.log, "sqlite");
    assert_string_equal(set.values.store, "sqlite");
    assert_string_equal(set.values.cache, "memory");
    assert_string_equal(set.values.data, "/d");
    assert_false(settings_is_said(&set, "shards"));
    settings_release(&set);
    assert_int_equal(load(ROLE_ADMIN, flags, 1, url, NULL), 0);
    assert_string_equal(set.values.store, "postgres");
    settings_release(&set);
    assert_int_equal(load(ROLE_ADMIN, flags, 2, no_environment, NULL), 0);
    assert_string_equal(set.values.log, "kafka");
    settings_release(&set);
    assert_int_equal(load(ROLE_ADMIN, NULL, 0, no_environment, NULL), 0);
    assert_string_equal(set.values.store, "postgres");
    settings_release(&set);
    assert_int_equal(load(ROLE_API, flags, 1, no_environment, NULL), 0);
    assert_string_equal(set.values.store, "postgres");
}

static void test_flag_over_environment_over_file(void **state)
{
    (void)state;
    static const struct setting_flag flags[] = {{"slots", "3"}, {"ephemeral", "true"}};
    char config[160];

    (void)snprintf(config, sizeof(config), "EXOSPHERE_CONFIG=%s", path);
    const char *const environment[] = {"EXOSPHERE_SLOTS=2",
                                       "EXOSPHERE_SHARDS=16",
                                       "EXOSPHERE_CLASSES=",
                                       "PATH=/bin",
                                       "EXOSPHERE_EXECUTION=x",
                                       config,
                                       NULL};

    write_file(path, "slots: 1\nshards: 32\nclasses: [gpu, default]\ndrain: 1m30s\n");
    assert_int_equal(load(ROLE_DEV, flags, 2, environment, NULL), 0);
    assert_int_equal(set.values.slots, 3);
    assert_int_equal(set.values.shards, 16);
    assert_string_equal(set.values.classes, "gpu,default");
    assert_int_equal(set.values.drain, 90 * EXO_SECOND);
    assert_true(set.values.ephemeral);
}

static const struct fault *fault_at(const char *place)
{
    for (const struct fault *fault = faults.first; fault != NULL; fault = fault->next) {
        if (strcmp(fault->path, place) == 0) {
            return fault;
        }
    }
    fail_msg("no fault at %s", place);
    return NULL;
}

static void test_refuses_unknown_names(void **state)
{
    (void)state;
    static const struct setting_flag flags[] = {{"lisen", "x"}};
    const char *const environment[] = {"EXOSPHERE_SLOT=2", "EXOSPHERE_QQQQQQQQ=1", NULL};
    char place[160];

    write_file(path, "shards: 4\ndrian: 1m\nlisten: {a: b}\n");
    assert_int_equal(load(ROLE_DEV, flags, 1, environment, path), -1);
    assert_int_equal(faults.error_count, 5);
    assert_string_equal(fault_at("--lisen")->hint, "did you mean --listen?");
    assert_string_equal(fault_at("EXOSPHERE_SLOT")->hint, "did you mean EXOSPHERE_SLOTS?");
    assert_string_equal(fault_at("EXOSPHERE_QQQQQQQQ")->hint,
                        "`exosphere config` lists all settings");
    (void)snprintf(place, sizeof(place), "%s:2", path);
    assert_string_equal(fault_at(place)->hint, "did you mean drain?");
    (void)snprintf(place, sizeof(place), "%s:3", path);
    assert_non_null(strstr(fault_at(place)->text, "map"));
}

static void test_refuses_wrong_values(void **state)
{
    (void)state;
    static const struct setting_flag flags[] = {
        {"slots", "many"},      {"shards", "0"},     {"log", "redis"},
        {"drain", "5"},         {"drain", "25h"},    {"body-bytes-max", "1Ki2"},
        {"ephemeral", "maybe"}, {"log-level", "in"}, {"slots", "99999999999999999999"},
    };

    assert_int_equal(load(ROLE_DEV, flags, 9, no_environment, NULL), -1);
    assert_int_equal(faults.error_count, 9);
    assert_string_equal(fault_at("--slots")->text, "not \"many\"");
    assert_string_equal(fault_at("--slots")->hint, "give a whole number");
    assert_string_equal(fault_at("--shards")->hint, "give from 1 to 4096 shards");
    assert_string_equal(fault_at("--log")->hint, "give one of kafka|sqlite");
    assert_string_equal(fault_at("--drain")->hint, "give a duration such as 1m30s");
    assert_string_equal(faults.first->next->next->next->next->hint, "give from 0s to 24h");
    assert_string_equal(fault_at("--ephemeral")->hint, "give true or false");
    assert_string_equal(fault_at("--log-level")->hint, "give one of debug|info|warn|error");
}

/* Everything that may be shown to anybody. */
static char *print(void)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);

    assert_non_null(out);
    settings_print(&set, out);
    for (const struct fault *fault = faults.first; fault != NULL; fault = fault->next) {
        (void)fprintf(out, "%s %s %s\n", fault->path, fault->text, fault->hint);
    }
    assert_int_equal(fclose(out), 0);
    return text;
}

static void test_prints_where_each_comes_from(void **state)
{
    (void)state;
    static const struct setting_flag flags[] = {{"slots", "3"}};
    const char *const environment[] = {"EXOSPHERE_API_TOKEN=s3cret", NULL};

    write_file(path, "shards: 32\n");
    assert_int_equal(load(ROLE_DEV, flags, 1, environment, path), 0);
    assert_string_equal(set.values.api_token, "s3cret");
    char *text = print();

    assert_null(strstr(text, "s3cret"));
    assert_non_null(strstr(text, "***"));
    assert_non_null(strstr(text, "EXOSPHERE_API_TOKEN"));
    assert_non_null(strstr(text, "--slots"));
    assert_non_null(strstr(text, "exosphere.yaml:1"));
    assert_non_null(strstr(text, "default"));
    assert_null(strstr(text, "api_url")); /* is not a setting of dev */
    free(text);
}

static void test_secret_from_a_file(void **state)
{
    (void)state;
    const struct setting_flag flags[] = {{"api-token-file", secret_path}};

    write_file(secret_path, "s3cret\n");
    assert_int_equal(load(ROLE_API, flags, 1, no_environment, NULL), 0);
    assert_string_equal(set.values.api_token, "s3cret");
    char *text = print();

    assert_null(strstr(text, "s3cret"));
    assert_non_null(strstr(text, "--api-token-file"));
    free(text);
}

static void test_secret_refused(void **state)
{
    (void)state;
    const struct setting_flag flags[] = {{"api-token", "s3cret"},
                                         {"redis-url-file", "/no/such/file"}};
    char variable[160];

    (void)snprintf(variable, sizeof(variable), "EXOSPHERE_POSTGRES_URL_FILE=%s", secret_path);
    const char *const environment[] = {variable, NULL};

    write_file(secret_path, "\n");
    assert_int_equal(load(ROLE_API, flags, 2, environment, NULL), -1);
    assert_int_equal(faults.error_count, 3);
    assert_non_null(strstr(fault_at("--api-token")->hint, "EXOSPHERE_API_TOKEN"));
    assert_non_null(strstr(fault_at("--redis-url-file")->text, "No such file"));
    assert_non_null(strstr(fault_at("EXOSPHERE_POSTGRES_URL_FILE")->text, "empty"));
    char *text = print();

    assert_null(strstr(text, "s3cret"));
    free(text);
}

static void test_bad_files(void **state)
{
    (void)state;
    write_file(path, "- slots\n");
    assert_int_equal(load(ROLE_API, NULL, 0, no_environment, path), -1);
    assert_string_equal(fault_at(path)->text, "a file of settings is a map");
    settings_release(&set);
    write_file(path, "slots: [1\n");
    assert_int_equal(load(ROLE_API, NULL, 0, no_environment, path), -1);
    settings_release(&set);
    write_file(path, "slots: 1\nslots: 2\n");
    assert_int_equal(load(ROLE_API, NULL, 0, no_environment, path), -1);
    settings_release(&set);
    assert_int_equal(load(ROLE_API, NULL, 0, no_environment, directory), -1);
    assert_non_null(strstr(fault_at(directory)->text, "directory"));
    settings_release(&set);
    write_file(path, "");
    assert_int_equal(load(ROLE_API, NULL, 0, no_environment, path), 0);
}

static void test_reload(void **state)
{
    (void)state;
    struct settings_sources sources = {ROLE_API, NULL, 0, no_environment, path};
    char place[160];

    write_file(path, "log_level: info\nlisten: 127.0.0.1:1\n");
    assert_int_equal(settings_load(&set, &sources, &faults), 0);
    write_file(path, "log_level: debug\nlisten: 127.0.0.1:2\n");
    assert_int_equal(settings_reload(&set, &sources, &faults), 0);
    assert_string_equal(set.values.log_level, "debug");
    assert_string_equal(set.values.listen, "127.0.0.1:1");
    (void)snprintf(place, sizeof(place), "%s:2", path);
    assert_true(fault_at(place)->is_warning);
    write_file(path, "log_level: loud\n");
    assert_int_equal(settings_reload(&set, &sources, &faults), -1);
    assert_string_equal(set.values.log_level, "debug");
}

static void test_list_next(void **state)
{
    (void)state;
    const char *rest = " a, b ,,c\n";

    assert_true(span_is(settings_list_next(&rest), "a"));
    assert_true(span_is(settings_list_next(&rest), "b"));
    assert_true(span_is(settings_list_next(&rest), "c"));
    assert_null(settings_list_next(&rest).data);
    rest = "";
    assert_null(settings_list_next(&rest).data);
}

static void test_table_is_sound(void **state)
{
    (void)state;
    for (int i = 0; i < SETTING_NR; i++) {
        const struct setting_row *row = setting_row(i);
        char flag[SETTING_FLAG_BYTES];

        assert_true(strlen(row->meaning) > 0);
        assert_true(row->roles != 0 && (row->roles & ~(unsigned)ROLE_ANY) == 0);
        setting_flag_name(row, flag);
        assert_null(strchr(flag, '_'));
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(setting_row(j)->name, row->name);
            assert_true(row->letter == 0 || setting_row(j)->letter != row->letter);
        }
    }
}

#define LOAD_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOAD_TEST(test_defaults),
        LOAD_TEST(test_every_default_is_valid_for_every_role),
        LOAD_TEST(test_a_directory_alone_means_what_dev_keeps_there),
        LOAD_TEST(test_flag_over_environment_over_file),
        LOAD_TEST(test_refuses_unknown_names),
        LOAD_TEST(test_refuses_wrong_values),
        LOAD_TEST(test_prints_where_each_comes_from),
        LOAD_TEST(test_secret_from_a_file),
        LOAD_TEST(test_secret_refused),
        LOAD_TEST(test_bad_files),
        LOAD_TEST(test_reload),
        cmocka_unit_test(test_list_next),
        cmocka_unit_test(test_table_is_sound),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
