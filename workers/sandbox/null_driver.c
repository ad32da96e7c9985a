#include "workers/sandbox/null_driver.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/vocab/limits.h"
#include "schemas/vocab/quantity.h"
#include "workers/sandbox/sandbox_driver.h"

struct null_run {
    struct sandbox_run run;   /* first: a driver's run is found from it */
    struct null_run *due;     /* next in the due list */
    struct loop_timer *timer; /* NULL when it does not sleep */
    struct loop_timer *every; /* NULL when it writes progress once, or never */
    struct null_script script;
    enum sandbox_output output;
    uint64_t output_bytes_max;
    exo_time started_wall_ns;
    exo_time started_ns;
    bool is_started;
    bool is_stopped;
    bool is_grace_over;
    char *text; /* the strings of the script */
    char *list; /* the output of --list */
};

struct null_sandbox {
    struct sandbox sandbox; /* first */
    struct null_run *due_first, *due_last;
    struct loop_timer *timer; /* runs while something is due */
};

static int parse_number(const char *text, long most, int *ret_number)
{
    char *end = NULL;
    long number = strtol(text, &end, 10);

    if (end == text || *end != '\0' || number < 0 || number > most) {
        return -1;
    }
    *ret_number = (int)number;
    return 0;
}

/* Options with a value. Returns 1 when the name is none of them. */
static int parse_valued(const char *name, const char *value, struct null_script *script)
{
    if (strcmp(name, "--sleep") == 0) {
        return value != NULL && duration_parse(span_of(value), &script->sleep_ns) ? 0 : -1;
    }
    if (strcmp(name, "--every") == 0) {
        return value != NULL && duration_parse(span_of(value), &script->every_ns) ? 0 : -1;
    }
    if (strcmp(name, "--exit") == 0) {
        return value != NULL ? parse_number(value, 255, &script->status) : -1;
    }
    if (strcmp(name, "--signal") == 0) {
        return value != NULL ? parse_number(value, 64, &script->signal) : -1;
    }
    if (strcmp(name, "--list") == 0) {
        return value != NULL ? parse_number(value, LIMIT_TASKS, &script->list) : -1;
    }
    const char **ret_text = strcmp(name, "--output") == 0     ? &script->output
                            : strcmp(name, "--control") == 0  ? &script->control
                            : strcmp(name, "--log") == 0      ? &script->log
                            : strcmp(name, "--progress") == 0 ? &script->progress
                                                              : NULL;

    if (ret_text == NULL) {
        return 1;
    }
    *ret_text = value;
    return value != NULL ? 0 : -1;
}

int null_script_parse(const char *const *args, struct null_script *ret_script,
                      struct exo_error *err)
{
    struct null_script script = {.sleep_ns = 0};

    if (strcmp(args[0], "null") != 0) {
        *ret_script = script;
        return 0;
    }
    for (size_t i = 1; args[i] != NULL; i++) {
        if (strcmp(args[i], "--oom") == 0) {
            script.is_oom = true;
            script.signal = SIGKILL;
        } else if (strcmp(args[i], "--not-started") == 0) {
            script.is_not_started = true;
        } else if (strcmp(args[i], "--ignore-term") == 0) {
            script.ignores_term = true;
        } else {
            int taken = parse_valued(args[i], args[i + 1], &script);

            if (taken != 0) {
                return exo_error_set(
                    err, EXO_EINVALID,
                    "the null sandbox knows no \"%s %s\": see its words in docs/satellites.md",
                    args[i], args[i + 1] == NULL ? "" : args[i + 1]);
            }
            i++;
        }
    }
    *ret_script = script;
    return 0;
}

static void null_run_free(struct null_run *run)
{
    loop_timer_free(run->timer);
    loop_timer_free(run->every);
    free(run->text);
    free(run->list);
    free(run);
}

static struct sandbox_file script_file(const char *text, uint64_t bytes_max)
{
    struct span bytes = span_of(text);

    if (text == NULL) {
        return (struct sandbox_file){.state = SANDBOX_FILE_MISSING, .problem = ""};
    }
    if (bytes.bytes > bytes_max) {
        return (struct sandbox_file){.state = SANDBOX_FILE_REFUSED, .problem = "it is too large"};
    }
    return (struct sandbox_file){.state = SANDBOX_FILE_READ, .bytes = bytes, .problem = ""};
}

