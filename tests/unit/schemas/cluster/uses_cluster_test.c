#include "schemas/cluster/uses_cluster.h"

#include "schemas/cluster/uses.h"
#include "schemas/json/json_write.h"
#include "tests/unit/schemas/cluster/cluster_fixture.h"

/* What stands under `cluster` of every stored one, newest version 4, and how the one test differs.
 */
static const char parse_text[] =
    "{'name':'tools/parse','title':'T','labels':{'a':'b'},'sla':'1m','timeout':'10m','priority':9,"
    "'inputs':{'url':{'type':'string','required':true},'n':{'type':'int','default':1}},"
    "'satellites':[{'name':'fetch','needs':[],'image':'i','env':{'U':'${{ input.url }}'}}],"
    "'output':'${{ satellites.fetch.output }}'}";

struct trial {
    const char *stored;     /* NULL: parse_text */
    const char *satellites; /* of the cluster that uses it */
    const char *expected;   /* the satellites after, or the faults */
};

static void look_up(struct cluster_fixture *f, struct uses_set *set, const char *stored)
{
    for (uint32_t i = 0; i < set->count; i++) {
        struct uses_entry *entry = &set->entries[i];
        struct buffer text;

        assert_int_equal(entry->reference.kind, VERSION_CLUSTER);
        const struct value inner = fixture_json(f, stored);

        buffer_init(&text, allocator_heap(&f->budget), 0);
        buffer_text(&text, "{\"exosphere\":\"v1\",\"cluster\":");
        json_write(&text, &inner);
        buffer_text(&text, "}");
        entry->text = arena_copy(&f->arena, buffer_span(&text));
        entry->number = entry->reference.number == 0 ? 4 : entry->reference.number;
        buffer_release(&text);
    }
}

static const char *write_out(struct cluster_fixture *f, const struct trial *trial)
{
    struct value made = value_null();
    struct uses_set set;
    struct buffer text;

    buffer_init(&text, allocator_heap(&f->budget), 0);
    buffer_text(&text, "{'name':'p/c','satellites':[\n");
    buffer_text(&text, trial->satellites);
    buffer_append(&text, (struct span){"]}", 3});
    f->root = fixture_json(f, (const char *)text.data);
    buffer_release(&text);
    assert_int_equal(uses_collect(&f->root, &f->arena, &set, &f->faults), 0);
    look_up(f, &set, trial->stored == NULL ? parse_text : trial->stored);
    if (uses_inline(&f->root, &set, &f->arena, &made, &f->faults) != 0) {
        return fixture_faults(f);
    }
    struct cluster_source source = {.root = &f->root, .is_inner = true};

    f->root = made;
    if (cluster_parse(&source, &f->arena, &f->cluster, &f->faults) != 0) {
        return fixture_faults(f);
    }
    assert_int_equal(uses_collect(&f->root, &f->arena, &set, &f->faults), 0);
    assert_int_equal(set.count, 0);
    buffer_reset(&f->text);
    json_write(&f->text, value_get(&made, span_of("satellites")));
    buffer_append(&f->text, (struct span){"", 1});
    for (size_t i = 0; i < f->text.bytes; i++) {
        f->text.data[i] = f->text.data[i] == '"' ? '\'' : f->text.data[i];
    }
    return (const char *)f->text.data;
}

static void check(const struct trial *trials, size_t count)
{
    size_t wrong = 0;

    for (size_t i = 0; i < count; i++) {
        struct cluster_fixture f;

        fixture_begin(&f);
        const char *given = write_out(&f, &trials[i]);

        if (strcmp(given, trials[i].expected) != 0) {
            (void)fprintf(stderr, "%.300s\n   gives: %s\nexpected: %s\n", trials[i].satellites,
                          given, trials[i].expected);
            wrong++;
        }
        fixture_end(&f);
    }
    assert_int_equal(wrong, 0);
}

static void becomes_a_closed_group(void **state)
{
    static const struct trial trials[] = {
        {NULL, "{'name':'a','uses':'cluster/tools/parse','needs':[],'input':{'url':'u'}}",
         "[{'name':'a','uses':'cluster/tools/parse@4','needs':[],'input':{'url':'u'},'timeout':"
         "'10m','inputs':{'url':{'type':'string','required':true},'n':{'type':'int','default':1}},"
         "'satellites':[{'name':'fetch','needs':[],'image':'i','env':{'U':'${{ input.url }}'}}],"
         "'output':'${{ satellites.fetch.output }}'}]"},
        /* Own fields come first; a satellite and a cluster of one name are two things. */
        {"{'name':'p/c','timeout':'1m','satellites':[{'name':'b','needs':[],'image':'i'}]}",
         "{'name':'a','uses':'cluster/p/c@2','timeout':'2m','for_each':'${{ [1] }}'}",
         "[{'name':'a','uses':'cluster/p/c@2','timeout':'2m','for_each':'${{ [1] "
         "}}','satellites':[{'name':'b','needs':[],'image':'i'}]}]"},
    };

    (void)state;
    check(trials, COUNT(trials));
}

