#include "tests/unit/schemas/cluster/cluster_fixture.h"

#include "schemas/vocab/limits.h"

/* clang-format off */
static const struct fault_case file_cases[] = {
    {"[]", " 1:1 `file` must be a map, not a list"},
    {"{}", "exosphere 1:1 `exosphere` is missing | begin the file with exosphere: v1\n"
           "cluster 1:1 `cluster` is missing | add cluster: {name: ...}"},
    {"{'exosphere':'v2','cluster':{'name':'p/c','satellites':[{'name':'a','image':'i'}]}}",
     "exosphere 1:15 this program reads version v1 of the cluster file only | write exosphere: v1"},
    {"{'exosphere':'v1','clutser':{}}",
     "cluster 1:1 `cluster` is missing | add cluster: {name: ...}\n"
     "clutser 1:19 unknown field `clutser` | did you mean `cluster`?"},
    {"{'exosphere':'v1','cluster':5}", "cluster 1:29 `cluster` must be a map, not an int"},
    {"{'exosphere':'v1','cluster':{}}",
     "cluster.name 1:29 the cluster has no name | write name: PROJECT/NAME\n"
     "cluster.satellites 1:29 the cluster has no `satellites` | add satellites: with at least one"},
};

/* What stands in place of CLUSTER in {'exosphere':'v1','cluster':{CLUSTER}}, in line 2. */
static const struct fault_case cluster_cases[] = {
    {"'name':'c','satellites':[{'name':'a','image':'i'}]",
     "cluster.name 2:9 the cluster belongs to no project | write name: PROJECT/NAME, or give --project PROJECT"},
    {"'name':'p/','satellites':[{'name':'a','image':'i'}]",
     "cluster.name 2:9 `` cannot be a name here | use a-z, 0-9, _ and -, beginning with a letter"},
    {"'name':'/c','satellites':[{'name':'a','image':'i'}]",
     "cluster.name 2:9 `` cannot be a name here | use a-z, 0-9, _ and -, beginning with a letter"},
    {"'name':'P/c/d','satellites':[{'name':'a','image':'i'}]",
     "cluster.name 2:9 `c/d` cannot be a name here | use a-z, 0-9, _ and -, beginning with a letter\n"
     "cluster.name 2:9 `P` cannot be a name here | use a-z, 0-9, _ and -, beginning with a letter"},
    {"'name':7,'satellites':[{'name':'a','image':'i'}]",
     "cluster.name 2:8 `name` must be a string, not an int | put it in quotes"},
    {"'name':'p/c','satellites':{}", "cluster.satellites 2:27 `satellites` must be a list, not a map"},
    {"'name':'p/c','satellites':[]",
     "cluster.satellites 2:27 the cluster has no satellite | write at least one"},
    {"'name':'p/c','satellites':[5]",
     "cluster.satellites[0] 2:28 an item of `satellites` must be a map, not an int"},
    {"'name':'p/c','sla':'10 min','timeout':60,'satellites':[{'name':'a','image':'i'}]",
     "cluster.sla 2:21 `10 min` is not a duration | write numbers with h, m, s or ms, the largest first, such as 1h30m or 250ms\n"
     "cluster.timeout 2:39 `timeout` is a duration and needs a unit | write the unit, such as 30s, 10m or 1h30m"},
    {"'name':'p/c','sla':'0s','timeout':'0.5ms','satellites':[{'name':'a','image':'i'}]",
     "cluster.sla 2:21 `sla` must be longer than 0 | give it some time, or remove the field for none\n"
     "cluster.timeout 2:36 `0.5ms` is finer than a millisecond | use whole milliseconds"},
    {"'name':'p/c','sla':null,'satellites':[{'name':'a','image':'i'}]",
     "cluster.sla 2:20 `sla` must be a string, not null | give it a value, or remove the field"},
    {"'name':'p/c','priority':10,'satellites':[{'name':'a','image':'i'}]",
     "cluster.priority 2:25 `priority` must be between 0 and 9"},
    {"'name':'p/c','priority':-1,'satellites':[{'name':'a','image':'i'}]",
     "cluster.priority 2:25 `priority` must be between 0 and 9"},
    {"'name':'p/c','priority':'high','satellites':[{'name':'a','image':'i'}]",
     "cluster.priority 2:26 `priority` must be an int, not a string"},
    {"'name':'p/c','title':'a\\tb','satellites':[{'name':'a','image':'i'}]",
     "cluster.title 2:23 `title` holds a control character | write it on one line without tabs"},
    {"'name':'p/c','labels':{'a':1},'satellites':[{'name':'a','image':'i'}]",
     "cluster.labels.a 2:28 `a` must be a string, not an int | put it in quotes"},
    {"'name':'p/c','defaults':{'name':'x','imag':'i','colour':1},'satellites':[{'name':'a','image':'i'}]",
     "cluster.defaults.name 2:26 unknown field `name` | write it in each satellite\n"
     "cluster.defaults.imag 2:37 unknown field `imag` | did you mean `image`?\n"
     "cluster.defaults.colour 2:48 unknown field `colour` | known here: image, workdir, env, secrets, resources, "
     "mounts, network, class, timeout, grace, timeouts, retries, claim"},
    /* Several at once, in the order of the file. */
    {"'name':'P/c','satellites':[{'name':'b-c','imag':'i'},\n{'name':'d','image':'i','needs':['e'],'timeout':'x'}],\n'sla':5",
     "cluster.name 2:9 `P` cannot be a name here | use a-z, 0-9, _ and -, beginning with a letter\n"
     "cluster.satellites[0].image 2:28 the satellite has no image | add image: IMAGE here or under `defaults`\n"
     "cluster.satellites[0].name 2:37 `b-c` cannot be a name here | use a-z, 0-9 and _, beginning with a letter: a dash would be a minus in expressions\n"
     "cluster.satellites[0].imag 2:42 unknown field `imag` | did you mean `image`?\n"
     "cluster.satellites[1].needs[0] 3:35 no satellite is named `e` | name a satellite of this cluster\n"
     "cluster.satellites[1].timeout 3:50 `x` is not a duration | write numbers with h, m, s or ms, the largest first, such as 1h30m or 250ms\n"
     "cluster.sla 4:7 `sla` is a duration and needs a unit | write the unit, such as 30s, 10m or 1h30m"},
};
/* clang-format on */