static void null_run_end(struct null_run *run)
{
    const struct null_script *script = &run->script;
    bool is_killed = run->is_stopped || script->signal != 0;
    struct sandbox_result result = {
        .end = is_killed ? SANDBOX_SIGNALLED : SANDBOX_EXITED,
        .status = is_killed ? 0 : script->status,
        .is_oom_killed = script->is_oom && !run->is_stopped,
        .is_stopped = run->is_stopped,
        .is_grace_over = run->is_grace_over,
        .started_ns = run->started_wall_ns,
        .ended_ns = clock_wall_ns(),
        .run_ns = clock_monotonic_ns() - run->started_ns,
        .artefacts_fd = -1,
        .artefacts_problem = "",
        .output = script_file(run->output == SANDBOX_OUTPUT_NONE ? NULL : script->output,
                              run->output_bytes_max),
        .control = script_file(script->control, SANDBOX_CONTROL_BYTES),
        .log = span_of(script->log),
    };
    result.log_bytes = result.log.bytes;
    if (is_killed) {
        result.signal = !run->is_stopped ? script->signal : run->is_grace_over ? SIGKILL : SIGTERM;
    }
    if (script->is_not_started || !run->is_started) {
        result.end = SANDBOX_NOT_STARTED;
        result.started_ns = 0;
        (void)exo_error_set(&result.error, EXO_EINVALID,
                            run->is_stopped ? "stopped before it started"
                                            : "the null command was told not to start");
    }
    sandbox_run_end(&run->run, &result);
    null_run_free(run);
}

static void on_slept(void *argument)
{
    struct null_run *run = argument;

    run->is_grace_over = run->is_stopped && run->script.ignores_term;
    null_run_end(run);
}

static void on_every(void *argument)
{
    struct null_run *run = argument;
    const struct sandbox_events *events = &run->run.events;
    struct span text = span_of(run->script.progress);

    events->on_progress(events->argument,
                        text.bytes > SANDBOX_PROGRESS_BYTES ? (struct span){NULL, 0} : text);
}

static void progress_begin(struct null_run *run)
{
    if (run->script.progress == NULL || run->run.events.on_progress == NULL) {
        return;
    }
    if (run->timer != NULL && run->script.every_ns > 0) {
        run->every = loop_timer_new(run->run.sandbox->loop, on_every, run);
        loop_timer_start(run->every, run->script.every_ns, run->script.every_ns);
    }
    on_every(run);
}

static void null_run_begin(struct null_run *run)
{
    const struct sandbox_events *events = &run->run.events;

    if (run->is_stopped || run->script.is_not_started) {
        null_run_end(run);
        return;
    }
    run->is_started = true;
    run->started_wall_ns = clock_wall_ns();
    run->started_ns = clock_monotonic_ns();
    if (events->on_start != NULL) {
        events->on_start(events->argument, run->started_wall_ns);
    }
    if (run->script.log != NULL && events->on_log != NULL) {
        events->on_log(events->argument, SANDBOX_STDOUT, span_of(run->script.log));
    }
    progress_begin(run);
    if (run->timer == NULL) {
        null_run_end(run);
        return;
    }
    /* A callback above may have stopped it; then the timer stands at the end of its grace. */
    if (!loop_timer_is_active(run->timer)) {
        loop_timer_start(run->timer, run->script.sleep_ns, 0);
    }
}

/* Takes the whole list first: what a callback starts is due at the next turn. */
static void on_due(void *argument)
{
    struct null_sandbox *sandbox = argument;
    struct null_run *run = sandbox->due_first;

    sandbox->due_first = NULL;
    sandbox->due_last = NULL;
    while (run != NULL) {
        struct null_run *next = run->due;

        null_run_begin(run);
        run = next;
    }
}

static struct sandbox *null_open(struct loop *loop, const struct sandbox_settings *settings,
                                 struct exo_error *err)
{
    struct null_sandbox *sandbox = calloc(1, sizeof(*sandbox));

    (void)settings;
    if (sandbox == NULL) {
        (void)exo_error_set(err, EXO_EIO, "no memory for the sandbox");
        return NULL;
    }
    sandbox->timer = loop_timer_new(loop, on_due, sandbox);
    return &sandbox->sandbox;
}

