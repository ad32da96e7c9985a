#include "tests/unit/schemas/cluster/cluster_fixture.h"

/* clang-format off */
static const struct fault_case cases[] = {
    {"{}", "cluster.satellites[0].name 2:1 a satellite without a name | add name: NAME"},
    {"{'name':null}", "cluster.satellites[0].name 2:9 `name` must be a string, not null | give it a value, or remove the field"},
    {"{'name':'A'}", "cluster.satellites[0].name 2:10 `A` cannot be a name here | use a-z, 0-9 and _, beginning with a letter: a dash would be a minus in expressions"},
    {"{'name':'in'}", "cluster.satellites[0].name 2:10 `in` is a reserved word of the expression language | choose another name"},
    {"{'name':'a234567890123456789012345678901234567890123456789012345678901234'}",
     "cluster.satellites[0].name 2:10 the name `a234567890123456789012345678901234567890123456789012345678901234` has 64 bytes, more than the limit of 63 | choose a shorter one"},
    {"{'name':'a','comand':['x']}", "cluster.satellites[0].comand 2:13 unknown field `comand` | did you mean `command`?"},
    {"{'name':'a','image':''}", "cluster.satellites[0].image 2:22 `image` is empty | give it a value, or remove the field"},
    {"{'name':'a','image':'busy box'}", "cluster.satellites[0].image 2:22 `busy box` is no image | write it as docker://NAME:TAG, oci:PATH or docker-archive:PATH"},
    {"{'name':'a','image':'oci:${{ input.x }}'}", "cluster.satellites[0].image 2:22 `image` takes no expressions | use `input`, `env` or `command` for what varies"},
    {"{'name':'a','workdir':'work'}", "cluster.satellites[0].workdir 2:24 `work` is no absolute path | write a path from /, without ., .. or a slash at the end"},
    {"{'name':'a','workdir':'/${{ input.x }}'}", "cluster.satellites[0].workdir 2:24 `workdir` takes no expressions | use `input`, `env` or `command` for what varies"},
    {"{'name':'a','class':'a.b'}", "cluster.satellites[0].class 2:22 `a.b` cannot be a name here | use a-z, 0-9, _ and -, beginning with a letter"},
    {"{'name':'a','network':'bridge'}", "cluster.satellites[0].network 2:24 `bridge` is no value of `network` | write one of: none, host"},
    {"{'name':'a','output':'json'}", "cluster.satellites[0].output 2:23 `json` is no value of `output` | write one of: file, stdout, none"},
    {"{'name':'a','claim':true}", "cluster.satellites[0].claim 2:21 `claim` must be a string, not a bool | put it in quotes"},
    {"{'name':'a','uses':'satellite/p/x@1'}", "cluster.satellites[0].uses 2:21 `satellite/p/x@1` was not looked up in the store | send the cluster through the API"},
    {"{'name':'a','uses':'p/x@1'}", "cluster.satellites[0].uses 2:21 `p/x@1` names no stored satellite | write satellite/PROJECT/NAME, cluster/PROJECT/NAME, or one of them with @VERSION"},
    {"{'name':'a','uses':'satellite/p/x','image':'i'}", "cluster.satellites[0].image 2:45 `image` stands beside `uses` | remove it; or name the version, where it has been written out already"},
    {"{'name':'a','uses':3}", "cluster.satellites[0].uses 2:20 `uses` must be a string, not an int | put it in quotes"},
    {"{'name':'a','satelites':[]}", "cluster.satellites[0].satelites 2:13 unknown field `satelites` | did you mean `satellites`?"},
    {"{'name':'a','tolerate':3}", "cluster.satellites[0].tolerate 2:24 `tolerate` says nothing without `for_each` | add `for_each`, or remove it"},
    {"{'name':'a','continue_on_error':1,'final':'yes'}",
     "cluster.satellites[0].continue_on_error 2:33 `continue_on_error` must be a bool, not an int\n"
     "cluster.satellites[0].final 2:44 `final` must be a bool, not a string"},
    {"{'name':'a','as':'x','max_parallel':2}",
     "cluster.satellites[0].as 2:19 `as` says nothing without `for_each` | add `for_each`, or remove it\n"
     "cluster.satellites[0].max_parallel 2:37 `max_parallel` says nothing without `for_each` | add `for_each`, or remove it"},
    {"{'name':'a','for_each':'${{ [1] }}','as':'index','max_parallel':0}",
     "cluster.satellites[0].as 2:43 `index` already has a meaning in expressions | choose another name\n"
     "cluster.satellites[0].max_parallel 2:65 `max_parallel` must be between 1 and 1000000"},
    {"{'name':'a','timeout':'1h','grace':'-1s'}",
     "cluster.satellites[0].grace 2:37 `-1s` is not a duration | write numbers with h, m, s or ms, the largest first, such as 1h30m or 250ms"},
    {"{'name':'a','timeout':'9999999h'}", "cluster.satellites[0].timeout 2:24 `9999999h` is longer than 100 years | write at most 876000h, or remove the field"},
    {"{'name':'a','output':'none','output_schema':{}}",
     "cluster.satellites[0].output_schema 2:45 `output: none` leaves nothing for `output_schema` | remove one of the two"},
    {"{'name':'a','output_schema':{'type':'int'}}",
     "cluster.satellites[0].output_schema.type 2:38 `type` names no type of JSON | write null, boolean, integer, number, string, array or object"},
};
/* clang-format on */

