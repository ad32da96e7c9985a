#include "schemas/cluster/group.h"
#include "schemas/vocab/limits.h"
#include "tests/unit/schemas/cluster/cluster_fixture.h"

#define CYCLE_HINT                                                                                 \
    " | remove one of these needs; a satellite without `needs` comes after the one before it in "  \
    "the file, `needs: []` begins at once"

/* clang-format off */
static const struct fault_case cases[] = {
    {"{'name':'g','satellites':[]}", "cluster.satellites[0].satellites 2:26 the group has no satellite | write at least one, or give it an image"},
    {"{'name':'g','satellites':null}", "cluster.satellites[0].satellites 2:26 `satellites` must be a list, not null | give it a value, or remove the field"},
    {"{'name':'g','satellites':[5,{}]}",
     "cluster.satellites[0].satellites[0] 2:27 an item of `satellites` must be a map, not an int\n"
     "cluster.satellites[0].satellites[1].name 2:29 a satellite without a name | add name: NAME"},
    {"{'name':'g','image':'i','env':{},'satellites':[{'name':'a'}],'wait':{'for':'1s'}}",
     "cluster.satellites[0].image 2:13 `image` has no place in a group | write it in the satellites of the group\n"
     "cluster.satellites[0].env 2:25 `env` has no place in a group | write it in the satellites of the group\n"
     "cluster.satellites[0].wait 2:62 `wait` has no place in a group | write it in the satellites of the group"},
    {"{'name':'g','as':'x','tolerate':1,'satellites':[{'name':'a'}]}",
     "cluster.satellites[0].as 2:19 `as` says nothing without `for_each` | add `for_each`, or remove it\n"
     "cluster.satellites[0].tolerate 2:33 `tolerate` says nothing without `for_each` | add `for_each`, or remove it"},
    {"{'name':'g','colour':1,'satellites':[{'name':'a','imag':'x'}]}",
     "cluster.satellites[0].colour 2:13 unknown field `colour` | known here: name, needs, when, for_each, as, max_parallel, tolerate, join, continue_on_error, satellites, output\n"
     "cluster.satellites[0].satellites[0].imag 2:50 unknown field `imag` | did you mean `image`?"},
    /* Names. */
    {"{'name':'a'},{'name':'g','satellites':[{'name':'b'},{'name':'b'},{'name':'a'},{'name':'g'}]},{'name':'h','satellites':[{'name':'b'}]}",
     "cluster.satellites[1].satellites[1].name 2:62 the name `b` stands twice, first in line 2 | give each satellite a name of its own\n"
     "cluster.satellites[1].satellites[2].name 2:75 the name `a` hides the satellite around the group, in line 2 | choose another name\n"
     "cluster.satellites[1].satellites[3].name 2:88 the name `g` hides the satellite around the group, in line 2 | choose another name"},
    {"{'name':'g','for_each':'${{ [1] }}','satellites':[{'name':'a','for_each':'${{ [2] }}'},{'name':'b','for_each':'${{ [2] }}','as':'item'},"
     "{'name':'c','for_each':'${{ [2] }}','as':'other'}]}",
     "cluster.satellites[0].satellites[0].for_each 2:75 the item `item` hides that of the group `g` | name the item with `as`\n"
     "cluster.satellites[0].satellites[1].as 2:130 the item `item` hides that of the group `g` | choose another name"},
    /* Needs. */
    {"{'name':'a'},{'name':'g','needs':['b'],'satellites':[{'name':'b','needs':['a','g','lost']},{'name':'last','needs':['lsat','c']}]},"
     "{'name':'h','satellites':[{'name':'c'}]}",
     "cluster.satellites[1].needs[0] 2:36 `b` stands inside of the group `g` | remove it: what stands in a group begins after it\n"
     "cluster.satellites[1].satellites[0].needs[0] 2:76 `a` stands outside of the group | add it to the needs of g: what stands in a group waits with it\n"
     "cluster.satellites[1].satellites[0].needs[1] 2:80 `g` is the group the satellite stands in | remove it; `needs: []` begins with the group\n"
     "cluster.satellites[1].satellites[0].needs[2] 2:84 no satellite is named `lost` | did you mean `last`?\n"
     "cluster.satellites[1].satellites[1].needs[0] 2:117 no satellite is named `lsat` | did you mean `last`?\n"
     "cluster.satellites[1].satellites[1].needs[1] 2:124 `c` stands inside of the group `h` | name the group in `needs`"},
    {"{'name':'g','satellites':[{'name':'a','needs':['something']}]}",
     "cluster.satellites[0].satellites[0].needs[0] 2:49 no satellite is named `something` | name a satellite of this group"},
    /* Cycles, each in its scope. */
    {"{'name':'g','needs':['h'],'satellites':[{'name':'a','needs':['b']},{'name':'b'}]},{'name':'h'}",
     "cluster.satellites[0].needs 2:21 the satellites wait for each other in a cycle: g -> h -> g" CYCLE_HINT "\n"
     "cluster.satellites[0].satellites[0].needs 2:61 the satellites wait for each other in a cycle: a -> b -> a" CYCLE_HINT},
    /* References. */
    {"{'name':'a'},{'name':'g','satellites':[{'name':'b','input':['${{ satellites.a.output }}','${{ satellites.z.output }}','${{ satellites.g.output }}',"
     "'${{ satellites.b.output }}','${{ satellites.c.output }}']},{'name':'c','input':'${{ satellites.b.output }}'}]},{'name':'z'}",
     "cluster.satellites[1].satellites[0].input[1] 2:95 `z` does not run before `g` | add z to the needs of g\n"
     "cluster.satellites[1].satellites[0].input[2] 2:124 `g` is the group around it, which ends later | refer to what runs before the group, or to what stands in it\n"
     "cluster.satellites[1].satellites[0].input[3] 2:153 `b` cannot refer to itself | refer to a satellite that runs before it\n"
     "cluster.satellites[1].satellites[0].input[4] 2:182 `c` does not run before `b` | add c to the needs of b"},
    {"{'name':'g','satellites':[{'name':'inside'},{'name':'deep','satellites':[{'name':'deeper'}]}]},"
     "{'name':'a','input':['${{ satellites.inside.output }}','${{ satellites.deeper.output }}','${{ satellites.g.output.inside }}']}",
     "cluster.satellites[1].input[0] 2:122 `inside` stands inside of a group and is not seen from here | write satellites.g.output, and hand on what is needed in the `output` of that group\n"
     "cluster.satellites[1].input[1] 2:156 `deeper` stands inside of a group and is not seen from here | write satellites.g.output, and hand on what is needed in the `output` of that group"},
    {"{'name':'g','output':['${{ satellites.a.output }}','${{ satellites.g.output }}','${{ satellites.z.output }}','${{ item }}'],'satellites':[{'name':'a'}]},{'name':'z'}",
     "cluster.satellites[0].output[1] 2:57 `g` is the group around it, which ends later | refer to what runs before the group, or to what stands in it\n"
     "cluster.satellites[0].output[2] 2:86 `z` does not run before `g` | add z to the needs of g\n"
     "cluster.satellites[0].output[3] 2:115 unknown name `item` in an expression | item and index are known only in input, env and command of a satellite with `for_each`, and inside a group with it"},
    {"{'name':'g','for_each':'${{ url }}','as':'url','when':'${{ index }}','satellites':[{'name':'a','input':'${{ ulr }}'}]}",
     "cluster.satellites[0].for_each 2:29 unknown name `url` in an expression | known here: input, satellites, execution\n"
     "cluster.satellites[0].when 2:60 unknown name `index` in an expression | item and index are known only in input, env and command of a satellite with `for_each`, and inside a group with it\n"
     "cluster.satellites[0].satellites[0].input 2:109 unknown name `ulr` in an expression | did you mean `url`?"},
    {"{'name':'g','when':'${{ satellites.a.output }}','satellites':[{'name':'a'}]}",
     "cluster.satellites[0].when 2:25 `a` stands inside of a group and is not seen from here | refer to what runs before the group g"},
    {"{'name':'g','satellites':[{'name':'a','input':'${{ b }}'},{'name':'b'}]}",
     "cluster.satellites[0].satellites[0].input 2:52 unknown name `b` in an expression | write satellites.b.output"},
};
/* clang-format on */

