/* pause, resume, priority, signal, approve, reject, retry, skip: what can be asked of an execution
 * while it runs. */
#include "producer/cli/control.h"

#include <stdlib.h>
#include <string.h>

#include "producer/cli/commands.h"
#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"

int control_send(struct rest *rest, const struct control_request *request)
{
    struct rest_path path;
    struct value answer = {0};

    rest_path_begin(&path, "/v1/executions/");
    rest_path_word(&path, request->execution);
    if (request->task != NULL) {
        rest_path_add(&path, "/tasks/");
        rest_path_word(&path, request->task);
    }
    rest_path_add(&path, request->word);
    if (request->name != NULL) {
        rest_path_word(&path, request->name);
    }
    int status = rest_ask(
        rest,
        &(struct rest_request){.method = request->method == NULL ? "POST" : request->method,
                               .path = path.text,
                               .body = request->body,
                               .idempotency_key = request->key},
        &answer);

    if (status != 0) {
        return status;
    }
    if (!cli_is_table(rest->cli)) {
        cli_show(rest->cli, &answer);
        return EXIT_STATUS_DONE;
    }
    /* A command on its way is answered with the state of before it, and of the execution. */
    const char *state = rest_text(&answer, "state");
    bool is_asked = rest_text(&answer, "command")[0] != '\0' &&
                    (request->task != NULL || strcmp(state, "CANCELLING") != 0);
    const char *const words[] = {request->execution, rest_text(&answer, "task"),
                                 is_asked ? "asked" : state};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        (void)printf("%s%s", i > 0 && words[i][0] != '\0' ? " " : "", words[i]);
    }
    (void)putchar('\n');
    return EXIT_STATUS_DONE;
}

/* ---- bodies ---- */

/* JSON where it is JSON, else a string, as with --input; @FILE holds a value. */
static int read_payload(struct cli *cli, const char *text, struct value *ret)
{
    struct json_error error = {0};

    if (text[0] == '@') {
        return cli_read_value(cli, text + 1, ret);
    }
    if (json_read(span_of(text), NULL, &cli->arena, ret, &error) != JSON_OK) {
        *ret = value_string(span_of(text));
    }
    return 0;
}

static void put_flag(struct json_writer *writer, const struct cli *cli, const char *flag,
                     const char *member)
{
    const char *text = command_line_value(cli->call->line, flag);

    if (text != NULL) {
        json_key(writer, member);
        json_put_text(writer, text);
    }
}

/* What the flags say: reason, comment, actor; result and data as JSON values. */
static int write_body(struct cli *cli, struct buffer *body)
{
    static const char *const texts[] = {"reason", "comment", "actor"};
    const char *result = command_line_value(cli->call->line, "result");
    struct json_writer writer = {.buffer = body};
    struct value value = value_null();

    json_begin_map(&writer);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        put_flag(&writer, cli, texts[i], texts[i]);
    }
    if (result != NULL) {
        int status = read_payload(cli, result, &value);

        if (status != 0) {
            return status;
        }
        json_key(&writer, "output");
        json_put_value(&writer, &value);
    }
    json_end_map(&writer);
    return 0;
}

/* ---- commands ---- */

/* EXECUTION alone, or EXECUTION TASK. */
static int send_word(struct rest *rest, const char *word)
{
    struct cli *cli = rest->cli;
    const struct command_line *line = cli->call->line;
    struct buffer body;

    buffer_init(&body, cli->allocator, 0);
    int status = write_body(cli, &body);

    if (status == 0) {
        const struct control_request request = {
            .execution = line->positionals[0],
            .task = line->positional_count == 2 ? line->positionals[1] : NULL,
            .word = word,
            .body = buffer_span(&body),
        };

        status = control_send(rest, &request);
    }
    buffer_release(&body);
    return status;
}

static int ask_pause(struct rest *rest)
{
    return send_word(rest, "/pause");
}

static int ask_resume(struct rest *rest)
{
    return send_word(rest, "/resume");
}

static int ask_approve(struct rest *rest)
{
    return send_word(rest, "/approve");
}

static int ask_reject(struct rest *rest)
{
    return send_word(rest, "/reject");
}

static int ask_retry(struct rest *rest)
{
    return send_word(rest, "/retry");
}

static int ask_skip(struct rest *rest)
{
    return send_word(rest, "/skip");
}

static int ask_signal(struct rest *rest)
{
    struct cli *cli = rest->cli;
    const struct command_line *line = cli->call->line;
    const char *data = command_line_value(line, "data");
    struct value value = value_null();
    struct buffer body;
    int status = data == NULL ? 0 : read_payload(cli, data, &value);

    if (status != 0) {
        return status;
    }
    buffer_init(&body, cli->allocator, 0);
    json_write(&body, &value);
    const struct control_request request = {
        .execution = line->positionals[0],
        .word = "/signals/",
        .name = line->positionals[1],
        .key = command_line_value(line, "idempotency-key"),
        .body = buffer_span(&body),
    };

    status = control_send(rest, &request);
    buffer_release(&body);
    return status;
}

