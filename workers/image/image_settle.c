#include "workers/image/image_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"
#include "workers/image/image_layout.h"

enum { OPEN_DIRECTORIES = 32, ACCOUNT_BYTES_MAX = 4 << 20 };

static void image_path(const struct image_disk *disk, const char *digest, const char *below,
                       char ret_path[IMAGE_PATH_BYTES + 128])
{
    (void)snprintf(ret_path, IMAGE_PATH_BYTES + 128, "%s/images/sha256-%s%s", disk->cache_dir,
                   digest + sizeof("sha256:") - 1, below);
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
    (void)facts;
    (void)place;
    /* What cannot be removed stays for the next open. */
    (void)(kind == FTW_DP ? rmdir(path) : unlink(path));
    return 0;
}

void image_disk_remove_tree(const char *path)
{
    (void)nftw(path, remove_one, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

bool image_disk_discard(const struct image_disk *disk, const char *digest,
                        char ret_path[IMAGE_PATH_BYTES])
{
    char path[IMAGE_PATH_BYTES + 128], target[IMAGE_PATH_BYTES + 128];
    struct exo_error err;

    image_path(disk, digest, "", path);
    if (image_disk_make_temporary(disk, ret_path, &err) != 0) {
        return false;
    }
    (void)snprintf(target, sizeof(target), "%s/image", ret_path);
    if (rename(path, target) != 0) {
        (void)rmdir(ret_path);
        return false;
    }
    return true;
}

/* The sum of one thread's walk; nftw has no argument to hand on. */
static _Thread_local uint64_t walk_bytes;

static int add_size(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
    (void)path;
    (void)kind;
    (void)place;
    walk_bytes += (uint64_t)facts->st_blocks * 512;
    return 0;
}

static uint64_t tree_bytes(const char *path)
{
    walk_bytes = 0;
    (void)nftw(path, add_size, OPEN_DIRECTORIES, FTW_PHYS | FTW_MOUNT);
    return walk_bytes;
}

/* Reads layout/blobs/sha256/HEX. */
static int read_blob(const char *temporary, const char *digest, unsigned char **ret_bytes,
                     size_t *ret_count, struct exo_error *err)
{
    char path[IMAGE_PATH_BYTES + 128];

    (void)snprintf(path, sizeof(path), "%s/layout/blobs/sha256/%s", temporary,
                   digest + sizeof("sha256:") - 1);
    return image_disk_read_file(path, ret_bytes, ret_count, err);
}

static int read_config(const char *temporary, const char *manifest, struct arena *arena,
                       struct layout_config *ret_config, struct exo_error *err)
{
    char digest[IMAGE_DIGEST_TEXT_BYTES + 1];
    unsigned char *bytes = NULL;
    size_t count = 0;

    if (read_blob(temporary, manifest, &bytes, &count, err) != 0) {
        return -1;
    }
    int failed = layout_config_digest((struct span){bytes, count}, arena, digest, err);

    free(bytes);
    bytes = NULL;
    if (failed != 0 || read_blob(temporary, digest, &bytes, &count, err) != 0) {
        return -1;
    }
    failed = layout_config_read((struct span){bytes, count}, arena, ret_config, err);
    free(bytes);
    return failed;
}

/* Reads /etc/passwd or /etc/group as the container would see it: links end at its own root. A file
 * that is not there, or no file, is empty. */
static struct span read_account_file(int rootfs_fd, const char *name, struct arena *arena)
{
    struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    int fd = (int)syscall(SYS_openat2, rootfs_fd, name, &how, sizeof(how));
    struct stat facts;
    struct span text = {NULL, 0};

    if (fd >= 0 && fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size > 0 &&
        facts.st_size <= ACCOUNT_BYTES_MAX) {
        void *bytes = arena_alloc(arena, (size_t)facts.st_size);
        ssize_t got = bytes == NULL ? -1 : read(fd, bytes, (size_t)facts.st_size);

        if (got > 0) {
            text = (struct span){bytes, (size_t)got};
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return text;
}

/* Makes what containers mount upon, so that no attempt has to make it anew; finds the user. */
static int prepare_rootfs(int rootfs_fd, const char *user, struct arena *arena, struct image *image,
                          struct exo_error *err)
{
    static const char *const points[] = {"proc", "sys", "dev", "tmp", "etc", "exosphere"};

    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        if (mkdirat(rootfs_fd, points[i], 0755) != 0 && errno != EEXIST) {
            return exo_error_set(err, EXO_EIO, "cannot make /%s in an image: %s", points[i],
                                 strerror(errno));
        }
    }
    return layout_user(user, read_account_file(rootfs_fd, "etc/passwd", arena),
                       read_account_file(rootfs_fd, "etc/group", arena), &image->uid, &image->gid,
                       err);
}

static void put_texts(struct json_writer *json, const char *key, const char *const *texts)
{
    json_key(json, key);
    json_begin_list(json);
    for (; *texts != NULL; texts++) {
        json_put_text(json, *texts);
    }
    json_end_list(json);
}

static int write_meta(const char *temporary, const struct image *image, struct exo_error *err)
{
    struct heap_budget budget = {.used_bytes = 0};
    struct buffer buffer;
    struct json_writer json = {.buffer = &buffer};
    char path[IMAGE_PATH_BYTES + 128];

    buffer_init(&buffer, allocator_heap(&budget), 0);
    json_begin_map(&json);
    json_key(&json, "uid");
    json_put_uint(&json, image->uid);
    json_key(&json, "gid");
    json_put_uint(&json, image->gid);
    put_texts(&json, "env", image->env);
    put_texts(&json, "entrypoint", image->entrypoint);
    put_texts(&json, "command", image->command);
    json_key(&json, "workdir");
    json_put_text(&json, image->workdir);
    json_key(&json, "bytes");
    json_put_uint(&json, image->bytes);
    json_end_map(&json);
    (void)snprintf(path, sizeof(path), "%s/meta.json", temporary);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool is_written = fd >= 0 && !buffer.is_failed &&
                      write(fd, buffer.data, buffer.bytes) == (ssize_t)buffer.bytes;
    int failure = errno;

    buffer_release(&buffer);
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_written ? 0 : exo_error_set(err, EXO_EIO, "%s: %s", path, strerror(failure));
}

/* The layout is of no use any more; everything else must be on disk before the name says so. */
static int publish(const struct image_disk *disk, const char *temporary, int rootfs_fd,
                   const char *digest, struct exo_error *err)
{
    static const char *const rest[] = {"stdout", "stderr"};
    char path[IMAGE_PATH_BYTES + 128];

    (void)snprintf(path, sizeof(path), "%s/layout", temporary);
    image_disk_remove_tree(path);
    for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", temporary, rest[i]);
        (void)unlink(path);
    }
    if (syncfs(rootfs_fd) != 0) {
        return exo_error_set(err, EXO_EIO, "an image cannot be written to disk: %s",
                             strerror(errno));
    }
    image_path(disk, digest, "", path);
    if (chmod(temporary, 0755) != 0 ||
        (rename(temporary, path) != 0 && errno != ENOTEMPTY && errno != EEXIST)) {
        return exo_error_set(err, EXO_EIO, "%s: %s", path, strerror(errno));
    }
    return 0;
}

int image_disk_settle(const struct image_disk *disk, const char *temporary, const char *manifest,
                      const char *digest, struct exo_error *err)
{
    struct heap_budget budget = {.used_bytes = 0};
    struct arena arena;
    struct layout_config config;
    struct image image = {.rootfs = NULL};
    char path[IMAGE_PATH_BYTES + 16];

    arena_init(&arena, allocator_heap(&budget), 0);
    (void)snprintf(path, sizeof(path), "%s/rootfs", temporary);
    int rootfs_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = rootfs_fd < 0 ? exo_error_set(err, EXO_EIO, "%s: %s", path, strerror(errno))
                               : read_config(temporary, manifest, &arena, &config, err);

    if (failed == 0) {
        image.env = config.env;
        image.entrypoint = config.entrypoint;
        image.command = config.command;
        image.workdir = config.workdir;
        image.bytes = tree_bytes(path);
        failed = prepare_rootfs(rootfs_fd, config.user, &arena, &image, err);
    }
    if (failed == 0) {
        failed = write_meta(temporary, &image, err);
    }
    if (failed == 0) {
        failed = publish(disk, temporary, rootfs_fd, digest, err);
    }
    if (rootfs_fd >= 0) {
        (void)close(rootfs_fd);
    }
    arena_release(&arena);
    return failed;
}

static const char *const *load_texts(const struct value *meta, const char *key, struct arena *arena)
{
    const struct value *list = value_get(meta, span_of(key));
    uint32_t count = list != NULL && list->kind == VALUE_LIST ? list->count : 0;
    const char **texts = arena_alloc(arena, (count + 1) * sizeof(*texts));

    for (uint32_t i = 0; texts != NULL && i < count; i++) {
        /* Read without borrowing, a string has its NUL. */
        texts[i] = list->items[i].kind == VALUE_STRING ? list->items[i].text : "";
    }
    return texts;
}

static int64_t load_number(const struct value *meta, const char *key)
{
    const struct value *number = value_get(meta, span_of(key));

    return number != NULL && number->kind == VALUE_INT ? number->integer : 0;
}

static int load_meta(struct span text, struct arena *arena, struct image *image,
                     struct exo_error *err)
{
    struct value meta;
    struct json_error fault;

    if (json_read(text, NULL, arena, &meta, &fault) != JSON_OK) {
        return exo_error_set(err, EXO_EIO, "meta.json of an image: %s", fault.text);
    }
    const struct value *workdir = value_get(&meta, span_of("workdir"));

    image->uid = (uint32_t)load_number(&meta, "uid");
    image->gid = (uint32_t)load_number(&meta, "gid");
    image->bytes = (uint64_t)load_number(&meta, "bytes");
    image->env = load_texts(&meta, "env", arena);
    image->entrypoint = load_texts(&meta, "entrypoint", arena);
    image->command = load_texts(&meta, "command", arena);
    image->workdir = workdir != NULL && workdir->kind == VALUE_STRING ? workdir->text : "/";
    if (image->uid == 0 || image->env == NULL || image->entrypoint == NULL ||
        image->command == NULL) {
        return exo_error_set(err, EXO_EIO, "meta.json of an image is damaged");
    }
    return 0;
}

int image_disk_load(const struct image_disk *disk, const char *digest, struct arena *arena,
                    struct image *ret_image, exo_time *ret_used_ns, struct exo_error *err)
{
    char path[IMAGE_PATH_BYTES + 128];
    struct image image = {.rootfs = NULL};
    unsigned char *bytes = NULL;
    struct stat facts;
    size_t count = 0;

    image_path(disk, digest, "/meta.json", path);
    if (image_disk_read_file(path, &bytes, &count, err) != 0) {
        return -1;
    }
    *ret_used_ns = stat(path, &facts) == 0
                       ? (exo_time)facts.st_mtim.tv_sec * EXO_SECOND + facts.st_mtim.tv_nsec
                       : 0;
    int failed = load_meta((struct span){bytes, count}, arena, &image, err);

    free(bytes);
    image_path(disk, digest, "/rootfs", path);
    image.rootfs = arena_copy(arena, span_of(path)).data;
    image.digest = arena_copy(arena, span_of(digest)).data;
    if (failed != 0) {
        return -1;
    }
    if (image.rootfs == NULL || image.digest == NULL || stat(path, &facts) != 0) {
        return exo_error_set(err, EXO_EIO, "%s: %s", path, strerror(errno));
    }
    *ret_image = image;
    return 0;
}

void image_disk_touch(const struct image_disk *disk, const char *digest)
{
    char path[IMAGE_PATH_BYTES + 128];

    image_path(disk, digest, "/meta.json", path);
    /* Only a note for the order of eviction. */
    (void)utimensat(AT_FDCWD, path, NULL, 0);
}

void image_disk_each(const struct image_disk *disk,
                     void (*call)(void *argument, const char *digest), void *argument)
{
    char path[IMAGE_PATH_BYTES + 16], digest[300];

    (void)snprintf(path, sizeof(path), "%s/images", disk->cache_dir);
    DIR *directory = opendir(path);

    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        (void)snprintf(digest, sizeof(digest), "%s", entry->d_name);
        if (strncmp(digest, "sha256-", 7) == 0) {
            digest[6] = ':';
            if (image_digest_is_valid(digest)) {
                call(argument, digest);
            }
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
}
