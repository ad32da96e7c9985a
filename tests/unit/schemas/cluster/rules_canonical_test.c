#include "schemas/cluster/canonical.h"
#include "tests/unit/schemas/cluster/cluster_fixture.h"

#define HEAD "{'exosphere':'v1','cluster':{'name':'p/c','satellites':["

/* clang-format off */
static const struct { const char *satellites, *canonical; } table[] = {
    /* Joins. */
    {"{'name':'a'},{'name':'b','join':'any_succeeded'},{'name':'c','needs':['a','b'],'join':{'at_least':2}},{'name':'d','join':'any_failed'}",
     "{'name':'a','needs':[],'image':'i'},{'name':'b','needs':['a'],'join':'any_succeeded','image':'i'},"
     "{'name':'c','needs':['a','b'],'join':{'at_least':2},'image':'i'},{'name':'d','needs':['c'],'join':'any_failed','image':'i'}"},
    /* What a map tolerates; 0 is what is built in. */
    {"{'name':'a','for_each':'${{ [1] }}','tolerate':0},{'name':'b','for_each':'${{ [1] }}','tolerate':7},{'name':'c','for_each':'${{ [1] }}','tolerate':'02.50%'}",
     "{'name':'a','needs':[],'for_each':'${{ [1] }}','image':'i'},{'name':'b','needs':['a'],'for_each':'${{ [1] }}','tolerate':7,'image':'i'},"
     "{'name':'c','needs':['b'],'for_each':'${{ [1] }}','tolerate':'2.5%','image':'i'}"},
    /* Timeouts and retries. */
    {"{'name':'a','timeouts':{'heartbeat':'90s','queue':'60m'},'continue_on_error':true},{'name':'b','timeouts':{},'retries':{'budget':'60m','later':[9,8],'never':[3]},'continue_on_error':false}",
     "{'name':'a','needs':[],'continue_on_error':true,'image':'i','timeouts':{'queue':'1h','heartbeat':'1m30s'}},"
     "{'name':'b','needs':['a'],'image':'i','retries':{'limit':0,'backoff':'exponential','base':'1s','cap':'1m','jitter':'full','budget':'1h','never':[3],'later':[8,9]}}"},
    /* Waits. */
    {"{'name':'a','wait':{'for':'90s'}},{'name':'b','wait':{'timeout':'1m','signal':'go'}},{'name':'c','wait':{'approval':true}},{'name':'d','when':true,'wait':{'approval':'Now?'}}",
     "{'name':'a','needs':[],'wait':{'for':'1m30s'}},{'name':'b','needs':['a'],'wait':{'signal':'go','timeout':'1m'}},"
     "{'name':'c','needs':['b'],'wait':{'approval':true}},{'name':'d','needs':['c'],'when':true,'wait':{'approval':'Now?'}}"},
    /* Final satellites: no part of the order of the file. */
    {"{'final':true,'name':'a'},{'name':'b'},{'name':'c','final':false}",
     "{'name':'a','final':true,'image':'i'},{'name':'b','needs':[],'image':'i'},{'name':'c','needs':['b'],'image':'i'}"},
    /* Groups. */
    {"{'satellites':[{'name':'b'},{'name':'c','satellites':[{'name':'d'}]}],'name':'a','for_each':'${{ [1] }}','as':'x','output':null},{'name':'e','satellites':[{'name':'f'}]}",
     "{'name':'a','needs':[],'for_each':'${{ [1] }}','as':'x','satellites':[{'name':'b','needs':[],'image':'i'},"
     "{'name':'c','needs':['b'],'satellites':[{'name':'d','needs':[],'image':'i'}]}],'output':null},"
     "{'name':'e','needs':['a'],'satellites':[{'name':'f','needs':[],'image':'i'}]}"},
};
/* clang-format on */

static void check_text(const char *found, const char *satellites)
{
    char expected[2048];

    (void)snprintf(expected, sizeof(expected), HEAD "%s]}}", satellites);
    for (char *at = expected; *at != '\0'; at++) {
        *at = (char)(*at == '\'' ? '"' : *at);
    }
    assert_string_equal(found, expected);
}

static void writes_one_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct cluster_fixture f;

        fixture_begin(&f);
        (void)fixture_cluster(&f, table[i].satellites);
        check_text(fixture_canonical(&f, f.cluster), table[i].canonical);
        fixture_end(&f);
    }
}

static void reads_back_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct cluster_fixture f;
        char text[2048];

        fixture_begin(&f);
        (void)snprintf(text, sizeof(text), HEAD "%s]}}", table[i].canonical);
        fixture_parse(&f, text);
        assert_string_equal(fixture_faults(&f), "");
        check_text(fixture_canonical(&f, f.cluster), table[i].canonical);
        fixture_end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_one_form),
        cmocka_unit_test(reads_back_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
