/* dead_letters: records that nobody could read, listed, shown and sent again. */
#include <stdlib.h>

#include "infra/crypto/crypto.h"
#include "producer/core/listing.h"
#include "producer/core/task_path.h"
#include "producer/core/view.h"
#include "producer/http/handlers.h"

struct letter_list {
    int64_t after;
    uint32_t limit;
};

static void put_number(struct json_writer *w, const char *key, int64_t number)
{
    json_key(w, key);
    json_put_int(w, number);
}

/* What became of what the record asked for. */
static const char *outcome_of(const struct store_dead_letter_row *row)
{
    const char *topic = row->letter.topic;

    if (row->is_replayed) {
        return "it was sent again to where it came from";
    }
    if (strcmp(topic, TOPIC_JOBS) == 0) {
        return "no execution was begun with it; once its cause is mended, replay it";
    }
    if (strcmp(topic, TOPIC_STATUS) != 0) {
        return "no record: an input of the scheduler's own, of the execution that key names; "
               "there is nothing to replay, submit the execution again once the cause is mended";
    }
    return strncmp(row->letter.reason, "POISON", 6) == 0
               ? "nothing it says was followed; the reason says what became of its attempts"
               : "nothing it says was followed; an attempt it is about goes on until its worker "
                 "reports again or its lease ends";
}

static void put_letter(struct exchange *x, struct json_writer *w,
                       const struct store_dead_letter_row *row, bool is_whole)
{
    const struct store_dead_letter *letter = &row->letter;

    json_begin_map(w);
    put_number(w, "id", row->id);
    json_key(w, "topic");
    json_put_text(w, letter->topic);
    put_number(w, "partition", letter->partition);
    put_number(w, "offset", letter->offset);
    view_put_time(w, "at", letter->at_ns / EXO_MILLISECOND);
    json_key(w, "reason");
    json_put_text(w, letter->reason);
    json_key(w, "outcome");
    json_put_text(w, outcome_of(row));
    json_key(w, "is_replayed");
    json_put_bool(w, row->is_replayed);
    view_put_text(w, "key", letter->key);
    put_number(w, "value_bytes", (int64_t)letter->value.bytes);
    if (is_whole) {
        char *text = exchange_alloc(x, base64url_bytes_max(letter->value.bytes));

        (void)base64url_encode(letter->value, text); /* its length is its own */
        json_key(w, "value_base64url");
        json_put_text(w, text);
    }
    json_end_map(w);
}

static void on_list(void *argument, const struct store_dead_letter_row *rows, uint32_t count,
                    const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back_with(x, err)) {
        return;
    }
    const struct letter_list *list = x->state;
    struct json_writer w = exchange_json(x);
    char cursor[16] = "";

    json_begin_map(&w);
    json_key(&w, "dead_letters");
    json_begin_list(&w);
    for (uint32_t i = 0; i < count; i++) {
        put_letter(x, &w, &rows[i], false);
    }
    json_end_list(&w);
    if (count == list->limit) {
        (void)task_number_format((uint32_t)rows[count - 1].id, cursor);
    }
    view_put_text(&w, "next_cursor", span_of(cursor));
    json_end_map(&w);
    exchange_send(x, 200, NULL, NULL, 0);
}

void dead_letters_list(struct exchange *x)
{
    struct letter_list *list = exchange_alloc(x, sizeof(*list));
    struct span cursor = http_query(x->request, "cursor");
    struct span limit = http_query(x->request, "limit");
    uint32_t after = 0;

    list->limit = LISTING_LIMIT_DEFAULT;
    if ((cursor.data != NULL && !task_number_parse(cursor, &after)) ||
        (limit.data != NULL && !limit_parse(limit, &list->limit))) {
        exchange_problem(x, 400,
                         "cursor is next_cursor of the page before, limit a number from 1 to 1000");
        return;
    }
    list->after = after;
    x->state = list;
    store_dead_letter_list(x->api->store, list->after, list->limit, on_list, exchange_wait(x));
}

/* ---- one ---- */

struct letter {
    uint32_t id;
    void (*done)(struct exchange *x, const struct store_dead_letter_row *row);
};

static void on_letter(void *argument, const struct store_dead_letter_row *rows, uint32_t count,
                      const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back(x)) {
        return;
    }
    const struct letter *letter = x->state;

    if (err != NULL) {
        exchange_error(x, "the store", err);
    } else if (count == 0 || rows[0].id != letter->id) {
        exchange_problem(x, 404, "there is no dead letter %u", letter->id);
    } else {
        letter->done(x, &rows[0]);
    }
}

static void letter_begin(struct exchange *x,
                         void (*done)(struct exchange *x, const struct store_dead_letter_row *row))
{
    struct letter *letter = exchange_alloc(x, sizeof(*letter));

    if (!task_number_parse(route_parameter(x, 0), &letter->id) || letter->id == 0) {
        exchange_problem(x, 404, "a dead letter's id is a number, as in /v1/dead-letters/17");
        return;
    }
    letter->done = done;
    x->state = letter;
    store_dead_letter_list(x->api->store, (int64_t)letter->id - 1, 1, on_letter, exchange_wait(x));
}

static void show(struct exchange *x, const struct store_dead_letter_row *row)
{
    struct json_writer w = exchange_json(x);

    put_letter(x, &w, row, true);
    exchange_send(x, 200, NULL, NULL, 0);
}

void dead_letter_get(struct exchange *x)
{
    letter_begin(x, show);
}

/* ---- replay ---- */

static void on_marked(void *argument, const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back(x)) {
        return;
    }
    if (err != NULL) {
        exchange_error(x, "it has been sent, but not marked so: the store", err);
        return;
    }
    const struct letter *letter = x->state;
    struct json_writer w = exchange_json(x);

    json_begin_map(&w);
    put_number(&w, "id", letter->id);
    json_key(&w, "is_replayed");
    json_put_bool(&w, true);
    json_end_map(&w);
    exchange_send(x, 202, NULL, NULL, 0);
}

static void on_replayed(void *argument, int64_t offset, const struct exo_error *err)
{
    struct exchange *x = argument;

    (void)offset;
    if (!exchange_back(x)) {
        return;
    }
    if (err != NULL) {
        exchange_error(x, "the log", err);
        return;
    }
    const struct letter *letter = x->state;

    store_dead_letter_replayed(x->api->store, letter->id, on_marked, exchange_wait(x));
}

static void replay(struct exchange *x, const struct store_dead_letter_row *row)
{
    struct api *api = x->api;
    const struct store_dead_letter *letter = &row->letter;
    struct exo_error err;

    if (strcmp(letter->topic, TOPIC_JOBS) != 0 && strcmp(letter->topic, TOPIC_STATUS) != 0) {
        exchange_problem(x, 409, "records of %s are not sent again: what they were for is over",
                         letter->topic);
        return;
    }
    if (row->is_replayed && http_query(x->request, "again").data == NULL) {
        exchange_problem(x, 409, "it has been sent again already; add ?again to do so once more");
        return;
    }
    if (!api->is_prepared) {
        exchange_later(x, 503, 1, api_waits_for(api));
        return;
    }
    (void)exchange_wait(x);
    if (log_append(api->log, letter->topic, letter->partition, letter->key, letter->value,
                   10 * EXO_SECOND, on_replayed, x, &err) != 0 &&
        exchange_back(x)) {
        exchange_error(x, "the log", &err);
    }
}

void dead_letter_replay(struct exchange *x)
{
    letter_begin(x, replay);
}
