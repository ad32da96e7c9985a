#include "infra/yaml/yaml_read.h"
#include "schemas/cluster/group.h"
#include "schemas/cluster/stored_satellite.h"
#include "tests/unit/schemas/cluster/field_tables.h"
#include "tests/unit/schemas/cluster/text_file.h"

/* Every example of docs/cluster-file.md is read as a person would use it, and every field has one.
 *
 * A block that begins with `exosphere:` is a whole file, of a cluster or a satellite, one that
 * begins with `- ` the satellites of a cluster, any other one fields of a cluster. */

enum { BLOCKS_MIN = 9, FIELDS_MAX = 40 };

struct usage {
    bool is_used[TABLE_NR][FIELDS_MAX];
};

static void note_map(struct usage *usage, enum field_table table, const struct value *map)
{
    for (uint32_t i = 0; map != NULL && map->kind == VALUE_MAP && i < map->count; i++) {
        for (size_t j = 0; j < *field_tables[table].count; j++) {
            usage->is_used[table][j] |=
                span_is(value_text(&map->members[i].key), field_tables[table].fields[j].name);
        }
    }
}

static void note_step(struct usage *usage, enum field_table table, const struct value *step)
{
    const struct value *mounts = step == NULL ? NULL : value_get(step, span_of("mounts"));

    if (step == NULL) {
        return;
    }
    note_map(usage, table, step);
    note_map(usage, TABLE_RESOURCES, value_get(step, span_of("resources")));
    note_map(usage, TABLE_RETRIES, value_get(step, span_of("retries")));
    note_map(usage, TABLE_TIMEOUTS, value_get(step, span_of("timeouts")));
    note_map(usage, TABLE_JOIN, value_get(step, span_of("join")));
    note_map(usage, TABLE_WAIT, value_get(step, span_of("wait")));
    note_map(usage, TABLE_CACHE, value_get(step, span_of("cache")));
    note_map(usage, TABLE_BATCH, value_get(step, span_of("batch")));
    for (uint32_t i = 0; mounts != NULL && i < mounts->count; i++) {
        note_map(usage, TABLE_MOUNT, &mounts->items[i]);
    }
}

static enum field_table table_of(const struct value *step)
{
    switch (group_kind(step)) {
    case FIELD_IN_CLUSTER:
        return TABLE_USED;
    case FIELD_IN_GROUP:
        return TABLE_GROUP;
    case FIELD_IN_WAIT:
        return TABLE_WAITING;
    default:
        return TABLE_SATELLITE;
    }
}

static void note_steps(struct usage *usage, const struct value *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct value *inner = value_get(&list->items[i], span_of("satellites"));

        note_step(usage, table_of(&list->items[i]), &list->items[i]);
        if (inner != NULL) {
            note_steps(usage, inner);
        }
    }
}

static void note_file(struct usage *usage, const struct value *file)
{
    const struct value *cluster = value_get(file, span_of("cluster"));
    const struct value *inputs = value_get(cluster, span_of("inputs"));
    const struct value *satellites = value_get(cluster, span_of("satellites"));

    note_map(usage, TABLE_FILE, file);
    note_map(usage, TABLE_CLUSTER, cluster);
    note_map(usage, TABLE_CONCURRENCY, value_get(cluster, span_of("concurrency")));
    note_map(usage, TABLE_RATE, value_get(cluster, span_of("rate")));
    for (uint32_t i = 0; inputs != NULL && i < inputs->count; i++) {
        note_map(usage, TABLE_INPUT, &inputs->members[i].value);
    }
    note_step(usage, TABLE_DEFAULTS, value_get(cluster, span_of("defaults")));
    note_steps(usage, satellites);
}

static void append_indented(struct buffer *text, struct span block)
{
    const char *at = block.data;
    const char *end = at + block.bytes;

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *next = newline == NULL ? end : newline + 1;

        buffer_text(text, "  ");
        buffer_append(text, (struct span){at, (size_t)(next - at)});
        at = next;
    }
}

