/* cluster and satellite put, show, list, versions, delete: what is stored under a name. */
#include <stdlib.h>
#include <string.h>

#include "producer/cli/commands.h"
#include "producer/cli/definition_file.h"
#include "producer/cli/text_table.h"
#include "schemas/json/json_write.h"

enum { NAME_TEXT_BYTES = 160, NUMBER_TEXT_BYTES = 24 };

/* The first word of the command says which. */
static enum version_kind kind_of(const struct command_call *call)
{
    return strncmp(call->command->name, "satellite", 9) == 0 ? VERSION_SATELLITE : VERSION_CLUSTER;
}

/* PROJECT/NAME[@VERSION], of a satellite also with satellite/ before it. */
static int reference_of(struct rest *rest, struct version_reference *ret)
{
    const struct command_call *call = rest->cli->call;
    enum version_kind kind = kind_of(call);
    const char *word = call->line->positionals[0];
    struct span text = span_of(word);
    struct span project = settings_is_said(call->set, "project") ? span_of(call->settings->project)
                                                                 : (struct span){NULL, 0};

    if (kind == VERSION_SATELLITE && strncmp(word, "satellite/", 10) == 0) {
        text = span_of(word + 10);
    }
    const char *wrong = version_reference_parse(VERSION_CLUSTER, text, project, ret);

    ret->kind = kind;
    return wrong == NULL ? 0 : cli_fail(CLI_EXIT_DATA, "%s: %s", word, wrong);
}

/* ---- put ---- */

static int write_put(struct rest *rest, const struct definition_file *file, struct buffer *body)
{
    const struct command_line *words = rest->cli->call->line;
    const char *message = command_line_value(words, "message");
    const char *expected = command_line_value(words, "expect");
    const char *user = getenv("USER");
    struct json_writer w = {.buffer = body};

    json_begin_map(&w);
    json_key(&w, version_kind_name(file->kind));
    json_put_string(&w, file->text);
    if (message != NULL) {
        json_key(&w, "message");
        json_put_text(&w, message);
    }
    if (user != NULL && user[0] != '\0') {
        json_key(&w, "actor");
        json_put_text(&w, user);
    }
    if (expected != NULL) {
        char *end = NULL;
        long number = strtol(expected, &end, 10);

        if (expected[0] == '\0' || *end != '\0' || number < 0 || number > VERSION_NUMBER_MAX) {
            return cli_fail(EXIT_STATUS_USAGE,
                            "--expect %s: give the newest version there must be, 0 for none",
                            expected);
        }
        json_key(&w, "expected_version");
        json_put_int(&w, number);
    }
    json_end_map(&w);
    return 0;
}

static int send_put(struct rest *rest, const struct definition_file *file, struct value *ret_answer)
{
    struct version_reference reference = {.kind = file->kind,
                                          .project = definition_file_project(file),
                                          .name = definition_file_name(file)};
    struct rest_path path;
    struct buffer body;

    definition_path(&reference, &path);
    buffer_init(&body, rest->cli->allocator, 0);
    int status = write_put(rest, file, &body);

    if (status == 0) {
        status = rest_ask(
            rest,
            &(struct rest_request){.method = "PUT", .path = path.text, .body = buffer_span(&body)},
            ret_answer);
    }
    buffer_release(&body);
    return status;
}

static void full_name(const struct value *version, char ret_text[NAME_TEXT_BYTES])
{
    (void)snprintf(ret_text, NAME_TEXT_BYTES, "%s%s/%s@%lld",
                   strcmp(rest_text(version, "kind"), "satellite") == 0 ? "satellite/" : "",
                   rest_text(version, "project"), rest_text(version, "name"),
                   (long long)rest_number(version, "version"));
}

static int put(struct rest *rest)
{
    struct cli *cli = rest->cli;
    const char *path = cli->call->line->positionals[0];
    struct definition_file file = {.kind = VERSION_CLUSTER};
    struct value answer = {0};
    char name[NAME_TEXT_BYTES];
    int status = definition_file_load(cli, path, &file);

    cli_faults_tell(&cli->faults, path, stderr); /* warnings too */
    if (status != 0) {
        return status;
    }
    if (file.kind != kind_of(cli->call)) {
        return cli_fail(CLI_EXIT_DATA, "%s holds a %s: exosphere %s put %s", path,
                        version_kind_name(file.kind), version_kind_name(file.kind), path);
    }
    status = send_put(rest, &file, &answer);
    if (status != 0) {
        return status;
    }
    if (!cli_is_table(cli)) {
        cli_show(cli, &answer);
    } else {
        full_name(&answer, name);
        (void)puts(name);
    }
    return EXIT_STATUS_DONE;
}

