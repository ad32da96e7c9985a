#include "infra/config/settings.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "infra/config/setting_file.h"
#include "infra/telemetry/log_line.h"
#include "schemas/vocab/quantity.h"

#define PREFIX "EXOSPHERE_"

enum { NAME_BYTES = 80 };

static const struct setting_row rows[SETTING_NR] = {
#define SETTING(type, name, default_text, dev_default, least, most, unit, letter, marks, roles,    \
                meaning)                                                                           \
    {#name,        SETTING_TYPE_##type,                                                            \
     default_text, dev_default,                                                                    \
     least,        most,                                                                           \
     unit,         letter,                                                                         \
     marks,        roles,                                                                          \
     meaning,      offsetof(struct settings, name)},
#include "infra/config/settings_table.h"
#undef SETTING
};

/* Variables that satellites have: a command may run inside one. */
static const char *const foreign_variables[] = {
    PREFIX "CONFIG",  PREFIX "EXECUTION",       PREFIX "TASK",
    PREFIX "ATTEMPT", PREFIX "IDEMPOTENCY_KEY", PREFIX "IMAGES",
};

/* One loading, passed down. */
struct load {
    struct settings_set *set;
    const struct settings_sources *sources;
    struct fault_list *faults;
};

const struct setting_row *setting_row(int index)
{
    assert(index >= 0 && index < SETTING_NR);
    return &rows[index];
}

static void add_fault(struct load *load, const char *path, const char *text, const char *hint)
{
    struct fault fault = {.path = path, .text = text, .hint = hint};

    fault_add(load->faults, &fault);
}

/* A sentence in the faults' arena. */
static const char *sentence(struct load *load, const char *format, ...) EXO_PRINTF(2, 3);

static const char *sentence(struct load *load, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct span kept = arena_copy(load->faults->arena, span_of(text));

    return kept.data == NULL ? "too many faults" : kept.data;
}

static void replace(char *text, char from, char to)
{
    for (char *at = text; *at != '\0'; at++) {
        if (*at == from) {
            *at = to;
        }
    }
}

/* Moves the 26 letters from `from` on to those from `to` on: to upper or to lower case. */
static void shift_letters(char *text, char from, char to)
{
    for (char *at = text; *at != '\0'; at++) {
        if (*at >= from && *at < from + 26) {
            *at = (char)(*at - from + to);
        }
    }
}

void setting_flag_name(const struct setting_row *row, char ret_name[SETTING_FLAG_BYTES])
{
    (void)snprintf(ret_name, SETTING_FLAG_BYTES, "%s%s", row->name,
                   (row->marks & SETTING_SECRET) != 0 ? "-file" : "");
    replace(ret_name, '_', '-');
}

static void variable_name(const char *name, char ret_name[NAME_BYTES])
{
    (void)snprintf(ret_name, NAME_BYTES, PREFIX "%s", name);
    shift_letters(ret_name, 'a', 'A');
}

/* The row that a name means, all lower case with underscores; *ret_is_file is set when it names
 * the file of a secret. NULL when there is none. */
