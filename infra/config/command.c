#include "infra/config/command.h"

#include <assert.h>
#include <string.h>

#include "infra/telemetry/log_line.h"

enum { COMMON_NR = 4, FLAGS_MAX = 64 + 2 * SETTING_NR };

static const struct flag common_flags[COMMON_NR] = {
    {"help", 'h', NULL, "print this help", false},
    {"config", 0, "FILE", "settings from a YAML file; also EXOSPHERE_CONFIG", false},
    {"print-config", 0, NULL, "print each setting and where it comes from, then end", false},
    {"check-config", 0, NULL, "check the settings, then end", false},
};

/* One run of the program, passed down. */
struct run {
    const struct command *command;
    struct heap_budget budget;
    struct arena arena;
    struct fault_list faults;
    struct flag flags[FLAGS_MAX]; /* common ones, the command's, those of its settings */
    size_t flag_count;
    size_t first_setting;
    char names[SETTING_NR][SETTING_FLAG_BYTES];
    char secret_names[SETTING_NR][SETTING_FLAG_BYTES];
    struct command_line line;
    struct settings_sources sources;
    struct settings_set set;
};

void command_faults_print(const struct fault_list *faults, FILE *out)
{
    for (const struct fault *fault = faults->first; fault != NULL; fault = fault->next) {
        (void)fputs(fault->path, out);
        if (fault->line != 0) {
            (void)fprintf(out, ":%u:%u", fault->line, fault->column);
        }
        (void)fprintf(out, ": %s%s%s%s\n", fault->is_warning ? "warning: " : "", fault->text,
                      fault->hint[0] == '\0' ? "" : "; ", fault->hint);
    }
    if (faults->error_count > faults->kept_count) {
        (void)fprintf(out, "and %u more\n", faults->error_count - faults->kept_count);
    }
}

static void print_row(const struct command *command, FILE *out)
{
    (void)fprintf(out, "  %-22s %s\n", command->name, command->summary);
}

void command_list_print(const struct command *commands, size_t count, FILE *out)
{
    (void)fputs("usage: exosphere COMMAND [flags] [arguments]\n\n", out);
    for (size_t i = 0; i < count; i++) {
        print_row(&commands[i], out);
    }
    (void)fputs("\n`exosphere COMMAND --help` tells more of each.\n", out);
}

static void print_flag(const struct flag *flag, FILE *out)
{
    char left[SETTING_FLAG_BYTES + 40];
    char letter[] = {'-', flag->letter, ',', ' ', '\0'};

    (void)snprintf(left, sizeof(left), "%s--%s%s%s", flag->letter == '\0' ? "" : letter, flag->name,
                   flag->value == NULL ? "" : " ", flag->value == NULL ? "" : flag->value);
    (void)fprintf(out, "  %-28s %s%s\n", left, flag->meaning,
                  flag->is_repeated ? "; may be repeated" : "");
}

void command_help_print(const struct command *command, FILE *out)
{
    (void)fprintf(out, "usage: exosphere %s [flags]%s%s\n\n%s.\n", command->name,
                  command->arguments[0] == '\0' ? "" : " ", command->arguments, command->summary);
    if (command->details != NULL) {
        (void)fprintf(out, "\n%s", command->details);
    }
    (void)fputs("\nFlags:\n", out);
    for (size_t i = 0; i < command->flag_count; i++) {
        print_flag(&command->flags[i], out);
    }
    for (size_t i = 0; i < (command->role == 0 ? 1 : COMMON_NR); i++) {
        print_flag(&common_flags[i], out);
    }
    if (command->role != 0) {
        (void)fputs("\nSettings, as a flag, as EXOSPHERE_NAME, or as `name:` in the file:\n", out);
        settings_reference_print(command->role, out);
    }
    (void)fputs("\nExit status: 0 done, 1 failed, 2 wrong usage, 78 wrong settings.\n", out);
}

static void add_flag(struct run *run, struct flag flag)
{
    assert(run->flag_count < FLAGS_MAX);
    run->flags[run->flag_count++] = flag;
}

/* A secret as a flag is known only so that settings_load can refuse it and say why. */
static void add_secret_flag(struct run *run, int index)
{
    char *name = run->secret_names[index];

    setting_flag_name(setting_row(index), name);
    name[strlen(name) - strlen("-file")] = '\0';
    add_flag(run, (struct flag){.name = name, .value = "VALUE"});
}

