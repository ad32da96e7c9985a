/* artefacts: the files that a task left, listed or brought here. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "infra/archive/package.h"
#include "producer/cli/commands.h"
#include "producer/cli/rest.h"
#include "producer/cli/text_table.h"
#include "schemas/vocab/limits.h"

static const exo_time patience_ns = 2 * EXO_HOUR;

static void path_make(struct rest_path *path, const struct command_line *words)
{
    rest_path_begin(path, "/v1/executions/");
    rest_path_word(path, words->positionals[0]);
    rest_path_add(path, "/tasks/");
    rest_path_word(path, words->positionals[1]);
    rest_path_add(path, "/artefacts");
}

static int list(struct rest *rest)
{
    struct rest_path path;
    struct value answer = {0};

    path_make(&path, rest->cli->call->line);
    int status = rest_ask(rest, &(struct rest_request){.path = path.text}, &answer);

    if (status != 0) {
        return status;
    }
    if (!cli_is_table(rest->cli)) {
        cli_show(rest->cli, &answer);
        return EXIT_STATUS_DONE;
    }
    const struct value *files = value_get(&answer, span_of("files"));
    static const char *const heads[] = {"BYTES", "PATH", NULL};
    struct text_table table;

    text_table_init(&table, &rest->cli->arena, heads);
    table.cell_bytes = LIMIT_ARTEFACT_PATH_BYTES;
    for (uint32_t i = 0; files != NULL && files->kind == VALUE_LIST && i < files->count; i++) {
        char bytes[32];
        const char *row[] = {bytes, rest_text(&files->items[i], "path")};

        (void)snprintf(bytes, sizeof(bytes), "%lld",
                       (long long)rest_number(&files->items[i], "bytes"));
        text_table_add(&table, row);
    }
    text_table_print(&table, stdout);
    return EXIT_STATUS_DONE;
}

/* A package on its way into a file. */
struct download {
    struct rest *rest;
    int fd;
    int write_error; /* errno */
    bool is_done;
    int status;
};

static void came(void *argument, struct span bytes)
{
    struct download *download = argument;
    const char *at = bytes.data;
    size_t left = bytes.bytes;

    while (left > 0 && download->write_error == 0) {
        ssize_t count = write(download->fd, at, left);

        if (count < 0) {
            download->write_error = errno == EINTR ? 0 : errno;
            continue;
        }
        at += count;
        left -= (size_t)count;
    }
}

static void ended(void *argument, const struct http_result *result)
{
    struct download *download = argument;

    download->status = rest_tell(download->rest, result);
    download->is_done = true;
}

static int fetch(struct download *download)
{
    struct rest_path path;
    struct exo_error err;

    path_make(&path, download->rest->cli->call->line);
    rest_path_query(&path, "download", "true");
    const struct http_call_options options = {
        .url = path.text,
        .timeout_ns = EXO_TIME_NEVER,
        .on_data = came,
        .on_done = ended,
        .argument = download,
    };

    if (rest_start(download->rest, &options, &err) == NULL) {
        return cli_fail_error(&err);
    }
    (void)loop_run_until(download->rest->loop, &download->is_done, patience_ns);
    if (download->status == 0 && download->write_error != 0) {
        (void)exo_error_set(&err, EXO_EIO, "cannot keep the package in the directory: %s",
                            strerror(download->write_error));
        return cli_fail_error(&err);
    }
    return download->status;
}

static int unpack(struct download *download, int directory_fd, const char *file)
{
    struct exo_error err;

    if (lseek(download->fd, 0, SEEK_SET) != 0 ||
        package_unpack(download->fd, directory_fd, file, NULL, &err) != 0) {
        return cli_fail_error(&err);
    }
    return EXIT_STATUS_DONE;
}

static int bring(struct rest *rest, const char *directory, const char *file)
{
    struct download download = {.rest = rest, .fd = -1};
    struct exo_error err;
    int status;

    if (mkdir(directory, 0755) != 0 && errno != EEXIST) {
        (void)exo_error_set(&err, EXO_EIO, "cannot make %s: %s", directory, strerror(errno));
        return cli_fail_error(&err);
    }
    int directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    download.fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (directory_fd < 0 || download.fd < 0) {
        (void)exo_error_set(&err, EXO_EIO, "cannot write into %s: %s", directory, strerror(errno));
        status = cli_fail_error(&err);
    } else {
        status = fetch(&download);
        status = status != 0 ? status : unpack(&download, directory_fd, file);
    }
    if (download.fd >= 0) {
        (void)close(download.fd); /* unnamed: nothing to keep */
    }
    if (directory_fd >= 0) {
        (void)close(directory_fd); /* a directory */
    }
    return status;
}

static int artefacts(struct rest *rest)
{
    const struct command_line *words = rest->cli->call->line;
    const char *directory = command_line_value(words, "to");
    const char *file = command_line_value(words, "file");

    if (directory == NULL && file == NULL) {
        return list(rest);
    }
    return bring(rest, directory == NULL ? "." : directory, file);
}

static int run(const struct command_call *call)
{
    return rest_run(call, artefacts);
}

static const struct flag flags[] = {
    {"to", 0, "DIR", "unpack the files there; none of them may be there already", false},
    {"file", 0, "PATH", "only this one, into the present directory or that of --to", false},
};

const struct command command_artefacts = {
    .name = "artefacts",
    .arguments = "EXECUTION TASK",
    .summary = "list the files that a task left in /exosphere/artefacts, or bring them here",
    .details = "TASK is a satellite's name, or NAME.INDEX of one with for_each.\n"
               "Exit status: " CLI_EXIT_HELP_REQUEST "\n",
    .role = ROLE_CLIENT,
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .positionals_least = 2,
    .positionals_most = 2,
    .run = run,
};
