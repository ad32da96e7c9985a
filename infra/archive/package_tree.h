/* package_tree: the entries of a directory, in the order of their names. Private to this folder. */
#ifndef EXO_INFRA_ARCHIVE_PACKAGE_TREE_H
#define EXO_INFRA_ARCHIVE_PACKAGE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"

struct package_entry {
    const char *path; /* relative, in the arena */
    uint64_t bytes;
    bool is_directory, is_executable;
};

struct package_tree {
    struct heap_budget budget;
    struct arena arena;
    struct package_entry *entries; /* directories before what is in them */
    uint32_t entry_count, file_count, capacity;
    uint64_t file_bytes;
};

/* package_tree_read walks a directory. Returns 0, or -1 with *err as package_write says;
 * package_tree_release frees it in both cases. */
EXO_CHECKED int package_tree_read(struct package_tree *ret_tree, int directory_fd,
                                  struct exo_error *err);
void package_tree_release(struct package_tree *tree);

/* package_path_is_good is true for a relative path without empty, "." and ".." parts, in UTF-8,
 * without control characters, of at most LIMIT_ARTEFACT_PATH_BYTES and PACKAGE_DEPTH_MAX parts. */
bool package_path_is_good(const char *path);

#endif /* EXO_INFRA_ARCHIVE_PACKAGE_TREE_H */
