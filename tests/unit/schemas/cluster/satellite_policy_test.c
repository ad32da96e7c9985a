#include "tests/unit/schemas/cluster/cluster_fixture.h"

#include "schemas/vocab/limits.h"

/* clang-format off */
static const struct fault_case cases[] = {
    {"{'name':'a','command':'ls -l'}", "cluster.satellites[0].command 2:24 `command` is a list of arguments, never a shell line | write each argument apart: [\"sort\", \"-n\", \"file\"]"},
    {"{'name':'a','command':[]}", "cluster.satellites[0].command 2:23 `command` is empty | remove the field to run the image's own command"},
    {"{'name':'a','command':{}}", "cluster.satellites[0].command 2:23 `command` must be a list, not a map"},
    {"{'name':'a','command':['sleep',5,true]}",
     "cluster.satellites[0].command[1] 2:32 an item of `command` must be a string, not an int | put it in quotes\n"
     "cluster.satellites[0].command[2] 2:34 an item of `command` must be a string, not a bool | put it in quotes"},
    {"{'name':'a','command':['a\\u0000b']}", "cluster.satellites[0].command[0] 2:25 an argument cannot hold a NUL character | take the NUL out"},
    {"{'name':'a','env':['A=1']}", "cluster.satellites[0].env 2:19 `env` must be a map, not a list"},
    {"{'name':'a','env':{'A':1,'B-C':'','EXOSPHERE_TASK':'x','TRACEPARENT':''}}",
     "cluster.satellites[0].env.A 2:24 `A` must be a string, not an int | put it in quotes\n"
     "cluster.satellites[0].env[\"B-C\"] 2:26 `B-C` cannot be a name here | use letters, digits and _, not beginning with a digit\n"
     "cluster.satellites[0].env.EXOSPHERE_TASK 2:35 the variable `EXOSPHERE_TASK` is set by Exosphere | choose another name\n"
     "cluster.satellites[0].env.TRACEPARENT 2:56 the variable `TRACEPARENT` is set by Exosphere | choose another name"},
    {"{'name':'a','env':{'A':'\\u0000'}}", "cluster.satellites[0].env.A 2:25 an environment variable cannot hold a NUL character | take the NUL out"},
    {"{'name':'a','secrets':'s'}", "cluster.satellites[0].secrets 2:24 `secrets` must be a list, not a string | put it in brackets: [...]"},
    {"{'name':'a','secrets':['s','../x','s',1]}",
     "cluster.satellites[0].secrets[1] 2:29 `../x` cannot be a name here | use letters, digits, ., _ and -, beginning with a letter or a digit\n"
     "cluster.satellites[0].secrets[2] 2:36 the secret `s` stands twice | name it once\n"
     "cluster.satellites[0].secrets[3] 2:39 an item of `secrets` must be a string, not an int | put it in quotes"},
    {"{'name':'a','resources':{'cpu':'2 cores','memory':'128m','disk':'0','gpu':-1,'cpus':1}}",
     "cluster.satellites[0].resources.cpu 2:33 `cpu` is no amount of cpu | write cores or thousandths of one, such as 2, 0.5 or 500m\n"
     "cluster.satellites[0].resources.memory 2:52 `memory` is no amount of bytes | write bytes with a suffix, such as 128Mi, 2Gi or 500M\n"
     "cluster.satellites[0].resources.disk 2:66 `disk` is no amount of bytes | write bytes with a suffix, such as 128Mi, 2Gi or 500M\n"
     "cluster.satellites[0].resources.gpu 2:75 `gpu` must be between 0 and 1024\n"
     "cluster.satellites[0].resources.cpus 2:78 unknown field `cpus` | did you mean `cpu`?"},
    {"{'name':'a','resources':{'cpu':0,'memory':128,'disk':null}}",
     "cluster.satellites[0].resources.cpu 2:32 `cpu` is no amount of cpu | write cores or thousandths of one, such as 2, 0.5 or 500m\n"
     "cluster.satellites[0].resources.memory 2:43 `memory` is less than 1Mi | add the suffix that is meant, such as Mi\n"
     "cluster.satellites[0].resources.disk 2:54 `disk` is no amount of bytes | write bytes with a suffix, such as 128Mi, 2Gi or 500M"},
    {"{'name':'a','resources':{'cpu':0.0005}}", "cluster.satellites[0].resources.cpu 2:32 `cpu` is no amount of cpu | write cores or thousandths of one, such as 2, 0.5 or 500m"},
    {"{'name':'a','resources':'small'}", "cluster.satellites[0].resources 2:26 `resources` must be a map, not a string"},
    {"{'name':'a','retries':2}", "cluster.satellites[0].retries 2:23 `retries` must be a map, not an int"},
    {"{'name':'a','retries':{'limit':1001,'backoff':'slow','jitter':'some','base':'1','limits':1}}",
     "cluster.satellites[0].retries.limit 2:32 `limit` must be between 0 and 1000\n"
     "cluster.satellites[0].retries.backoff 2:48 `slow` is no value of `backoff` | write one of: exponential, linear, fixed\n"
     "cluster.satellites[0].retries.jitter 2:64 `some` is no value of `jitter` | write one of: full, equal, none\n"
     "cluster.satellites[0].retries.base 2:78 `1` is not a duration | write numbers with h, m, s or ms, the largest first, such as 1h30m or 250ms\n"
     "cluster.satellites[0].retries.limits 2:81 unknown field `limits` | did you mean `limit`?"},
    {"{'name':'a','retries':{'base':'10s','cap':'5s'}}", "cluster.satellites[0].retries.cap 2:44 `cap` is shorter than `base` | make cap at least as long as base"},
    {"{'name':'a','mounts':[{'volume':'v'},{'path':'/p'},{'volume':'v','path':'p'},{'volume':'V','path':'/q','ro':true}]}",
     "cluster.satellites[0].mounts[0] 2:23 `path` is missing | write {volume: NAME, path: /PATH}\n"
     "cluster.satellites[0].mounts[1] 2:38 `volume` is missing | write {volume: NAME, path: /PATH}\n"
     "cluster.satellites[0].mounts[2].path 2:74 `p` is no absolute path | write a path from /, without ., .. or a slash at the end\n"
     "cluster.satellites[0].mounts[3].volume 2:89 `V` cannot be a name here | use a-z, 0-9, _ and -, beginning with a letter\n"
     "cluster.satellites[0].mounts[3].ro 2:104 unknown field `ro` | known here: volume, path"},
    {"{'name':'a','mounts':[{'volume':'v','path':'/p'},{'volume':'w','path':'/p'},{'volume':'w','path':'/exosphere/x'},{'volume':'w','path':'/'},{'volume':'w','path':'/a/../etc'}]}",
     "cluster.satellites[0].mounts[1].path 2:72 `/p` is mounted twice | mount each volume at a path of its own\n"
     "cluster.satellites[0].mounts[2].path 2:99 `/exosphere/x` belongs to Exosphere | mount it somewhere else\n"
     "cluster.satellites[0].mounts[3].path 2:136 `/` belongs to Exosphere | mount it somewhere else\n"
     "cluster.satellites[0].mounts[4].path 2:162 `/a/../etc` is no absolute path | write a path from /, without ., .. or a slash at the end"},
    {"{'name':'a','mounts':[7]}", "cluster.satellites[0].mounts[0] 2:23 an item of `mounts` must be a map, not an int"},
};
/* clang-format on */

