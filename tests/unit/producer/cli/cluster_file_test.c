/* cluster_file: whose project counts, how inputs are gathered. */
#include "producer/cli/cluster_file.h"

#include "schemas/json/json_write.h"
#include "tests/unit/producer/cli/cli_call.h"

static const char *const nothing[] = {NULL};

#define FILE_OF(name)                                                                              \
    "exosphere: v1\ncluster:\n  name: " name                                                       \
    "\n  inputs: {top: {type: int}, who: {type: string}, names: {type: list}}\n"                   \
    "  satellites: [{name: a, image: 'oci:x', command: [x]}]\n"

static int load(struct cli_call *c, const char *text, struct cluster_file *file)
{
    char path[32];

    write_text(path, text);
    int status = cluster_file_load(&c->cli, path, file);

    (void)unlink(path);
    return status;
}

static void expect_name(struct cli_call *c, const struct cluster_file *file, const char *name)
{
    struct value request = cluster_file_request(&c->cli, file);
    const struct value *got = value_get(&request, span_of("name"));

    assert_non_null(got);
    assert_true(span_is(value_text(got), name));
    assert_int_equal(request.count, 3);
}

static void test_the_file_names_its_project(void **state)
{
    struct cli_call c;
    struct cluster_file file = {0};

    (void)state;
    cli_call_begin(&c, NULL, 0, nothing);
    assert_int_equal(load(&c, FILE_OF("shop/map"), &file), 0);
    expect_name(&c, &file, "shop/map");
    cli_call_end(&c);
}

static void test_a_name_alone_takes_the_setting(void **state)
{
    static const char *const shop[] = {"EXOSPHERE_PROJECT=shop", NULL};
    struct cli_call c;
    struct cluster_file file = {0};

    (void)state;
    cli_call_begin(&c, NULL, 0, nothing);
    assert_int_equal(load(&c, FILE_OF("map"), &file), 0);
    expect_name(&c, &file, "default/map");
    cli_call_end(&c);
    cli_call_begin(&c, NULL, 0, shop);
    assert_int_equal(load(&c, FILE_OF("map"), &file), 0);
    expect_name(&c, &file, "shop/map");
    cli_call_end(&c);
}

static void test_both_must_agree(void **state)
{
    static const char *const shop[] = {"EXOSPHERE_PROJECT=shop", NULL};
    struct cli_call c;
    struct cluster_file file = {0};

    (void)state;
    cli_call_begin(&c, NULL, 0, shop);
    assert_int_equal(load(&c, FILE_OF("other/map"), &file), CLI_EXIT_DATA);
    assert_int_equal(c.cli.faults.error_count, 1);
    cli_call_end(&c);
}

static void expect_input(const char *const *words, size_t count, const char *json)
{
    struct cli_call c;
    struct cluster_file file = {0};
    struct value input = {0};
    struct buffer text;

    cli_call_begin(&c, words, count, nothing);
    assert_int_equal(load(&c, FILE_OF("a/b"), &file), 0);
    assert_int_equal(cluster_file_input(&c.cli, file.cluster, &input), 0);
    for (uint32_t i = 0; i < input.count; i++) {
        assert_int_equal(input.members[i].key.line, 0);
        assert_int_equal(input.members[i].value.line, 0);
    }
    buffer_init(&text, c.cli.allocator, 0);
    json_write(&text, &input);
    buffer_append(&text, (struct span){"", 1});
    assert_string_equal((const char *)text.data, json);
    buffer_release(&text);
    cli_call_end(&c);
}

static void test_inputs(void **state)
{
    static const char *const plain[] = {"-i", "top=5", "-i", "who=7", "-i", "names=[\"a\",2]"};
    static const char *const strings[] = {"--input=x=not json", "-iy=\"j\"", "-i", "z="};
    static const char *const twice[] = {"-i", "top=1", "-i", "who=a", "-i", "top=2"};
    char path[32];
    char at[40];
    const char *const file[] = {"-i", "top=1", "-i", at, "-i", "names=[]"};

    (void)state;
    expect_input(NULL, 0, "{}");
    expect_input(plain, 6, "{\"top\":5,\"who\":\"7\",\"names\":[\"a\",2]}");
    expect_input(strings, 4, "{\"x\":\"not json\",\"y\":\"j\",\"z\":\"\"}");
    expect_input(twice, 6, "{\"top\":2,\"who\":\"a\"}");
    write_text(path, "top: 9\nnames: [x]\n");
    (void)snprintf(at, sizeof(at), "@%s", path);
    expect_input(file, 6, "{\"top\":9,\"names\":[]}");
    (void)unlink(path);
}

static void expect_refused(const char *word, int status)
{
    const char *const words[] = {"-i", word};
    struct cli_call c;
    struct value input = {0};
    char text[1024];

    cli_call_begin(&c, words, 2, nothing);
    cli_call_capture(&c, stderr);
    int got = cluster_file_input(&c.cli, NULL, &input);

    cli_call_seen(&c, stderr, text, sizeof(text));
    assert_int_equal(got, status);
    assert_true(strlen(text) > 0);
    cli_call_end(&c);
}

static void test_inputs_that_are_none(void **state)
{
    char path[32];
    char at[40];

    (void)state;
    expect_refused("top", EXIT_STATUS_USAGE);
    expect_refused("=5", EXIT_STATUS_USAGE);
    expect_refused("@/nowhere", CLI_EXIT_NOT_FOUND);
    write_text(path, "[1]");
    (void)snprintf(at, sizeof(at), "@%s", path);
    expect_refused(at, CLI_EXIT_DATA);
    (void)unlink(path);
    write_text(path, "a: 1\na: 2\n");
    (void)snprintf(at, sizeof(at), "@%s", path);
    expect_refused(at, CLI_EXIT_DATA);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_file_names_its_project),
        cmocka_unit_test(test_a_name_alone_takes_the_setting),
        cmocka_unit_test(test_both_must_agree),
        cmocka_unit_test(test_inputs),
        cmocka_unit_test(test_inputs_that_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