static void parse_cluster(struct cluster_fixture *f, const char *quoted)
{
    char text[4096];

    (void)snprintf(text, sizeof(text), "{'exosphere':'v1','cluster':{\n%s}}", quoted);
    fixture_parse(f, text);
}

static void tells_faults_of_the_file(void **state)
{
    (void)state;
    fixture_check_cases(file_cases, COUNT(file_cases), fixture_parse);
}

static void tells_faults_of_the_cluster(void **state)
{
    (void)state;
    fixture_check_cases(cluster_cases, COUNT(cluster_cases), parse_cluster);
}

static void reads_every_field_of_the_cluster(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    parse_cluster(&f, "'name':'p-1/c_2','title':'Nice','labels':{'team':'x','':''},"
                      "'satellites':[{'name':'a','image':'i'}]");
    assert_string_equal(fixture_faults(&f),
                        "cluster.labels[\"\"] 2:54 the key of a label is empty | give it a name");
    fault_list_init(&f.faults, &f.arena, 0);
    parse_cluster(&f, "'name':'p-1/c_2','title':'Nice','labels':{'team':'x'},'sla':'10m','timeout':"
                      "'1h','priority':0,'inputs':{},'output':7,"
                      "'satellites':[{'name':'a','image':'i'}]");
    assert_non_null(f.cluster);
    assert_true(span_is(f.cluster->project, "p-1"));
    assert_true(span_is(f.cluster->name, "c_2"));
    assert_true(span_is(f.cluster->title, "Nice"));
    assert_int_equal(f.cluster->label_count, 1);
    assert_true(span_is(f.cluster->labels[0].key, "team"));
    assert_true(span_is(f.cluster->labels[0].value, "x"));
    assert_int_equal(f.cluster->sla_ns, 10 * EXO_MINUTE);
    assert_int_equal(f.cluster->timeout_ns, EXO_HOUR);
    assert_int_equal(f.cluster->priority, 0);
    assert_true(f.cluster->has_inputs);
    assert_int_equal(f.cluster->output_source->integer, 7);
    fixture_end(&f);
}