static void tells_faults(void **state)
{
    (void)state;
    fixture_check_cases(cases, COUNT(cases), fixture_parse_satellites);
}

static void reads_amounts(void **state)
{
    /* clang-format off */
    static const struct { const char *resources; uint32_t cpu_millis; uint64_t memory_bytes; } table[] = {
        {"{'cpu':1,'memory':1048576}", 1000, 1048576},
        {"{'cpu':0.29,'memory':'1Mi'}", 290, 1048576},
        {"{'cpu':'250m','memory':'2G'}", 250, 2000000000},
        {"{'cpu':'0.001','memory':'1.5Gi'}", 1, 1610612736},
        {"{'cpu':1000,'memory':1125899906842624}", 1000000, 1125899906842624},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct cluster_fixture f;
        char text[200];

        fixture_begin(&f);
        (void)snprintf(text, sizeof(text), "{'name':'a','resources':%s}", table[i].resources);
        const struct satellite_resources *resources =
            &fixture_cluster(&f, text)->satellites->work.resources;

        assert_int_equal(resources->cpu_millis, table[i].cpu_millis);
        assert_int_equal(resources->memory_bytes, table[i].memory_bytes);
        fixture_end(&f);
    }
}

static void lets_the_cap_follow_the_base(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    const struct satellite_retries *retries =
        &fixture_cluster(&f, "{'name':'a','retries':{'base':'5m'}}")->satellites->retries;

    assert_int_equal(retries->base_ns, 5 * EXO_MINUTE);
    assert_int_equal(retries->cap_ns, 5 * EXO_MINUTE);
    fixture_end(&f);
}