static void null_close(struct sandbox *base)
{
    struct null_sandbox *sandbox = (struct null_sandbox *)base;

    for (struct sandbox_run *run = base->runs; run != NULL;) {
        struct sandbox_run *next = run->next;

        null_run_free((struct null_run *)run);
        run = next;
    }
    loop_timer_free(sandbox->timer);
    free(sandbox);
}

static int null_recover(struct sandbox *base,
                        void (*on_leftover)(void *argument,
                                            const struct sandbox_leftover *leftover),
                        void *argument, struct exo_error *err)
{
    (void)base;
    (void)on_leftover;
    (void)argument;
    (void)err;
    return 0;
}

/* One block for the strings that the script points to. */
static int keep_script(struct null_run *run)
{
    const char **texts[] = {&run->script.output, &run->script.control, &run->script.log,
                            &run->script.progress};
    enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };
    size_t bytes = 0;

    for (size_t i = 0; i < TEXTS; i++) {
        bytes += *texts[i] == NULL ? 0 : strlen(*texts[i]) + 1;
    }
    if (bytes == 0) {
        return 0;
    }
    run->text = malloc(bytes);
    if (run->text == NULL) {
        return -1;
    }
    char *at = run->text;

    for (size_t i = 0; i < TEXTS; i++) {
        if (*texts[i] != NULL) {
            size_t count = strlen(*texts[i]) + 1;

            memcpy(at, *texts[i], count);
            *texts[i] = at;
            at += count;
        }
    }
    return 0;
}

/* The numbers 0 .. count - 1 as JSON; false without memory. */
static bool make_list(struct null_run *run, int count)
{
    size_t bytes_max = (size_t)count * sizeof("1000000");
    char *list = malloc(bytes_max + sizeof("[]"));
    size_t bytes = 0;

    for (int i = 0; list != NULL && i < count; i++) {
        bytes += (size_t)snprintf(list + bytes, sizeof(",1000000"), "%c%d", i == 0 ? '[' : ',', i);
    }
    if (list != NULL) {
        memcpy(list + bytes, "]", sizeof("]"));
    }
    run->list = list;
    run->script.output = list;
    return list != NULL;
}

static struct sandbox_run *null_start(struct sandbox *base, const struct sandbox_spec *spec,
                                      struct exo_error *err)
{
    struct null_sandbox *sandbox = (struct null_sandbox *)base;
    struct null_script script;

    if (null_script_parse(spec->args, &script, err) != 0) {
        return NULL;
    }
    struct null_run *run = calloc(1, sizeof(*run));

    if (run == NULL) {
        (void)exo_error_set(err, EXO_EIO, "no memory for an attempt");
        return NULL;
    }
    run->script = script;
    run->output = spec->output;
    run->output_bytes_max =
        spec->output_bytes_max != 0 ? spec->output_bytes_max : LIMIT_OUTPUT_BYTES;
    if (keep_script(run) != 0 || (script.list > 0 && !make_list(run, script.list))) {
        null_run_free(run);
        (void)exo_error_set(err, EXO_EIO, "no memory for an attempt");
        return NULL;
    }
    if (script.sleep_ns > 0) {
        run->timer = loop_timer_new(base->loop, on_slept, run);
    }
    if (sandbox->due_first == NULL) {
        sandbox->due_first = run;
        loop_timer_start(sandbox->timer, 0, 0);
    } else {
        sandbox->due_last->due = run;
    }
    sandbox->due_last = run;
    return &run->run;
}

static void null_stop(struct sandbox_run *base, exo_time grace_ns)
{
    struct null_run *run = (struct null_run *)base;

    run->is_stopped = true;
    if (run->timer != NULL && run->is_started) {
        loop_timer_start(run->timer, run->script.ignores_term ? grace_ns : 0, 0);
    }
}

static bool null_signal(struct sandbox_run *base, int signal)
{
    struct null_run *run = (struct null_run *)base;

    (void)signal;
    return run->is_started;
}

const struct sandbox_driver sandbox_null_driver = {
    .name = "null",
    .open = null_open,
    .close = null_close,
    .recover = null_recover,
    .start = null_start,
    .stop = null_stop,
    .signal = null_signal,
};
