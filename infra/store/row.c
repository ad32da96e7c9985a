#include "infra/store/row.h"

#include <inttypes.h>
#include <stdio.h>

#include "infra/crypto/crypto.h"

#define NUMBER(name, is_fixed)                                                                     \
    {                                                                                              \
        name, true, is_fixed, ROW_COPIED                                                           \
    }
#define BYTES(name, is_fixed, naming)                                                              \
    {                                                                                              \
        name, false, is_fixed, naming                                                              \
    }

/* clang-format off */
static const struct row_shape shapes[ROW_TABLE_NR] = {
    [ROW_SHARD] = {"shard", 1, 9, {
        NUMBER("shard", true), NUMBER("now_ns", false),
        NUMBER("jobs_offset", false), NUMBER("jobs_checksum", false),
        NUMBER("status_offset", false), NUMBER("status_checksum", false),
        NUMBER("event_batch", false), BYTES("extra", false, ROW_NAMED_LARGE),
        NUMBER("epoch", false)}},
    [ROW_DEFINITION] = {"definition", 1, 2, {
        BYTES("digest", true, ROW_COPIED), BYTES("text", true, ROW_NAMED)}},
    [ROW_EXECUTION] = {"execution", 1, 20, {
        BYTES("id", true, ROW_COPIED), NUMBER("shard", true), NUMBER("priority", true),
        NUMBER("epoch", false), NUMBER("batch", false), NUMBER("submitted_ns", true),
        NUMBER("started_ns", false), NUMBER("ended_ns", false), NUMBER("deadline_ns", false),
        NUMBER("is_terminal", false), BYTES("state", false, ROW_COPIED),
        BYTES("project", true, ROW_COPIED), BYTES("cluster", true, ROW_COPIED),
        BYTES("definition", true, ROW_COPIED), BYTES("labels", true, ROW_COPIED),
        BYTES("input", true, ROW_NAMED_LARGE), BYTES("output", false, ROW_NAMED_LARGE),
        BYTES("output_ref", false, ROW_COPIED), BYTES("error", false, ROW_COPIED),
        BYTES("body", false, ROW_COPIED)}},
    [ROW_SPANNING] = {"spanning", 3, 4, {
        NUMBER("shard", true), NUMBER("kind", true), BYTES("id", true, ROW_COPIED),
        BYTES("body", false, ROW_COPIED)}},
    [ROW_RUN] = {"group_run", 3, 6, {
        BYTES("execution", true, ROW_COPIED), NUMBER("instance", true), NUMBER("index", true),
        NUMBER("number", false), NUMBER("is_ended", false), BYTES("body", false, ROW_COPIED)}},
    [ROW_PAGE] = {"task_page", 3, 4, {
        BYTES("execution", true, ROW_COPIED), NUMBER("instance", true), NUMBER("page", true),
        BYTES("body", false, ROW_COPIED)}},
    [ROW_OUTPUT] = {"task_output", 5, 6, {
        BYTES("execution", true, ROW_COPIED), NUMBER("instance", true), NUMBER("kind", true),
        NUMBER("page", true), NUMBER("part", true), BYTES("body", true, ROW_NAMED)}},
    [ROW_REFERENCE] = {"blob_reference", 2, 2, {
        BYTES("execution", true, ROW_COPIED), BYTES("digest", true, ROW_COPIED)}},
    [ROW_LETTER] = {"dead_letter", 5, 7, {
        BYTES("topic", true, ROW_COPIED), NUMBER("partition", true), NUMBER("position", true),
        NUMBER("at_ns", true), BYTES("reason", true, ROW_COPIED),
        BYTES("key", true, ROW_NAMED_LARGE), BYTES("value", true, ROW_NAMED_LARGE)}},
};
/* clang-format on */

const struct row_shape *row_shape(enum row_table table)
{
    return &shapes[table];
}

static void number(struct row *row, int64_t value)
{
    row->cells[row->cell_count++] = (struct row_cell){CELL_NUMBER, value, {NULL, 0}};
}

static void bytes(struct row *row, struct span value)
{
    row->cells[row->cell_count++] = (struct row_cell){CELL_BYTES, 0, value};
}

static void id(struct row *row, const struct execution_id *value)
{
    bytes(row, (struct span){value->bytes, EXECUTION_ID_BYTES});
}

