/* definition_file: which words name what is stored, which files hold what. */
#include "producer/cli/definition_file.h"

#include <sys/stat.h>

#include "tests/unit/producer/cli/cli_call.h"

static const char *const nothing[] = {NULL};

static void test_words(void **state)
{
    static const struct {
        const char *word, *path; /* NULL: it names no stored definition */
    } cases[] = {
        {"p/c", "/v1/clusters/p/c"},
        {"p/c@latest", "/v1/clusters/p/c"},
        {"p/c@12", "/v1/clusters/p/c/versions/12"},
        {"satellite/t/s@2", "/v1/satellites/t/s/versions/2"},
        {"satellite/t/s", "/v1/satellites/t/s"},
        {"c@1", NULL},
        {"cluster.yaml", NULL},
        {"dir/cluster.yaml", NULL},
        {"-", NULL},
    };
    struct cli_call c;

    (void)state;
    cli_call_begin(&c, NULL, 0, nothing);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct version_reference reference;
        struct rest_path path;

        if (cases[i].path == NULL) {
            assert_false(definition_word_parse(&c.cli, cases[i].word, &reference));
        } else {
            assert_true(definition_word_parse(&c.cli, cases[i].word, &reference));
            definition_path(&reference, &path);
            assert_string_equal(path.text, cases[i].path);
        }
    }
    cli_call_end(&c);
}

static void test_a_project_that_is_said_counts(void **state)
{
    static const char *const shop[] = {"EXOSPHERE_PROJECT=shop", NULL};
    struct version_reference reference;
    struct cli_call c;

    (void)state;
    cli_call_begin(&c, NULL, 0, shop);
    assert_true(definition_word_parse(&c.cli, "c@1", &reference));
    assert_true(span_is(reference.project, "shop"));
    cli_call_end(&c);
}

static void test_a_file_comes_first(void **state)
{
    struct version_reference reference;
    struct cli_call c;
    char folder[] = "/tmp/exo-cli-XXXXXX";
    char here[512];

    (void)state;
    assert_non_null(getcwd(here, sizeof(here)));
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    cli_call_begin(&c, NULL, 0, nothing);
    assert_true(definition_word_parse(&c.cli, "p/c", &reference));
    assert_int_equal(mkdir("p", 0700), 0);
    assert_int_equal(fclose(fopen("p/c", "w")), 0);
    assert_false(definition_word_parse(&c.cli, "p/c", &reference));
    cli_call_end(&c);
    assert_int_equal(unlink("p/c"), 0);
    assert_int_equal(rmdir("p"), 0);
    assert_int_equal(chdir(here), 0);
    assert_int_equal(rmdir(folder), 0);
}

static int load(struct cli_call *c, const char *text, struct definition_file *file)
{
    char path[32];

    write_text(path, text);
    int status = definition_file_load(&c->cli, path, file);

    (void)unlink(path);
    return status;
}

static void test_files(void **state)
{
    static const char cluster[] =
        "exosphere: v1\ncluster: {name: p/c, satellites: [{name: a, uses: satellite/t/s}]}\n";
    static const char plain[] =
        "exosphere: v1\ncluster: {name: c, satellites: [{name: a, image: i}]}\n";
    static const char satellite[] = "exosphere: v1\nsatellite: {name: s, image: i}\n";
    struct definition_file file;
    struct cli_call c;

    (void)state;
    cli_call_begin(&c, NULL, 0, nothing);
    assert_int_equal(load(&c, cluster, &file), 0);
    assert_int_equal(file.kind, VERSION_CLUSTER);
    assert_true(file.uses_stored);
    assert_true(span_is(file.text, cluster));
    assert_int_equal(load(&c, plain, &file), 0);
    assert_false(file.uses_stored);
    assert_true(span_is(definition_file_project(&file), "default"));
    assert_int_equal(load(&c, satellite, &file), 0);
    assert_int_equal(file.kind, VERSION_SATELLITE);
    assert_true(span_is(definition_file_project(&file), "default"));
    assert_true(span_is(definition_file_name(&file), "s"));
    assert_int_equal(load(&c, "exosphere: v1\nsatellite: {name: s}\n", &file), CLI_EXIT_DATA);
    assert_int_equal(c.cli.faults.error_count, 1);
    cli_call_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_a_project_that_is_said_counts),
        cmocka_unit_test(test_a_file_comes_first),
        cmocka_unit_test(test_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
