#include "workers/sandbox/cgroup.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <linux/magic.h>

enum { FILE_BYTES = 4096, PAUSE_MS = 2 };

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * EXO_SECOND + now.tv_nsec;
}

/* Reads a small file below a directory; "" when it cannot be read. */
static void read_text(int directory_fd, const char *path, char text[FILE_BYTES])
{
    int fd = openat(directory_fd, path, O_RDONLY | O_CLOEXEC);
    ssize_t bytes = fd < 0 ? 0 : read(fd, text, FILE_BYTES - 1);

    text[bytes > 0 ? bytes : 0] = '\0';
    if (fd >= 0) {
        (void)close(fd);
    }
}

static int write_text(int directory_fd, const char *path, const char *text)
{
    int fd = openat(directory_fd, path, O_WRONLY | O_CLOEXEC);

    if (fd < 0) {
        return -1;
    }
    ssize_t bytes = write(fd, text, strlen(text));
    int failure = errno;

    (void)close(fd);
    errno = failure;
    return bytes < 0 ? -1 : 0;
}

uint64_t cgroup_parse_number(const char *text, const char *key)
{
    size_t bytes = strlen(key);

    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, key, bytes) == 0 && line[bytes] == ' ') {
            return strtoull(line + bytes + 1, NULL, 10);
        }
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return 0;
}

/* "cpuacct" is in the tree "cpu,cpuacct". */
static bool tree_has(const struct cgroup_tree *tree, const char *controller)
{
    size_t bytes = strlen(controller);

    for (const char *at = tree->name; *at != '\0';) {
        size_t part = strcspn(at, ",");

        if (part == bytes && strncmp(at, controller, bytes) == 0) {
            return true;
        }
        at += part + (at[part] == ',' ? 1 : 0);
    }
    return false;
}

static const struct cgroup_tree *tree_find(const struct cgroup *cgroup, const char *controller)
{
    for (uint32_t i = 0; i < cgroup->tree_count; i++) {
        if (cgroup->is_v2 || tree_has(&cgroup->trees[i], controller)) {
            return &cgroup->trees[i];
        }
    }
    return NULL;
}

static int make_directory(const char *path, struct exo_error *err)
{
    if (mkdir(path, 0755) != 0 && errno != EEXIST) {
        return exo_error_set(err, errno == EROFS || errno == EACCES ? EXO_EDENIED : EXO_EIO,
                             "cannot make cgroup %s: %s; in a container run the worker with "
                             "--privileged",
                             path, strerror(errno));
    }
    return 0;
}

/* Makes ROOT/TREE/exosphere/w-DEV-INODE and opens it. */
static int add_tree(struct cgroup *cgroup, const char *root, const char *name,
                    struct exo_error *err)
{
    if (cgroup->tree_count == CGROUP_TREES_MAX || strlen(name) >= CGROUP_TREE_NAME_BYTES) {
        return exo_error_set(err, EXO_ELIMIT, "%s has more than %d cgroup trees", root,
                             CGROUP_TREES_MAX);
    }
    struct cgroup_tree *tree = &cgroup->trees[cgroup->tree_count];
    char path[512];

    (void)snprintf(tree->name, sizeof(tree->name), "%s", name);
    (void)snprintf(path, sizeof(path), "%s/%s/exosphere", root, name);
    if (make_directory(path, err) != 0) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/%s%s", root, name, cgroup->base);
    if (make_directory(path, err) != 0) {
        return -1;
    }
    tree->base_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tree->base_fd < 0) {
        return exo_error_set(err, EXO_EIO, "%s: %s", path, strerror(errno));
    }
    cgroup->tree_count++;
    return 0;
}

static bool is_file_system(const char *path, long magic)
{
    struct statfs facts;

    return statfs(path, &facts) == 0 && (long)facts.f_type == magic;
}

