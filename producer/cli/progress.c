#include "producer/cli/progress.h"

#include <assert.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "producer/cli/rest.h"
#include "schemas/vocab/states.h"

enum {
    BAR_CELLS = 20,
    ROWS_DEFAULT = 20,
    STATE_BYTES = 24,
    NAME_WIDTH_MAX = 30,
    SAID_DRAWN_BYTES = 40, /* on a terminal's row */
};

static const exo_time line_every_ns = EXO_SECOND; /* counts of one satellite, told as lines */

/* What was last shown of one. */
struct progress_satellite {
    char state[STATE_BYTES];
    uint32_t done;
    char said[PROGRESS_SAID_BYTES];
    exo_time told_ns;
};

/* One as it is now; borrowed from the execution. */
struct now {
    const char *name;
    const char *state;
    const char *error;
    char said[PROGRESS_SAID_BYTES]; /* of its progress; of a single task that runs */
    double percent;                 /* of it; 0 where it gave none */
    bool is_map;
    uint32_t total, done, failed, active;
};

void progress_init(struct progress *p, FILE *out, bool is_quiet, struct arena *arena,
                   exo_time now_ns)
{
    struct winsize size = {0};

    *p = (struct progress){.out = out,
                           .is_terminal = isatty(fileno(out)) == 1,
                           .is_quiet = is_quiet,
                           .arena = arena,
                           .begun_ns = now_ns,
                           .rows_max = ROWS_DEFAULT};
    if (p->is_terminal && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_row > 5) {
        p->rows_max = size.ws_row - 3u;
    }
}

static void count(struct now *now, const struct value *counts)
{
    for (uint32_t i = 0; counts != NULL && counts->kind == VALUE_MAP && i < counts->count; i++) {
        enum task_state state;
        uint32_t tasks =
            (uint32_t)(counts->members[i].value.kind == VALUE_INT ? counts->members[i].value.integer
                                                                  : 0);

        if (task_state_parse(value_text(&counts->members[i].key), &state)) {
            now->done += task_state_is_terminal(state) ? tasks : 0;
            now->failed += state == TASK_FAILED || state == TASK_TIMED_OUT ? tasks : 0;
            now->active += task_state_is_active(state) ? tasks : 0;
        }
    }
}

static double percent_of(const struct value *said)
{
    const struct value *percent = said == NULL ? NULL : value_get(said, span_of("percent"));

    return percent == NULL                 ? 0
           : percent->kind == VALUE_INT    ? (double)percent->integer
           : percent->kind == VALUE_DOUBLE ? percent->number
                                           : 0;
}

void progress_said(const struct value *said, char *ret_text)
{
    const struct value *percent =
        said == NULL || said->kind != VALUE_MAP ? NULL : value_get(said, span_of("percent"));
    const char *message = said == NULL || said->kind != VALUE_MAP ? "" : rest_text(said, "message");

    if (percent != NULL) {
        (void)snprintf(ret_text, PROGRESS_SAID_BYTES, "%.0f %%%s%s", percent_of(said),
                       message[0] == '\0' ? "" : " ", message);
    } else {
        (void)snprintf(ret_text, PROGRESS_SAID_BYTES, "%s", message);
    }
}

static struct now read_now(const struct value *satellite)
{
    const struct value *is_map = value_get(satellite, span_of("is_map"));
    struct now now = {
        .name = rest_text(satellite, "name"),
        .state = rest_text(satellite, "state"),
        .error = rest_text(satellite, "error"),
        .is_map = is_map != NULL && is_map->kind == VALUE_BOOL && is_map->boolean,
        .total = (uint32_t)rest_number(satellite, "tasks"),
    };

    const struct value *said = value_get(satellite, span_of("progress"));

    count(&now, value_get(satellite, span_of("counts")));
    progress_said(said, now.said);
    now.percent = said == NULL || said->kind != VALUE_MAP ? 0 : percent_of(said);
    return now;
}

static bool has_ended(const struct now *now)
{
    enum task_state state;

    return task_state_parse(span_of(now->state), &state) && task_state_is_terminal(state);
}

static void keep_state(char kept[STATE_BYTES], const char *state)
{
    (void)snprintf(kept, STATE_BYTES, "%s", state);
}

/* ---- lines ---- */

static void tell_line(struct progress *p, const struct now *now, int width, exo_time now_ns)
{
    (void)fprintf(p->out, "%7.1fs  %-*s  %-10s", (double)(now_ns - p->begun_ns) / 1e9, width,
                  now->name, now->state);
    if (now->is_map && now->total > 0) {
        (void)fprintf(p->out, " %u/%u", now->done, now->total);
    }
    if (now->failed > 0 && now->is_map) {
        (void)fprintf(p->out, ", %u failed", now->failed);
    }
    (void)fprintf(p->out, "%s%s%s%s\n", now->said[0] == '\0' ? "" : " ", now->said,
                  now->error[0] == '\0' ? "" : "  ", now->error);
}

