#include "tests/unit/schemas/cluster/cluster_fixture.h"

/* clang-format off */
static const struct { const char *text, *description; } table[] = {
    {"'satellites':[{'name':'a'}]",
     "p/c: 1 satellite, 1 level\n"
     "  a  at once\n"
     "output: the outputs of a, by name\n"},
    {"'satellites':[{'name':'list'},{'name':'c','for_each':'${{ satellites.list.output }}','as':'file','max_parallel':50},"
     "{'name':'merge','needs':['c','list'],'join':'all_done','when':'${{ input.x\\n> 1 }}'},{'name':'b','needs':[],'when':true}],"
     "'output':{'m':'${{ satellites.merge.output }}'}",
     "p/c: 4 satellites, 3 levels\n"
     "  list   at once\n"
     "  c      after list; for each file of ${{ satellites.list.output }}, at most 50 at a time\n"
     "  merge  after c, list, however they end; when ${{ input.x > 1 }}\n"
     "  b      at once; when true\n"
     "output: {\"m\":\"${{ satellites.merge.output }}\"}\n"},
    {"'satellites':[{'name':'a'}],'output':'01234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "012345678901234567890123456789012345678\xc3\xa9-'",
     "p/c: 1 satellite, 1 level\n"
     "  a  at once\n"
     "output: 01234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "012345678901234567890123456789012345678...\n"},
};
/* clang-format on */

static const char *describe(struct cluster_fixture *f)
{
    buffer_reset(&f->text);
    cluster_describe_graph(f->cluster, &f->text);
    buffer_append(&f->text, (struct span){"", 1});
    assert_false(f->text.is_failed);
    return (const char *)f->text.data;
}

static void prints_a_line_a_satellite(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct cluster_fixture f;
        char text[2000];

        fixture_begin(&f);
        (void)snprintf(text, sizeof(text),
                       "{'exosphere':'v1','cluster':{'name':'p/c','defaults':{'image':'i'},%s}}",
                       table[i].text);
        fixture_parse(&f, text);
        assert_string_equal(fixture_faults(&f), "");
        assert_string_equal(describe(&f), table[i].description);
        fixture_end(&f);
    }
}

static void cuts_long_lists(void **state)
{
    struct cluster_fixture f;
    char text[3000] = "{'name':'a'}";

    (void)state;
    fixture_begin(&f);
    for (int i = 0; i < 30; i++) {
        (void)snprintf(text + strlen(text), 64, ",{'name':'s%d','needs':['a']}", i);
    }
    (void)fixture_cluster(&f, text);
    assert_non_null(strstr(describe(&f), "output: the outputs of s0, s1, s2, s3, s4, s5, s6, s7, "
                                         "s8, s9, s10, s11, s12, s13, s14, s15, s16, s17, s18, s19 "
                                         "and 10 more, by name\n"));
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_a_line_a_satellite),
        cmocka_unit_test(cuts_long_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