/* Every directory that is a mounted tree; links such as cpu -> cpu,cpuacct are the same again. */
static int open_v1(struct cgroup *cgroup, const char *root, struct exo_error *err)
{
    DIR *directory = opendir(root);
    int failed = 0;

    if (directory == NULL) {
        return exo_error_set(err, EXO_EIO, "%s: %s; containers need cgroups", root,
                             strerror(errno));
    }
    for (struct dirent *entry; failed == 0 && (entry = readdir(directory)) != NULL;) {
        char path[512];

        if (entry->d_name[0] == '.' || entry->d_type == DT_LNK) {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/%s", root, entry->d_name);
        if (is_file_system(path, CGROUP_SUPER_MAGIC)) {
            failed = add_tree(cgroup, root, entry->d_name, err);
        }
    }
    (void)closedir(directory);
    if (failed == 0 && cgroup->tree_count == 0) {
        return exo_error_set(err, EXO_EIO, "no cgroups are mounted below %s", root);
    }
    return failed;
}

/* A cgroup that has processes may give its children no controllers; only the machine's real root is
 * excepted. In a container with its own root the processes (the worker among them) step aside. */
static void step_aside(const char *root)
{
    char path[512], line[32];

    (void)snprintf(path, sizeof(path), "%s/exosphere-processes", root);
    if (mkdir(path, 0755) != 0 && errno != EEXIST) {
        return;
    }
    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", root);
    FILE *processes = fopen(path, "re");

    while (processes != NULL && fgets(line, sizeof(line), processes) != NULL) {
        (void)snprintf(path, sizeof(path), "%s/exosphere-processes/cgroup.procs", root);
        (void)write_text(AT_FDCWD, path, line);
    }
    if (processes != NULL) {
        (void)fclose(processes);
    }
}

/* Switches on one by one what the machine has: an absent controller must not hinder the others. */
static void enable_controllers(const char *root, const char *directory)
{
    static const char *const wanted[] = {"+memory", "+cpu", "+pids"};
    char path[512];

    (void)snprintf(path, sizeof(path), "%s%s/cgroup.subtree_control", root, directory);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (write_text(AT_FDCWD, path, wanted[i]) != 0 && errno == EBUSY && *directory == '\0') {
            step_aside(root);
            (void)write_text(AT_FDCWD, path, wanted[i]);
        }
    }
}

static int open_v2(struct cgroup *cgroup, const char *root, struct exo_error *err)
{
    enable_controllers(root, "");
    if (add_tree(cgroup, root, "", err) != 0) {
        return -1;
    }
    enable_controllers(root, "/exosphere");
    enable_controllers(root, cgroup->base);
    return 0;
}