static void digest(struct row *row, const struct digest *value)
{
    bytes(row, (struct span){value->bytes, DIGEST_BYTES});
}

static void begin(struct row *row, enum row_table table, enum row_act act)
{
    row->table = table;
    row->act = act;
    row->cell_count = 0;
}

static void shard_row(const struct store_batch *batch, struct row *row)
{
    begin(row, ROW_SHARD, ROW_PUT);
    number(row, batch->shard);
    number(row, batch->now_ns);
    for (int i = 0; i < STORE_INPUTS; i++) {
        number(row, batch->inputs[i].offset);
        number(row, batch->inputs[i].checksum);
    }
    number(row, (int64_t)batch->event_batch);
    bytes(row, batch->extra);
    number(row, (int64_t)batch->epoch);
}

/* An update says nothing of what never changes. */
static void execution_row(const struct store_execution *e, enum row_act act, struct row *row)
{
    begin(row, ROW_EXECUTION, act);
    id(row, &e->id);
    number(row, e->shard);
    number(row, e->priority);
    number(row, (int64_t)e->epoch);
    number(row, (int64_t)e->batch);
    number(row, e->submitted_ns);
    number(row, e->started_ns);
    number(row, e->ended_ns);
    number(row, e->deadline_ns);
    number(row, e->is_terminal);
    bytes(row, span_of(e->state));
    bytes(row, span_of(e->project));
    bytes(row, span_of(e->cluster));
    digest(row, &e->definition);
    bytes(row, e->labels);
    bytes(row, e->input);
    bytes(row, e->output);
    bytes(row, e->output_ref);
    bytes(row, e->error);
    bytes(row, e->body);
}

static void spanning_row(const struct store_spanning *spanning, uint32_t shard, struct row *row)
{
    begin(row, ROW_SPANNING, spanning->body.bytes == 0 ? ROW_DELETE : ROW_PUT);
    number(row, shard);
    number(row, spanning->kind);
    digest(row, &spanning->id);
    bytes(row, spanning->body);
}

static void run_row(const struct store_run *run, struct row *row)
{
    begin(row, ROW_RUN, ROW_PUT);
    id(row, &run->execution);
    number(row, run->instance);
    number(row, run->index);
    number(row, run->number);
    number(row, run->is_ended);
    bytes(row, run->body);
}

static void page_row(const struct store_page *page, struct row *row)
{
    begin(row, ROW_PAGE, ROW_PUT);
    id(row, &page->execution);
    number(row, page->instance);
    number(row, page->page);
    bytes(row, page->body);
}

static void output_row(const struct store_segment *segment, struct row *row)
{
    begin(row, ROW_OUTPUT, ROW_PUT);
    id(row, &segment->execution);
    number(row, segment->instance);
    number(row, segment->kind);
    number(row, segment->page);
    number(row, (int64_t)segment->part);
    bytes(row, segment->body);
}

static void letter_row(const struct store_dead_letter *letter, struct row *row)
{
    begin(row, ROW_LETTER, ROW_PUT);
    bytes(row, span_of(letter->topic));
    number(row, letter->partition);
    number(row, letter->offset);
    number(row, letter->at_ns);
    bytes(row, span_of(letter->reason));
    bytes(row, letter->key);
    bytes(row, letter->value);
}

static void executions_each(const struct store_batch *batch,
                            void (*call)(void *argument, const struct row *row), void *argument)
{
    struct row row;

    for (uint32_t i = 0; i < batch->definition_count; i++) {
        begin(&row, ROW_DEFINITION, ROW_PUT);
        digest(&row, &batch->definitions[i].digest);
        bytes(&row, batch->definitions[i].text);
        call(argument, &row);
    }
    for (uint32_t i = 0; i < batch->insert_count; i++) {
        execution_row(&batch->inserts[i], ROW_PUT, &row);
        call(argument, &row);
    }
    for (uint32_t i = 0; i < batch->update_count; i++) {
        execution_row(&batch->updates[i], ROW_UPDATE, &row);
        call(argument, &row);
    }
}