static void tells_what_does_not_fit(void **state)
{
    static const struct trial trials[] = {
        {NULL, "{'name':'a','uses':'cluster/tools/parse','input':{'n':'x','m':1}}",
         "cluster.satellites[0].input.url 2:50 the input `url` is missing | see the `inputs` of "
         "the cluster that is used\n"
         "cluster.satellites[0].input.n 2:56 `n` must be an int, not a string | see the `inputs` "
         "of the cluster that is used\n"
         "cluster.satellites[0].input.m 2:59 the cluster that is used has no input `m` | it has: "
         "url, n"},
        {"{'name':'p/k','concurrency':{'limit':1},'rate':{'limit':1,'per':'1m'},'satellites':[{"
         "'name':'b','image':'i'}]}",
         "{'name':'a','uses':'cluster/p/k'}",
         "cluster.satellites[0].uses 2:21 cluster/p/k@4: its `concurrency` bounds executions and "
         "would not be kept here | store a version without it, or start that cluster by itself\n"
         "cluster.satellites[0].uses 2:21 cluster/p/k@4: its `rate` bounds executions and would "
         "not be kept here | store a version without it, or start that cluster by itself"},
        {"{'name':'p/k','novelty':1,'satellites':[{'name':'b','image':'i'}]}",
         "{'name':'a','uses':'cluster/p/k'}",
         "cluster.satellites[0].uses 2:21 cluster/p/k@4: this program cannot read that version; "
         "name another one"},
        {"{'name':'p/d','satellites':[{'name':'h','satellites':[{'name':'i','satellites':[{'name':"
         "'b','image':'i'}]}]}]}",
         "{'name':'g1','satellites':[{'name':'g2','satellites':[{'name':'g3','satellites':[{'name':"
         "'g4','satellites':[{'name':'g5','satellites':[{'name':'g6','satellites':[{'name':'a',"
         "'uses':'cluster/p/d'}]}]}]}]}]}]}",
         "cluster.satellites[0].satellites[0].satellites[0].satellites[0].satellites[0].satellites["
         "0].satellites[0].uses 2:183 cluster/p/d@4: written out, the group a.h.i stands more than "
         "8 deep | use it further out, or store one with fewer groups in one another"},
        {"{'name':'p/"
         "v','inputs':{'x':{'default':[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]"
         "]]}},'satellites':[{'name':'b','image':'i'}]}",
         "{'name':'a','uses':'cluster/p/v'}",
         "cluster.satellites[0].uses 2:21 cluster/p/v@4: written out, its values are nested more "
         "than 32 deep | use it further out, or store one with flatter values"},
    };

    (void)state;
    check(trials, COUNT(trials));
}

/* A stored cluster of so many satellites, used so often. */
static const char *many(struct cluster_fixture *f, uint32_t inner, uint32_t uses,
                        const char *filling)
{
    struct buffer stored;
    struct buffer list;
    char piece[80];

    buffer_init(&stored, allocator_heap(&f->budget), 0);
    buffer_init(&list, allocator_heap(&f->budget), 0);
    buffer_text(&stored, "{'name':'p/m','satellites':[");
    for (uint32_t i = 0; i < inner; i++) {
        (void)snprintf(piece, sizeof(piece), "%s{'name':'b%u','image':'i','workdir':'/",
                       i == 0 ? "" : ",", i);
        buffer_text(&stored, piece);
        buffer_text(&stored, filling);
        buffer_text(&stored, "'}");
    }
    buffer_append(&stored, (struct span){"]}", 3});
    for (uint32_t i = 0; i < uses; i++) {
        (void)snprintf(piece, sizeof(piece), "%s{'name':'a%u','uses':'cluster/p/m'}",
                       i == 0 ? "" : ",\n", i);
        buffer_text(&list, piece);
    }
    buffer_append(&list, (struct span){"", 1});
    const struct trial trial = {(const char *)stored.data, (const char *)list.data, ""};
    const char *given = write_out(f, &trial);

    buffer_release(&stored);
    buffer_release(&list);
    return given;
}

static void bounds_hold_for_the_whole(void **state)
{
    struct cluster_fixture f;
    char filling[1001];

    (void)state;
    fixture_begin(&f);
    assert_string_equal(many(&f, 2499, 5, ""),
                        "cluster.satellites[3].uses 5:22 cluster/p/m@4: with its 2499 satellites "
                        "the cluster has more than the limit of 10000 | use `for_each` for many of "
                        "a kind");
    fixture_end(&f);
    fixture_begin(&f);
    memset(filling, 'x', 1000);
    filling[1000] = '\0';
    assert_string_equal(many(&f, 1000, 5, filling),
                        "cluster.satellites[4].uses 6:22 cluster/p/m@4: written out, the cluster "
                        "is larger than the limit of 4194304 bytes | use `for_each` for many of a "
                        "kind");
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(becomes_a_closed_group),
        cmocka_unit_test(tells_what_does_not_fit),
        cmocka_unit_test(bounds_hold_for_the_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