int cgroup_open(struct cgroup *cgroup, const char *root, uint64_t dev, uint64_t inode,
                struct exo_error *err)
{
    memset(cgroup, 0, sizeof(*cgroup));
    (void)snprintf(cgroup->base, sizeof(cgroup->base), "/exosphere/w-%" PRIx64 "-%" PRIx64, dev,
                   inode);
    cgroup->is_v2 = is_file_system(root, CGROUP2_SUPER_MAGIC);
    if ((cgroup->is_v2 ? open_v2 : open_v1)(cgroup, root, err) != 0) {
        return -1;
    }
    cgroup->memory = tree_find(cgroup, "memory");
    cgroup->cpuacct = tree_find(cgroup, "cpuacct");
    cgroup->limits_swap =
        cgroup->memory != NULL &&
        faccessat(cgroup->memory->base_fd,
                  cgroup->is_v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes", F_OK, 0) == 0;
    return 0;
}

void cgroup_release(struct cgroup *cgroup)
{
    for (uint32_t i = 0; i < cgroup->tree_count; i++) {
        int above_fd = openat(cgroup->trees[i].base_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        (void)close(cgroup->trees[i].base_fd);
        if (above_fd >= 0) {
            /* Refused while an attempt is in it, which is what we want. */
            (void)unlinkat(above_fd, strrchr(cgroup->base, '/') + 1, AT_REMOVEDIR);
            (void)close(above_fd);
        }
    }
    cgroup->tree_count = 0;
}

static void read_of(const struct cgroup_tree *tree, const char *id, const char *file,
                    char text[FILE_BYTES])
{
    char path[256];

    text[0] = '\0';
    if (tree != NULL) {
        (void)snprintf(path, sizeof(path), "%s/%s", id, file);
        read_text(tree->base_fd, path, text);
    }
}

void cgroup_usage_read(const struct cgroup *cgroup, const char *id, struct cgroup_usage *ret_usage)
{
    char text[FILE_BYTES];

    *ret_usage = (struct cgroup_usage){.cpu_ns = 0};
    if (cgroup->is_v2) {
        read_of(cgroup->memory, id, "cpu.stat", text);
        ret_usage->cpu_ns = cgroup_parse_number(text, "usage_usec") * 1000;
        read_of(cgroup->memory, id, "memory.peak", text);
        ret_usage->memory_peak_bytes = strtoull(text, NULL, 10);
        read_of(cgroup->memory, id, "memory.events", text);
    } else {
        read_of(cgroup->cpuacct, id, "cpuacct.usage", text);
        ret_usage->cpu_ns = strtoull(text, NULL, 10);
        read_of(cgroup->memory, id, "memory.max_usage_in_bytes", text);
        ret_usage->memory_peak_bytes = strtoull(text, NULL, 10);
        read_of(cgroup->memory, id, "memory.oom_control", text);
    }
    ret_usage->is_oom_killed = cgroup_parse_number(text, "oom_kill") > 0;
}

/* Kills what is in one cgroup. A pid might be another's by the time of the signal only if its
 * process ended and the numbers went once round in between. */
static void kill_processes(const struct cgroup *cgroup, const struct cgroup_tree *tree,
                           const char *id)
{
    char path[256], line[32];

    (void)snprintf(path, sizeof(path), "%s/cgroup.kill", id);
    if (cgroup->is_v2 && write_text(tree->base_fd, path, "1") == 0) {
        return;
    }
    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", id);
    int fd = openat(tree->base_fd, path, O_RDONLY | O_CLOEXEC);
    FILE *processes = fd < 0 ? NULL : fdopen(fd, "r");

    while (processes != NULL && fgets(line, sizeof(line), processes) != NULL) {
        pid_t pid = (pid_t)strtol(line, NULL, 10);

        /* 0 stands for a process of another pid namespace; kill(0) would hit ourselves. */
        if (pid > 1 && pid != getpid()) {
            (void)kill(pid, SIGKILL);
        }
    }
    if (processes != NULL) {
        (void)fclose(processes);
    } else if (fd >= 0) {
        (void)close(fd);
    }
}

int cgroup_remove(const struct cgroup *cgroup, const char *id, exo_time limit_ns,
                  struct exo_error *err)
{
    int64_t deadline_ns = now_ns() + limit_ns;

    for (uint32_t i = 0; i < cgroup->tree_count;) {
        const struct cgroup_tree *tree = &cgroup->trees[i];

        if (unlinkat(tree->base_fd, id, AT_REMOVEDIR) == 0 || errno == ENOENT) {
            i++;
            continue;
        }
        if (errno != EBUSY || now_ns() >= deadline_ns) {
            return exo_error_set(err, EXO_EIO, "cgroup %s%s/%s cannot be removed: %s", tree->name,
                                 cgroup->base, id, strerror(errno));
        }
        kill_processes(cgroup, tree, id);
        (void)poll(NULL, 0, PAUSE_MS);
    }
    return 0;
}

void cgroup_each(const struct cgroup *cgroup, void (*call)(void *argument, const char *id),
                 void *argument)
{
    for (uint32_t i = 0; i < cgroup->tree_count; i++) {
        int fd = openat(cgroup->trees[i].base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *directory = fd < 0 ? NULL : fdopendir(fd);

        if (directory == NULL) {
            if (fd >= 0) {
                (void)close(fd);
            }
            continue;
        }
        for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
            if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
                call(argument, entry->d_name);
            }
        }
        (void)closedir(directory);
    }
}