static void tells_faults(void **state)
{
    (void)state;
    fixture_check_cases(cases, COUNT(cases), fixture_parse_satellites);
}

static void check_place(const struct satellite *s, const char *name, uint32_t group, uint32_t depth)
{
    assert_true(span_is(s->name, name));
    assert_int_equal(s->group, group);
    assert_int_equal(s->depth, depth);
}

/* a g d | b h | c e: scope by scope, each in the order of the file. */
static const char nested[] =
    "{'name':'a'},{'name':'g','for_each':'${{ satellites.a.output }}','as':'x','max_parallel':3,"
    "'tolerate':2,'continue_on_error':true,'satellites':["
    "{'name':'b','input':'${{ x }}'},"
    "{'name':'h','for_each':'${{ satellites.b.output[index] }}','as':'y','when':'${{ x > 1 }}',"
    "'output':['${{ x }}','${{ y }}','${{ index }}','${{ satellites.c.output }}'],"
    "'satellites':[{'name':'c','command':['${{ x }}','${{ y }}','${{ index }}',"
    "'${{ satellites.a.output }}','${{ satellites.b.state }}']},"
    "{'name':'e','for_each':'${{ [x, y, index] }}','as':'z','input':'${{ [x, y, z, index] }}'}]}]},"
    "{'name':'d','input':'${{ satellites.g.output }}'}";