static int run_put(const struct command_call *call)
{
    return rest_run(call, put);
}

/* ---- show ---- */

static void line(const char *name, const char *text)
{
    if (text[0] != '\0') {
        (void)printf("%-10s %s\n", name, text);
    }
}

static int show(struct rest *rest)
{
    struct cli *cli = rest->cli;
    struct version_reference reference;
    struct value answer = {0};
    char name[NAME_TEXT_BYTES];
    int status = reference_of(rest, &reference);

    status = status == 0 ? definition_read(rest, &reference, &answer) : status;
    if (status != 0) {
        return status;
    }
    const struct value *definition = value_get(&answer, span_of("definition"));

    if (command_line_is_set(cli->call->line, "definition") && definition != NULL) {
        cli_show(cli, definition);
    } else if (!cli_is_table(cli)) {
        cli_show(cli, &answer);
    } else {
        full_name(&answer, name);
        line("version", name);
        line("digest", rest_text(&answer, "digest"));
        line("created", rest_text(&answer, "created_at"));
        line("actor", rest_text(&answer, "actor"));
        line("message", rest_text(&answer, "message"));
        (void)putchar('\n');
        cli_show(cli, definition == NULL ? &answer : definition);
    }
    return EXIT_STATUS_DONE;
}

static int run_show(const struct command_call *call)
{
    return rest_run(call, show);
}

/* ---- lists ---- */

static void print(struct cli *cli, const struct value *versions)
{
    static const char *const headings[] = {"VERSION", "CREATED", "ACTOR", "MESSAGE", NULL};
    struct text_table table;

    text_table_init(&table, &cli->arena, headings);
    for (uint32_t i = 0; versions != NULL && i < versions->count; i++) {
        const struct value *version = &versions->items[i];
        char name[NAME_TEXT_BYTES];
        const char *words[] = {name, rest_text(version, "created_at"), rest_text(version, "actor"),
                               rest_text(version, "message")};

        full_name(version, name);
        text_table_add(&table, words);
    }
    text_table_print(&table, stdout);
}

static int ask_list(struct rest *rest, struct rest_path *path, const char *member)
{
    const struct command_line *words = rest->cli->call->line;
    struct value answer = {0};

    rest_path_query(path, "limit", command_line_value(words, "limit"));
    rest_path_query(path, "cursor", command_line_value(words, "cursor"));
    int status = rest_ask(rest, &(struct rest_request){.path = path->text}, &answer);

    if (status != 0) {
        return status;
    }
    if (!cli_is_table(rest->cli)) {
        cli_show(rest->cli, &answer);
        return EXIT_STATUS_DONE;
    }
    print(rest->cli, value_get(&answer, span_of(member)));
    if (rest_text(&answer, "next_cursor")[0] != '\0') {
        (void)fprintf(stderr, "there are more: --cursor %s\n", rest_text(&answer, "next_cursor"));
    }
    return EXIT_STATUS_DONE;
}

static int list(struct rest *rest)
{
    const struct command_call *call = rest->cli->call;
    bool is_cluster = kind_of(call) == VERSION_CLUSTER;
    struct rest_path path;

    rest_path_begin(&path, is_cluster ? "/v1/clusters" : "/v1/satellites");
    if (settings_is_said(call->set, "project")) {
        rest_path_query(&path, "project", call->settings->project);
    }
    return ask_list(rest, &path, is_cluster ? "clusters" : "satellites");
}

static int run_list(const struct command_call *call)
{
    return rest_run(call, list);
}

static int versions(struct rest *rest)
{
    struct version_reference reference;
    struct rest_path path;
    int status = reference_of(rest, &reference);

    if (status != 0) {
        return status;
    }
    reference.number = 0;
    definition_path(&reference, &path);
    rest_path_add(&path, "/versions");
    return ask_list(rest, &path, "versions");
}

static int run_versions(const struct command_call *call)
{
    return rest_run(call, versions);
}

/* ---- delete ---- */

static int hide(struct rest *rest)
{
    struct version_reference reference;
    struct rest_path path;
    struct value answer = {0};
    int status = reference_of(rest, &reference);

    if (status == 0 && reference.number > 0) {
        status =
            cli_fail(CLI_EXIT_DATA, "a version cannot be deleted, only the name: leave @%u out",
                     reference.number);
    }
    if (status != 0) {
        return status;
    }
    definition_path(&reference, &path);
    return rest_ask(rest, &(struct rest_request){.method = "DELETE", .path = path.text}, &answer);
}

