/* cluster file: a definition on disk, and the input a person gives beside it.
 *
 *   FILE --text_read, cluster_parse--> definition, or every fault with its place
 *   --input K=V, --input @FILE -------> one map
 *
 * Reads the named files. */
#ifndef EXO_PRODUCER_CLI_CLUSTER_FILE_H
#define EXO_PRODUCER_CLI_CLUSTER_FILE_H

#include "producer/cli/cli.h"
#include "schemas/cluster/cluster.h"

struct cluster_file {
    const char *path;
    struct value root;
    const struct cluster *cluster;
};

/* cluster_file_parse checks the root of a file and fills in its cluster. Satellites that it uses
 * are taken by the form of their names: the API looks them up. Returns 0, or CLI_EXIT_DATA with
 * faults in cli->faults. */
EXO_CHECKED int cluster_file_parse(struct cli *cli, struct cluster_file *file);

/* cluster_file_load reads and checks a file; "-": standard input. cli->faults gets what is wrong
 * and the warnings; nothing of that is printed.
 * ret_file  out, in the arena; kept as long as path
 * Returns 0, CLI_EXIT_DATA with faults, or another exit status told on stderr. */
EXO_CHECKED int cluster_file_load(struct cli *cli, const char *path, struct cluster_file *ret_file);

/* cluster_file_request gives what stands under `cluster:`, its name with the project in front, as
 * the body of a request takes it. In the arena. */
struct value cluster_file_request(struct cli *cli, const struct cluster_file *file);

/* cluster_file_input gathers the flags --input into one map; a later one wins. V is read as JSON
 * where it is JSON, else as a string; an input declared as string is always one.
 * cluster    NULL: nothing is known of the inputs
 * ret_input  out; in the arena
 * Returns 0, or the exit status told on stderr. */
EXO_CHECKED int cluster_file_input(struct cli *cli, const struct cluster *cluster,
                                   struct value *ret_input);

#endif /* EXO_PRODUCER_CLI_CLUSTER_FILE_H */
