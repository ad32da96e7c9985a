#include "infra/yaml/yaml_read.h"
#include "schemas/vocab/limits.h"
#include "tests/unit/schemas/cluster/cluster_fixture.h"

/* Faults of files as people write them: YAML through text_read, with lines and columns. */

#define HEAD "exosphere: v1\ncluster:\n  name: p/c\n  defaults: {image: i}\n  satellites:\n"

/* clang-format off */
static const struct fault_case cases[] = {
    {"", " 1:1 the text is empty | write its fields, each as NAME: VALUE"},
    {HEAD "    - name: a\n      comand: [x]\n      needs: [b]\n      timeout: 10 min\n",
     "cluster.satellites[0].comand 7:7 unknown field `comand` | did you mean `command`?\n"
     "cluster.satellites[0].needs[0] 8:15 no satellite is named `b` | name a satellite of this cluster\n"
     "cluster.satellites[0].timeout 9:16 `10 min` is not a duration | write numbers with h, m, s or ms, the largest first, such as 1h30m or 250ms"},
    {HEAD "    - name: a\n    - name: a\n    - image: x\n",
     "cluster.satellites[1].name 7:13 the name `a` stands twice, first in line 6 | give each satellite a name of its own\n"
     "cluster.satellites[2].name 8:7 a satellite without a name | add name: NAME"},
    /* The same expression, plain, in either quotes, in block texts (of which only the first line has
     * its column) and behind an escape (which counts as the one byte it stands for). */
    {HEAD "    - name: a\n      when: ${{ lost }}\n",
     "cluster.satellites[0].when 7:17 unknown name `lost` in an expression | known here: input, satellites, execution"},
    {HEAD "    - name: a\n      when: \"${{ lost }}\"\n",
     "cluster.satellites[0].when 7:18 unknown name `lost` in an expression | known here: input, satellites, execution"},
    {HEAD "    - name: a\n      when: '${{ lost }}'\n",
     "cluster.satellites[0].when 7:18 unknown name `lost` in an expression | known here: input, satellites, execution"},
    {HEAD "    - name: a\n      input:\n        x: |\n          first\n          ${{ lost }}\n          ${{ 1 + }}\n",
     "cluster.satellites[0].input.x 11:9 a value must stand here: a name, a literal, or an expression in brackets"},
    {HEAD "    - name: a\n      input:\n        x: |\n          first\n          ${{ lost }}\n",
     "cluster.satellites[0].input.x 10:5 unknown name `lost` in an expression | known here: input, satellites, execution"},
    {HEAD "    - name: a\n      input:\n        x: >-\n          ${{ lost }}\n",
     "cluster.satellites[0].input.x 9:15 unknown name `lost` in an expression | known here: input, satellites, execution"},
    {HEAD "    - name: a\n      input: {x: [1, \"\\t${{ lost }}\"]}\n",
     "cluster.satellites[0].input.x[1] 7:28 unknown name `lost` in an expression | known here: input, satellites, execution"},
    {HEAD "    - name: a\n      env: {A: yes, B: 010, C: null, D: 1.5, E: on}\n",
     "cluster.satellites[0].env.B 7:24 `B` must be a string, not an int | put it in quotes\n"
     "cluster.satellites[0].env.C 7:32 `C` must be a string, not null | give it a value, or remove the field\n"
     "cluster.satellites[0].env.D 7:41 `D` must be a string, not a double | put it in quotes"},
    {"exosphere: v1\ncluster:\n  name: p/c\n  satellites:\n    - &a {name: a, image: i, command: [x, 5]}\n    - *a\n",
     "cluster.satellites[1].name 5:17 the name `a` stands twice, first in line 5 | give each satellite a name of its own\n"
     "cluster.satellites[0].command[1] 5:43 an item of `command` must be a string, not an int | put it in quotes\n"
     "cluster.satellites[1].command[1] 5:43 an item of `command` must be a string, not an int | put it in quotes"},
};
/* clang-format on */

static void parse_text(struct cluster_fixture *f, const char *text)
{
    struct value root = value_null();

    assert_int_equal(text_read(span_of(text), NULL, &f->arena, &root, &f->faults), 0);
    fixture_parse_value(f, root);
}

static void tells_faults_with_lines_and_columns(void **state)
{
    (void)state;
    fixture_check_cases(cases, COUNT(cases), parse_text);
}

/* The limits of interfaces.md 6 that the readers hold, seen from here. */
static void limits_file_and_expression(void **state)
{
    static const struct {
        size_t padding; /* blanks in an expression of 3 bytes */
        const char *faults;
    } table[] = {
        {4092, ""},
        {4094, "cluster.output 1:4192 the expression is longer than the limit of 4096 bytes"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct cluster_fixture f;
        struct buffer text;

        fixture_begin(&f);
        buffer_init(&text, allocator_heap(&f.budget), 0);
        buffer_text(&text, "{\"exosphere\":\"v1\",\"cluster\":{\"name\":\"p/c\",\"satellites\":"
                           "[{\"name\":\"a\",\"image\":\"i\"}],\"output\":\"${{");
        for (size_t j = 0; j < table[i].padding; j++) {
            buffer_text(&text, " ");
        }
        buffer_text(&text, "1+1}}\"}}");
        buffer_append(&text, (struct span){"", 1});
        parse_text(&f, (const char *)text.data);
        assert_string_equal(fixture_faults(&f), table[i].faults);
        buffer_release(&text);
        fixture_end(&f);
    }
}

static void limits_the_file(void **state)
{
    struct cluster_fixture f;
    struct buffer text;
    struct value root;

    (void)state;
    fixture_begin(&f);
    buffer_init(&text, allocator_heap(&f.budget), 0);
    buffer_text(&text, HEAD "    - name: a\n");
    while (text.bytes < LIMIT_CLUSTER_BYTES) {
        buffer_text(&text, "\n");
    }
    assert_int_equal(text_read(buffer_span(&text), NULL, &f.arena, &root, &f.faults), 0);
    buffer_text(&text, "\n");
    assert_int_equal(text_read(buffer_span(&text), NULL, &f.arena, &root, &f.faults), -1);
    assert_non_null(strstr(fixture_faults(&f), "longer than the limit"));
    buffer_release(&text);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_faults_with_lines_and_columns),
        cmocka_unit_test(limits_file_and_expression),
        cmocka_unit_test(limits_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