static void tell_lines(struct progress *p, const struct value *satellites, int width,
                       exo_time now_ns)
{
    for (uint32_t i = 0; i < p->satellite_count; i++) {
        struct progress_satellite *shown = &p->satellites[i];
        struct now now = read_now(&satellites->items[i]);
        bool is_first = shown->state[0] == '\0' && strcmp(now.state, "WAITING") == 0;
        bool has_changed = strcmp(shown->state, now.state) != 0;
        bool has_counted = (now.is_map && shown->done != now.done) ||
                           (now.said[0] != '\0' && strcmp(shown->said, now.said) != 0);

        if ((has_changed && !is_first) ||
            (has_counted && now_ns - shown->told_ns >= line_every_ns)) {
            tell_line(p, &now, width, now_ns);
            shown->done = now.done;
            memcpy(shown->said, now.said, sizeof(shown->said));
            shown->told_ns = now_ns;
        }
        keep_state(shown->state, now.state);
    }
}

/* ---- a terminal ---- */

static const char *colour_of(const struct now *now)
{
    enum task_state state;

    if (!task_state_parse(span_of(now->state), &state)) {
        return "";
    }
    if (state == TASK_SUCCEEDED) {
        return "\033[32m";
    }
    if (state == TASK_FAILED || state == TASK_TIMED_OUT || state == TASK_UPSTREAM_FAILED) {
        return "\033[31m";
    }
    return task_state_is_active(state) || state == TASK_BACKOFF ? "\033[36m" : "\033[2m";
}

/* So many bytes of a text as a row has room for, without half a character. */
static int drawn_bytes(const char *text)
{
    int bytes = (int)strnlen(text, SAID_DRAWN_BYTES + 1);

    if (bytes > SAID_DRAWN_BYTES) {
        for (bytes = SAID_DRAWN_BYTES; bytes > 0 && ((unsigned char)text[bytes] & 0xc0) == 0x80;) {
            bytes--;
        }
    }
    return bytes;
}

static void draw_row(struct progress *p, const struct now *now, int width)
{
    char bar[BAR_CELLS + 1];
    uint32_t total = now->total == 0 ? 1 : now->total;
    uint32_t filled = has_ended(now)     ? BAR_CELLS
                      : now->percent > 0 ? (uint32_t)(now->percent * BAR_CELLS / 100)
                                         : (uint32_t)((uint64_t)now->done * BAR_CELLS / total);

    filled = filled > BAR_CELLS ? BAR_CELLS : filled;
    memset(bar, '.', BAR_CELLS);
    memset(bar, '#', filled);
    bar[BAR_CELLS] = '\0';
    (void)fprintf(p->out, "  %-*s  %s%-15s\033[0m %s", width, now->name, colour_of(now), now->state,
                  bar);
    if (now->is_map && now->total > 0) {
        (void)fprintf(p->out, " %u/%u", now->done, now->total);
    }
    if (now->failed > 0 && now->is_map) {
        (void)fprintf(p->out, ", %u failed", now->failed);
    }
    if (now->said[0] != '\0') {
        (void)fprintf(p->out, " %.*s", drawn_bytes(now->said), now->said);
    }
    (void)fputs("\033[K\n", p->out);
    p->drawn_lines++;
}

static void draw(struct progress *p, const struct value *satellites, int width)
{
    uint32_t skipped = 0;
    uint32_t surplus = p->satellite_count > p->rows_max ? p->satellite_count - p->rows_max : 0;

    if (p->drawn_lines > 0) {
        (void)fprintf(p->out, "\033[%uA", p->drawn_lines);
    }
    p->drawn_lines = 0;
    /* Where not all fit, those that have ended are left out first. */
    for (uint32_t i = 0; i < p->satellite_count && p->drawn_lines < p->rows_max; i++) {
        struct now now = read_now(&satellites->items[i]);

        if (skipped < surplus && has_ended(&now)) {
            skipped++;
        } else {
            draw_row(p, &now, width);
        }
    }
    if (surplus > 0) {
        (void)fprintf(p->out, "  ... and %u more\033[K\n", surplus);
        p->drawn_lines++;
    }
    (void)fputs("\033[J", p->out);
}

/* ---- both ---- */

static int name_width(const struct value *satellites)
{
    size_t width = 4;

    for (uint32_t i = 0; i < satellites->count; i++) {
        size_t bytes = strlen(rest_text(&satellites->items[i], "name"));

        width = bytes > width ? bytes : width;
    }
    return width > NAME_WIDTH_MAX ? NAME_WIDTH_MAX : (int)width;
}

void progress_show(struct progress *p, const struct value *execution, exo_time now_ns)
{
    const struct value *satellites = value_get(execution, span_of("satellites"));

    if (p->is_quiet || satellites == NULL || satellites->kind != VALUE_LIST) {
        return;
    }
    if (p->satellites == NULL) {
        p->satellites = arena_alloc(p->arena, satellites->count * sizeof(*p->satellites));
        assert(p->satellites != NULL); /* no bound but memory */
        p->satellite_count = satellites->count;
    }
    p->satellite_count =
        p->satellite_count < satellites->count ? p->satellite_count : satellites->count;
    if (p->is_terminal) {
        draw(p, satellites, name_width(satellites));
    } else {
        tell_lines(p, satellites, name_width(satellites), now_ns);
    }
    (void)fflush(p->out);
}

void progress_say(struct progress *p, const char *text)
{
    if (!p->is_quiet) {
        p->drawn_lines = 0;
        (void)fprintf(p->out, "%s\n", text);
        (void)fflush(p->out);
    }
}