static int ask_priority(struct rest *rest)
{
    const struct command_line *line = rest->cli->call->line;
    const char *number = line->positionals[1];
    char body[32];

    if (number[0] < '0' || number[0] > '9' || number[1] != '\0') {
        return cli_fail(EXIT_STATUS_USAGE, "%s: give a priority from 0 to 9; 9 goes first", number);
    }
    (void)snprintf(body, sizeof(body), "{\"priority\":%s}", number);
    return control_send(rest, &(struct control_request){.method = "PATCH",
                                                        .execution = line->positionals[0],
                                                        .word = "",
                                                        .body = span_of(body)});
}

#define RUN(verb)                                                                                  \
    static int run_##verb(const struct command_call *call)                                         \
    {                                                                                              \
        return rest_run(call, ask_##verb);                                                         \
    }
RUN(pause)
RUN(resume)
RUN(priority)
RUN(signal)
RUN(approve)
RUN(reject)
RUN(retry)
RUN(skip)
#undef RUN

#define LATER "The scheduler of the execution does it a moment later; asking again does no harm.\n"
#define TASK_HELP                                                                                  \
    "TASK is a satellite's name, or NAME.INDEX of one with for_each; page.3.parse names what\n"    \
    "stands in run 3 of the group page.\n"
#define EXIT_HELP "Exit status: " CLI_EXIT_HELP_REQUEST "\n"

static const struct flag reason_flags[] = {
    {"reason", 'r', "TEXT", "why; for the scheduler's log", false},
};

static const struct flag signal_flags[] = {
    {"data", 'd', "JSON|@FILE", "the payload; what is no JSON is a string; else null", false},
    {"idempotency-key", 0, "KEY", "the same signal sent again with it is one signal", false},
};

static const struct flag approval_flags[] = {
    {"comment", 'm', "TEXT", "what to say; of a rejection it stands in the error", false},
    {"actor", 0, "NAME", "who decides; else `api` or `anonymous`", false},
};

static const struct flag skip_flags[] = {
    {"result", 0, "JSON|@FILE", "its output; what is no JSON is a string; else null", false},
    {"reason", 'r', "TEXT", "why; for the scheduler's log", false},
};

enum { REASON_FLAGS = sizeof(reason_flags) / sizeof(reason_flags[0]) };

#define ROW(args, flag_table, nr, positionals, function)                                           \
    .arguments = (args), .role = ROLE_CLIENT, .flags = (flag_table), .flag_count = (nr),           \
    .positionals_least = (positionals), .positionals_most = (positionals), .run = (function)

/* clang-format off */
const struct command command_pause = {
    .name = "pause", .summary = "let nothing new of an execution begin",
    .details = "What runs goes on. `exosphere resume` lets it go on.\n" LATER EXIT_HELP,
    ROW("EXECUTION", reason_flags, REASON_FLAGS, 1, run_pause)};
const struct command command_resume = {
    .name = "resume", .summary = "let a paused execution go on",
    .details = LATER EXIT_HELP,
    ROW("EXECUTION", reason_flags, REASON_FLAGS, 1, run_resume)};
const struct command command_priority = {
    .name = "priority", .summary = "change the priority of an execution; 9 goes first",
    .details = "What waits for a worker moves; what runs is left alone.\n" LATER EXIT_HELP,
    ROW("EXECUTION 0..9", NULL, 0, 2, run_priority)};
const struct command command_signal = {
    .name = "signal", .summary = "send a signal that a satellite waits for",
    .details = "The oldest satellite with `wait: {signal: NAME}` that waits ends with the payload as\n"
               "its output. Where none waits yet the signal is kept for the next one that does.\n"
               "Sent twice it is two signals, unless both have the same --idempotency-key.\n" EXIT_HELP,
    ROW("EXECUTION NAME", signal_flags, sizeof(signal_flags) / sizeof(signal_flags[0]), 2, run_signal)};
const struct command command_approve = {
    .name = "approve", .summary = "approve what waits for a person",
    .details = TASK_HELP LATER EXIT_HELP,
    ROW("EXECUTION TASK", approval_flags, sizeof(approval_flags) / sizeof(approval_flags[0]), 2, run_approve)};
const struct command command_reject = {
    .name = "reject", .summary = "refuse what waits for a person: it fails",
    .details = TASK_HELP LATER EXIT_HELP,
    ROW("EXECUTION TASK", approval_flags, sizeof(approval_flags) / sizeof(approval_flags[0]), 2, run_reject)};
const struct command command_retry = {
    .name = "retry", .summary = "try a task that waits after a failure now",
    .details = TASK_HELP "The task is in BACKOFF; its retries are counted as ever.\n" LATER EXIT_HELP,
    ROW("EXECUTION TASK", reason_flags, REASON_FLAGS, 2, run_retry)};
const struct command command_skip = {
    .name = "skip", .summary = "end a task with a given result",
    .details = TASK_HELP "It SUCCEEDS as if an attempt had given the result; an attempt that runs is stopped.\n" LATER EXIT_HELP,
    ROW("EXECUTION TASK", skip_flags, sizeof(skip_flags) / sizeof(skip_flags[0]), 2, run_skip)};
/* clang-format on */