void row_each(const struct store_batch *batch, void (*call)(void *argument, const struct row *row),
              void *argument)
{
    struct row row;

    shard_row(batch, &row);
    call(argument, &row);
    executions_each(batch, call, argument);
    for (uint32_t i = 0; i < batch->spanning_count; i++) {
        spanning_row(&batch->spanning[i], batch->shard, &row);
        call(argument, &row);
    }
    for (uint32_t i = 0; i < batch->run_count; i++) {
        run_row(&batch->runs[i], &row);
        call(argument, &row);
    }
    for (uint32_t i = 0; i < batch->page_count; i++) {
        page_row(&batch->pages[i], &row);
        call(argument, &row);
    }
    for (uint32_t i = 0; i < batch->segment_count; i++) {
        output_row(&batch->segments[i], &row);
        call(argument, &row);
    }
    for (uint32_t i = 0; i < batch->reference_count; i++) {
        begin(&row, ROW_REFERENCE, ROW_PUT);
        id(&row, &batch->references[i].execution);
        digest(&row, &batch->references[i].digest);
        call(argument, &row);
    }
    for (uint32_t i = 0; i < batch->dead_letter_count; i++) {
        letter_row(&batch->dead_letters[i], &row);
        call(argument, &row);
    }
}

void row_name(struct span named, unsigned char ret_name[ROW_NAME_BYTES])
{
    struct digest whole = sha256_of(named);

    memcpy(ret_name, whole.bytes, ROW_NAME_BYTES);
}

static bool is_name_of(const struct row_cell *name, struct span named)
{
    unsigned char head[ROW_NAME_BYTES];

    if (name->number != (int64_t)named.bytes) {
        return false;
    }
    row_name(named, head);
    return name->bytes.bytes == ROW_NAME_BYTES &&
           memcmp(name->bytes.data, head, ROW_NAME_BYTES) == 0;
}

bool row_cell_equal(const struct row_cell *a, const struct row_cell *b)
{
    if (a->kind == CELL_NUMBER || b->kind == CELL_NUMBER) {
        return a->kind == b->kind && a->number == b->number;
    }
    if (a->kind == b->kind) {
        return a->number == b->number && span_equal(a->bytes, b->bytes);
    }
    return a->kind == CELL_NAME ? is_name_of(a, b->bytes) : is_name_of(b, a->bytes);
}

static void key_cell_text(const struct row_cell *cell, struct buffer *text)
{
    char written[EXECUTION_ID_TEXT_BYTES + 1];
    struct execution_id which;

    if (cell->kind == CELL_NUMBER) {
        (void)snprintf(written, sizeof(written), "%" PRId64, cell->number);
        buffer_text(text, written);
    } else if (cell->bytes.bytes == EXECUTION_ID_BYTES) {
        memcpy(which.bytes, cell->bytes.data, EXECUTION_ID_BYTES);
        execution_id_format(&which, written);
        buffer_text(text, written);
    } else if (cell->bytes.bytes == DIGEST_BYTES) {
        for (int i = 0; i < 8; i++) {
            (void)snprintf(written, sizeof(written), "%02x",
                           ((const unsigned char *)cell->bytes.data)[i]);
            buffer_text(text, written);
        }
        buffer_text(text, "...");
    } else {
        buffer_append(text, cell->bytes);
    }
}

void row_key_text(const struct row *row, struct buffer *ret_text)
{
    const struct row_shape *shape = row_shape(row->table);

    buffer_text(ret_text, shape->name);
    for (uint32_t i = 0; i < shape->key_count && i < row->cell_count; i++) {
        buffer_text(ret_text, " ");
        buffer_text(ret_text, shape->columns[i].name);
        buffer_text(ret_text, "=");
        key_cell_text(&row->cells[i], ret_text);
    }
}

void row_batch_set(struct store_batch *batch, enum row_table table, const void *rows,
                   uint32_t count)
{
    switch (table) {
    case ROW_SPANNING:
        batch->spanning = rows;
        batch->spanning_count = count;
        break;
    case ROW_RUN:
        batch->runs = rows;
        batch->run_count = count;
        break;
    case ROW_PAGE:
        batch->pages = rows;
        batch->page_count = count;
        break;
    case ROW_OUTPUT:
        batch->segments = rows;
        batch->segment_count = count;
        break;
    case ROW_REFERENCE:
        batch->references = rows;
        batch->reference_count = count;
        break;
    case ROW_LETTER:
        batch->dead_letters = rows;
        batch->dead_letter_count = count;
        break;
    case ROW_SHARD:
    case ROW_DEFINITION:
    case ROW_EXECUTION:
    case ROW_TABLE_NR:
        break;
    }
}
