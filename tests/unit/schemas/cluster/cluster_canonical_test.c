#include "tests/unit/schemas/cluster/cluster_fixture.h"

/* clang-format off */
static const struct { const char *text, *canonical; } table[] = {
    {"{'cluster':{'satellites':[{'image':'i','name':'a'}],'name':'p/c'},'exosphere':'v1'}",
     "{'exosphere':'v1','cluster':{'name':'p/c','satellites':[{'name':'a','needs':[],'image':'i'}]}}"},
    /* What equals a built-in default is left out. */
    {"{'exosphere':'v1','cluster':{'name':'p/c','priority':5,'labels':{},'satellites':[{'name':'a','image':'i','needs':[],'join':'all_succeeded',"
     "'input':{},'env':{},'secrets':[],'mounts':[],'network':'none','output':'file','class':'default','grace':'10s','claim':'normal',"
     "'resources':{'cpu':0.5,'memory':'256Mi','gpu':0,'disk':'1Gi'},'retries':{'limit':0,'backoff':'exponential','base':'1000ms','cap':'60s','jitter':'full'}}]}}",
     "{'exosphere':'v1','cluster':{'name':'p/c','satellites':[{'name':'a','needs':[],'image':'i'}]}}"},
    /* Everything there is; defaults merged, order written out. */
    {"{'exosphere':'v1','cluster':{'name':'p/c','title':'T','labels':{'b':'1','a':'2'},'sla':'90m','timeout':'2h','priority':9,"
     "'inputs':{'x':{'description':'D','maximum':3,'minimum':1.0,'default':2,'type':'int','enum':[1,2]},'y':{'required':true},'z':{}},"
     "'defaults':{'image':'i','workdir':'/w','env':{'A':'1','B':'2'},'secrets':['s'],'resources':{'cpu':2},'mounts':[{'path':'/p','volume':'v'}],"
     "'network':'host','class':'k','timeout':'1m','grace':'1s','retries':{'limit':1},'claim':'strict'},"
     "'satellites':[{'name':'a'},{'name':'b','env':{'A':'3'},'when':'${{ true }}','for_each':'${{ [1] }}','as':'x','max_parallel':2,'join':'all_done',"
     "'command':['c','${{ x }}'],'input':[1,2.0,null],'output':'stdout','output_schema':{'type':'object'},'retries':{'base':'2m'}},"
     "{'name':'c','when':false,'needs':['a','b'],'for_each':'${{ [1] }}','as':'item','network':'none','class':'default','claim':'normal','secrets':[]}],'output':null}}",
     "{'exosphere':'v1','cluster':{'name':'p/c','title':'T','labels':{'b':'1','a':'2'},'sla':'1h30m','timeout':'2h','priority':9,"
     "'inputs':{'x':{'type':'int','default':2,'enum':[1,2],'minimum':1.0,'maximum':3,'description':'D'},'y':{'type':'any','required':true},'z':{'type':'any'}},"
     "'satellites':[{'name':'a','needs':[],'image':'i','workdir':'/w','env':{'A':'1','B':'2'},'secrets':['s'],'mounts':[{'volume':'v','path':'/p'}],"
     "'resources':{'cpu':'2000m','memory':268435456,'gpu':0,'disk':1073741824},'network':'host','timeout':'1m','grace':'1s','class':'k',"
     "'retries':{'limit':1,'backoff':'exponential','base':'1s','cap':'1m','jitter':'full'},'claim':'strict'},"
     "{'name':'b','needs':['a'],'join':'all_done','when':'${{ true }}','for_each':'${{ [1] }}','as':'x','max_parallel':2,'image':'i','command':['c','${{ x }}'],"
     "'workdir':'/w','input':[1,2.0,null],'env':{'B':'2','A':'3'},'secrets':['s'],'mounts':[{'volume':'v','path':'/p'}],"
     "'resources':{'cpu':'2000m','memory':268435456,'gpu':0,'disk':1073741824},'network':'host','output':'stdout','output_schema':{'type':'object'},'timeout':'1m','grace':'1s','class':'k',"
     "'retries':{'limit':1,'backoff':'exponential','base':'2m','cap':'2m','jitter':'full'},'claim':'strict'},"
     "{'name':'c','needs':['a','b'],'when':false,'for_each':'${{ [1] }}','image':'i','workdir':'/w','env':{'A':'1','B':'2'},'mounts':[{'volume':'v','path':'/p'}],"
     "'resources':{'cpu':'2000m','memory':268435456,'gpu':0,'disk':1073741824},'timeout':'1m','grace':'1s',"
     "'retries':{'limit':1,'backoff':'exponential','base':'1s','cap':'1m','jitter':'full'}}],'output':null}}"},
};
/* clang-format on */

