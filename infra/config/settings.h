/* settings: what a process was told to do, from the first of these that says it:
 *
 *   flag --slots 4  >  EXOSPHERE_SLOTS=4  >  file (--config, EXOSPHERE_CONFIG) slots: 4  >  default
 *
 * For ROLE_ADMIN the defaults are those of `dev` where `data` is said and no back-end is.
 *
 * Parsed once into a const struct; the table is settings_table.h. An unknown name is a fault that
 * names the nearest known one. A secret NAME may also come from a file named by NAME_file.
 * Reads the files it is pointed to; nothing else. */
#ifndef EXO_INFRA_CONFIG_SETTINGS_H
#define EXO_INFRA_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/fault.h"
#include "schemas/vocab/time.h"

/* Who reads a setting; a process is one of them. */
enum role {
    ROLE_API = 1,
    ROLE_SCHEDULER = 2,
    ROLE_WORKER = 4,
    ROLE_DEV = 8,     /* all of the above in one process */
    ROLE_CLIENT = 16, /* commands that speak to the API */
    ROLE_ADMIN = 32,  /* commands that speak to the back-ends themselves: migrate, shard */
    ROLE_ANY = 63,
};

enum setting_type {
    SETTING_TYPE_TEXT,
    SETTING_TYPE_LIST,
    SETTING_TYPE_CHOICE,
    SETTING_TYPE_INT,
    SETTING_TYPE_BOOL,
    SETTING_TYPE_DURATION,
    SETTING_TYPE_MEMORY,
};

enum { SETTING_SECRET = 1, SETTING_RELOADABLE = 2 };

#define SETTING_C_TEXT const char *
#define SETTING_C_LIST const char *
#define SETTING_C_CHOICE const char *
#define SETTING_C_INT int64_t
#define SETTING_C_BOOL bool
#define SETTING_C_DURATION exo_time
#define SETTING_C_MEMORY int64_t

/* The values. A text that was not said is "", never NULL. Those of other roles hold defaults. */
struct settings {
    enum role role;
#define SETTING(type, name, ...) SETTING_C_##type name;
#include "infra/config/settings_table.h"
#undef SETTING
};

enum {
    SETTING_NR = 0
#define SETTING(...) +1 /* NOLINT(bugprone-macro-parentheses): a sum grows from rows */
#include "infra/config/settings_table.h"
#undef SETTING
};

/* One row of the table. */
struct setting_row {
    const char *name;
    enum setting_type type;
    const char *default_text;
    const char *dev_default_text; /* NULL: the same */
    int64_t least, most;          /* 0, 0: no bounds */
    const char *unit;             /* of a CHOICE: its words with | between */
    char letter;                  /* 0: none */
    unsigned marks;               /* or of SETTING_SECRET, SETTING_RELOADABLE */
    unsigned roles;               /* or of enum role */
    const char *meaning;
    size_t offset; /* in struct settings */
};

enum setting_origin {
    SETTING_FROM_DEFAULT,
    SETTING_FROM_FILE,
    SETTING_FROM_ENVIRONMENT,
    SETTING_FROM_FLAG,
};

/* A flag that was given: the setting's row, or the row of a secret whose file is named. */
struct setting_flag {
    const char *name;  /* without dashes: "slots", "api-token-file" */
    const char *value; /* "true" for a BOOL without a value */
};

/* Where settings come from. All borrowed for settings_load. */
struct settings_sources {
    enum role role;
    const struct setting_flag *flags;
    size_t flag_count;
    const char *const *environment; /* "NAME=value", NULL-terminated */
    const char *config_flag;        /* of --config; NULL: not given */
};

/* Values with their origins. */
struct settings_set {
    struct settings values;
    struct {
        enum setting_origin origin;
        const char *text;  /* as it was written, or the default */
        const char *place; /* such as "EXOSPHERE_SLOTS" or "exosphere.yaml:3" */
    } said[SETTING_NR];
    struct arena arena; /* holds the strings */
    struct heap_budget budget;
};

/* settings_load reads all sources and checks every value.
 * ret_set  to be released whatever comes back
 * faults   gets all that is wrong, with the flag, variable or line it stands in
 * Returns 0, or -1 with faults. */
EXO_CHECKED int settings_load(struct settings_set *ret_set, const struct settings_sources *sources,
                              struct fault_list *faults);

/* settings_is_said is true when a flag, a variable or the file gave the setting of that name; false
 * where its default stands. */
bool settings_is_said(const struct settings_set *set, const char *name);

/* settings_reload reads all sources again, on SIGHUP: what is marked SETTING_RELOADABLE and has
 * changed is put into the set and logged; who uses it asks the set again.
 * faults  gets what is wrong (the set is then unchanged), and a warning for each other setting that
 *         has changed: it waits for the next start
 * Returns 0, or -1 with faults. */
EXO_CHECKED int settings_reload(struct settings_set *set, const struct settings_sources *sources,
                                struct fault_list *faults);

/* settings_release wipes and frees what a set holds. */
void settings_release(struct settings_set *set);

/* settings_print writes name, value and origin of the role's settings; secrets as ***. */
void settings_print(const struct settings_set *set, FILE *out);

/* settings_reference_print writes the table for people: every setting, or those of some roles. */
void settings_reference_print(unsigned roles, FILE *out);

/* settings_shown returns what a person may see of a value as it was said: "***" of a secret. */
const char *settings_shown(const struct settings_set *set, int index);

/* setting_row returns a row of the table; index 0 .. SETTING_NR - 1. */
const struct setting_row *setting_row(int index);

enum { SETTING_FLAG_BYTES = 64 };

/* setting_flag_name writes the flag's name without dashes in front: api_url becomes api-url, a
 * secret api_token becomes api-token-file. */
void setting_flag_name(const struct setting_row *row, char ret_name[SETTING_FLAG_BYTES]);

/* settings_list_next takes the next word of a LIST: texts with commas between, blanks around them
 * dropped, empty ones skipped.
 * rest  in and out: begin with the value
 * Returns it, or a span with data NULL at the end. */
struct span settings_list_next(const char **rest);

#endif /* EXO_INFRA_CONFIG_SETTINGS_H */
