/* definition file: a cluster or a satellite on disk, or one that the store has.
 *
 *   FILE ------text_read, cluster_parse | stored_satellite_parse--> struct definition_file
 *   licences/word-frequency@3, satellite/tools/count@2 ----GET----> the version
 *
 * Reads the named files, and asks the API. */
#ifndef EXO_PRODUCER_CLI_DEFINITION_FILE_H
#define EXO_PRODUCER_CLI_DEFINITION_FILE_H

#include "producer/cli/cluster_file.h"
#include "producer/cli/rest.h"
#include "schemas/cluster/stored_satellite.h"
#include "schemas/cluster/version_reference.h"

struct definition_file {
    enum version_kind kind;
    struct span text;            /* of the file, as it is */
    struct cluster_file cluster; /* of a cluster */
    struct stored_satellite satellite;
    bool uses_stored; /* a cluster with satellites that only the store knows */
};

/* definition_file_load reads and checks a file; "-": standard input. Otherwise as
 * cluster_file_load. That satellites it uses were not looked up is no fault. */
EXO_CHECKED int definition_file_load(struct cli *cli, const char *path,
                                     struct definition_file *ret_file);

/* definition_file_project and _name say what it is called. */
struct span definition_file_project(const struct definition_file *file);
struct span definition_file_name(const struct definition_file *file);

/* definition_word_parse is true for a word that names a stored definition: no file of that name is
 * there, and it is PROJECT/NAME[@VERSION] or satellite/PROJECT/NAME[@VERSION].
 * word  kept by *ret */
bool definition_word_parse(const struct cli *cli, const char *word, struct version_reference *ret);

/* definition_path makes the path of a stored definition: of a version where it names one. */
void definition_path(const struct version_reference *reference, struct rest_path *path);

/* definition_read asks the API for a version; *ret_answer is what it answered.
 * Returns 0, or the exit status told on stderr. */
EXO_CHECKED int definition_read(struct rest *rest, const struct version_reference *reference,
                                struct value *ret_answer);

#endif /* EXO_PRODUCER_CLI_DEFINITION_FILE_H */
