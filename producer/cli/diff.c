/* diff: what two definitions have that the other has not, in their canonical forms. */
#include <string.h>

#include "producer/cli/commands.h"
#include "producer/cli/definition_file.h"
#include "producer/core/difference.h"
#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"

/* As diff(1) has them. */
enum { DIFF_SAME = 0, DIFF_DIFFERENT = 1, DIFF_TROUBLE = 2 };

/* One of the two. */
struct side {
    const char *word;
    enum version_kind kind;
    const struct value *inner; /* what stands under `cluster:` or `satellite:` */
};

static const struct value *inner_of(const struct value *definition, const struct side *side)
{
    const struct value *inner =
        definition == NULL ? NULL : value_get(definition, span_of(version_kind_name(side->kind)));

    if (inner == NULL) {
        (void)cli_fail(0, "%s: the API's answer holds no definition", side->word);
    }
    return inner;
}

static int read_stored(struct rest *rest, const struct version_reference *reference,
                       struct side *side)
{
    struct value *answer = arena_alloc(&rest->cli->arena, sizeof(*answer));

    side->kind = reference->kind;
    if (answer == NULL || definition_read(rest, reference, answer) != 0) {
        return -1;
    }
    side->inner = inner_of(value_get(answer, span_of("definition")), side);
    return side->inner == NULL ? -1 : 0;
}

/* A cluster that uses stored satellites is written out by the API. */
static int read_by_api(struct rest *rest, const struct definition_file *file, struct side *side)
{
    struct cli *cli = rest->cli;
    struct value *answer = arena_alloc(&cli->arena, sizeof(*answer));
    struct value request = cluster_file_request(cli, &file->cluster);
    struct buffer body;

    buffer_init(&body, cli->allocator, 0);
    buffer_text(&body, "{\"cluster\":");
    json_write(&body, &request);
    buffer_text(&body, "}");
    int status = answer == NULL ? -1
                                : rest_ask(rest,
                                           &(struct rest_request){.method = "POST",
                                                                  .path = "/v1/validate",
                                                                  .body = buffer_span(&body)},
                                           answer);

    buffer_release(&body);
    if (status != 0) {
        return -1;
    }
    const struct value *errors = value_get(answer, span_of("errors"));

    for (uint32_t i = 0; errors != NULL && errors->kind == VALUE_LIST && i < errors->count; i++) {
        (void)fprintf(stderr, "%s: %s: %s\n", side->word, rest_text(&errors->items[i], "path"),
                      rest_text(&errors->items[i], "detail"));
    }
    if (errors != NULL && errors->kind == VALUE_LIST && errors->count > 0) {
        return -1;
    }
    side->inner = inner_of(value_get(answer, span_of("definition")), side);
    return side->inner == NULL ? -1 : 0;
}

static int read_canonical(struct cli *cli, struct span text, struct side *side)
{
    struct value *definition = arena_alloc(&cli->arena, sizeof(*definition));
    struct json_error error;

    if (definition == NULL || json_read(text, NULL, &cli->arena, definition, &error) != JSON_OK) {
        (void)cli_fail(0, "%s is too large to be compared", side->word);
        return -1;
    }
    side->inner = inner_of(definition, side);
    return side->inner == NULL ? -1 : 0;
}

static int read_file(struct rest *rest, struct side *side)
{
    struct cli *cli = rest->cli;
    struct definition_file file = {.kind = VERSION_CLUSTER};
    struct buffer text;

    fault_list_init(&cli->faults, &cli->arena, 0);
    int status = definition_file_load(cli, side->word, &file);

    cli_faults_tell(&cli->faults, side->word, stderr);
    if (status != 0) {
        return -1;
    }
    side->kind = file.kind;
    if (file.kind == VERSION_SATELLITE) {
        return read_canonical(cli, file.satellite.canonical, side);
    }
    if (file.uses_stored) {
        return read_by_api(rest, &file, side);
    }
    buffer_init(&text, cli->allocator, 0);
    cluster_canonical(file.cluster.cluster, &text);
    struct span copy = arena_copy(&cli->arena, buffer_span(&text));

    buffer_release(&text);
    return read_canonical(cli, copy, side);
}

static int read_side(struct rest *rest, struct side *side)
{
    struct version_reference reference;

    return definition_word_parse(rest->cli, side->word, &reference)
               ? read_stored(rest, &reference, side)
               : read_file(rest, side);
}

