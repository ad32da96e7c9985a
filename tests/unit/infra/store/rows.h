/* rows: a batch with a row of every kind, for the tests of what packs and rebuilds them. */
#ifndef EXO_TESTS_UNIT_STORE_ROWS_H
#define EXO_TESTS_UNIT_STORE_ROWS_H

#include "infra/store/store.h"

/* The rows a batch points to. */
struct rows {
    struct store_definition definition;
    struct store_execution insert;
    struct store_spanning spanning;
    struct store_run run;
    struct store_page page;
    struct store_segment segment;
    struct store_reference reference;
    struct store_dead_letter letter;
    struct store_batch batch;
};

/* rows_fill makes batch `next` of shard 3 with one new execution and all that belongs to it. */
static inline void rows_fill(struct rows *rows, uint64_t next)
{
    const struct execution_id id = {.bytes = {1, 2, 3}};

    *rows = (struct rows){
        .definition = {{.bytes = {9}}, span_of("{\"cluster\": {}}")},
        .insert = {.id = id,
                   .shard = 3,
                   .project = "p",
                   .cluster = "p/c",
                   .state = "RUNNING",
                   .epoch = 7,
                   .batch = next,
                   .submitted_ns = 1000,
                   .started_ns = 1001,
                   .priority = -5,
                   .definition = {.bytes = {9}},
                   .labels = span_of("{\"a\":\"b\"}"),
                   .input = span_of("{\"n\":1}"),
                   .body = span_of("body")},
        .spanning = {STORE_SPANNING_KEY, {.bytes = {4}}, span_of("key")},
        .run = {id, 1, 0, 5, false, span_of("run")},
        .page = {id, 2, 0, span_of("page")},
        .segment = {id, 2, 0, 0, next, span_of("output")},
        .reference = {id, {.bytes = {8}}},
        .letter = {"exo.jobs", 3, 17, 900, "broken", span_of("k"), span_of("v")},
    };
    rows->batch = (struct store_batch){
        .shard = 3,
        .epoch = 7,
        .previous = next - 1,
        .next = next,
        .now_ns = 2000,
        .inputs = {{100, 1}, {200, 4294967295}},
        .event_batch = next - 1,
        .extra = span_of("extra"),
        .definitions = &rows->definition,
        .definition_count = 1,
        .inserts = &rows->insert,
        .insert_count = 1,
        .spanning = &rows->spanning,
        .spanning_count = 1,
        .runs = &rows->run,
        .run_count = 1,
        .pages = &rows->page,
        .page_count = 1,
        .segments = &rows->segment,
        .segment_count = 1,
        .references = &rows->reference,
        .reference_count = 1,
        .dead_letters = &rows->letter,
        .dead_letter_count = 1,
    };
}

#endif /* EXO_TESTS_UNIT_STORE_ROWS_H */
