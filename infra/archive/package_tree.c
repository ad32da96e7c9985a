#include "infra/archive/package_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "infra/archive/package.h"
#include "schemas/json/utf8.h"
#include "schemas/vocab/limits.h"

enum { TREE_BYTES_MAX = 64 << 20 };

bool package_path_is_good(const char *path)
{
    struct span text = span_of(path);
    size_t parts = 0;

    if (text.bytes == 0 || text.bytes > LIMIT_ARTEFACT_PATH_BYTES || !utf8_is_valid(text)) {
        return false;
    }
    for (size_t i = 0; i < text.bytes; i++) {
        unsigned char c = (unsigned char)path[i];

        if (c < ' ' || c == 0x7f) {
            return false;
        }
    }
    for (const char *at = path;; at++) {
        size_t bytes = strcspn(at, "/");

        if (bytes == 0 || (bytes == 1 && at[0] == '.') ||
            (bytes == 2 && at[0] == '.' && at[1] == '.') || ++parts > PACKAGE_DEPTH_MAX) {
            return false;
        }
        at += bytes;
        if (*at == '\0') {
            return true;
        }
    }
}

static int no_memory(struct exo_error *err)
{
    return exo_error_set(err, EXO_EIO, "no memory for the names of artefacts");
}

static struct package_entry *entry_add(struct package_tree *tree)
{
    if (tree->entry_count == tree->capacity) {
        uint32_t capacity = tree->capacity == 0 ? 64 : 2 * tree->capacity;
        struct package_entry *grown = realloc(tree->entries, capacity * sizeof(*grown));

        if (grown == NULL) {
            return NULL;
        }
        tree->entries = grown;
        tree->capacity = capacity;
    }
    return &tree->entries[tree->entry_count++];
}

static const char *kind_name(mode_t mode)
{
    return S_ISLNK(mode)    ? "a symbolic link"
           : S_ISFIFO(mode) ? "a pipe"
           : S_ISSOCK(mode) ? "a socket"
                            : "a device";
}

static int file_add(struct package_tree *tree, const char *path, const struct stat *facts,
                    struct exo_error *err)
{
    uint64_t bytes = (uint64_t)facts->st_size;
    struct package_entry *entry = entry_add(tree);

    if (entry == NULL) {
        return no_memory(err);
    }
    *entry = (struct package_entry){
        .path = path, .bytes = bytes, .is_executable = (facts->st_mode & 0111) != 0};
    if (++tree->file_count > LIMIT_ARTEFACT_FILES) {
        return exo_error_set(err, EXO_ELIMIT, "there are more than %d files", LIMIT_ARTEFACT_FILES);
    }
    if (bytes > LIMIT_ARTEFACT_BYTES || tree->file_bytes + bytes > LIMIT_ARTEFACT_BYTES) {
        return exo_error_set(err, EXO_ELIMIT, "the files have more than 1 GiB together");
    }
    tree->file_bytes += bytes;
    return 0;
}

static int directory_add(struct package_tree *tree, const char *path, struct exo_error *err)
{
    struct package_entry *entry = entry_add(tree);

    if (entry == NULL) {
        return no_memory(err);
    }
    *entry = (struct package_entry){.path = path, .is_directory = true};
    /* Empty ones are bounded as files are. */
    return tree->entry_count <= 2 * LIMIT_ARTEFACT_FILES
               ? 0
               : exo_error_set(err, EXO_ELIMIT, "there are more than %d directories",
                               LIMIT_ARTEFACT_FILES);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_real(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int name_add(struct package_tree *tree, int root_fd, const char *parent, const char *name,
                    struct exo_error *err);

/* path  "." or relative */
static int walk(struct package_tree *tree, int root_fd, const char *path, struct exo_error *err)
{
    struct dirent **names = NULL;
    int fd = openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int count = fd < 0 ? -1 : scandirat(fd, ".", &names, is_real, by_name);
    int result = 0;

    if (count < 0) {
        result = exo_error_set(err, EXO_EIO, "the directory %.200s cannot be read: %s", path,
                               strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd); /* only read */
    }
    for (int i = 0; i < count; i++) {
        if (result == 0) {
            result = name_add(tree, root_fd, path, names[i]->d_name, err);
        }
        free(names[i]);
    }
    free(names);
    return result;
}

static int name_add(struct package_tree *tree, int root_fd, const char *parent, const char *name,
                    struct exo_error *err)
{
    char text[LIMIT_ARTEFACT_PATH_BYTES + 2];
    struct stat facts;
    bool is_top = strcmp(parent, ".") == 0;
    int bytes =
        snprintf(text, sizeof(text), "%s%s%s", is_top ? "" : parent, is_top ? "" : "/", name);

    if (bytes >= (int)sizeof(text) || !package_path_is_good(text)) {
        return exo_error_set(err, EXO_ELIMIT,
                             "a name in %.120s is not printable UTF-8, or its path is above %d "
                             "bytes or %d directories",
                             is_top ? "it" : parent, LIMIT_ARTEFACT_PATH_BYTES, PACKAGE_DEPTH_MAX);
    }
    const char *path = arena_copy(&tree->arena, span_of(text)).data;

    if (path == NULL) {
        return no_memory(err);
    }
    if (fstatat(root_fd, path, &facts, AT_SYMLINK_NOFOLLOW) != 0) {
        return exo_error_set(err, EXO_EIO, "%.200s cannot be read: %s", path, strerror(errno));
    }
    if (S_ISREG(facts.st_mode)) {
        return file_add(tree, path, &facts, err);
    }
    if (!S_ISDIR(facts.st_mode)) {
        return exo_error_set(err, EXO_EINVALID, "%.200s is %s; write regular files", path,
                             kind_name(facts.st_mode));
    }
    return directory_add(tree, path, err) != 0 ? -1 : walk(tree, root_fd, path, err);
}

int package_tree_read(struct package_tree *ret_tree, int directory_fd, struct exo_error *err)
{
    *ret_tree = (struct package_tree){.entries = NULL};
    arena_init(&ret_tree->arena, allocator_heap(&ret_tree->budget), TREE_BYTES_MAX);
    return walk(ret_tree, directory_fd, ".", err);
}

void package_tree_release(struct package_tree *tree)
{
    free(tree->entries);
    tree->entries = NULL;
    arena_release(&tree->arena);
}