static const struct setting_row *find_row(const char *name, bool *ret_is_file)
{
    size_t bytes = strlen(name);

    *ret_is_file = false;
    for (int i = 0; i < SETTING_NR; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    if (bytes <= 5 || strcmp(name + bytes - 5, "_file") != 0) {
        return NULL;
    }
    for (int i = 0; i < SETTING_NR; i++) {
        if ((rows[i].marks & SETTING_SECRET) != 0 && strlen(rows[i].name) == bytes - 5 &&
            memcmp(rows[i].name, name, bytes - 5) == 0) {
            *ret_is_file = true;
            return &rows[i];
        }
    }
    return NULL;
}

/* "did you mean NAME?" in the form of the source, or what else to do. */
static const char *nearest_hint(struct load *load, const char *name,
                                void (*form)(const char *name, char ret_name[NAME_BYTES]))
{
    const char *names[SETTING_NR];
    char shown[NAME_BYTES];

    for (int i = 0; i < SETTING_NR; i++) {
        names[i] = rows[i].name;
    }
    const char *nearest = nearest_name(span_of(name), names, SETTING_NR);

    if (nearest == NULL) {
        return "`exosphere config` lists all settings";
    }
    form(nearest, shown);
    return sentence(load, "did you mean %s?", shown);
}

static bool is_choice(const char *choices, const char *text)
{
    size_t bytes = strlen(text);

    for (const char *at = choices; at != NULL; at = strchr(at, '|')) {
        at += *at == '|' ? 1 : 0;
        if (strncmp(at, text, bytes) == 0 && (at[bytes] == '|' || at[bytes] == '\0')) {
            return bytes > 0;
        }
    }
    return false;
}

static bool parse_int(const char *text, int64_t *ret_value)
{
    char *end = NULL;
    size_t digits = strspn(text[0] == '-' ? text + 1 : text, "0123456789");

    if (digits == 0 || digits > 18) {
        return false;
    }
    *ret_value = strtoll(text, &end, 10);
    return *end == '\0';
}

static bool parse_bool(const char *text, bool *ret_value)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        return false;
    }
    *ret_value = text[0] == 't';
    return true;
}

static bool is_within(const struct setting_row *row, int64_t value)
{
    return (row->least == 0 && row->most == 0) || (value >= row->least && value <= row->most);
}

/* Reads a number of any of the numeric types; returns what the setting wants when the text is none
 * of it, NULL when it is. */
static const char *parse_number(const struct setting_row *row, const char *text, int64_t *ret_value)
{
    uint64_t bytes = 0;

    if (row->type == SETTING_TYPE_INT) {
        return parse_int(text, ret_value) ? NULL : "a whole number";
    }
    if (row->type == SETTING_TYPE_DURATION) {
        return duration_parse(span_of(text), ret_value) ? NULL : "a duration such as 1m30s";
    }
    if (!memory_parse(span_of(text), &bytes)) {
        return "a size such as 64Mi";
    }
    *ret_value = (int64_t)bytes;
    return NULL;
}

static const char *bounds_text(struct load *load, const struct setting_row *row)
{
    char least[DURATION_TEXT_BYTES];
    char most[DURATION_TEXT_BYTES];

    if (row->type != SETTING_TYPE_DURATION) {
        return sentence(load, "from %lld to %lld %s", (long long)row->least, (long long)row->most,
                        row->unit);
    }
    duration_format(row->least, least);
    duration_format(row->most, most);
    return sentence(load, "from %s to %s", least, most);
}

/* Puts a text into the field of a row; returns what the setting wants when it is not that. */
static const char *put_value(struct load *load, const struct setting_row *row, const char *text)
{
    char *field = (char *)&load->set->values + row->offset;
    int64_t number = 0;
    bool boolean = false;
    const char *wanted = NULL;

    switch (row->type) {
    case SETTING_TYPE_CHOICE:
        if (!is_choice(row->unit, text)) {
            return sentence(load, "one of %s", row->unit);
        }
        memcpy(field, &text, sizeof(text));
        return NULL;
    case SETTING_TYPE_TEXT:
    case SETTING_TYPE_LIST:
        memcpy(field, &text, sizeof(text));
        return NULL;
    case SETTING_TYPE_BOOL:
        if (!parse_bool(text, &boolean)) {
            return "true or false";
        }
        memcpy(field, &boolean, sizeof(boolean));
        return NULL;
    case SETTING_TYPE_INT:
    case SETTING_TYPE_DURATION:
    case SETTING_TYPE_MEMORY:
        break;
    }
    wanted = parse_number(row, text, &number);
    if (wanted == NULL && !is_within(row, number)) {
        wanted = bounds_text(load, row);
    }
    if (wanted == NULL) {
        memcpy(field, &number, sizeof(number));
    }
    return wanted;
}

static const char *keep(struct load *load, const char *text)
{
    struct span kept = arena_copy(&load->set->arena, span_of(text));

    return kept.data == NULL ? "" : kept.data;
}