static void check_text(const char *found, const char *quoted)
{
    char expected[8192];
    size_t at = 0;

    for (; quoted[at] != '\0' && at + 1 < sizeof(expected); at++) {
        expected[at] = (char)(quoted[at] == '\'' ? '"' : quoted[at]);
    }
    expected[at] = '\0';
    if (strcmp(found, expected) != 0) {
        (void)fprintf(stderr, "gives    %s\nexpected %s\n", found, expected);
        fail();
    }
}

static void writes_one_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct cluster_fixture f;

        fixture_begin(&f);
        fixture_parse(&f, table[i].text);
        assert_string_equal(fixture_faults(&f), "");
        check_text(fixture_canonical(&f, f.cluster), table[i].canonical);
        fixture_end(&f);
    }
}

static void reads_back_the_same_cluster(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct cluster_fixture f;
        struct cluster_source source = {.root = &f.root, .is_stored = true};

        fixture_begin(&f);
        f.root = fixture_json(&f, table[i].canonical);
        assert_int_equal(cluster_parse(&source, &f.arena, &f.cluster, &f.faults), 0);
        assert_string_equal(fixture_faults(&f), "");
        check_text(fixture_canonical(&f, f.cluster), table[i].canonical);
        fixture_end(&f);
    }
}

/* A file whose defaults are as large as they may be gives a canonical text that is read again. */
static void reads_back_what_defaults_made_large(void **state)
{
    struct cluster_fixture f;
    struct buffer text;
    struct cluster_source source = {.root = &f.root, .is_stored = true};

    (void)state;
    fixture_begin(&f);
    buffer_init(&text, allocator_heap(&f.budget), 0);
    buffer_text(&text, "{'exosphere':'v1','cluster':{'name':'p/c','defaults':{'image':'i',"
                       "'env':{'A':'");
    for (int i = 0; i < 20000; i++) {
        buffer_text(&text, "\\n");
    }
    buffer_text(&text, "'}},'satellites':[{'name':'a'}");
    for (int i = 0; i < 200; i++) {
        char item[40];

        (void)snprintf(item, sizeof(item), ",{'name':'s%d'}", i);
        buffer_text(&text, item);
    }
    buffer_text(&text, "]}}");
    buffer_append(&text, (struct span){"", 1});
    fixture_parse(&f, (const char *)text.data);
    assert_string_equal(fixture_faults(&f), "");
    buffer_reset(&text);
    cluster_canonical(f.cluster, &text);
    assert_true(text.bytes > CLUSTER_EXPANDED_BYTES_MAX);

    struct buffer again;
    struct json_error error;

    assert_int_equal(json_read(buffer_span(&text), NULL, &f.arena, &f.root, &error), JSON_OK);
    assert_int_equal(cluster_parse(&source, &f.arena, &f.cluster, &f.faults), 0);
    buffer_init(&again, allocator_heap(&f.budget), 0);
    cluster_canonical(f.cluster, &again);
    assert_true(span_equal(buffer_span(&text), buffer_span(&again)));
    buffer_release(&again);
    buffer_release(&text);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_one_form),
        cmocka_unit_test(reads_back_the_same_cluster),
        cmocka_unit_test(reads_back_what_defaults_made_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