static void lays_them_out_scope_by_scope(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    const struct cluster *cluster = fixture_cluster(&f, nested);
    const struct satellite *s = cluster->satellites;

    assert_int_equal(cluster->satellite_count, 7);
    assert_int_equal(cluster->root_count, 3);
    check_place(&s[0], "a", SATELLITE_NONE, 0);
    check_place(&s[1], "g", SATELLITE_NONE, 1);
    check_place(&s[2], "d", SATELLITE_NONE, 2);
    check_place(&s[3], "b", 1, 0);
    check_place(&s[4], "h", 1, 1);
    check_place(&s[5], "c", 4, 0);
    check_place(&s[6], "e", 4, 1);
    assert_int_equal(s[1].kind, SATELLITE_GROUP);
    assert_int_equal(s[1].inner_first, 3);
    assert_int_equal(s[1].inner_count, 2);
    assert_int_equal(s[4].inner_first, 5);
    assert_int_equal(s[4].inner_count, 2);
    assert_int_equal(s[6].level, 2);
    assert_int_equal(s[1].max_parallel, 3);
    assert_int_equal(s[1].tolerance.count, 2);
    assert_true(s[1].is_continued);
    /* defaults hold inside, not of the group itself */
    assert_int_equal(s[1].work.image.bytes, 0);
    assert_true(span_is(s[5].work.image, "i"));
    assert_memory_equal(cluster->order, ((const uint32_t[]){0, 1, 2, 3, 4, 5, 6}), 28);
    fixture_end(&f);
}

static void check_reference(const struct satellite *s, uint32_t at, enum reference_kind kind,
                            uint32_t satellite, const char *path)
{
    assert_true(at < s->reference_count);
    assert_int_equal(s->references[at].kind, kind);
    assert_int_equal(s->references[at].satellite, satellite);
    assert_true(span_is(s->references[at].path, path));
}

static void knows_the_items_of_groups_around(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    const struct satellite *s = fixture_cluster(&f, nested)->satellites;

    check_reference(&s[3], 0, REFERENCE_ITEM, 1, "x");
    check_reference(&s[5], 0, REFERENCE_ITEM, 1, "x");
    check_reference(&s[5], 1, REFERENCE_ITEM, 4, "y");
    check_reference(&s[5], 2, REFERENCE_INDEX, 4, "index");
    check_reference(&s[5], 3, REFERENCE_OUTPUT, 0, "satellites.a.output");
    check_reference(&s[5], 4, REFERENCE_STATE, 3, "satellites.b.state");
    check_reference(&s[6], 2, REFERENCE_ITEM, 6, "z");
    check_reference(&s[6], 3, REFERENCE_INDEX, 6, "index");
    /* the output of a group: its own item too */
    check_reference(&s[4], 0, REFERENCE_ITEM, 1, "x");
    check_reference(&s[4], 1, REFERENCE_ITEM, 4, "y");
    check_reference(&s[4], 2, REFERENCE_INDEX, 4, "index");
    check_reference(&s[4], 3, REFERENCE_OUTPUT, 5, "satellites.c.output");
    assert_int_equal(s[4].reference_count, 4);
    /* the default: who is last in it */
    assert_non_null(s[1].output);
    assert_null(s[1].output_source);
    check_reference(&s[1], 0, REFERENCE_OUTPUT, 4, "satellites.h.output");
    assert_int_equal(s[1].reference_count, 1);
    fixture_end(&f);
}

