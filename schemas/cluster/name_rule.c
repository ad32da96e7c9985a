#include "schemas/cluster/name_rule.h"

#include <string.h>

#include "schemas/vocab/limits.h"

/* clang-format off */
static const struct {
    bool is_upper_first; /* may begin with A-Z */
    bool is_digit_first;
    bool is_bar_first;   /* _ */
    bool is_upper;
    bool is_bar;
    bool is_dash;
    bool is_dot;
    bool is_in_expressions;
    const char *hint;
} rules[NAME_RULE_NR] = {
    [NAME_SATELLITE] = {false, false, false, false, true,  false, false, true,
        "use a-z, 0-9 and _, beginning with a letter: a dash would be a minus in expressions"},
    [NAME_INPUT]     = {true,  false, true,  true,  true,  false, false, true,
        "use letters, digits and _, not beginning with a digit: a dash would be a minus in "
        "expressions"},
    [NAME_PLAIN]     = {false, false, false, false, true,  true,  false, false,
        "use a-z, 0-9, _ and -, beginning with a letter"},
    [NAME_FILE]      = {true,  true,  false, true,  true,  true,  true,  false,
        "use letters, digits, ., _ and -, beginning with a letter or a digit"},
    [NAME_VARIABLE]  = {true,  false, true,  true,  true,  false, false, false,
        "use letters, digits and _, not beginning with a digit"},
};
/* clang-format on */

/* The words that cel-spec keeps for itself; none may be an identifier or a member's name. */
static const char *const reserved_words[] = {
    "as",       "break",     "const",  "continue", "else", "false", "for",
    "function", "if",        "import", "in",       "let",  "loop",  "package",
    "null",     "namespace", "var",    "return",   "true", "void",  "while",
};

/* The root names of our expressions. */
static const char *const root_names[] = {"input", "satellites", "execution",
                                         "index", "failures",   "secrets"};

static bool is_one_of(struct span text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (span_is(text, words[i])) {
            return true;
        }
    }
    return false;
}

static bool fits(enum name_rule rule, struct span text)
{
    const char *bytes = text.data;

    for (size_t i = 0; i < text.bytes; i++) {
        char c = bytes[i];
        bool is_first = i == 0;
        bool is_good = c >= 'a' && c <= 'z';

        is_good |=
            c >= 'A' && c <= 'Z' && (is_first ? rules[rule].is_upper_first : rules[rule].is_upper);
        is_good |= c >= '0' && c <= '9' && (!is_first || rules[rule].is_digit_first);
        is_good |= c == '_' && (is_first ? rules[rule].is_bar_first : rules[rule].is_bar);
        is_good |= c == '-' && !is_first && rules[rule].is_dash;
        is_good |= c == '.' && !is_first && rules[rule].is_dot;
        if (!is_good) {
            return false;
        }
    }
    return text.bytes > 0;
}

bool name_check(struct field_reader *r, enum name_rule rule, struct span text,
                const struct value *at, const struct value_place *place)
{
    if (text.bytes > LIMIT_NAME_BYTES && rule != NAME_VARIABLE) {
        field_fault(r, at, place, "choose a shorter one",
                    "the name %q has %u bytes, more than the limit of %u", text,
                    (unsigned)text.bytes, (unsigned)LIMIT_NAME_BYTES);
        return false;
    }
    if (!fits(rule, text)) {
        field_fault(r, at, place, rules[rule].hint, "%q cannot be a name here", text);
        return false;
    }
    if (rules[rule].is_in_expressions &&
        is_one_of(text, reserved_words, sizeof(reserved_words) / sizeof(reserved_words[0]))) {
        field_fault(r, at, place, "choose another name",
                    "%q is a reserved word of the expression language", text);
        return false;
    }
    return true;
}

bool name_check_item(struct field_reader *r, const struct value *value,
                     const struct value_place *place)
{
    struct span text = value_text(value);

    if (!name_check(r, NAME_SATELLITE, text, value, place)) {
        return false;
    }
    if (is_one_of(text, root_names, sizeof(root_names) / sizeof(root_names[0]))) {
        field_fault(r, value, place, "choose another name",
                    "%q already has a meaning in expressions", text);
        return false;
    }
    return true;
}

void name_split(struct span text, struct span *ret_project, struct span *ret_name)
{
    const char *bytes = text.data;
    const char *slash = text.bytes == 0 ? NULL : memchr(bytes, '/', text.bytes);
    size_t before = slash == NULL ? 0 : (size_t)(slash - bytes);

    *ret_project = slash == NULL ? (struct span){NULL, 0} : (struct span){bytes, before};
    *ret_name = slash == NULL ? text : (struct span){slash + 1, text.bytes - before - 1};
}

static bool is_clean_part(const char *part, size_t bytes)
{
    return bytes > 0 && !(bytes == 1 && part[0] == '.') &&
           !(bytes == 2 && part[0] == '.' && part[1] == '.');
}

static bool is_clean_path(struct span text)
{
    const char *at = text.data;
    size_t left = text.bytes;

    if (left < 2 || at[0] != '/') {
        return left == 1 && at[0] == '/';
    }
    while (left > 0) {
        at++;
        left--;
        const char *slash = memchr(at, '/', left);
        size_t part = slash == NULL ? left : (size_t)(slash - at);

        if (!is_clean_part(at, part)) {
            return false;
        }
        at += part;
        left -= part;
    }
    return true;
}

bool path_check(struct field_reader *r, const struct value *value, const struct value_place *place)
{
    if (is_clean_path(value_text(value))) {
        return true;
    }
    field_fault(r, value, place, "write a path from /, without ., .. or a slash at the end",
                "%q is no absolute path", value_text(value));
    return false;
}
