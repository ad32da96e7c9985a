#include "infra/config/command_line.h"

#include <string.h>

enum { FLAGS_MAX = 256, TEXT_BYTES = 128 };

/* One parsing, passed down. */
struct parse {
    const struct flag *flags;
    size_t flag_count;
    const char *const *words;
    size_t word_count;
    size_t at; /* the next word */
    struct given_flag *given;
    size_t given_count;
    const char **positionals;
    size_t positional_count;
    struct fault_list *faults;
};

static void add_fault(struct parse *parse, const char *word, const char *text, const char *hint)
{
    struct fault fault = {.path = word, .text = text, .hint = hint};

    fault_add(parse->faults, &fault);
}

static const struct flag *find_flag(const struct parse *parse, struct span name)
{
    for (size_t i = 0; i < parse->flag_count; i++) {
        if (span_is(name, parse->flags[i].name)) {
            return &parse->flags[i];
        }
    }
    return NULL;
}

static const struct flag *find_letter(const struct parse *parse, char letter)
{
    for (size_t i = 0; i < parse->flag_count; i++) {
        if (parse->flags[i].letter == letter && letter != '\0') {
            return &parse->flags[i];
        }
    }
    return NULL;
}

/* Puts pieces together in the faults' arena. */
static const char *join(struct parse *parse, const char *first, const char *second,
                        const char *third)
{
    const char *const parts[] = {first, second, third};
    char text[TEXT_BYTES];
    size_t bytes = 0;

    for (size_t i = 0; i < 3; i++) {
        size_t part_bytes = strlen(parts[i]);

        part_bytes = part_bytes < sizeof(text) - bytes ? part_bytes : sizeof(text) - bytes;
        memcpy(text + bytes, parts[i], part_bytes);
        bytes += part_bytes;
    }
    struct span kept = arena_copy(parse->faults->arena, (struct span){text, bytes});

    return kept.data == NULL ? "" : kept.data;
}

static void add_unknown(struct parse *parse, const char *word, struct span name)
{
    const char *names[FLAGS_MAX];
    size_t count = parse->flag_count < FLAGS_MAX ? parse->flag_count : FLAGS_MAX;

    for (size_t i = 0; i < count; i++) {
        names[i] = parse->flags[i].name;
    }
    const char *nearest = nearest_name(name, names, count);

    add_fault(parse, word, "no such flag",
              nearest == NULL ? "--help lists the flags of this command"
                              : join(parse, "did you mean --", nearest, "?"));
}

static bool was_given(const struct parse *parse, const struct flag *flag)
{
    for (size_t i = 0; i < parse->given_count; i++) {
        if (parse->given[i].flag == flag) {
            return true;
        }
    }
    return false;
}

/* Takes one flag; attached is what stands in the same word, NULL: nothing. */
static void take_flag(struct parse *parse, const struct flag *flag, const char *word,
                      const char *attached)
{
    const char *value = attached;

    if (flag->value == NULL) {
        value = attached == NULL ? "true" : attached;
        if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
            add_fault(parse, word, "this flag is a switch", "give it without a value");
            return;
        }
    } else if (value == NULL) {
        if (parse->at == parse->word_count) {
            add_fault(parse, word, "a value is missing",
                      join(parse, "give it as ", word, " VALUE"));
            return;
        }
        value = parse->words[parse->at++];
    }
    if (!flag->is_repeated && was_given(parse, flag)) {
        add_fault(parse, word, "given twice", "leave one out");
        return;
    }
    parse->given[parse->given_count++] = (struct given_flag){flag, value};
}

static void take_long(struct parse *parse, const char *word)
{
    const char *equals = strchr(word, '=');
    struct span name = {word + 2, equals == NULL ? strlen(word) - 2 : (size_t)(equals - word) - 2};
    const struct flag *flag = find_flag(parse, name);

    /* A wrong flag may have held a secret after its "=". */
    struct span shown = arena_copy(parse->faults->arena, (struct span){word, name.bytes + 2});
    const char *shown_word = shown.data == NULL ? "--" : shown.data;

    if (flag == NULL) {
        add_unknown(parse, shown_word, name);
    } else {
        take_flag(parse, flag, shown_word, equals == NULL ? NULL : equals + 1);
    }
}

static void take_short(struct parse *parse, const char *word)
{
    const char letter[] = {'-', word[1], '\0'};
    const struct flag *flag = find_letter(parse, word[1]);

    if (flag == NULL) {
        add_fault(parse, letter, "no such flag",
                  "--help lists the flags of this command; put -- before an argument that begins "
                  "with a dash");
        return;
    }
    const char *attached = word[2] == '\0' ? NULL : word + 2;

    if (attached != NULL && attached[0] == '=') {
        attached++;
    }
    take_flag(parse, flag, letter, attached);
}

/* "-" names stdin, "-7 % 2" is an expression. */
static bool is_flag(const char *word)
{
    return word[0] == '-' && (word[1] == '-' || (word[1] >= 'a' && word[1] <= 'z') ||
                              (word[1] >= 'A' && word[1] <= 'Z'));
}

int command_line_parse(const struct flag *flags, size_t flag_count, const char *const *words,
                       size_t word_count, struct arena *arena, struct command_line *ret_line,
                       struct fault_list *faults)
{
    struct parse parse = {.flags = flags,
                          .flag_count = flag_count,
                          .words = words,
                          .word_count = word_count,
                          .faults = faults};
    uint32_t errors = faults->error_count;
    bool is_flags_end = false;

    parse.given = arena_alloc(arena, word_count * sizeof(*parse.given));
    parse.positionals = arena_alloc(arena, word_count * sizeof(*parse.positionals));
    if (parse.given == NULL || parse.positionals == NULL) {
        add_fault(&parse, "command line", "too long", "give fewer arguments");
        return -1;
    }
    while (parse.at < word_count) {
        const char *word = words[parse.at++];

        if (is_flags_end || !is_flag(word)) {
            parse.positionals[parse.positional_count++] = word;
        } else if (strcmp(word, "--") == 0) {
            is_flags_end = true;
        } else if (word[1] == '-') {
            take_long(&parse, word);
        } else {
            take_short(&parse, word);
        }
    }
    *ret_line = (struct command_line){parse.given, parse.given_count, parse.positionals,
                                      parse.positional_count};
    return faults->error_count == errors ? 0 : -1;
}

const char *command_line_value(const struct command_line *line, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < line->given_count; i++) {
        if (strcmp(line->given[i].flag->name, name) == 0) {
            value = line->given[i].value;
        }
    }
    return value;
}

bool command_line_is_set(const struct command_line *line, const char *name)
{
    const char *value = command_line_value(line, name);

    return value != NULL && strcmp(value, "true") == 0;
}

const char *command_line_next(const struct command_line *line, const char *name, size_t *at)
{
    while (*at < line->given_count) {
        const struct given_flag *given = &line->given[(*at)++];

        if (strcmp(given->flag->name, name) == 0) {
            return given->value;
        }
    }
    return NULL;
}
