/* cluster_fixture: a cluster file in, a cluster or its faults out, as text that a test can compare.
 *
 * Texts are JSON with ' for ", so that they are readable in C. */
#ifndef EXO_TEST_CLUSTER_FIXTURE_H
#define EXO_TEST_CLUSTER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/cluster/cluster.h"
#include "schemas/json/json_read.h"
#include "schemas/vocab/arena.h"
#include "schemas/vocab/buffer.h"
#include "schemas/vocab/fault.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct cluster_fixture {
    struct heap_budget budget;
    struct arena arena;
    struct fault_list faults;
    struct value root;
    const struct cluster *cluster; /* NULL when there are faults */
    struct buffer text;            /* of fixture_faults and of canonical texts */
    bool allows_uses;              /* `uses` is taken by its form */
};

static inline void fixture_begin(struct cluster_fixture *f)
{
    *f = (struct cluster_fixture){0};
    arena_init(&f->arena, allocator_heap(&f->budget), 0);
    buffer_init(&f->text, allocator_heap(&f->budget), 0);
    fault_list_init(&f->faults, &f->arena, 0);
}

static inline void fixture_end(struct cluster_fixture *f)
{
    buffer_release(&f->text);
    arena_release(&f->arena);
    assert_int_equal(f->budget.used_bytes, 0);
}

/* Every fault as "path line:column text | hint" on a line; warnings begin with "warning: ". */
static inline const char *fixture_faults(struct cluster_fixture *f)
{
    buffer_reset(&f->text);
    for (const struct fault *fault = f->faults.first; fault != NULL; fault = fault->next) {
        char line[1400];

        (void)snprintf(line, sizeof(line), "%s%s%s %u:%u %s%s%s",
                       fault == f->faults.first ? "" : "\n", fault->is_warning ? "warning: " : "",
                       fault->path, fault->line, fault->column, fault->text,
                       *fault->hint == '\0' ? "" : " | ", fault->hint);
        buffer_text(&f->text, line);
    }
    buffer_append(&f->text, (struct span){"", 1});
    return (const char *)f->text.data;
}

/* Reads JSON with ' for "; fails the test where it is none. */
static inline struct value fixture_json(struct cluster_fixture *f, const char *quoted)
{
    size_t bytes = strlen(quoted);
    char *text = arena_alloc(&f->arena, bytes + 1);
    struct json_error error;
    struct value value = value_null();

    assert_non_null(text);
    for (size_t i = 0; i < bytes; i++) {
        text[i] = (char)(quoted[i] == '\'' ? '"' : quoted[i]);
    }
    if (json_read((struct span){text, bytes}, NULL, &f->arena, &value, &error) != JSON_OK) {
        fail_msg("%s: %u:%u %s", text, error.line, error.column, error.text);
    }
    return value;
}

/* Parses a value; f->cluster is NULL when there are faults. */
static inline void fixture_parse_value(struct cluster_fixture *f, struct value root)
{
    struct cluster_source source = {.root = &f->root, .allows_uses = f->allows_uses};
    int result;

    f->root = root;
    f->cluster = NULL;
    result = cluster_parse(&source, &f->arena, &f->cluster, &f->faults);
    assert_int_equal(result == 0, f->faults.error_count == 0);
    assert_int_equal(result == 0, f->cluster != NULL);
}

/* A whole file. */
static inline void fixture_parse(struct cluster_fixture *f, const char *quoted)
{
    fixture_parse_value(f, fixture_json(f, quoted));
}

/* A cluster p/c with the given satellites (the inside of the list), image i by default. The list
 * begins in line 2, so that line 2 column 1 is the first byte of the argument. */
static inline void fixture_parse_satellites(struct cluster_fixture *f, const char *quoted)
{
    struct buffer text;

    buffer_init(&text, allocator_heap(&f->budget), 0);
    buffer_text(&text, "{'exosphere':'v1','cluster':{'name':'p/c','defaults':{'image':'i'},"
                       "'satellites':[\n");
    buffer_text(&text, quoted);
    buffer_text(&text, "]}}");
    buffer_append(&text, (struct span){"", 1});
    assert_false(text.is_failed);
    fixture_parse(f, (const char *)text.data);
    buffer_release(&text);
}

/* fixture_parse_satellites that must succeed. */
static inline const struct cluster *fixture_cluster(struct cluster_fixture *f, const char *quoted)
{
    fixture_parse_satellites(f, quoted);
    if (f->cluster == NULL) {
        fail_msg("%s:\n%s", quoted, fixture_faults(f));
    }
    return f->cluster;
}

/* The canonical text, NUL-terminated, until the next use of f->text. */
static inline const char *fixture_canonical(struct cluster_fixture *f,
                                            const struct cluster *cluster)
{
    buffer_reset(&f->text);
    cluster_canonical(cluster, &f->text);
    buffer_append(&f->text, (struct span){"", 1});
    assert_false(f->text.is_failed);
    return (const char *)f->text.data;
}

struct fault_case {
    const char *text;   /* the argument of fixture_parse or fixture_parse_satellites */
    const char *faults; /* as fixture_faults tells them */
};

static inline void fixture_check_cases(const struct fault_case *cases, size_t count,
                                       void (*parse)(struct cluster_fixture *, const char *))
{
    size_t wrong = 0;

    for (size_t i = 0; i < count; i++) {
        struct cluster_fixture f;

        fixture_begin(&f);
        parse(&f, cases[i].text);
        if (strcmp(fixture_faults(&f), cases[i].faults) != 0) {
            (void)fprintf(stderr, "%s\n   gives: %s\nexpected: %s\n", cases[i].text,
                          fixture_faults(&f), cases[i].faults);
            wrong++;
        }
        fixture_end(&f);
    }
    assert_int_equal(wrong, 0);
}

#endif /* EXO_TEST_CLUSTER_FIXTURE_H */