/* env of count variables whose names and values have bytes in all. */
static void parse_env(struct cluster_fixture *f, uint32_t count, uint32_t bytes)
{
    static char filler[40000];
    struct value_member members[600];
    static char names[600][16];
    uint32_t used = 0;

    memset(filler, 'x', sizeof(filler));
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "V%04u", i);
        members[i].key = value_string(span_of(names[i]));
        members[i].value = value_string(span_of(""));
        used += 5;
    }
    if (bytes > used) {
        members[0].value = value_string((struct span){filler, bytes - used});
    }
    struct value root = fixture_json(
        f, "{'exosphere':'v1','cluster':{'name':'p/c','satellites':[{'name':'a','image':'i'}]}}");
    struct value step = value_get(&root.members[1].value, span_of("satellites"))->items[0];
    struct value_member with_env[] = {
        step.members[0],
        step.members[1],
        {value_string(span_of("env")),
         {.kind = VALUE_MAP, .count = count, .line = 3, .column = 4, .members = members}},
    };
    struct value one = {.kind = VALUE_MAP, .count = 3, .members = with_env};
    struct value_member inner[] = {
        root.members[1].value.members[0],
        {value_string(span_of("satellites")), {.kind = VALUE_LIST, .count = 1, .items = &one}},
    };
    struct value_member outer[] = {
        root.members[0],
        {value_string(span_of("cluster")), {.kind = VALUE_MAP, .count = 2, .members = inner}},
    };

    fixture_parse_value(f, (struct value){.kind = VALUE_MAP, .count = 2, .members = outer});
}

static void limits_the_environment(void **state)
{
    /* clang-format off */
    static const struct { uint32_t count, bytes; const char *faults; } table[] = {
        {500, LIMIT_ENV_BYTES, ""},
        {1, LIMIT_ENV_BYTES + 1, "cluster.satellites[0].env 3:4 names and values of `env` have 32769 bytes, more than the limit of 32768 | hand larger things in through `input`"},
        {501, 0, "cluster.satellites[0].env 3:4 `env` has 501 variables, more than the limit of 500 | hand many things in through `input`"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct cluster_fixture f;

        fixture_begin(&f);
        parse_env(&f, table[i].count, table[i].bytes);
        assert_string_equal(fixture_faults(&f), table[i].faults);
        fixture_end(&f);
    }
}

static void limits_lists(void **state)
{
    struct cluster_fixture f;
    char text[1024] = "{'name':'a','secrets':[";

    (void)state;
    fixture_begin(&f);
    for (int i = 0; i < 65; i++) {
        (void)snprintf(text + strlen(text), 16, "%s's%d'", i == 0 ? "" : ",", i);
    }
    (void)snprintf(text + strlen(text), 16, "]}");
    fixture_parse_satellites(&f, text);
    assert_string_equal(fixture_faults(&f), "cluster.satellites[0].secrets 2:23 `secrets` has 65 "
                                            "items, more than the limit of 64");
    fixture_end(&f);
}

static void warns_of_an_expression_in_a_cache_key(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    fixture_parse_satellites(&f, "{'name':'a','cache':{'ttl':'1h','key':'day-${{ input.day }}'}},"
                                 "{'name':'b','cache':{'ttl':'1h','key':'weights-3'}}");
    assert_string_equal(fixture_faults(&f),
                        "warning: cluster.satellites[0].cache.key 2:40 `key` takes no expressions: "
                        "${{ }} in it stands for itself | remove it: `input` and `env` "
                        "are compared anyway, with their values");
    assert_non_null(f.cluster);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_faults),
        cmocka_unit_test(reads_amounts),
        cmocka_unit_test(lets_the_cap_follow_the_base),
        cmocka_unit_test(limits_the_environment),
        cmocka_unit_test(limits_lists),
        cmocka_unit_test(warns_of_an_expression_in_a_cache_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
