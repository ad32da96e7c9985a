/* setting file: the YAML file of settings, and files that hold one secret.
 *
 * Reads the named file; nothing else. */
#ifndef EXO_INFRA_CONFIG_SETTING_FILE_H
#define EXO_INFRA_CONFIG_SETTING_FILE_H

#include "schemas/vocab/arena.h"
#include "schemas/vocab/fault.h"

/* setting_file_read calls for each member of the file's map: its value as text (a list joined with
 * commas) and its place "FILE:LINE", both borrowed for the call.
 * path    borrowed
 * arena   borrowed; the file's text stays there until its release
 * faults  gets what keeps the file from being read */
void setting_file_read(const char *path, struct arena *arena, struct fault_list *faults,
                       void (*call)(void *argument, const char *name, const char *value,
                                    const char *place),
                       void *argument);

/* setting_file_read_secret reads a file that holds one secret; a line break at its end is dropped.
 * place  named in faults
 * Returns the secret in the arena, or NULL with a fault. */
const char *setting_file_read_secret(const char *path, struct arena *arena,
                                     struct fault_list *faults, const char *place);

#endif /* EXO_INFRA_CONFIG_SETTING_FILE_H */
