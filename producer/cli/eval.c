/* eval: one expression, its value as JSON. Asks no server. */
#include <string.h>

#include "producer/cli/cli.h"
#include "producer/cli/commands.h"
#include "schemas/expression/template.h"

/* What was given: a text with ${{ }} in it, or an expression alone. */
struct given {
    const struct template *template; /* NULL: */
    const struct expression *expression;
};

static enum expression_err compile(struct cli *cli, struct span text, struct given *ret_given,
                                   struct expression_error *ret_error)
{
    const struct expression_position nowhere = {0};

    if (template_has_expressions(text)) {
        return template_compile(text, nowhere, &cli->arena, &ret_given->template, ret_error);
    }
    return expression_compile(text, nowhere, &cli->arena, &ret_given->expression, ret_error);
}

/* The names: members of --scope's map, and `input`. */
static int read_names(struct cli *cli, struct value *ret_names)
{
    const char *scope = command_line_value(cli->call->line, "scope");
    const char *input = command_line_value(cli->call->line, "input");
    struct value names = {.kind = VALUE_MAP};
    int status = scope == NULL ? 0 : cli_read_value(cli, scope, &names);

    if (status == 0 && names.kind != VALUE_MAP) {
        status = cli_fail(CLI_EXIT_DATA, "%s holds a %s; give a map of names and values", scope,
                          value_kind_name(names.kind));
    }
    if (status == 0 && input != NULL) {
        struct value_member *members =
            arena_alloc(&cli->arena, (names.count + 1) * sizeof(*members));

        if (members == NULL) {
            return cli_fail(CLI_EXIT_INTERNAL, "no memory");
        }
        members[0].key = value_string(span_of("input"));
        status = cli_read_value(cli, input, &members[0].value);
        uint32_t count = 1;

        for (uint32_t i = 0; i < names.count; i++) {
            if (!span_is(value_text(&names.members[i].key), "input")) {
                members[count++] = names.members[i];
            }
        }
        names = (struct value){.kind = VALUE_MAP, .count = count, .members = members};
    }
    *ret_names = names;
    return status;
}

/* lack: what to do about it, or "". */
static int tell(const struct expression_error *error, const char *text, const char *lack)
{
    int column = error->column == 0 ? 1 : (int)error->column;

    (void)cli_fail(CLI_EXIT_DATA, "column %d: %s%s", column, error->text, lack);
    if (strchr(text, '\n') == NULL) {
        (void)fprintf(stderr, "  %s\n  %*s\n", text, column, "^");
    }
    return CLI_EXIT_DATA;
}

/* The patterns of a text, as `validate` checks them; code: of the first that is wrong. */
struct patterns_check {
    uint64_t cost_left;
    enum expression_err code;
    struct expression_error *error;
};

static bool check_patterns(void *context, const struct expression *expression)
{
    struct patterns_check *check = context;

    check->code = expression_check_patterns(expression, &check->cost_left, check->error);
    return check->code == EXPRESSION_OK;
}

static enum expression_err compute(struct cli *cli, const struct given *given,
                                   const struct value *names, struct value *ret_result,
                                   struct expression_error *ret_error)
{
    struct patterns_check check = {.cost_left = EXPRESSION_PATTERNS_MAX, .error = ret_error};
    const struct value *scope_names = names;
    struct expression_scope scope = expression_scope_of_map(&scope_names);

    if (given->template == NULL) {
        (void)check_patterns(&check, given->expression);
    } else {
        template_expressions(given->template, check_patterns, &check);
    }
    if (check.code != EXPRESSION_OK) {
        return check.code;
    }
    return given->template == NULL
               ? expression_eval(given->expression, &scope, NULL, &cli->arena, ret_result,
                                 ret_error)
               : template_eval(given->template, &scope, NULL, &cli->arena, ret_result, ret_error);
}

/* What may give a name that is not known. */
static const char *name_lack(const struct cli *cli, enum expression_err code)
{
    if (code != EXPRESSION_ENAME) {
        return "";
    }
    return command_line_value(cli->call->line, "input") == NULL
               ? "; --input FILE gives `input`, --scope FILE a map of all other names"
               : "; --scope FILE gives a map of all names beside `input`";
}

static int evaluate(struct cli *cli, const char *text)
{
    struct expression_error error = {0};
    struct given given = {.template = NULL};
    struct value names = {0};
    struct value result = {0};
    int status = read_names(cli, &names);

    if (status != 0) {
        return status;
    }
    if (compile(cli, span_of(text), &given, &error) != EXPRESSION_OK) {
        return tell(&error, text, "");
    }
    enum expression_err code = compute(cli, &given, &names, &result, &error);

    if (code != EXPRESSION_OK) {
        return tell(&error, text, name_lack(cli, code));
    }
    cli_show(cli, &result);
    return EXIT_STATUS_DONE;
}

static int run(const struct command_call *call)
{
    struct cli cli;

    cli_init(&cli, call);
    int status = evaluate(&cli, call->line->positionals[0]);

    cli_release(&cli);
    return status;
}

static const struct flag flags[] = {
    {"input", 'i', "FILE", "YAML or JSON file: the value of `input`", false},
    {"scope", 0, "FILE", "YAML or JSON file: a map of all names, such as satellites", false},
};

const struct command command_eval = {
    .name = "eval",
    .arguments = "EXPRESSION",
    .summary = "compute an expression and print its value as JSON",
    .details = "With or without ${{ }} around it; - as FILE is standard input. For example:\n"
               "  exosphere eval 'size([1, 2, 3]) > 2 ? \"many\" : \"few\"'\n"
               "  exosphere eval 'input.files[0].name' --input input.json\n"
               "Asks no server. Exit status 65 when the expression is wrong or fails.\n",
    .role = ROLE_CLIENT,
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .positionals_least = 1,
    .positionals_most = 1,
    .run = run,
};
