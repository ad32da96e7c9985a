#include "infra/store/sweep.h"

#include <stdlib.h>

/* The tables in the order they are read; the last four are those of some executions. */
static const enum row_table stages[] = {ROW_SPANNING, ROW_LETTER, ROW_EXECUTION, ROW_RUN,
                                        ROW_PAGE,     ROW_OUTPUT, ROW_REFERENCE};
enum { STAGE_EXECUTION = 2, STAGE_FIRST_PART, STAGE_NR = sizeof(stages) / sizeof(stages[0]) };

struct sweep {
    struct sweep_settings settings;
    uint32_t stage;
    struct store_rows_query query; /* of the next slice */
    bool is_stage_over;
    struct execution_id ids[STORE_ROWS_MAX];
    uint32_t id_count;
    struct store_rows_query executions; /* behind those whose parts are read */
    bool is_last;                       /* there are no more executions behind */
};

static void ask(struct sweep *sweep);

static void stage_begin(struct sweep *sweep, uint32_t stage)
{
    sweep->stage = stage;
    sweep->is_stage_over = false;
    if (stage == STAGE_EXECUTION) {
        sweep->query = sweep->executions;
        return;
    }
    sweep->query =
        (struct store_rows_query){.shard = sweep->settings.shard, .table = stages[stage]};
    sweep->query.id_count = stage >= STAGE_FIRST_PART ? sweep->id_count : 0;
}

struct sweep *sweep_begin(const struct sweep_settings *settings)
{
    struct sweep *sweep = calloc(1, sizeof(*sweep));

    if (sweep == NULL) {
        abort();
    }
    sweep->settings = *settings;
    sweep->executions = (struct store_rows_query){
        .shard = settings->shard, .table = ROW_EXECUTION, .is_live_only = settings->is_live_only};
    stage_begin(sweep, 0);
    ask(sweep);
    return sweep;
}

void sweep_end(struct sweep *sweep)
{
    free(sweep);
}

static void finish(struct sweep *sweep, const struct exo_error *err)
{
    struct sweep_settings settings = sweep->settings;

    free(sweep);
    settings.done(settings.argument, err);
}

/* Whose parts come next. */
static void executions_note(struct sweep *sweep, const struct store_rows *rows)
{
    sweep->id_count = rows->live.rows.insert_count;
    for (uint32_t i = 0; i < sweep->id_count; i++) {
        sweep->ids[i] = rows->live.rows.inserts[i].id;
    }
    sweep->executions = rows->behind;
    sweep->is_last = rows->is_last;
}

static void on_rows(void *argument, const struct store_rows *rows, const struct exo_error *err)
{
    struct sweep *sweep = argument;

    if (err != NULL) {
        finish(sweep, err);
        return;
    }
    sweep->query = rows->behind;
    sweep->query.id_count = sweep->stage >= STAGE_FIRST_PART ? sweep->id_count : 0;
    sweep->is_stage_over = rows->is_last;
    if (sweep->stage == STAGE_EXECUTION) {
        executions_note(sweep, rows);
        sweep->is_stage_over = true; /* their parts first */
    }
    sweep->settings.slice(sweep->settings.argument, rows);
}

static void ask(struct sweep *sweep)
{
    sweep->query.ids = sweep->ids;
    store_rows_read(sweep->settings.store, &sweep->query, on_rows, sweep);
}

/* The stage behind one that is over; STAGE_NR: all has been shown. */
static uint32_t stage_behind(const struct sweep *sweep)
{
    if (sweep->stage == 0 && sweep->settings.is_live_only) {
        return STAGE_EXECUTION;
    }
    if (sweep->stage == STAGE_EXECUTION && sweep->id_count == 0) {
        return STAGE_NR;
    }
    if (sweep->stage + 1 == STAGE_NR) {
        return sweep->is_last ? STAGE_NR : STAGE_EXECUTION;
    }
    return sweep->stage + 1;
}

void sweep_next(struct sweep *sweep)
{
    if (sweep->is_stage_over) {
        uint32_t stage = stage_behind(sweep);

        if (stage == STAGE_NR) {
            finish(sweep, NULL);
            return;
        }
        stage_begin(sweep, stage);
    }
    ask(sweep);
}