/* One thing that was said in one place. The first place wins, so sources come in falling order. */
static void say(struct load *load, const struct setting_row *row, bool is_file, const char *value,
                enum setting_origin origin, const char *place)
{
    ptrdiff_t index = row - rows;
    const char *text = value;

    if (load->set->said[index].origin > origin) {
        return;
    }
    if (load->set->said[index].origin == origin && origin != SETTING_FROM_DEFAULT) {
        add_fault(load, place, sentence(load, "%s is said twice", row->name), "leave one out");
        return;
    }
    if (is_file) {
        text = setting_file_read_secret(value, &load->set->arena, load->faults, place);
        if (text == NULL) {
            return;
        }
    }
    text = keep(load, text);
    const char *wanted = put_value(load, row, text);

    if (wanted != NULL) {
        add_fault(load, place,
                  (row->marks & SETTING_SECRET) != 0 ? "this secret has the wrong form"
                                                     : sentence(load, "not \"%.100s\"", text),
                  sentence(load, "give %s", wanted));
        return;
    }
    load->set->said[index].origin = origin;
    load->set->said[index].text = text;
    load->set->said[index].place = keep(load, place);
}

static void load_defaults(struct load *load)
{
    for (int i = 0; i < SETTING_NR; i++) {
        bool is_dev = load->sources->role == ROLE_DEV && rows[i].dev_default_text != NULL;

        say(load, &rows[i], false, is_dev ? rows[i].dev_default_text : rows[i].default_text,
            SETTING_FROM_DEFAULT, "default");
    }
}

static void flag_form(const char *name, char ret_name[NAME_BYTES])
{
    bool is_file = false;
    char flag[SETTING_FLAG_BYTES];

    setting_flag_name(find_row(name, &is_file), flag);
    (void)snprintf(ret_name, NAME_BYTES, "--%s", flag);
}

static void load_flag(struct load *load, const struct setting_flag *flag)
{
    char name[NAME_BYTES];
    char place[NAME_BYTES];
    bool is_file = false;

    (void)snprintf(name, sizeof(name), "%s", flag->name);
    (void)snprintf(place, sizeof(place), "--%s", flag->name);
    replace(name, '-', '_');
    const struct setting_row *row = find_row(name, &is_file);

    if (row == NULL) {
        add_fault(load, place, "no such flag", nearest_hint(load, name, flag_form));
    } else if ((row->marks & SETTING_SECRET) != 0 && !is_file) {
        char variable[NAME_BYTES];

        variable_name(row->name, variable);
        add_fault(
            load, place, "a secret in a command line can be seen by everybody on the machine",
            sentence(load, "put it into %s, or into a file named by %s-file", variable, place));
    } else {
        say(load, row, is_file, flag->value, SETTING_FROM_FLAG, place);
    }
}