static void knows_the_project_from_outside(void **state)
{
    /* clang-format off */
    static const struct { const char *name, *given, *project, *faults; } table[] = {
        {"c", "p", "p", ""},
        {"p/c", "p", "p", ""},
        {"p/c", NULL, "p", ""},
        {"q/c", "p", NULL, "cluster.name 1:10 the file names the project `q`, but `p` is given | use one of the two"},
        {"c", "P", NULL, "cluster.name 1:10 `P` cannot be a name here | use a-z, 0-9, _ and -, beginning with a letter"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct cluster_fixture f;
        char text[200];

        fixture_begin(&f);
        (void)snprintf(text, sizeof(text), "{'name':'%s','satellites':[{'name':'a','image':'i'}]}",
                       table[i].name);
        f.root = fixture_json(&f, text);
        struct cluster_source source = {
            .root = &f.root, .is_inner = true, .default_project = table[i].given};
        int result = cluster_parse(&source, &f.arena, &f.cluster, &f.faults);

        assert_string_equal(fixture_faults(&f), table[i].faults);
        assert_int_equal(result, table[i].project == NULL ? -1 : 0);
        if (table[i].project != NULL) {
            assert_true(span_is(f.cluster->project, table[i].project));
        }
        fixture_end(&f);
    }
}

/* count satellites of which each begins at once. */
static void parse_many(struct cluster_fixture *f, uint32_t count, uint32_t satellites_max)
{
    struct buffer text;
    char item[64];

    buffer_init(&text, allocator_heap(&f->budget), 0);
    buffer_text(&text, "{'name':'p/c','defaults':{'image':'i'},'satellites':[");
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(item, sizeof(item), "%s{'name':'s%u','needs':[]}", i == 0 ? "" : ",", i);
        buffer_text(&text, item);
    }
    buffer_text(&text, "]}");
    buffer_append(&text, (struct span){"", 1});
    f->root = fixture_json(f, (const char *)text.data);
    buffer_release(&text);
    struct cluster_source source = {
        .root = &f->root, .is_inner = true, .satellites_max = satellites_max};
    int result = cluster_parse(&source, &f->arena, &f->cluster, &f->faults);

    assert_int_equal(result == 0, f->faults.error_count == 0);
}

static void limits_the_satellites(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    parse_many(&f, LIMIT_SATELLITES, 0);
    assert_string_equal(fixture_faults(&f), "");
    parse_many(&f, LIMIT_SATELLITES + 1, 0);
    assert_string_equal(fixture_faults(&f),
                        "cluster.satellites 1:53 the cluster has 10001 satellites, more than the "
                        "limit of 10000 | use `for_each` for many of a kind");
    fixture_end(&f);
    fixture_begin(&f);
    parse_many(&f, 3, 2);
    assert_string_equal(fixture_faults(&f),
                        "cluster.satellites 1:53 the cluster has 3 satellites, more than the limit "
                        "of 2 | use `for_each` for many of a kind");
    fixture_end(&f);
}

