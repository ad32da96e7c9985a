#include "tests/unit/schemas/cluster/cluster_fixture.h"

/* Random nested graphs against a naive idea of them: each satellite begins and ends; a satellite
 * begins after its parents ended; what stands in a group begins after the group and ends before
 * it. One runs before the other when its end comes before the other's begin. */

enum { SATELLITES_MAX = 40, EVENTS_MAX = 2 * SATELLITES_MAX, NONE = SATELLITES_MAX, WORLDS = 60 };

struct world {
    uint64_t seed;
    uint32_t count;
    uint32_t group[SATELLITES_MAX];                 /* below its own number, or NONE */
    bool is_parent[SATELLITES_MAX][SATELLITES_MAX]; /* [child][parent] */
    bool is_before[EVENTS_MAX][EVENTS_MAX];         /* begin of i: 2 * i, end: 2 * i + 1 */
    struct buffer text;
};

/* A small generator of our own: the same worlds at every run. */
static uint32_t random_below(struct world *w, uint32_t bound)
{
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->seed >> 33) % bound;
}

static uint32_t level_of(const struct world *w, uint32_t i)
{
    return w->group[i] == NONE ? 0 : 1 + level_of(w, w->group[i]);
}

static void close_over(struct world *w)
{
    uint32_t events = 2 * w->count;

    for (uint32_t via = 0; via < events; via++) {
        for (uint32_t a = 0; a < events; a++) {
            for (uint32_t b = 0; w->is_before[a][via] && b < events; b++) {
                w->is_before[a][b] |= w->is_before[via][b];
            }
        }
    }
}

static void make_world(struct world *w)
{
    w->count = 2 + random_below(w, SATELLITES_MAX - 2);
    memset(w->is_parent, 0, sizeof(w->is_parent));
    memset(w->is_before, 0, sizeof(w->is_before));
    for (uint32_t i = 0; i < w->count; i++) {
        uint32_t group = i == 0 || random_below(w, 3) == 0 ? NONE : random_below(w, i);

        w->group[i] = group != NONE && level_of(w, group) < 4 ? group : NONE;
        w->is_before[2 * i][2 * i + 1] = true;
        if (w->group[i] != NONE) {
            w->is_before[2 * w->group[i]][2 * i] = true;
            w->is_before[2 * i + 1][2 * w->group[i] + 1] = true;
        }
        for (uint32_t parent = 0; parent < i; parent++) {
            if (w->group[parent] == w->group[i] && random_below(w, 3) == 0) {
                w->is_parent[i][parent] = true;
                w->is_before[2 * parent + 1][2 * i] = true;
            }
        }
    }
    close_over(w);
}

static void add(struct world *w, const char *format, unsigned number)
{
    char text[64];

    (void)snprintf(text, sizeof(text), format, number);
    buffer_text(&w->text, text);
}

static bool has_inner(const struct world *w, uint32_t group)
{
    for (uint32_t i = 0; i < w->count; i++) {
        if (w->group[i] == group) {
            return true;
        }
    }
    return false;
}

/* True when an expression in user may name target at all. */
static bool is_seen(const struct world *w, uint32_t user, uint32_t target)
{
    for (uint32_t at = user; at != NONE; at = w->group[at]) {
        if (w->group[target] == w->group[at]) {
            return true;
        }
    }
    return false;
}

static void write_one(struct world *w, uint32_t i, uint32_t referred);

/* The satellites of a scope, the last first: the order of the file says nothing. */
static void write_scope(struct world *w, uint32_t scope, uint32_t referred)
{
    const char *comma = "";

    for (uint32_t i = w->count; i-- > 0;) {
        if (w->group[i] == scope) {
            buffer_text(&w->text, comma);
            write_one(w, i, referred);
            comma = ",";
        }
    }
}

static void write_one(struct world *w, uint32_t i, uint32_t referred)
{
    const char *comma = "";

    add(w, "{'name':'s%u','needs':[", i);
    for (uint32_t parent = 0; parent < i; parent++) {
        if (w->is_parent[i][parent]) {
            buffer_text(&w->text, comma);
            add(w, "'s%u'", parent);
            comma = ",";
        }
    }
    buffer_text(&w->text, "]");
    if (has_inner(w, i)) {
        buffer_text(&w->text, ",'satellites':[");
        write_scope(w, i, referred);
        buffer_text(&w->text, "]");
    } else if (referred != NONE && is_seen(w, i, referred)) {
        add(w, ",'input':'${{ satellites.s%u.output }}'", referred);
    }
    buffer_text(&w->text, "}");
}

static void parse(struct world *w, struct cluster_fixture *f, uint32_t referred)
{
    fixture_begin(f);
    buffer_reset(&w->text);
    write_scope(w, NONE, referred);
    buffer_append(&w->text, (struct span){"", 1});
    fixture_parse_satellites(f, (const char *)w->text.data);
}

static uint32_t number_of(const struct satellite *satellite)
{
    uint32_t number = 0;

    for (size_t i = 1; i < satellite->name.bytes; i++) {
        number = number * 10 + (uint32_t)(((const char *)satellite->name.data)[i] - '0');
    }
    return number;
}

static void check_order(const struct world *w, const struct cluster *cluster)
{
    for (uint32_t a = 0; a < w->count; a++) {
        for (uint32_t b = 0; b < w->count; b++) {
            uint32_t from = number_of(&cluster->satellites[a]);
            uint32_t to = number_of(&cluster->satellites[b]);

            assert_int_equal(cluster_is_upstream(cluster, a, b),
                             w->is_before[2 * from + 1][2 * to]);
        }
    }
    /* Parents stand before children, groups before what they hold. */
    for (uint32_t i = 0; i < w->count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            uint32_t early = number_of(&cluster->satellites[cluster->order[j]]);
            uint32_t late = number_of(&cluster->satellites[cluster->order[i]]);

            assert_false(w->is_parent[early][late]);
            assert_int_not_equal(w->group[early], late);
        }
    }
}

/* Exactly the users that target does not run before are told of. */
static void check_references(struct world *w, uint32_t target)
{
    struct cluster_fixture f;
    uint32_t expected = 0;

    parse(w, &f, target);
    for (uint32_t user = 0; user < w->count; user++) {
        expected += !has_inner(w, user) && is_seen(w, user, target) &&
                    !w->is_before[2 * target + 1][2 * user];
    }
    assert_int_equal(f.faults.error_count, expected);
    fixture_end(&f);
}

static void agrees_with_begins_and_ends(void **state)
{
    static struct world w = {.seed = 3};
    struct heap_budget budget = {0};

    (void)state;
    buffer_init(&w.text, allocator_heap(&budget), 0);
    for (int i = 0; i < WORLDS; i++) {
        struct cluster_fixture f;

        make_world(&w);
        parse(&w, &f, NONE);
        assert_string_equal(fixture_faults(&f), "");
        check_order(&w, f.cluster);
        fixture_end(&f);
        for (uint32_t target = 0; target < w.count; target++) {
            check_references(&w, target);
        }
    }
    buffer_release(&w.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_begins_and_ends)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
