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
    {"'satellites':[{'name':'a','continue_on_error':true},{'name':'page','for_each':'${{ [1] }}','tolerate':'0.5%','max_parallel':2,'output':'${{ satellites.two.output }}',"
     "'satellites':[{'name':'get'},{'name':'two','satellites':[{'name':'parse'},{'name':'b'}]}]},{'name':'go','wait':{'signal':'now','timeout':'90m'}},"
     "{'name':'ask','wait':{'approval':'Is it?'}},{'name':'rest','wait':{'for':'5m'}},{'name':'any','join':'any_succeeded'},"
     "{'name':'some','needs':['a','page'],'join':{'at_least':2},'for_each':'${{ [1] }}','tolerate':1},{'name':'bad','join':'any_failed'},{'name':'end','final':true}]",
     "p/c: 13 satellites, 7 levels\n"
     "  a          at once; goes on where it fails\n"
     "  page       after a; for each item of ${{ [1] }}, at most 2 at a time, of which 0.5% may fail; gives ${{ satellites.two.output }}\n"
     "    get      at once\n"
     "    two      after get\n"
     "      parse  at once\n"
     "      b      after parse\n"
     "  go         after page; waits for the signal now, at most 1h30m\n"
     "  ask        after go; waits for an approval\n"
     "  rest       after ask; waits for 5m\n"
     "  any        after rest, as soon as one succeeded\n"
     "  some       after a, page, as soon as 2 succeeded; for each item of ${{ [1] }}, of which 1 may fail\n"
     "  bad        after some, if one of them failed\n"
     "  end        at the end, after all others, however they end\n"
     "output: the outputs of any, bad, by name\n"},
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
