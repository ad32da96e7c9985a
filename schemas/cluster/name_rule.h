/* name_rule: which words may name what.
 *
 * Pure. */
#ifndef EXO_CLUSTER_NAME_RULE_H
#define EXO_CLUSTER_NAME_RULE_H

#include <stdbool.h>

#include "schemas/cluster/field.h"

enum name_rule {
    NAME_SATELLITE, /* [a-z][a-z0-9_]*, no reserved word: it stands in expressions */
    NAME_INPUT,     /* [A-Za-z_][A-Za-z0-9_]*, no reserved word: the same */
    NAME_PLAIN,     /* [a-z][a-z0-9_-]*: projects, clusters, classes, volumes */
    NAME_FILE,      /* [A-Za-z0-9][A-Za-z0-9._-]*: secrets, which are files */
    NAME_VARIABLE,  /* [A-Za-z_][A-Za-z0-9_]*: environment variables */
    NAME_RULE_NR,
};

/* name_check adds a fault unless the text fits the rule and has at most LIMIT_NAME_BYTES (an
 * environment variable may be longer).
 * text  borrowed
 * at    the value whose line and column the fault names; borrowed
 * Returns true when it fits. */
bool name_check(struct field_reader *r, enum name_rule rule, struct span text,
                const struct value *at, const struct value_place *place);

/* name_check_item is name_check for the name of a map's item: it must not hide another name of
 * expressions. */
bool name_check_item(struct field_reader *r, const struct value *value,
                     const struct value_place *place);

/* name_split splits PROJECT/NAME at its first slash; the parts are borrowed from text.
 * ret_project  out: data NULL where there is no slash */
void name_split(struct span text, struct span *ret_project, struct span *ret_name);

/* path_check adds a fault unless the text is an absolute path without ., .. and empty parts.
 * Returns true when it is. */
bool path_check(struct field_reader *r, const struct value *value, const struct value_place *place);

#endif /* EXO_CLUSTER_NAME_RULE_H */