static void collect_flags(struct run *run)
{
    for (size_t i = 0; i < (run->command->role == 0 ? 1 : COMMON_NR); i++) {
        add_flag(run, common_flags[i]);
    }
    for (size_t i = 0; i < run->command->flag_count; i++) {
        add_flag(run, run->command->flags[i]);
    }
    run->first_setting = run->flag_count;
    for (int i = 0; i < SETTING_NR; i++) {
        const struct setting_row *row = setting_row(i);

        if ((row->roles & run->command->role) != 0) {
            setting_flag_name(row, run->names[i]);
            add_flag(run, (struct flag){.name = run->names[i],
                                        .letter = row->letter,
                                        .value = row->type == SETTING_TYPE_BOOL ? NULL : "VALUE",
                                        .meaning = row->meaning});
        }
        if ((row->roles & run->command->role) != 0 && (row->marks & SETTING_SECRET) != 0) {
            add_secret_flag(run, i);
        }
    }
}

static int load_settings(struct run *run, char *const *environment)
{
    struct setting_flag *flags =
        arena_alloc(&run->arena, run->line.given_count * sizeof(struct setting_flag));
    const char *const *variables = NULL;
    size_t count = 0;

    assert(flags != NULL); /* no bound but memory */
    for (size_t i = 0; i < run->line.given_count; i++) {
        const struct given_flag *given = &run->line.given[i];

        if (given->flag >= &run->flags[run->first_setting]) {
            flags[count++] = (struct setting_flag){given->flag->name, given->value};
        }
    }
    memcpy(&variables, &environment, sizeof(variables)); /* only more const */
    run->sources =
        (struct settings_sources){.role = run->command->role,
                                  .flags = flags,
                                  .flag_count = count,
                                  .environment = variables,
                                  .config_flag = command_line_value(&run->line, "config")};
    return settings_load(&run->set, &run->sources, &run->faults);
}

static int usage_error(const struct run *run)
{
    command_faults_print(&run->faults, stderr);
    (void)fprintf(stderr, "usage: exosphere %s [flags]%s%s; --help tells more\n",
                  run->command->name, run->command->arguments[0] == '\0' ? "" : " ",
                  run->command->arguments);
    return EXIT_STATUS_USAGE;
}

static int check_positionals(struct run *run)
{
    struct fault fault = {.path = run->command->name, .hint = ""};
    size_t count = run->line.positional_count;

    if (count >= run->command->positionals_least && count <= run->command->positionals_most) {
        return 0;
    }
    if (count < run->command->positionals_least) {
        fault.text = "an argument is missing";
    } else {
        fault.path = run->line.positionals[run->command->positionals_most];
        fault.text = "one argument too many";
    }
    fault_add(&run->faults, &fault);
    return -1;
}

static int run_with_settings(struct run *run)
{
    const struct settings *settings = &run->set.values;
    struct command_call call = {run->command, settings, &run->set, &run->sources, &run->line};
    enum log_level level = LOG_LEVEL_INFO;
    enum log_format format = LOG_FORMAT_AUTO;

    if (command_line_is_set(&run->line, "print-config")) {
        settings_print(&run->set, stdout);
        return EXIT_STATUS_DONE;
    }
    if (command_line_is_set(&run->line, "check-config")) {
        (void)printf("the settings of `%s` are good\n", run->command->name);
        return EXIT_STATUS_DONE;
    }
    if (log_level_parse(span_of(settings->log_level), &level) &&
        log_format_parse(span_of(settings->log_format), &format)) {
        log_setup(level, format, fileno(stderr));
    }
    return run->command->run(&call);
}

static int run_parsed(struct run *run, char *const *environment)
{
    int status = EXIT_STATUS_CONFIG;

    if (command_line_is_set(&run->line, "help")) {
        command_help_print(run->command, stdout);
        return EXIT_STATUS_DONE;
    }
    bool is_only_config = command_line_is_set(&run->line, "print-config") ||
                          command_line_is_set(&run->line, "check-config");

    if (!is_only_config && check_positionals(run) != 0) {
        return usage_error(run);
    }
    if (run->command->role == 0) {
        struct command_call call = {.command = run->command, .line = &run->line};

        return run->command->run(&call);
    }
    if (load_settings(run, environment) == 0) {
        status = run_with_settings(run);
    } else {
        command_faults_print(&run->faults, stderr);
    }
    settings_release(&run->set);
    return status;
}

