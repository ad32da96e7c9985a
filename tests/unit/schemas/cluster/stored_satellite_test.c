#include "schemas/cluster/stored_satellite.h"

#include "tests/unit/schemas/cluster/cluster_fixture.h"

/* The canonical text, or the faults. */
static const char *parse(struct cluster_fixture *f, const char *quoted,
                         struct stored_satellite *ret)
{
    struct stored_satellite_source source = {.root = &f->root};

    f->root = fixture_json(f, quoted);
    if (stored_satellite_parse(&source, &f->arena, ret, &f->faults) != 0) {
        assert_true(f->faults.error_count > 0);
        return fixture_faults(f);
    }
    return ret->canonical.data;
}

static void canonical_text_is_stable(void **state)
{
    static const struct {
        const char *text, *canonical;
    } cases[] = {
        {"{'exosphere':'v1','satellite':{'name':'tools/x','image':'oci:x'}}",
         "{\"exosphere\":\"v1\",\"satellite\":{\"name\":\"tools/x\",\"image\":\"oci:x\"}}"},
        {"{'exosphere':'v1','satellite':{'timeout':'90s','retries':{'limit':2},'claim':'normal',"
         "'env':{'A':'${{ input.top }}'},'command':['x','${{ input.top + 1 }}'],'image':'oci:x',"
         "'inputs':{'top':{'default':3,'type':'int'}},'labels':{'b':'c'},'title':'T',"
         "'name':'tools/x'}}",
         "{\"exosphere\":\"v1\",\"satellite\":{\"name\":\"tools/x\",\"title\":\"T\",\"labels\":{"
         "\"b\":\"c\"},\"inputs\":{\"top\":{\"type\":\"int\",\"default\":3}},\"image\":\"oci:x\","
         "\"command\":[\"x\",\"${{ input.top + 1 }}\"],\"env\":{\"A\":\"${{ input.top }}\"},"
         "\"timeout\":\"1m30s\",\"retries\":{\"limit\":2,\"backoff\":\"exponential\",\"base\":"
         "\"1s\",\"cap\":\"1m\",\"jitter\":\"full\"}}}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct stored_satellite satellite;
        struct cluster_fixture f;
        char kept[1000];

        fixture_begin(&f);
        assert_string_equal(parse(&f, cases[i].text, &satellite), cases[i].canonical);
        (void)snprintf(kept, sizeof(kept), "%s", cases[i].canonical);
        assert_string_equal(parse(&f, kept, &satellite), cases[i].canonical);
        assert_true(span_is(satellite.cluster->project, "tools"));
        assert_true(span_is(satellite.cluster->name, "x"));
        assert_null(value_get(satellite.body, span_of("name")));
        assert_non_null(value_get(satellite.body, span_of("image")));
        fixture_end(&f);
    }
}

static void every_fault_at_once(void **state)
{
    static const struct {
        const char *text, *faults;
    } cases[] = {
        {"[]", " 1:1 `file` must be a map, not a list"},
        {"{'exosphere':'v2','satelite':{}}",
         "satelite 1:19 unknown field `satelite` | did you mean `satellite`?\n"
         "exosphere 1:15 this program reads version v1 of the satellite file only | write "
         "exosphere: v1\n"
         "satellite 1:1 `satellite` is missing | add satellite: {name: ...}"},
        {"{'exosphere':'v1','satellite':{'image':'i'}}",
         "satellite.name 1:31 the satellite has no name | write name: PROJECT/NAME"},
        {"{'exosphere':'v1','satellite':{'name':'p/x'}}",
         "satellite.image 1:31 the satellite has no image | add image: IMAGE here or under "
         "`defaults`"},
        {"{'exosphere':'v1','satellite':{'name':'p/x','image':'i','needs':['a'],'uses':'u',\n"
         "'when':true,'sla':'1m','timeout':'soon','inputs':{'a':{'type':'text'}},\n"
         "'command':['${{ satellites.a.output }}','${{ input.b }}']}}",
         "satellite.needs 1:57 `needs` does not belong to a stored satellite | write it in the "
         "satellites that use this one\n"
         "satellite.uses 1:71 `uses` does not belong to a stored satellite | write it in the "
         "satellites that use this one\n"
         "satellite.when 2:1 `when` does not belong to a stored satellite | write it in the "
         "satellites that use this one\n"
         "satellite.sla 2:13 unknown field `sla` | remove it; docs/cluster-file.md lists what a "
         "stored satellite takes\n"
         "satellite.timeout 2:35 `soon` is not a duration | write numbers with h, m, s or ms, the "
         "largest first, such as 1h30m or 250ms\n"
         "satellite.inputs.a.type 2:64 `text` is no value of `type`"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct stored_satellite satellite;
        struct cluster_fixture f;
        const char *faults;

        fixture_begin(&f);
        faults = parse(&f, cases[i].text, &satellite);
        if (strncmp(faults, cases[i].faults, strlen(cases[i].faults)) != 0) {
            fail_msg("%s\n   gives: %s\nexpected: %s", cases[i].text, faults, cases[i].faults);
        }
        fixture_end(&f);
    }
}

static void names_of_expressions_are_its_own(void **state)
{
    struct stored_satellite satellite;
    struct cluster_fixture f;
    const char *faults;

    (void)state;
    fixture_begin(&f);
    faults = parse(&f,
                   "{'exosphere':'v1','satellite':{'name':'p/x','image':'i','inputs':{'a':{}},"
                   "'command':['${{ satellites.a.output }}','${{ input.b }}','${{ item }}']}}",
                   &satellite);
    assert_non_null(strstr(faults, "satellite.command[0]"));
    assert_non_null(strstr(faults, "satellite.command[1]"));
    assert_non_null(strstr(faults, "satellite.command[2]"));
    assert_int_equal(f.faults.error_count, 3);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_text_is_stable),
        cmocka_unit_test(every_fault_at_once),
        cmocka_unit_test(names_of_expressions_are_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