static int run_delete(const struct command_call *call)
{
    return rest_run(call, hide);
}

/* ---- the rows ---- */

static const struct flag put_flags[] = {
    {"message", 'm', "TEXT", "why, kept with the version", false},
    {"expect", 0, "VERSION", "only where this is the newest; 0: where there is none", false},
};
static const struct flag show_flags[] = {
    {"definition", 0, NULL, "only the file in its canonical form, as JSON or with -o yaml", false},
};
static const struct flag list_flags[] = {
    {"limit", 'n', "N", "how many, 1 to 1000", false},
    {"cursor", 0, "CURSOR", "go on behind the page before", false},
};
enum {
    PUT_FLAGS = sizeof(put_flags) / sizeof(put_flags[0]),
    SHOW_FLAGS = sizeof(show_flags) / sizeof(show_flags[0]),
    LIST_FLAGS = sizeof(list_flags) / sizeof(list_flags[0]),
};

#define PUT_DETAILS                                                                                \
    "Prints the version that stands: the next one, or the newest where its text is the same.\n"    \
    "Satellites and clusters that it uses are written out first, so a version never changes.\n"    \
    "Exit status: " CLI_EXIT_HELP_REQUEST "\n"
#define DELETE_DETAILS                                                                             \
    "What runs goes on; the versions stay, and come back when the name is put again.\n"            \
    "Exit status: " CLI_EXIT_HELP_REQUEST "\n"
#define READ_DETAILS "Exit status: " CLI_EXIT_HELP_REQUEST "\n"
#define ROW(args, flag_table, nr, positionals, function)                                           \
    .arguments = (args), .role = ROLE_CLIENT, .flags = (flag_table), .flag_count = (nr),           \
    .positionals_least = (positionals), .positionals_most = (positionals), .run = (function)

/* clang-format off */
const struct command command_cluster_put = {
    .name = "cluster put", .summary = "store a cluster file as the next version of its name",
    .details = PUT_DETAILS, ROW("FILE", put_flags, PUT_FLAGS, 1, run_put)};
const struct command command_satellite_put = {
    .name = "satellite put", .summary = "store a satellite file as the next version of its name",
    .details = PUT_DETAILS, ROW("FILE", put_flags, PUT_FLAGS, 1, run_put)};
const struct command command_cluster_show = {
    .name = "cluster show", .summary = "show a stored cluster, the newest version or the one named",
    .details = READ_DETAILS, ROW("PROJECT/NAME[@VERSION]", show_flags, SHOW_FLAGS, 1, run_show)};
const struct command command_satellite_show = {
    .name = "satellite show", .summary = "show a stored satellite, the newest version or the one named",
    .details = READ_DETAILS, ROW("PROJECT/NAME[@VERSION]", show_flags, SHOW_FLAGS, 1, run_show)};
const struct command command_cluster_list = {
    .name = "cluster list", .summary = "list the stored clusters, the newest version of each",
    .details = READ_DETAILS, ROW("", list_flags, LIST_FLAGS, 0, run_list)};
const struct command command_satellite_list = {
    .name = "satellite list", .summary = "list the stored satellites, the newest version of each",
    .details = READ_DETAILS, ROW("", list_flags, LIST_FLAGS, 0, run_list)};
const struct command command_cluster_versions = {
    .name = "cluster versions", .summary = "list the versions of a stored cluster, newest first",
    .details = READ_DETAILS, ROW("PROJECT/NAME", list_flags, LIST_FLAGS, 1, run_versions)};
const struct command command_satellite_versions = {
    .name = "satellite versions", .summary = "list the versions of a stored satellite, newest first",
    .details = READ_DETAILS, ROW("PROJECT/NAME", list_flags, LIST_FLAGS, 1, run_versions)};
const struct command command_cluster_delete = {
    .name = "cluster delete", .summary = "hide a stored cluster from new starts",
    .details = DELETE_DETAILS, ROW("PROJECT/NAME", NULL, 0, 1, run_delete)};
const struct command command_satellite_delete = {
    .name = "satellite delete", .summary = "hide a stored satellite from new uses",
    .details = DELETE_DETAILS, ROW("PROJECT/NAME", NULL, 0, 1, run_delete)};
/* clang-format on */
