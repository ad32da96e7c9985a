#include "producer/cli/follow.h"

#include <signal.h>
#include <string.h>

#include "producer/cli/progress.h"
#include "schemas/json/json_read.h"
#include "schemas/vocab/states.h"

enum { ERRORS_SHOWN = 5 };

static const exo_time again_ns = EXO_SECOND;
static const exo_time soon_ns = 100 * EXO_MILLISECOND; /* between two reads */
static const exo_time away_most_ns = 2 * EXO_MINUTE;
static const exo_time forever_ns = 365 * 24 * EXO_HOUR;

struct follow {
    struct rest *rest;
    const char *id;
    struct rest_path path, events_path;
    struct progress progress;
    struct heap_budget budget;
    struct arena arena; /* of one read */
    struct http_call *read, *events;
    struct loop_timer *timer, *events_timer;
    exo_time away_since_ns; /* 0: the API answers */
    bool has_changed;       /* since the read under way began */
    bool is_done;
    int status;
};

static void end(struct follow *f, int status)
{
    f->status = status;
    f->is_done = true;
}

static bool execution_has_ended(const struct value *execution)
{
    enum execution_state state;

    return execution_state_parse(span_of(rest_text(execution, "state")), &state) &&
           execution_state_is_terminal(state);
}

/* ---- reading ---- */

static void away(struct follow *f, const struct http_result *result)
{
    exo_time now_ns = clock_monotonic_ns();

    if (f->away_since_ns == 0) {
        f->away_since_ns = now_ns;
        progress_say(&f->progress, "the API does not answer; trying again");
    }
    if (now_ns - f->away_since_ns > away_most_ns) {
        end(f, rest_tell(f->rest, result));
    } else {
        loop_timer_start(f->timer, again_ns, 0);
    }
}

static void was_read(void *argument, const struct http_result *result)
{
    struct follow *f = argument;
    struct value execution = {0};
    struct json_error error = {0};

    f->read = NULL;
    if (result->status == 0 || result->status >= 500 || result->status == 429) {
        away(f, result);
        return;
    }
    if (result->status >= 400) {
        end(f, rest_tell(f->rest, result));
        return;
    }
    f->away_since_ns = 0;
    arena_reset(&f->arena);
    if (json_read(result->body, NULL, &f->arena, &execution, &error) != JSON_OK) {
        end(f, cli_fail(CLI_EXIT_INTERNAL, "the API answered with no JSON: %s", error.text));
        return;
    }
    progress_show(&f->progress, &execution, clock_monotonic_ns());
    if (execution_has_ended(&execution)) {
        end(f, 0);
    } else {
        loop_timer_start(f->timer, f->has_changed ? soon_ns : again_ns, 0);
    }
}

static void read_it(void *argument)
{
    struct follow *f = argument;
    struct exo_error err;
    const struct http_call_options options = {
        .url = f->path.text, .on_done = was_read, .argument = f};

    if (f->read == NULL && !f->is_done) {
        f->has_changed = false;
        f->read = rest_start(f->rest, &options, &err);
        if (f->read == NULL) {
            end(f, cli_fail_error(&err));
        }
    }
}

/* ---- events: only a sign that there is something new ---- */

static void event_came(void *argument, struct span bytes)
{
    struct follow *f = argument;

    if (memchr(bytes.data, 'd', bytes.bytes) == NULL) {
        return; /* a sign of life */
    }
    f->has_changed = true;
    if (f->read == NULL) {
        loop_timer_start(f->timer, soon_ns / 2, 0);
    }
}

static void events_ended(void *argument, const struct http_result *result)
{
    struct follow *f = argument;

    (void)result; /* without events it is read once a second */
    f->events = NULL;
    loop_timer_start(f->events_timer, again_ns, 0);
}

static void listen_to_events(void *argument)
{
    struct follow *f = argument;
    struct exo_error err;
    const struct http_call_options options = {
        .url = f->events_path.text,
        .timeout_ns = EXO_TIME_NEVER,
        .on_data = event_came,
        .on_done = events_ended,
        .argument = f,
    };

    if (f->events == NULL && !f->is_done) {
        f->events = rest_start(f->rest, &options, &err);
    }
}