static int run_command(const struct command *command, const char *const *words, size_t count,
                       char *const *environment)
{
    struct run run = {.command = command};
    int status = EXIT_STATUS_DONE;

    arena_init(&run.arena, allocator_heap(&run.budget), 0);
    fault_list_init(&run.faults, &run.arena, 0);
    collect_flags(&run);
    if (command_line_parse(run.flags, run.flag_count, words, count, &run.arena, &run.line,
                           &run.faults) != 0) {
        status = usage_error(&run);
    } else {
        status = run_parsed(&run, environment);
    }
    arena_release(&run.arena);
    return status;
}

/* A name of two words ("dlq list") takes two words of the line. Returns how many, 0: none. */
static size_t words_matched(const char *name, const char *const *words, size_t count)
{
    const char *blank = strchr(name, ' ');

    if (blank == NULL) {
        return count >= 1 && strcmp(words[0], name) == 0 ? 1 : 0;
    }
    return count >= 2 && strlen(words[0]) == (size_t)(blank - name) &&
                   strncmp(words[0], name, (size_t)(blank - name)) == 0 &&
                   strcmp(words[1], blank + 1) == 0
               ? 2
               : 0;
}

static bool is_of_group(const struct command *command, const char *word)
{
    size_t bytes = strlen(word);

    return strncmp(command->name, word, bytes) == 0 && command->name[bytes] == ' ';
}

/* "dlq" alone: the commands that begin with it are named. Returns false when there are none. */
static bool half_command(const struct command *commands, size_t count, const char *word)
{
    bool is_found = false;

    for (size_t i = 0; i < count; i++) {
        if (is_of_group(&commands[i], word)) {
            (void)fprintf(stderr, "%s%s",
                          is_found ? ", " : "exosphere: say which: ", commands[i].name);
            is_found = true;
        }
    }
    (void)fputs(is_found ? "\n" : "", stderr);
    return is_found;
}

/* "dlq --help": those that begin with it. Returns false when there are none. */
static bool group_help(const struct command *commands, size_t count, const char *word)
{
    bool is_found = false;

    for (size_t i = 0; i < count; i++) {
        if (is_of_group(&commands[i], word)) {
            if (!is_found) {
                (void)printf("usage: exosphere %s COMMAND [flags] [arguments]\n\n", word);
            }
            print_row(&commands[i], stdout);
            is_found = true;
        }
    }
    if (is_found) {
        (void)printf("\n`exosphere %s COMMAND --help` tells more of each.\n", word);
    }
    return is_found;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int unknown_command(const struct command *commands, size_t count, const char *word)
{
    const char *names[FLAGS_MAX];
    size_t name_count = 0;

    if (half_command(commands, count, word)) {
        return EXIT_STATUS_USAGE;
    }
    for (size_t i = 0; i < count && name_count < FLAGS_MAX; i++) {
        names[name_count++] = commands[i].name;
    }
    const char *nearest = nearest_name(span_of(word), names, name_count);

    (void)fprintf(stderr, "exosphere: no command `%s`", word);
    if (nearest != NULL) {
        (void)fprintf(stderr, "; did you mean `%s`?\n", nearest);
    } else {
        (void)fputs("; `exosphere --help` lists them\n", stderr);
    }
    return EXIT_STATUS_USAGE;
}

int command_main(const struct command *commands, size_t count, int argc, char *const *argv,
                 char *const *environment)
{
    const char *const *words = NULL;
    size_t word_count = argc < 1 ? 0 : (size_t)argc - 1;

    memcpy(&words, &argv, sizeof(words)); /* only more const */
    words += argc < 1 ? 0 : 1;
    if (word_count == 0) {
        command_list_print(commands, count, stderr);
        return EXIT_STATUS_USAGE;
    }
    if (asks_for_help(words[0]) || strcmp(words[0], "help") == 0) {
        command_list_print(commands, count, stdout);
        return EXIT_STATUS_DONE;
    }
    if (strcmp(words[0], "--version") == 0) {
        (void)puts("exosphere " EXO_VERSION);
        return EXIT_STATUS_DONE;
    }
    for (size_t i = 0; i < count; i++) {
        size_t matched = words_matched(commands[i].name, words, word_count);

        if (matched > 0) {
            return run_command(&commands[i], words + matched, word_count - matched, environment);
        }
    }
    if (word_count >= 2 && asks_for_help(words[1]) && group_help(commands, count, words[0])) {
        return EXIT_STATUS_DONE;
    }
    return unknown_command(commands, count, words[0]);
}
