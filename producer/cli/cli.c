#include "producer/cli/cli.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "infra/yaml/yaml_read.h"
#include "infra/yaml/yaml_write.h"
#include "schemas/json/json_write.h"
#include "schemas/vocab/limits.h"

enum { READ_BYTES = 64 << 10 };

void cli_init(struct cli *cli, const struct command_call *call)
{
    *cli = (struct cli){.call = call};
    cli->allocator = allocator_heap(&cli->budget);
    arena_init(&cli->arena, cli->allocator, 0);
    fault_list_init(&cli->faults, &cli->arena, 0);
}

void cli_release(struct cli *cli)
{
    arena_release(&cli->arena);
}

int cli_fail(int status, const char *format, ...)
{
    va_list args;

    (void)fflush(stdout);
    (void)fputs("exosphere: ", stderr);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return status;
}

int cli_fail_error(const struct exo_error *err)
{
    switch (err->code) {
    case EXO_EINVALID:
        return cli_fail(CLI_EXIT_DATA, "%s", err->text);
    case EXO_ENOTFOUND:
        return cli_fail(CLI_EXIT_NOT_FOUND, "%s", err->text);
    case EXO_ECONFLICT:
    case EXO_EFENCED:
        return cli_fail(CLI_EXIT_CONFLICT, "%s", err->text);
    case EXO_EDENIED:
        return cli_fail(CLI_EXIT_DENIED, "%s", err->text);
    case EXO_ELIMIT:
        return cli_fail(CLI_EXIT_LATER, "%s", err->text);
    case EXO_EUNAVAILABLE:
    case EXO_EUNKNOWN:
        return cli_fail(CLI_EXIT_UNAVAILABLE, "%s", err->text);
    case EXO_EIO:
        return cli_fail(CLI_EXIT_IO, "%s", err->text);
    case EXO_OK:
    case EXO_EINTERNAL:
        break;
    }
    return cli_fail(CLI_EXIT_INTERNAL, "%s", err->text);
}

static int read_all(struct cli *cli, FILE *in, const char *path, size_t bytes_max,
                    struct span *ret_text)
{
    struct buffer text;
    char piece[READ_BYTES];
    size_t bytes = 0;
    int status = 0;

    buffer_init(&text, cli->allocator, 0);
    do {
        bytes = fread(piece, 1, sizeof(piece), in);
        buffer_append(&text, (struct span){piece, bytes});
    } while (bytes == sizeof(piece) && text.bytes <= bytes_max);
    if (ferror(in) != 0) {
        status = cli_fail(CLI_EXIT_IO, "%s cannot be read: %s", path, strerror(errno));
    } else if (text.bytes > bytes_max) {
        status = cli_fail(CLI_EXIT_DATA, "%s is larger than %zu bytes, the limit", path, bytes_max);
    } else {
        *ret_text = arena_copy(&cli->arena, buffer_span(&text));
    }
    buffer_release(&text);
    return status;
}

int cli_read_file(struct cli *cli, const char *path, size_t bytes_max, struct span *ret_text)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *in = is_stdin ? stdin : fopen(path, "rb");

    if (in == NULL) {
        return cli_fail(errno == ENOENT ? CLI_EXIT_NOT_FOUND : CLI_EXIT_IO,
                        "%s cannot be opened: %s", path, strerror(errno));
    }
    int status = read_all(cli, in, is_stdin ? "standard input" : path, bytes_max, ret_text);

    if (!is_stdin) {
        (void)fclose(in); /* only read: nothing to lose */
    }
    return status;
}

int cli_read_value(struct cli *cli, const char *path, struct value *ret_value)
{
    struct span text = {0};
    int status = cli_read_file(cli, path, LIMIT_CLUSTER_BYTES, &text);

    if (status == 0 && text_read(text, NULL, &cli->arena, ret_value, &cli->faults) != 0) {
        cli_faults_tell(&cli->faults, path, stderr);
        status = CLI_EXIT_DATA;
    }
    return status;
}

static const char *form(const struct cli *cli)
{
    const struct command_call *call = cli->call;
    const char *text =
        call->settings == NULL ? command_line_value(call->line, "output") : call->settings->output;

    return text == NULL ? "table" : text;
}

int cli_form_check(const struct cli *cli)
{
    const char *text = form(cli);

    return strcmp(text, "table") == 0 || strcmp(text, "json") == 0 || strcmp(text, "yaml") == 0
               ? 0
               : cli_fail(EXIT_STATUS_USAGE, "--output: not \"%s\"; give table, json or yaml",
                          text);
}

bool cli_is_table(const struct cli *cli)
{
    return strcmp(form(cli), "table") == 0;
}

void cli_show(const struct cli *cli, const struct value *value)
{
    struct buffer text;

    buffer_init(&text, cli->allocator, 0);
    if (strcmp(form(cli), "yaml") == 0) {
        yaml_write(&text, value);
    } else {
        json_write_pretty(&text, value);
        buffer_text(&text, "\n");
    }
    assert(!text.is_failed); /* no bound but memory */
    (void)fwrite(text.data, 1, text.bytes, stdout);
    buffer_release(&text);
}

void cli_show_next(const struct cli *cli, const struct value *value)
{
    struct buffer text;

    buffer_init(&text, cli->allocator, 0);
    if (strcmp(form(cli), "yaml") == 0) {
        buffer_text(&text, "---\n");
        yaml_write(&text, value);
    } else {
        json_write(&text, value);
        buffer_text(&text, "\n");
    }
    assert(!text.is_failed); /* no bound but memory */
    (void)fwrite(text.data, 1, text.bytes, stdout);
    buffer_release(&text);
}

void cli_faults_tell(const struct fault_list *faults, const char *file, FILE *out)
{
    const char *shown = strcmp(file, "-") == 0 ? "standard input" : file;

    for (const struct fault *fault = faults->first; fault != NULL; fault = fault->next) {
        (void)fprintf(out, "%s", shown);
        if (fault->line != 0) {
            (void)fprintf(out, ":%u:%u", fault->line, fault->column);
        }
        (void)fprintf(out, ": %s%s%s%s%s%s\n", fault->is_warning ? "warning: " : "", fault->path,
                      fault->path[0] == '\0' ? "" : ": ", fault->text,
                      fault->hint[0] == '\0' ? "" : "; ", fault->hint);
    }
    if (faults->error_count > 0 && faults->kept_count >= faults->limit) {
        (void)fprintf(out, "%s: %u faults in all, the first %u of them listed\n", shown,
                      faults->error_count, faults->kept_count);
    }
}
