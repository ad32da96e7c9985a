/* cli: how values and faults are shown, which statuses errors get, what is read. */
#include "producer/cli/cli.h"

#include "tests/unit/producer/cli/cli_call.h"

static const char *const nothing[] = {NULL};

static void expect_shown(const char *variable, const char *wanted)
{
    const char *const variables[] = {variable, NULL};
    const struct value_member members[] = {{value_string(span_of("a")), value_int(1)}};
    const struct value map = {.kind = VALUE_MAP, .count = 1, .members = members};
    struct cli_call c;
    char text[256];

    cli_call_begin(&c, NULL, 0, variables);
    cli_call_capture(&c, stdout);
    cli_show(&c.cli, &map);
    cli_call_seen(&c, stdout, text, sizeof(text));
    assert_string_equal(text, wanted);
    assert_int_equal(cli_is_table(&c.cli), strstr(variable, "table") != NULL);
    cli_call_end(&c);
}

static void test_values(void **state)
{
    (void)state;
    expect_shown("EXOSPHERE_OUTPUT=table", "{\n  \"a\": 1\n}\n");
    expect_shown("EXOSPHERE_OUTPUT=json", "{\n  \"a\": 1\n}\n");
    expect_shown("EXOSPHERE_OUTPUT=yaml", "a: 1\n");
}

static void test_faults(void **state)
{
    struct cli_call c;
    char text[1024];

    (void)state;
    cli_call_begin(&c, NULL, 0, nothing);
    fault_list_init(&c.cli.faults, &c.cli.arena, 2);
    fault_add(&c.cli.faults, &(struct fault){.line = 3,
                                             .column = 5,
                                             .path = "cluster.slaa",
                                             .text = "unknown field",
                                             .hint = "did you mean sla?"});
    fault_add(&c.cli.faults,
              &(struct fault){.path = "", .text = "odd", .hint = "", .is_warning = true});
    fault_add(&c.cli.faults, &(struct fault){.path = "x", .text = "third", .hint = ""});
    cli_call_capture(&c, stderr);
    cli_faults_tell(&c.cli.faults, "f.yaml", stderr);
    cli_call_seen(&c, stderr, text, sizeof(text));
    assert_string_equal(text, "f.yaml:3:5: cluster.slaa: unknown field; did you mean sla?\n"
                              "f.yaml: warning: odd\n"
                              "f.yaml: 2 faults in all, the first 2 of them listed\n");
    cli_call_end(&c);
}

static void test_statuses_of_errors(void **state)
{
    static const struct {
        enum exo_error_code code;
        int status;
    } rows[] = {
        {EXO_EINVALID, CLI_EXIT_DATA},
        {EXO_ENOTFOUND, CLI_EXIT_NOT_FOUND},
        {EXO_ECONFLICT, CLI_EXIT_CONFLICT},
        {EXO_EDENIED, CLI_EXIT_DENIED},
        {EXO_ELIMIT, CLI_EXIT_LATER},
        {EXO_EUNAVAILABLE, CLI_EXIT_UNAVAILABLE},
        {EXO_EIO, CLI_EXIT_IO},
        {EXO_EFENCED, CLI_EXIT_CONFLICT},
        {EXO_EUNKNOWN, CLI_EXIT_UNAVAILABLE},
        {EXO_EINTERNAL, CLI_EXIT_INTERNAL},
    };
    struct cli_call c;
    char text[2048];

    (void)state;
    cli_call_begin(&c, NULL, 0, nothing);
    cli_call_capture(&c, stderr);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct exo_error err = {.code = rows[i].code, .text = "why"};

        if (cli_fail_error(&err) != rows[i].status) {
            fail_msg("code %d", (int)rows[i].code);
        }
    }
    cli_call_seen(&c, stderr, text, sizeof(text));
    assert_true(strncmp(text, "exosphere: why\n", 15) == 0);
    cli_call_end(&c);
}

static void test_reading(void **state)
{
    struct cli_call c;
    struct span text = {0};
    struct value value = {0};
    char path[32];
    char seen[1024];

    (void)state;
    cli_call_begin(&c, NULL, 0, nothing);
    write_text(path, "a: [1, 2]\n");
    assert_int_equal(cli_read_file(&c.cli, path, 10, &text), 0);
    assert_true(span_is(text, "a: [1, 2]\n"));
    assert_int_equal(cli_read_value(&c.cli, path, &value), 0);
    assert_int_equal(value.kind, VALUE_MAP);
    cli_call_capture(&c, stderr);
    assert_int_equal(cli_read_file(&c.cli, path, 9, &text), CLI_EXIT_DATA);
    assert_int_equal(cli_read_file(&c.cli, "/nowhere", 9, &text), CLI_EXIT_NOT_FOUND);
    assert_int_equal(cli_read_file(&c.cli, "/", 9, &text), CLI_EXIT_IO);
    cli_call_seen(&c, stderr, seen, sizeof(seen));
    assert_non_null(strstr(seen, "limit"));
    (void)unlink(path);
    cli_call_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_statuses_of_errors),
        cmocka_unit_test(test_reading),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