/* ---- told ---- */

struct telling {
    struct cli *cli;
    struct json_writer *w; /* NULL: for people */
};

static void print_value(struct cli *cli, const char *before, const struct value *value)
{
    struct buffer text;

    buffer_init(&text, cli->allocator, 0);
    json_write(&text, value);
    (void)printf("%s%.*s", before, SPAN_ARG(buffer_span(&text)));
    buffer_release(&text);
}

static void tell_line(void *context, const struct difference *d)
{
    static const char signs[DIFFERENCE_NR] = {'+', '-', '~'};
    const struct telling *telling = context;

    (void)printf("%c %s:", signs[d->kind], d->path[0] == '\0' ? "(all of it)" : d->path);
    if (d->before != NULL) {
        print_value(telling->cli, " ", d->before);
    }
    if (d->after != NULL) {
        print_value(telling->cli, d->before == NULL ? " " : " -> ", d->after);
    }
    (void)putchar('\n');
}

static void put_side(struct json_writer *w, const char *key, const struct value *value)
{
    if (value != NULL) {
        json_key(w, key);
        json_put_value(w, value);
    }
}

static void tell_json(void *context, const struct difference *d)
{
    struct json_writer *w = ((struct telling *)context)->w;

    json_begin_map(w);
    json_key(w, "path");
    json_put_text(w, d->path);
    json_key(w, "kind");
    json_put_text(w, difference_kind_name(d->kind));
    put_side(w, "before", d->before);
    put_side(w, "after", d->after);
    json_end_map(w);
}

static uint32_t show(struct cli *cli, const struct side *a, const struct side *b,
                     struct buffer *path)
{
    struct buffer text;
    struct value shown;
    struct json_error error;

    buffer_init(&text, cli->allocator, 0);
    struct json_writer w = {.buffer = &text};
    struct telling telling = {cli, &w};

    json_begin_map(&w);
    json_key(&w, "a");
    json_put_text(&w, a->word);
    json_key(&w, "b");
    json_put_text(&w, b->word);
    json_key(&w, "differences");
    json_begin_list(&w);
    uint32_t count = difference_walk(a->inner, b->inner, path, tell_json, &telling);

    json_end_list(&w);
    json_end_map(&w);
    if (json_read(buffer_span(&text), NULL, &cli->arena, &shown, &error) == JSON_OK) {
        cli_show(cli, &shown);
    }
    buffer_release(&text);
    return count;
}

static uint32_t print(struct cli *cli, const struct side *a, const struct side *b,
                      struct buffer *path)
{
    struct telling telling = {cli, NULL};

    return difference_walk(a->inner, b->inner, path, tell_line, &telling);
}

static int diff(struct rest *rest)
{
    struct cli *cli = rest->cli;
    struct side a = {.word = cli->call->line->positionals[0]};
    struct side b = {.word = cli->call->line->positionals[1]};
    struct buffer path;

    if (read_side(rest, &a) != 0 || read_side(rest, &b) != 0) {
        return DIFF_TROUBLE;
    }
    if (a.kind != b.kind) {
        return cli_fail(DIFF_TROUBLE, "%s is a %s and %s a %s: they have nothing in common", a.word,
                        version_kind_name(a.kind), b.word, version_kind_name(b.kind));
    }
    buffer_init(&path, cli->allocator, 0);
    uint32_t count = cli_is_table(cli) ? print(cli, &a, &b, &path) : show(cli, &a, &b, &path);

    buffer_release(&path);
    return count == 0 ? DIFF_SAME : DIFF_DIFFERENT;
}

static int run(const struct command_call *call)
{
    return rest_run(call, diff);
}

const struct command command_diff = {
    .name = "diff",
    .arguments = "A B",
    .summary = "compare two definitions: files, or stored ones by name and version",
    .details =
        "A and B: FILE, PROJECT/NAME[@VERSION] or satellite/PROJECT/NAME[@VERSION]. Compared\n"
        "are the canonical forms, so order and spelling make no difference. A line each:\n"
        "+ only in B, - only in A, ~ changed. Two files are compared without the API, unless\n"
        "they use stored satellites.\n"
        "Exit status: 0 the same, 1 different, 2 they could not be compared.\n",
    .role = ROLE_CLIENT,
    .positionals_least = 2,
    .positionals_most = 2,
    .run = run,
};
