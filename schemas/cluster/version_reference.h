/* version_reference: how a text names a stored definition.
 *
 *   cluster:  PROJECT/NAME[@VERSION]              licences/word-frequency@3
 *   uses:     satellite/PROJECT/NAME[@VERSION]    satellite/tools/count-words@latest
 *             cluster/PROJECT/NAME[@VERSION]      cluster/licences/word-frequency@3
 *
 * Without a version, and with @latest, the newest is meant.
 *
 * Pure. */
#ifndef EXO_CLUSTER_VERSION_REFERENCE_H
#define EXO_CLUSTER_VERSION_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/limits.h"
#include "schemas/vocab/span.h"

/* What is stored and versioned; the numbers stand in the store. */
enum version_kind {
    VERSION_CLUSTER,
    VERSION_SATELLITE,
    VERSION_PROJECT, /* the settings of a project; only those who run it name them */
    VERSION_KIND_NR
};

enum {
    VERSION_NUMBER_MAX = 1000000000,
    VERSION_REFERENCE_BYTES = 10 + 2 * (LIMIT_NAME_BYTES + 1) + 12, /* with the NUL */
};

struct version_reference {
    enum version_kind kind;
    struct span project;
    struct span name;
    uint32_t number; /* from 1; 0: the newest */
};

/* version_reference_parse reads a reference.
 * kind     VERSION_SATELLITE: "satellite/" must stand before it
 * text     borrowed, and by *ret as long as it is used
 * project  of a cluster's name without one; empty: it must have one
 * Returns NULL and fills *ret, or what is wrong: a static sentence for a fault. */
const char *version_reference_parse(enum version_kind kind, struct span text, struct span project,
                                    struct version_reference *ret);

/* version_uses_kind says which kind the text of a `uses` begins as; VERSION_KIND_NR: none. */
enum version_kind version_uses_kind(struct span text);

/* version_uses_parse reads the text of a `uses`, of whichever kind; as version_reference_parse. */
const char *version_uses_parse(struct span text, struct version_reference *ret);

/* version_uses_format writes a reference as version_uses_parse reads it. */
void version_uses_format(const struct version_reference *reference,
                         char ret_text[VERSION_REFERENCE_BYTES]);

/* version_number_parse reads VERSION: 1 .. VERSION_NUMBER_MAX, or "latest", which gives 0. */
bool version_number_parse(struct span text, uint32_t *ret_number);

/* version_name_is_good is true for what may name a project, a cluster or a stored satellite. */
bool version_name_is_good(struct span name);

/* version_reference_format writes the text of a reference, NUL-terminated, without @ when the
 * number is 0. */
void version_reference_format(const struct version_reference *reference,
                              char ret_text[VERSION_REFERENCE_BYTES]);

/* version_kind_name returns "cluster", "satellite" or "project". */
const char *version_kind_name(enum version_kind kind);

#endif /* EXO_CLUSTER_VERSION_REFERENCE_H */
