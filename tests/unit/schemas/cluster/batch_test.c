/* batch: what is read, what is refused, and the cluster that runs one. */
#include "schemas/cluster/batch.h"

#include "tests/unit/schemas/cluster/cluster_fixture.h"

/* clang-format off */
static const struct fault_case cases[] = {
    {"{'name':'a','image':'i','batch':{}}",
     "cluster.satellites[0].batch 2:33 a batch needs `size` and `interval` | write batch: {size: 32, interval: 5s}"},
    {"{'name':'a','image':'i','batch':{'size':5}}",
     "cluster.satellites[0].batch 2:33 a batch needs `size` and `interval` | write batch: {size: 32, interval: 5s}"},
    {"{'name':'a','image':'i','batch':32}", "cluster.satellites[0].batch 2:33 `batch` must be a map, not an int"},
    {"{'name':'a','image':'i','batch':{'size':0,'interval':'1s'}}",
     "cluster.satellites[0].batch.size 2:41 `size` must be between 1 and 1000"},
    {"{'name':'a','image':'i','batch':{'size':1001,'interval':'1s'}}",
     "cluster.satellites[0].batch.size 2:41 `size` must be between 1 and 1000"},
    {"{'name':'a','image':'i','batch':{'size':2,'interval':'1s','key':7}}",
     "cluster.satellites[0].batch.key 2:65 `key` must be a string, not an int | put it in quotes"},
    {"{'name':'a','image':'i','claim':'strict','batch':{'size':2,'interval':'1s'}}",
     "cluster.satellites[0].claim 2:34 `claim: strict` cannot be kept in a batch: it runs for many | remove one of the two"},
    {"{'name':'a','image':'i','cache':{'ttl':'1h'},'batch':{'size':2,'interval':'1s'}}",
     "cluster.satellites[0].cache 2:33 `cache` knows single inputs, and a batch has many | remove one of the two"},
    {"{'name':'a','image':'i','output':'none','batch':{'size':2,'interval':'1s'}}",
     "cluster.satellites[0].output 2:35 a batch gives a list of results, so it must have an output | remove `output: none`"},
    {"{'name':'a','image':'i','output_schema':{},'batch':{'size':2,'interval':'1s'}}",
     "cluster.satellites[0].output_schema 2:41 the output of a batch is a list of results, which is checked already | remove one of the two, or check in a satellite after this one"},
    {"{'name':'a','image':'i','command':['x','${{ execution.id }}'],'batch':{'size':2,'interval':'1s'}}",
     "cluster.satellites[0].command 2:35 a batch runs for many tasks: its command is the same for all | hand over in `input` what varies"},
    {"{'name':'a','image':'i','env':{'A':'${{ execution.id }}'},'batch':{'size':2,'interval':'1s'}}",
     "cluster.satellites[0].env 2:31 a batch runs for many tasks: its env is the same for all | hand over in `input` what varies"},
    {"{'name':'w','wait':{'signal':'go'},'batch':{'size':2,'interval':'1s'}}",
     "cluster.satellites[0].batch 2:36 `batch` has no place in a wait | only a satellite with an image can be gathered into batches"},
    {"{'name':'a','image':'i','batch':{'size':2,'interval':'1s','key':'${{ satellites.b.output }}'}}",
     "cluster.satellites[0].batch.key 2:70 no satellite is named `b` | name a satellite of this cluster"},
};
/* clang-format on */

static void tells_faults(void **state)
{
    (void)state;
    fixture_check_cases(cases, COUNT(cases), fixture_parse_satellites);
}

static void a_batch_is_read(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    const struct satellite *s =
        fixture_cluster(&f, "{'name':'a','image':'i','for_each':'${{ [1,2] }}','batch':"
                            "{'size':32,'interval':'5s','key':'m${{ item }}'}},"
                            "{'name':'b','image':'i'}")
            ->satellites;

    assert_int_equal(s[0].batch.size, 32);
    assert_int_equal(s[0].batch.interval_ns, 5 * EXO_SECOND);
    assert_non_null(s[0].batch.key);
    assert_int_equal(s[1].batch.size, 0);
    fixture_end(&f);
}

static struct span satellite_text(struct cluster_fixture *f, const char *satellite,
                                  struct buffer *text)
{
    buffer_init(text, f->arena.allocator, 0);
    batch_satellite(&fixture_cluster(f, satellite)->satellites[0], text);
    return buffer_span(text);
}

/* What differs from one execution to the next keeps nobody apart; what runs does. */
static void what_runs_decides_who_goes_together(void **state)
{
    struct cluster_fixture f;
    struct buffer a, b, c;

    (void)state;
    fixture_begin(&f);
    struct span one = satellite_text(&f,
                                     "{'name':'a','image':'i','input':{'n':1},'retries':{'limit':3}"
                                     ",'batch':{'size':2,'interval':'1s'}}",
                                     &a);
    struct span other = satellite_text(&f,
                                       "{'name':'b','image':'i','input':{'m':'${{ execution.id "
                                       "}}'},'batch':{'size':2,'interval':'1s'}}",
                                       &b);
    struct span third = satellite_text(
        &f, "{'name':'b','image':'i','command':['x'],'batch':{'size':2,'interval':'1s'}}", &c);

    assert_true(span_equal(one, other));
    assert_false(span_equal(one, third));
    buffer_release(&a);
    buffer_release(&b);
    buffer_release(&c);
    fixture_end(&f);
}

static void its_cluster_is_one(void **state)
{
    struct cluster_fixture f;
    struct buffer satellite, text;

    (void)state;
    fixture_begin(&f);
    struct span work =
        satellite_text(&f,
                       "{'name':'a','image':'i','command':['x'],'class':'gpu','timeout':'1m',"
                       "'retries':{'limit':3,'later':[7]},'batch':{'size':9,'interval':'1s'}}",
                       &satellite);

    buffer_init(&text, f.arena.allocator, 0);
    batch_cluster(span_of("shop"), work, 3, 7, &text);
    assert_false(text.is_failed);
    assert_true(buffer_span(&text).bytes < 1024);
    char *copy = arena_alloc(&f.arena, text.bytes + 1);

    memcpy(copy, text.data, text.bytes);
    copy[text.bytes] = '\0';
    fixture_parse(&f, copy);
    if (f.cluster == NULL) {
        fail_msg("%s:\n%s", copy, fixture_faults(&f));
    }
    const struct cluster *cluster = f.cluster;

    assert_true(span_is(cluster->project, "shop"));
    assert_true(span_is(cluster->name, BATCH_NAME));
    assert_int_equal(cluster->priority, 7);
    assert_int_equal(cluster->satellite_count, 1);
    assert_int_equal(cluster->satellites[0].retries.limit, 0);
    assert_int_equal(cluster->satellites[0].retries.later_count, 1);
    assert_int_equal(cluster->satellites[0].work.timeout_ns, EXO_MINUTE);
    assert_int_equal(cluster->satellites[0].batch.size, 0);
    assert_non_null(cluster->satellites[0].work.output_schema);
    assert_true(span_is(cluster->satellites[0].class, "gpu"));
    buffer_release(&satellite);
    buffer_release(&text);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_faults),
        cmocka_unit_test(a_batch_is_read),
        cmocka_unit_test(what_runs_decides_who_goes_together),
        cmocka_unit_test(its_cluster_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
