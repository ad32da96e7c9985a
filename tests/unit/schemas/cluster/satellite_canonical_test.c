#include "tests/unit/schemas/cluster/cluster_fixture.h"

static const char *canonical(struct cluster_fixture *f, const struct satellite_work *work)
{
    buffer_reset(&f->text);
    satellite_canonical(work, &f->text);
    buffer_append(&f->text, (struct span){"", 1});
    assert_false(f->text.is_failed);
    return (const char *)f->text.data;
}

/* clang-format off */
static const struct { const char *satellite, *canonical; } table[] = {
    {"{'name':'a'}", "{\"image\":\"i\"}"},
    {"{'name':'a','when':'${{ true }}','for_each':'${{ [1] }}','retries':{'limit':3},'class':'k','claim':'strict','command':['c'],'workdir':'/w',"
     "'input':{'x':'${{ item }}'},'env':{'A':'${{ index }}'},'secrets':['s','t'],'resources':{'memory':'1Gi','gpu':2},"
     "'mounts':[{'volume':'v','path':'/p'}],'network':'host','output':'stdout','output_schema':true,'cache':{'key':'v2','ttl':'90m'},'timeout':'90s','grace':'0s'}",
     "{\"image\":\"i\",\"command\":[\"c\"],\"workdir\":\"/w\",\"input\":{\"x\":\"${{ item }}\"},\"env\":{\"A\":\"${{ index }}\"},\"secrets\":[\"s\",\"t\"],"
     "\"mounts\":[{\"volume\":\"v\",\"path\":\"/p\"}],\"resources\":{\"cpu\":\"500m\",\"memory\":1073741824,\"gpu\":2,\"disk\":1073741824},"
     "\"network\":\"host\",\"output\":\"stdout\",\"output_schema\":true,\"cache\":{\"ttl\":\"1h30m\",\"key\":\"v2\"},\"timeout\":\"1m30s\",\"grace\":\"0s\"}"},
};
/* clang-format on */

static void writes_what_a_worker_needs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct cluster_fixture f;

        fixture_begin(&f);
        const struct cluster *cluster = fixture_cluster(&f, table[i].satellite);

        assert_string_equal(canonical(&f, &cluster->satellites[0].work), table[i].canonical);
        fixture_end(&f);
    }
}

static void reads_it_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct cluster_fixture f;
        struct satellite_work work;

        fixture_begin(&f);
        struct value source = fixture_json(&f, table[i].canonical);

        assert_int_equal(satellite_parse(&source, &f.arena, &work, &f.faults), 0);
        assert_string_equal(canonical(&f, &work), table[i].canonical);
        assert_non_null(work.input_template);
        assert_non_null(work.env_template);
        assert_int_equal(work.command == NULL, work.command_template == NULL);
        fixture_end(&f);
    }
}

/* clang-format off */
static const struct fault_case faults[] = {
    {"[]", "satellite 1:1 `satellite` must be a map, not a list"},
    {"{}", "satellite 1:1 the definition of the satellite has no image"},
    {"{'image':'i','name':'a'}", "satellite.name 1:14 unknown field `name` | write it in each satellite"},
    {"{'image':'i','input':['${{ 1 + }}'],'env':{'A':'${{ foo() }}'},'command':['${{']}",
     "satellite.command[0] 1:79 the expression ends too early\n"
     "satellite.input[0] 1:32 a value must stand here: a name, a literal, or an expression in brackets\n"
     "satellite.env.A 1:53 foo: no such function; did you mean bool"},
};
/* clang-format on */

static void parse(struct cluster_fixture *f, const char *text)
{
    struct satellite_work work;

    f->root = fixture_json(f, text);
    assert_int_equal(satellite_parse(&f->root, &f->arena, &work, &f->faults), -1);
}

static void tells_faults(void **state)
{
    (void)state;
    fixture_check_cases(faults, COUNT(faults), parse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_a_worker_needs),
        cmocka_unit_test(reads_it_back),
        cmocka_unit_test(tells_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
