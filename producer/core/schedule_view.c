#include "producer/core/schedule_view.h"

#include "producer/core/view.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/states.h"
#include "schemas/vocab/timestamp.h"

/* As scheduler/core/schedule.h names them. */
static const char *reason_name(uint32_t reason)
{
    static const char *const names[] = {"due",    "caught up", "waited", "backfill", "triggered",
                                        "missed", "overlap",   "full",   "replaced"};

    return reason < sizeof(names) / sizeof(names[0]) ? names[reason] : "other";
}

static void put_time(struct json_writer *w, exo_time at_ns)
{
    char text[TIMESTAMP_TEXT_BYTES];

    timestamp_format(at_ns / EXO_MILLISECOND, text);
    json_put_text(w, text);
}

/* Puts the next times; gives how many there are. */
static uint32_t put_next(struct json_writer *w, const struct schedule_view *view)
{
    const struct schedule *definition = view->definition;
    struct cron_fire fire = {.at_ns = view->row->state.considered_ns};
    uint32_t count = 0;

    json_key(w, "next");
    json_begin_list(w);
    if (definition != NULL && !view->row->state.is_paused) {
        fire.at_ns = fire.at_ns < view->now_ns ? view->now_ns : fire.at_ns;
        while (count < SCHEDULE_VIEW_NEXT_MAX &&
               cron_next(&definition->cron, view->zone, fire.at_ns, &fire) &&
               fire.at_ns < definition->end_ns) {
            put_time(w, fire.at_ns);
            count++;
        }
    }
    json_end_list(w);
    return count;
}

/* 0: it has not ended, never began, or ended before anybody looked. */
static void put_state(struct json_writer *w, uint32_t state)
{
    if (state == 0 || state >= EXECUTION_STATE_NR) {
        json_put_null(w);
    } else {
        json_put_text(w, execution_state_name((enum execution_state)state));
    }
}

static void put_fires(struct json_writer *w, const struct schedule_view *view)
{
    char id[EXECUTION_ID_TEXT_BYTES + 1];

    json_key(w, "fires");
    json_begin_list(w);
    for (uint32_t i = view->row->fire_count; i-- > 0;) {
        const struct wire_schedule_fire *fire = &view->row->fires[i];

        execution_id_format(&view->fires[i], id);
        json_begin_map(w);
        json_key(w, "time");
        put_time(w, fire->nominal_ns);
        json_key(w, "execution");
        json_put_text(w, id);
        json_key(w, "started_at");
        put_time(w, fire->at_ns);
        json_key(w, "reason");
        json_put_text(w, reason_name(fire->reason));
        json_key(w, "has_ended");
        json_put_bool(w, fire->is_ended);
        json_key(w, "state");
        put_state(w, fire->is_ended ? fire->state : 0);
        json_end_map(w);
    }
    json_end_list(w);
}

static void put_left_out(struct json_writer *w, const struct wire_schedule_row *row)
{
    json_key(w, "left_out");
    json_begin_list(w);
    for (uint32_t i = row->left_out_count; i-- > 0;) {
        json_begin_map(w);
        json_key(w, "time");
        put_time(w, row->left_out[i].nominal_ns);
        json_key(w, "until");
        put_time(w, row->left_out[i].until_ns);
        json_key(w, "at");
        put_time(w, row->left_out[i].at_ns);
        json_key(w, "reason");
        json_put_text(w, reason_name(row->left_out[i].reason));
        json_end_map(w);
    }
    json_end_list(w);
}

static void put_backfill(struct json_writer *w, const struct wire_schedule_state *state)
{
    json_key(w, "backfill");
    if (!state->has_backfill) {
        json_put_null(w);
        return;
    }
    json_begin_map(w);
    json_key(w, "done_until");
    put_time(w, state->backfill_after_ns);
    json_key(w, "to");
    put_time(w, state->backfill_until_ns);
    json_key(w, "parallel");
    json_put_uint(w, state->backfill_parallel);
    json_end_map(w);
}

void schedule_view_put(struct json_writer *w, const struct schedule_view *view)
{
    const struct wire_schedule_row *row = view->row;

    json_begin_map(w);
    json_key(w, "project");
    json_put_string(w, row->project);
    json_key(w, "name");
    json_put_string(w, row->name);
    json_key(w, "version");
    json_put_uint(w, row->number);
    view_put_time(w, "changed_at", row->changed_ns / EXO_MILLISECOND);
    uint32_t next = put_next(w, view);

    json_key(w, "state");
    json_put_text(w, row->state.is_paused       ? "PAUSED"
                     : view->definition == NULL ? "UNREADABLE"
                     : next == 0                ? "OVER"
                                                : "OPEN");
    json_key(w, "running");
    json_put_uint(w, row->state.live_count);
    json_key(w, "waiting");
    json_put_uint(w, row->state.waiting_count);
    put_backfill(w, &row->state);
    if (view->is_whole) {
        put_fires(w, view);
        put_left_out(w, row);
        view_put_json(w, "definition", row->definition, "null");
    }
    json_end_map(w);
}