/* ---- from begin to end ---- */

static void interrupted(void *argument)
{
    struct follow *f = argument;
    char text[200];

    (void)snprintf(text, sizeof(text),
                   "it goes on without us: exosphere watch %.64s, exosphere cancel %.64s", f->id,
                   f->id);
    progress_say(&f->progress, text);
    end(f, FOLLOW_INTERRUPTED);
}

static void begin(struct follow *f)
{
    rest_path_begin(&f->path, "/v1/executions/");
    rest_path_word(&f->path, f->id);
    f->events_path = f->path;
    rest_path_add(&f->events_path, "/events");
    f->timer = loop_timer_new(f->rest->loop, read_it, f);
    f->events_timer = loop_timer_new(f->rest->loop, listen_to_events, f);
    loop_timer_start(f->timer, 0, 0);
    loop_timer_start(f->events_timer, 0, 0);
}

int follow_execution(struct rest *rest, const char *id, bool is_quiet, struct value *ret_execution)
{
    struct follow f = {.rest = rest, .id = id};

    arena_init(&f.arena, allocator_heap(&f.budget), 0);
    progress_init(&f.progress, stderr, is_quiet, &rest->cli->arena, clock_monotonic_ns());
    struct loop_signal *interrupt = loop_signal_new(rest->loop, SIGINT, interrupted, &f);

    begin(&f);
    (void)loop_run_until(rest->loop, &f.is_done, forever_ns);
    http_call_cancel(f.read);
    http_call_cancel(f.events);
    loop_timer_free(f.timer);
    loop_timer_free(f.events_timer);
    loop_signal_free(interrupt);
    arena_release(&f.arena);
    if (f.status == 0) {
        f.status = rest_ask(rest, &(struct rest_request){.path = f.path.text}, ret_execution);
    }
    return f.status;
}

/* ---- how it ended ---- */

static int status_of(const char *state)
{
    return strcmp(state, "FAILED") == 0      ? EXIT_STATUS_FAILED
           : strcmp(state, "CANCELLED") == 0 ? (int)CLI_EXIT_CANCELLED
           : strcmp(state, "TIMED_OUT") == 0 ? (int)CLI_EXIT_TIMED_OUT
                                             : EXIT_STATUS_DONE;
}

static void tell_errors(const struct value *execution)
{
    const struct value *satellites = value_get(execution, span_of("satellites"));
    const char *first = NULL;
    unsigned shown = 0;

    for (uint32_t i = 0; satellites != NULL && satellites->kind == VALUE_LIST &&
                         i < satellites->count && shown < ERRORS_SHOWN;
         i++) {
        const struct value *satellite = &satellites->items[i];
        const char *state = rest_text(satellite, "state");
        const char *error = rest_text(satellite, "error");

        if (strcmp(state, "FAILED") == 0 || strcmp(state, "TIMED_OUT") == 0) {
            first = first == NULL ? rest_text(satellite, "name") : first;
            (void)fprintf(stderr, "  %s: %s\n", rest_text(satellite, "name"),
                          error[0] == '\0' ? state : error);
            shown++;
        }
    }
    if (first != NULL) {
        (void)fprintf(stderr, "what it printed: exosphere logs %s %s\n", rest_text(execution, "id"),
                      first);
    }
}

int outcome_show(struct rest *rest, const struct value *execution)
{
    const struct value *output = value_get(execution, span_of("output"));
    const char *state = rest_text(execution, "state");
    const char *error = rest_text(execution, "error");

    if (!cli_is_table(rest->cli)) {
        cli_show(rest->cli, execution);
        return status_of(state);
    }
    (void)fprintf(stderr, "%s%s%s\n", state, error[0] == '\0' ? "" : ": ", error);
    tell_errors(execution);
    (void)fflush(stderr);
    if (strcmp(state, "SUCCEEDED") == 0 && output != NULL) {
        cli_show(rest->cli, output);
    }
    return status_of(state);
}