static bool is_foreign(const char *name)
{
    for (size_t i = 0; i < sizeof(foreign_variables) / sizeof(foreign_variables[0]); i++) {
        if (strcmp(foreign_variables[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void load_variable(struct load *load, const char *variable)
{
    const char *equals = strchr(variable, '=');
    char place[NAME_BYTES];
    char name[NAME_BYTES];
    bool is_file = false;

    if (equals == NULL || strncmp(variable, PREFIX, strlen(PREFIX)) != 0 || equals[1] == '\0') {
        return; /* an empty variable is none: that is how compose files leave one out */
    }
    (void)snprintf(place, sizeof(place), "%.*s", (int)(equals - variable), variable);
    if (is_foreign(place)) {
        return;
    }
    (void)snprintf(name, sizeof(name), "%s", place + strlen(PREFIX));
    shift_letters(name, 'A', 'a');
    const struct setting_row *row = find_row(name, &is_file);

    if (row == NULL) {
        add_fault(load, place, "no such setting", nearest_hint(load, name, variable_name));
    } else {
        say(load, row, is_file, equals + 1, SETTING_FROM_ENVIRONMENT, place);
    }
}

static void file_form(const char *name, char ret_name[NAME_BYTES])
{
    (void)snprintf(ret_name, NAME_BYTES, "%s", name);
}

static void load_member(void *argument, const char *name, const char *value, const char *place)
{
    struct load *load = argument;
    bool is_file = false;
    const struct setting_row *row = find_row(name, &is_file);

    if (row == NULL) {
        add_fault(load, place, sentence(load, "no setting is called %.60s", name),
                  nearest_hint(load, name, file_form));
    } else {
        say(load, row, is_file, value, SETTING_FROM_FILE, place);
    }
}

static const char *config_path(const struct settings_sources *sources)
{
    if (sources->config_flag != NULL) {
        return sources->config_flag;
    }
    for (const char *const *variable = sources->environment; *variable != NULL; variable++) {
        if (strncmp(*variable, PREFIX "CONFIG=", strlen(PREFIX "CONFIG=")) == 0) {
            return *variable + strlen(PREFIX "CONFIG=");
        }
    }
    return "";
}

/* A directory below `data` where nobody named one. */
static void derive_directory(struct load *load, const char *name, const char *below)
{
    bool is_file = false;
    const struct setting_row *row = find_row(name, &is_file);
    ptrdiff_t index = row - rows;
    char path[4096];

    if (load->set->said[index].text[0] == '\0') {
        (void)snprintf(path, sizeof(path), "%.4000s/%s", load->set->values.data, below);
        load->set->said[index].text = keep(load, path);
        (void)put_value(load, row, load->set->said[index].text); /* any text is a directory's */
    }
}

/* Who names a directory to a command that speaks to the back-ends, and none of them, means what
 * `dev` keeps there: with all others it is no matter what `data` is. */
static void take_defaults_of_dev(struct load *load)
{
    static const char *const others[] = {"log",          "store",         "cache",
                                         "postgres_url", "kafka_brokers", "redis_url"};
    bool is_meant = load->sources->role == ROLE_ADMIN && settings_is_said(load->set, "data");

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        is_meant = is_meant && !settings_is_said(load->set, others[i]);
    }
    for (int i = 0; is_meant && i < SETTING_NR; i++) {
        if (rows[i].dev_default_text != NULL && load->set->said[i].origin == SETTING_FROM_DEFAULT) {
            load->set->said[i].text = rows[i].dev_default_text;
            load->set->said[i].place = "default of dev, for data alone is said";
            (void)put_value(load, &rows[i], rows[i].dev_default_text); /* good, as a default is */
        }
    }
}

int settings_load(struct settings_set *ret_set, const struct settings_sources *sources,
                  struct fault_list *faults)
{
    struct load load = {.set = ret_set, .sources = sources, .faults = faults};
    uint32_t errors = faults->error_count;
    const char *path = config_path(sources);

    *ret_set = (struct settings_set){.values.role = sources->role};
    arena_init(&ret_set->arena, allocator_heap(&ret_set->budget), 0);
    load_defaults(&load);
    for (size_t i = 0; i < sources->flag_count; i++) {
        load_flag(&load, &sources->flags[i]);
    }
    for (const char *const *variable = sources->environment; *variable != NULL; variable++) {
        load_variable(&load, *variable);
    }
    if (path[0] != '\0') {
        setting_file_read(path, &ret_set->arena, faults, load_member, &load);
    }
    take_defaults_of_dev(&load);
    derive_directory(&load, "image_dir", "images");
    derive_directory(&load, "runtime_dir", "run");
    return faults->error_count == errors ? 0 : -1;
}

bool settings_is_said(const struct settings_set *set, const char *name)
{
    for (int i = 0; i < SETTING_NR; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return set->said[i].origin != SETTING_FROM_DEFAULT;
        }
    }
    return false;
}

static void take_changed(struct load *load, const struct settings_set *fresh, int index)
{
    const char *name = rows[index].name;

    if ((rows[index].marks & SETTING_RELOADABLE) == 0) {
        struct fault fault = {.is_warning = true,
                              .path = fresh->said[index].place,
                              .text = sentence(load, "%s has changed", name),
                              .hint = "it counts from the next start on"};

        fault_add(load->faults, &fault);
        return;
    }
    load->set->said[index].origin = fresh->said[index].origin;
    load->set->said[index].text = keep(load, fresh->said[index].text);
    load->set->said[index].place = keep(load, fresh->said[index].place);
    /* Was good in the fresh set. */
    (void)put_value(load, &rows[index], load->set->said[index].text);
    log_line(EVENT_SETTING_RELOADED, LOG_FACTS(fact_text("setting", name)));
}

int settings_reload(struct settings_set *set, const struct settings_sources *sources,
                    struct fault_list *faults)
{
    struct load load = {.set = set, .sources = sources, .faults = faults};
    struct settings_set fresh;
    int result = settings_load(&fresh, sources, faults);

    for (int i = 0; result == 0 && i < SETTING_NR; i++) {
        if (strcmp(fresh.said[i].text, set->said[i].text) != 0) {
            take_changed(&load, &fresh, i);
        }
    }
    settings_release(&fresh);
    return result;
}

static void wipe_secrets(struct settings_set *set)
{
    for (int i = 0; i < SETTING_NR; i++) {
        if ((rows[i].marks & SETTING_SECRET) != 0 && set->said[i].origin != SETTING_FROM_DEFAULT) {
            char *secret = NULL;

            memcpy(&secret, &set->said[i].text, sizeof(secret)); /* lies in our own arena */
            explicit_bzero(secret, strlen(secret));
        }
    }
}

void settings_release(struct settings_set *set)
{
    wipe_secrets(set);
    arena_release(&set->arena);
}

const char *settings_shown(const struct settings_set *set, int index)
{
    const char *text = set->said[index].text;
    bool is_hidden = (rows[index].marks & SETTING_SECRET) != 0 && text[0] != '\0' &&
                     set->said[index].origin != SETTING_FROM_DEFAULT;

    return is_hidden ? "***" : text;
}

void settings_print(const struct settings_set *set, FILE *out)
{
    for (int i = 0; i < SETTING_NR; i++) {
        if ((rows[i].roles & set->values.role) != 0) {
            (void)fprintf(out, "%-20s %-40s %s\n", rows[i].name, settings_shown(set, i),
                          set->said[i].place);
        }
    }
}

void settings_reference_print(unsigned roles, FILE *out)
{
    for (int i = 0; i < SETTING_NR; i++) {
        char flag[SETTING_FLAG_BYTES];

        if ((rows[i].roles & roles) == 0) {
            continue;
        }
        setting_flag_name(&rows[i], flag);
        char letter[] = {'-', rows[i].letter, ',', ' ', '\0'};

        (void)fprintf(out, "  %s--%-*s %s", rows[i].letter == '\0' ? "" : letter,
                      rows[i].letter == '\0' ? 22 : 18, flag, rows[i].meaning);
        if (rows[i].unit[0] != '\0') {
            (void)fprintf(out, " (%s)", rows[i].unit);
        }
        if (rows[i].default_text[0] != '\0') {
            (void)fprintf(out, " [%s%s%s]", rows[i].default_text,
                          rows[i].dev_default_text == NULL ? "" : "; dev: ",
                          rows[i].dev_default_text == NULL ? "" : rows[i].dev_default_text);
        }
        (void)fputc('\n', out);
    }
}

struct span settings_list_next(const char **rest)
{
    const char *at = *rest + strspn(*rest, ", \t\n");
    size_t bytes = strcspn(at, ",");

    *rest = at + bytes;
    while (bytes > 0 && (at[bytes - 1] == ' ' || at[bytes - 1] == '\t' || at[bytes - 1] == '\n')) {
        bytes--;
    }
    return bytes == 0 ? (struct span){NULL, 0} : (struct span){at, bytes};
}
