/* command line: every form of a flag, and every wrong one named. */
#include "infra/config/command_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct flag flags[] = {
    {"input", 'i', "K=V", "an input", true},
    {"output", 'o', "FORM", "form", false},
    {"follow", 'f', NULL, "go on", false},
};

static struct heap_budget budget;
static struct arena arena;
static struct fault_list faults;
static struct command_line line;

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
    arena_release(&arena);
    return budget.used_bytes == 0 ? 0 : -1;
}

static int parse(const char *const *words)
{
    size_t count = 0;

    while (words[count] != NULL) {
        count++;
    }
    return command_line_parse(flags, 3, words, count, &arena, &line, &faults);
}

static void test_all_forms(void **state)
{
    (void)state;
    const char *const words[] = {"a.yaml",        "--input", "x=1", "-iy=2", "-i",   "z=3",
                                 "--output=json", "-f",      "-",   "--",    "--no", NULL};
    size_t at = 0;

    assert_int_equal(parse(words), 0);
    assert_string_equal(command_line_next(&line, "input", &at), "x=1");
    assert_string_equal(command_line_next(&line, "input", &at), "y=2");
    assert_string_equal(command_line_next(&line, "input", &at), "z=3");
    assert_null(command_line_next(&line, "input", &at));
    assert_string_equal(command_line_value(&line, "output"), "json");
    assert_true(command_line_is_set(&line, "follow"));
    assert_int_equal(line.positional_count, 3);
    assert_string_equal(line.positionals[0], "a.yaml");
    assert_string_equal(line.positionals[1], "-");
    assert_string_equal(line.positionals[2], "--no");
}

static void test_nothing(void **state)
{
    (void)state;
    const char *const none[] = {NULL};
    const char *const off[] = {"--follow=false", NULL};

    assert_int_equal(parse(none), 0);
    assert_null(command_line_value(&line, "output"));
    assert_false(command_line_is_set(&line, "follow"));
    assert_int_equal(parse(off), 0);
    assert_false(command_line_is_set(&line, "follow"));
}

static void assert_fault(const char *const *words, const char *path, const char *text,
                         const char *hint)
{
    fault_list_init(&faults, &arena, 0);
    assert_int_equal(parse(words), -1);
    assert_int_equal(faults.error_count, 1);
    assert_string_equal(faults.first->path, path);
    assert_string_equal(faults.first->text, text);
    assert_string_equal(faults.first->hint, hint);
}

static void test_faults(void **state)
{
    (void)state;
    assert_fault((const char *const[]){"--ouput", "json", NULL}, "--ouput", "no such flag",
                 "did you mean --output?");
    assert_fault((const char *const[]){"--pasword=s3cret", NULL}, "--pasword", "no such flag",
                 "--help lists the flags of this command");
    assert_fault((const char *const[]){"-x", NULL}, "-x", "no such flag",
                 "--help lists the flags of this command; put -- before an argument that begins "
                 "with a dash");
    assert_fault((const char *const[]){"-o", NULL}, "-o", "a value is missing",
                 "give it as -o VALUE");
    assert_fault((const char *const[]){"-o", "json", "--output", "yaml", NULL}, "--output",
                 "given twice", "leave one out");
    assert_fault((const char *const[]){"--follow=maybe", NULL}, "--follow", "this flag is a switch",
                 "give it without a value");
}

static void test_all_faults_at_once(void **state)
{
    (void)state;
    assert_int_equal(parse((const char *const[]){"--a1", "--b2", "-o", NULL}), -1);
    assert_int_equal(faults.error_count, 3);
}

/* An expression such as -7 % 2 needs no -- before it. */
static void test_no_letter_is_no_flag(void **state)
{
    static const char *const words[] = {"-7 % 2", "-(1)", "-", NULL};

    (void)state;
    assert_int_equal(parse(words), 0);
    assert_int_equal(line.positional_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(line.positionals[i], words[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_letter_is_no_flag, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_forms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_faults_at_once, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