/* As YAML anchors make it: one long string in many places. */
static void limits_what_anchors_write_out(void **state)
{
    static char longtext[100000];
    struct cluster_fixture f;
    struct value items[50];

    (void)state;
    fixture_begin(&f);
    memset(longtext, 'x', sizeof(longtext));
    for (size_t i = 0; i < COUNT(items); i++) {
        items[i] = value_string((struct span){longtext, sizeof(longtext)});
    }
    struct value list = {.kind = VALUE_LIST, .count = COUNT(items), .items = items};
    struct value_member members[] = {{value_string(span_of("cluster")), list}};
    struct value root = {.kind = VALUE_MAP, .count = 1, .line = 1, .column = 1, .members = members};

    fixture_parse_value(&f, root);
    assert_string_equal(fixture_faults(&f),
                        "cluster 1:1 the cluster with every anchor written out is larger than the "
                        "limit of 4194304 bytes | use fewer anchors and shorter texts");
    fixture_end(&f);
}

static void limits_what_defaults_write_out(void **state)
{
    struct cluster_fixture f;
    struct buffer text;

    (void)state;
    fixture_begin(&f);
    buffer_init(&text, allocator_heap(&f.budget), 0);
    buffer_text(&text, "'name':'p/c','defaults':{'image':'i','env':{'A':'");
    for (int i = 0; i < 30000; i++) {
        buffer_text(&text, "x");
    }
    buffer_text(&text, "'}},'satellites':[{'name':'s'}");
    for (int i = 0; i < 200; i++) {
        char item[32];

        (void)snprintf(item, sizeof(item), ",{'name':'s%d'}", i);
        buffer_text(&text, item);
    }
    buffer_text(&text, "]");
    buffer_append(&text, (struct span){"", 1});
    struct buffer whole;

    buffer_init(&whole, allocator_heap(&f.budget), 0);
    buffer_text(&whole, "{'exosphere':'v1','cluster':{");
    buffer_text(&whole, (const char *)text.data);
    buffer_text(&whole, "}}");
    buffer_append(&whole, (struct span){"", 1});
    fixture_parse(&f, (const char *)whole.data);
    assert_string_equal(fixture_faults(&f),
                        "cluster.defaults 1:54 `defaults` in each of 201 satellites is larger than "
                        "the limit of 4194304 bytes | write long values only in the satellites "
                        "that use them");
    buffer_release(&text);
    buffer_release(&whole);
    fixture_end(&f);
}

/* Each allocation fails once: no crash, no leak, a fault that says why, or success. */
static void tells_when_memory_is_short(void **state)
{
    bool is_done = false;
    uint32_t failures = 0;

    (void)state;
    for (size_t room = 4096; !is_done; room += 2048) {
        struct cluster_fixture f;
        struct heap_budget budget = {.limit_bytes = room};
        struct arena small;

        fixture_begin(&f);
        arena_init(&small, allocator_heap(&budget), 0);
        f.root = fixture_json(
            &f, "{'name':'p/c','defaults':{'image':'i','env':{'A':'b'}},'labels':{'a':'b'},"
                "'inputs':{'x':{'default':1}},'satellites':[{'name':'a'},{'name':'b','for_each':"
                "'${{ satellites.a.output }}','input':{'v':'${{ item }} ${{ input.x }}'},'env':"
                "{'B':'c'},'mounts':[{'volume':'v','path':'/v'}],'secrets':['s']}]}");
        struct cluster_source source = {.root = &f.root, .is_inner = true};

        is_done = cluster_parse(&source, &small, &f.cluster, &f.faults) == 0;
        if (!is_done) {
            failures++;
            assert_int_not_equal(f.faults.error_count, 0);
            assert_non_null(strstr(fixture_faults(&f), "more memory than"));
        }
        arena_release(&small);
        assert_int_equal(budget.used_bytes, 0);
        fixture_end(&f);
    }
    assert_int_not_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_faults_of_the_file),
        cmocka_unit_test(tells_faults_of_the_cluster),
        cmocka_unit_test(reads_every_field_of_the_cluster),
        cmocka_unit_test(knows_the_project_from_outside),
        cmocka_unit_test(limits_the_satellites),
        cmocka_unit_test(limits_what_anchors_write_out),
        cmocka_unit_test(limits_what_defaults_write_out),
        cmocka_unit_test(tells_when_memory_is_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