static void tells_faults(void **state)
{
    (void)state;
    fixture_check_cases(cases, COUNT(cases), fixture_parse_satellites);
}

static void has_defaults_where_nothing_is_said(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    const struct satellite *s = fixture_cluster(&f, "{'name':'a'}")->satellites;

    assert_int_equal(s->index, 0);
    assert_true(span_is(s->name, "a"));
    assert_int_equal(s->join, JOIN_ALL_SUCCEEDED);
    assert_null(s->when);
    assert_null(s->for_each);
    assert_int_equal(s->item_name.bytes, 0);
    assert_int_equal(s->max_parallel, 0);
    assert_int_equal(s->claim, CLAIM_NORMAL);
    assert_true(span_is(s->class, "default"));
    assert_int_equal(s->retries.limit, 0);
    assert_int_equal(s->retries.backoff, BACKOFF_EXPONENTIAL);
    assert_int_equal(s->retries.jitter, JITTER_FULL);
    assert_int_equal(s->retries.base_ns, EXO_SECOND);
    assert_int_equal(s->retries.cap_ns, EXO_MINUTE);
    assert_true(span_is(s->work.image, "i"));
    assert_null(s->work.command);
    assert_null(s->work.command_template);
    assert_int_equal(s->work.workdir.bytes, 0);
    assert_int_equal(s->work.input->kind, VALUE_MAP);
    assert_int_equal(s->work.input->count, 0);
    assert_non_null(s->work.input_template);
    assert_int_equal(s->work.env->count, 0);
    assert_non_null(s->work.env_template);
    assert_int_equal(s->work.secret_count, 0);
    assert_int_equal(s->work.mount_count, 0);
    assert_int_equal(s->work.resources.cpu_millis, 500);
    assert_int_equal(s->work.resources.memory_bytes, 256 << 20);
    assert_int_equal(s->work.resources.gpu, 0);
    assert_int_equal(s->work.resources.disk_bytes, 1 << 30);
    assert_int_equal(s->work.network, NETWORK_NONE);
    assert_int_equal(s->work.output, OUTPUT_FILE);
    assert_null(s->work.output_schema);
    assert_int_equal(s->work.timeout_ns, 0);
    assert_int_equal(s->work.grace_ns, 10 * EXO_SECOND);
    fixture_end(&f);
}