static bool begins_with(struct span text, const char *prefix)
{
    return text.bytes >= strlen(prefix) && memcmp(text.data, prefix, strlen(prefix)) == 0;
}

/* Makes a whole file of a block. */
static void complete(struct span block, struct buffer *text)
{
    if (begins_with(block, "exosphere:")) {
        buffer_append(text, block);
        return;
    }
    bool is_list = begins_with(block, "- ");

    buffer_text(text, "exosphere: v1\ncluster:\n");
    if (!begins_with(block, "name:")) {
        buffer_text(text, "  name: docs/example\n");
    }
    if (is_list) {
        buffer_text(text, "  defaults: {image: i}\n  satellites:\n");
    }
    append_indented(text, block);
    if (!is_list && memmem(block.data, block.bytes, "satellites:\n", 12) == NULL) {
        buffer_text(text, "  satellites: [{name: step, image: i}]\n");
    }
}

/* A whole file of a stored satellite. */
static void check_satellite(struct cluster_fixture *f)
{
    const struct stored_satellite_source source = {.root = &f->root};
    struct stored_satellite satellite;

    if (stored_satellite_parse(&source, &f->arena, &satellite, &f->faults) != 0) {
        fail_msg("%s", fixture_faults(f));
    }
}

static void check_block(struct span block, struct usage *usage)
{
    struct cluster_fixture f;
    struct buffer text;
    struct value root = value_null();

    fixture_begin(&f);
    buffer_init(&text, allocator_heap(&f.budget), 0);
    complete(block, &text);
    if (text_read(buffer_span(&text), NULL, &f.arena, &root, &f.faults) != 0) {
        fail_msg("%.*s\n%s", SPAN_ARG(block), fixture_faults(&f));
    }
    if (value_get(&root, span_of("satellite")) != NULL) {
        f.root = root;
        check_satellite(&f);
    } else {
        f.allows_uses = true;
        fixture_parse_value(&f, root);
        if (f.cluster == NULL || f.faults.kept_count > 0) {
            fail_msg("%.*s\n%s", SPAN_ARG(block), fixture_faults(&f));
        }
        note_file(usage, &root);
    }
    buffer_release(&text);
    fixture_end(&f);
}

/* Calls check_block for each fenced block of YAML. Returns how many there are. */
static uint32_t check_blocks(struct span page, struct usage *usage)
{
    static const char fence[] = "\n```yaml\n";
    const char *at = page.data;
    uint32_t blocks = 0;

    while ((at = strstr(at, fence)) != NULL) {
        const char *begin = at + strlen(fence);
        const char *end = strstr(begin, "\n```\n");

        assert_non_null(end);
        check_block((struct span){begin, (size_t)(end + 1 - begin)}, usage);
        blocks++;
        at = end;
    }
    return blocks;
}

static void every_example_is_a_cluster(void **state)
{
    struct cluster_fixture f;
    struct usage usage = {0};

    (void)state;
    fixture_begin(&f);
    assert_true(check_blocks(text_file(&f, "docs/cluster-file.md"), &usage) >= BLOCKS_MIN);
    for (size_t i = 0; i < TABLE_NR; i++) {
        for (size_t j = 0; j < *field_tables[i].count; j++) {
            const struct field *field = &field_tables[i].fields[j];

            if (field_is_read(&field_tables[i], field) && !usage.is_used[i][j]) {
                fail_msg("docs/cluster-file.md has no example of %s of %s", field->name,
                         field_tables[i].schema);
            }
        }
    }
    fixture_end(&f);
}

static void every_field_is_described(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    struct span page = text_file(&f, "docs/cluster-file.md");

    for (size_t i = 0; i < TABLE_NR; i++) {
        for (size_t j = 0; j < *field_tables[i].count; j++) {
            char name[100];

            (void)snprintf(name, sizeof(name), "`%s`", field_tables[i].fields[j].name);
            if (strstr(page.data, name) == NULL) {
                fail_msg("docs/cluster-file.md does not tell of %s", name);
            }
        }
    }
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_is_a_cluster),
        cmocka_unit_test(every_field_is_described),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