static void finds_names_in_their_scope(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    const struct cluster *cluster = fixture_cluster(
        &f, "{'name':'g','satellites':[{'name':'a'},{'name':'b'}]},"
            "{'name':'h','satellites':[{'name':'b'},{'name':'k','satellites':[{'name':'c'}]}]}");
    const struct satellite *s = cluster->satellites;

    /* g h | a b | b k | c */
    assert_ptr_equal(cluster_find(cluster, 0, span_of("b")), &s[3]);
    assert_ptr_equal(cluster_find(cluster, 1, span_of("b")), &s[4]);
    assert_null(cluster_find(cluster, SATELLITE_NONE, span_of("b")));
    assert_null(cluster_find(cluster, 5, span_of("b")));
    assert_ptr_equal(cluster_find_seen(cluster, 5, span_of("b")), &s[4]);
    assert_ptr_equal(cluster_find_seen(cluster, 5, span_of("g")), &s[0]);
    assert_null(cluster_find_seen(cluster, 5, span_of("a")));
    buffer_reset(&f.text);
    cluster_add_path(cluster, 6, &f.text);
    assert_true(span_is(buffer_span(&f.text), "h.k.c"));
    fixture_end(&f);
}

static void what_is_upstream_of_a_group_is_so_of_all_in_it(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    const struct cluster *cluster = fixture_cluster(&f, nested);

    /* clang-format off */
    static const uint8_t after[7][7] = {
        /*        a  g  d  b  h  c  e */
        /* a */ {0, 1, 1, 1, 1, 1, 1},
        /* g */ {0, 0, 1, 0, 0, 0, 0},
        /* d */ {0, 0, 0, 0, 0, 0, 0},
        /* b */ {0, 0, 1, 0, 1, 1, 1},
        /* h */ {0, 0, 1, 0, 0, 0, 0},
        /* c */ {0, 0, 1, 0, 0, 0, 1},
        /* e */ {0, 0, 1, 0, 0, 0, 0},
    };
    /* clang-format on */

    for (uint32_t a = 0; a < 7; a++) {
        for (uint32_t b = 0; b < 7; b++) {
            assert_int_equal(cluster_is_upstream(cluster, a, b), after[a][b]);
        }
    }
    fixture_end(&f);
}

static void nest(int groups, char *text, size_t bytes)
{
    *text = '\0';
    for (int i = 0; i < groups; i++) {
        (void)snprintf(text + strlen(text), bytes - strlen(text), "{'name':'g%d','satellites':[",
                       i);
    }
    (void)snprintf(text + strlen(text), bytes - strlen(text), "{'name':'a'}");
    for (int i = 0; i < groups; i++) {
        (void)snprintf(text + strlen(text), bytes - strlen(text), "]}");
    }
}

static void nests_so_deep_and_no_deeper(void **state)
{
    struct cluster_fixture f;
    char text[1000];

    (void)state;
    fixture_begin(&f);
    nest(LIMIT_GROUP_DEPTH, text, sizeof(text));
    const struct cluster *cluster = fixture_cluster(&f, text);

    assert_int_equal(cluster->satellite_count, LIMIT_GROUP_DEPTH + 1);
    assert_int_equal(cluster->satellites[LIMIT_GROUP_DEPTH].level, LIMIT_GROUP_DEPTH);
    fixture_end(&f);

    fixture_begin(&f);
    nest(LIMIT_GROUP_DEPTH + 1, text, sizeof(text));
    fixture_parse_satellites(&f, text);
    assert_int_equal(f.faults.error_count, 1);
    assert_string_equal(f.faults.first->text, "groups stand more than 8 deep in one another");
    fixture_end(&f);
}

static void counts_all_against_the_limit(void **state)
{
    struct cluster_fixture f;
    struct cluster_source source = {.root = &f.root, .satellites_max = 6};

    (void)state;
    fixture_begin(&f);
    const struct cluster *cluster = fixture_cluster(&f, nested);

    source.satellites_max = 7;
    assert_int_equal(cluster_parse(&source, &f.arena, &cluster, &f.faults), 0);
    source.satellites_max = 6;
    assert_int_equal(cluster_parse(&source, &f.arena, &cluster, &f.faults), -1);
    assert_string_equal(f.faults.first->text,
                        "the cluster has 7 satellites, more than the limit of 6");
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_faults),
        cmocka_unit_test(lays_them_out_scope_by_scope),
        cmocka_unit_test(knows_the_items_of_groups_around),
        cmocka_unit_test(finds_names_in_their_scope),
        cmocka_unit_test(what_is_upstream_of_a_group_is_so_of_all_in_it),
        cmocka_unit_test(nests_so_deep_and_no_deeper),
        cmocka_unit_test(counts_all_against_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