static void reads_every_field(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    const struct satellite *s =
        fixture_cluster(
            &f, "{'name':'a','image':'oci:x','command':['c','d'],'workdir':'/w','needs':[],"
                "'join':'all_done','when':'${{ input.x }}','for_each':'${{ input.l }}','as':'file',"
                "'max_parallel':7,'input':{'f':'${{ file }}'},'env':{'E':'1'},'secrets':['s'],"
                "'resources':{'cpu':2},'mounts':[{'volume':'v','path':'/p'}],'network':'host',"
                "'output':'stdout','output_schema':{'type':'object'},'class':'gpu',"
                "'timeout':'5s','grace':'0s','retries':{'limit':3},'claim':'strict',"
                "'tolerate':'2.5%','continue_on_error':true,'timeouts':{'queue':'1h'}}")
            ->satellites;

    assert_true(span_is(s->work.image, "oci:x"));
    assert_int_equal(s->work.command->count, 2);
    assert_non_null(s->work.command_template);
    assert_true(span_is(s->work.workdir, "/w"));
    assert_int_equal(s->join, JOIN_ALL_DONE);
    assert_non_null(s->when);
    assert_non_null(s->for_each);
    assert_true(span_is(s->item_name, "file"));
    assert_int_equal(s->max_parallel, 7);
    assert_int_equal(s->work.input->count, 1);
    assert_int_equal(s->work.env->count, 1);
    assert_true(span_is(s->work.secrets[0], "s"));
    assert_int_equal(s->work.resources.cpu_millis, 2000);
    assert_true(span_is(s->work.mounts[0].volume, "v"));
    assert_true(span_is(s->work.mounts[0].path, "/p"));
    assert_int_equal(s->work.network, NETWORK_HOST);
    assert_int_equal(s->work.output, OUTPUT_STDOUT);
    assert_non_null(s->work.output_schema);
    assert_true(span_is(s->class, "gpu"));
    assert_int_equal(s->work.timeout_ns, 5 * EXO_SECOND);
    assert_int_equal(s->work.grace_ns, 0);
    assert_int_equal(s->retries.limit, 3);
    assert_int_equal(s->claim, CLAIM_STRICT);
    assert_int_equal(s->kind, SATELLITE_CONTAINER);
    assert_int_equal(s->group, SATELLITE_NONE);
    assert_int_equal(s->tolerance.permyriad, 250);
    assert_true(s->is_continued);
    assert_false(s->is_final);
    assert_int_equal(s->timeouts.queue_ns, EXO_HOUR);
    fixture_end(&f);
}

static void merges_the_defaults_of_the_file(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    fixture_parse(&f, "{'exosphere':'v1','cluster':{'name':'p/c','satellites':[{'name':'a'},"
                      "{'name':'b','image':'j','env':{'A':'2','C':'3'},'resources':{'gpu':1},"
                      "'retries':{'jitter':'none'},'secrets':[],'class':'slow'}],"
                      "'defaults':{'image':'i','workdir':'/w','env':{'A':'1','B':'1'},"
                      "'secrets':['s'],'resources':{'cpu':1,'memory':'1Gi'},'network':'host',"
                      "'class':'fast','timeout':'1m','grace':'1s','retries':{'limit':2},"
                      "'mounts':[{'volume':'v','path':'/p'}],'claim':'strict'}}}");
    assert_string_equal(fixture_faults(&f), "");
    const struct satellite *a = &f.cluster->satellites[0];
    const struct satellite *b = &f.cluster->satellites[1];

    assert_true(span_is(a->work.image, "i"));
    assert_true(span_is(a->work.workdir, "/w"));
    assert_int_equal(a->work.env->count, 2);
    assert_int_equal(a->work.secret_count, 1);
    assert_int_equal(a->work.resources.cpu_millis, 1000);
    assert_int_equal(a->work.network, NETWORK_HOST);
    assert_int_equal(a->work.timeout_ns, EXO_MINUTE);
    assert_int_equal(a->work.grace_ns, EXO_SECOND);
    assert_int_equal(a->work.mount_count, 1);
    assert_int_equal(a->retries.limit, 2);
    assert_int_equal(a->claim, CLAIM_STRICT);
    assert_true(span_is(a->class, "fast"));

    assert_true(span_is(b->work.image, "j"));
    assert_int_equal(b->work.env->count, 3);
    assert_true(span_is(value_text(value_get(b->work.env, span_of("A"))), "2"));
    assert_true(span_is(value_text(value_get(b->work.env, span_of("B"))), "1"));
    assert_true(span_is(value_text(value_get(b->work.env, span_of("C"))), "3"));
    assert_int_equal(b->work.secret_count, 0);
    assert_int_equal(b->work.resources.cpu_millis, 1000);
    assert_int_equal(b->work.resources.memory_bytes, 1 << 30);
    assert_int_equal(b->work.resources.gpu, 1);
    assert_int_equal(b->retries.limit, 2);
    assert_int_equal(b->retries.jitter, JITTER_NONE);
    assert_true(span_is(b->class, "slow"));
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_faults),
        cmocka_unit_test(has_defaults_where_nothing_is_said),
        cmocka_unit_test(reads_every_field),
        cmocka_unit_test(merges_the_defaults_of_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
