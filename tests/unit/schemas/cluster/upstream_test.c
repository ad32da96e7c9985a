#include "tests/unit/schemas/cluster/cluster_fixture.h"

#include <stdlib.h>

enum { SATELLITES_MAX = 300, REFERENCES_MAX = 600 };

/* A small generator of our own: the same graphs at every run. */
static uint32_t random_below(uint64_t *seed, uint32_t bound)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % bound;
}

struct graph {
    uint32_t count;
    bool is_parent[SATELLITES_MAX][SATELLITES_MAX]; /* [child][parent], parent < child */
    bool is_upstream[SATELLITES_MAX][SATELLITES_MAX];
    bool is_referred[SATELLITES_MAX][SATELLITES_MAX]; /* [user][target] */
};

static void make_graph(struct graph *graph, uint64_t *seed, uint32_t count, uint32_t parents)
{
    *graph = (struct graph){.count = count};
    for (uint32_t child = 1; child < count; child++) {
        for (uint32_t i = 0; i < parents; i++) {
            graph->is_parent[child][random_below(seed, child)] = random_below(seed, 3) > 0;
        }
        for (uint32_t parent = 0; parent < child; parent++) {
            for (uint32_t i = 0; graph->is_parent[child][parent] && i <= parent; i++) {
                graph->is_upstream[child][i] |= i == parent || graph->is_upstream[parent][i];
            }
        }
    }
    for (uint32_t i = 0; i < REFERENCES_MAX; i++) {
        uint32_t user = random_below(seed, count);
        uint32_t target = random_below(seed, count);

        graph->is_referred[user][target] = user != target;
    }
}

/* The satellites in an order of the file that says nothing of the graph: even ones first. */
static void write_graph(const struct graph *graph, struct buffer *text)
{
    char item[64];

    for (uint32_t i = 0; i < graph->count; i++) {
        uint32_t child = i < (graph->count + 1) / 2 ? 2 * i : 2 * (i - (graph->count + 1) / 2) + 1;
        const char *comma = "";

        (void)snprintf(item, sizeof(item), "%s{'name':'s%u','needs':[", i == 0 ? "" : ",", child);
        buffer_text(text, item);
        for (uint32_t parent = 0; parent < child; parent++) {
            if (graph->is_parent[child][parent]) {
                (void)snprintf(item, sizeof(item), "%s's%u'", comma, parent);
                buffer_text(text, item);
                comma = ",";
            }
        }
        buffer_text(text, "],'input':[");
        comma = "";
        for (uint32_t target = 0; target < graph->count; target++) {
            if (graph->is_referred[child][target]) {
                (void)snprintf(item, sizeof(item), "%s'${{ satellites.s%u.output }}'", comma,
                               target);
                buffer_text(text, item);
                comma = ",";
            }
        }
        buffer_text(text, "]}");
    }
    buffer_append(text, (struct span){"", 1});
}

static void check_answers(struct cluster_fixture *f, const struct graph *graph)
{
    uint32_t expected = 0;

    for (uint32_t user = 0; user < graph->count; user++) {
        for (uint32_t target = 0; target < graph->count; target++) {
            expected += graph->is_referred[user][target] && !graph->is_upstream[user][target];
        }
    }
    assert_int_equal(f->faults.error_count, expected);
    for (const struct fault *fault = f->faults.first; fault != NULL; fault = fault->next) {
        char told[100];
        unsigned long target = strtoul(fault->text + 2, NULL, 10);
        unsigned long user = strtoul(strrchr(fault->hint, 's') + 1, NULL, 10);

        (void)snprintf(told, sizeof(told), "`s%lu` does not run before `s%lu`", target, user);
        assert_string_equal(fault->text, told);
        assert_true(target < graph->count);
        assert_true(user < graph->count);
        assert_true(graph->is_referred[user][target]);
        assert_false(graph->is_upstream[user][target]);
    }
}

static void tells_of_exactly_what_is_not_upstream(void **state)
{
    static struct graph graph;
    static const uint32_t sizes[] = {2, 5, 64, 65, 130, SATELLITES_MAX};
    uint64_t seed = 1;

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct cluster_fixture f;
        struct buffer text;

        make_graph(&graph, &seed, sizes[i], i % 2 == 0 ? 2 : 30);
        fixture_begin(&f);
        fault_list_init(&f.faults, &f.arena, 10000);
        buffer_init(&text, allocator_heap(&f.budget), 0);
        write_graph(&graph, &text);
        fixture_parse_satellites(&f, (const char *)text.data);
        check_answers(&f, &graph);
        buffer_release(&text);
        fixture_end(&f);
    }
}

static void cluster_is_upstream_agrees(void **state)
{
    static struct graph graph;
    struct cluster_fixture f;
    struct buffer text;
    uint64_t seed = 7;

    (void)state;
    make_graph(&graph, &seed, 100, 3);
    memset(graph.is_referred, 0, sizeof(graph.is_referred));
    fixture_begin(&f);
    buffer_init(&text, allocator_heap(&f.budget), 0);
    write_graph(&graph, &text);
    const struct cluster *cluster = fixture_cluster(&f, (const char *)text.data);

    for (uint32_t user = 0; user < graph.count; user++) {
        for (uint32_t target = 0; target < graph.count; target++) {
            char a[16];
            char b[16];

            (void)snprintf(a, sizeof(a), "s%u", target);
            (void)snprintf(b, sizeof(b), "s%u", user);
            assert_int_equal(cluster_is_upstream(
                                 cluster, cluster_find(cluster, SATELLITE_NONE, span_of(a))->index,
                                 cluster_find(cluster, SATELLITE_NONE, span_of(b))->index),
                             graph.is_upstream[user][target]);
        }
    }
    buffer_release(&text);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_of_exactly_what_is_not_upstream),
        cmocka_unit_test(cluster_is_upstream_agrees),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
