#include "workers/sandbox/bundle.h"

#include <stdio.h>
#include <string.h>

#include "schemas/json/json_write.h"

enum {
    OPEN_FILES_SOFT = 1024, /* select() in old programs goes no further */
    OPEN_FILES_HARD = 65536,
    CPU_PERIOD_US = 100000,
    OOM_SCORE = 500, /* the kernel takes a satellite before it takes the worker */
};

static const uint64_t tmp_bytes_default = (uint64_t)64 << 20;
static const char *const path_default =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static void put_list(struct json_writer *json, const char *key, const char *const *texts,
                     size_t count)
{
    json_key(json, key);
    json_begin_list(json);
    for (size_t i = 0; i < count; i++) {
        json_put_text(json, texts[i]);
    }
    json_end_list(json);
}

/* One mount; options are NULL-terminated. */
static void put_mount(struct json_writer *json, const char *destination, const char *type,
                      const char *source, const char *const *options)
{
    size_t count = 0;

    while (options[count] != NULL) {
        count++;
    }
    json_begin_map(json);
    json_key(json, "destination");
    json_put_text(json, destination);
    json_key(json, "type");
    json_put_text(json, type);
    json_key(json, "source");
    json_put_text(json, source);
    put_list(json, "options", options, count);
    json_end_map(json);
}

static bool has_name(const char *const *env, const char *entry)
{
    size_t bytes = strcspn(entry, "=") + 1;

    for (; env != NULL && *env != NULL; env++) {
        if (strncmp(*env, entry, bytes) == 0) {
            return true;
        }
    }
    return false;
}

/* A name stands once: of two, a program would most often see the first. */
static void put_env(struct json_writer *json, const struct sandbox_spec *spec)
{
    json_key(json, "env");
    json_begin_list(json);
    if (!has_name(spec->image_env, path_default) && !has_name(spec->env, path_default)) {
        json_put_text(json, path_default);
    }
    for (const char *const *at = spec->image_env; at != NULL && *at != NULL; at++) {
        if (!has_name(at + 1, *at) && !has_name(spec->env, *at)) {
            json_put_text(json, *at);
        }
    }
    for (const char *const *at = spec->env; at != NULL && *at != NULL; at++) {
        if (!has_name(at + 1, *at)) {
            json_put_text(json, *at);
        }
    }
    json_end_list(json);
}

static void put_rlimit(struct json_writer *json, const char *type, uint64_t soft, uint64_t hard)
{
    json_begin_map(json);
    json_key(json, "type");
    json_put_text(json, type);
    json_key(json, "soft");
    json_put_uint(json, soft);
    json_key(json, "hard");
    json_put_uint(json, hard);
    json_end_map(json);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void put_process(struct json_writer *json, const struct sandbox_spec *spec,
                        uint64_t open_files_max)
{
    static const char *const sets[] = {"bounding", "effective", "inheritable", "permitted",
                                       "ambient"};
    size_t count = 0;

    while (spec->args[count] != NULL) {
        count++;
    }
    json_key(json, "process");
    json_begin_map(json);
    json_key(json, "terminal");
    json_put_bool(json, false);
    json_key(json, "user");
    json_begin_map(json);
    json_key(json, "uid");
    json_put_uint(json, spec->uid);
    json_key(json, "gid");
    json_put_uint(json, spec->gid);
    json_end_map(json);
    put_list(json, "args", spec->args, count);
    put_env(json, spec);
    json_key(json, "cwd");
    json_put_text(json, spec->cwd != NULL ? spec->cwd : "/");
    json_key(json, "capabilities");
    json_begin_map(json);
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        put_list(json, sets[i], NULL, 0);
    }
    json_end_map(json);
    json_key(json, "rlimits");
    json_begin_list(json);
    put_rlimit(json, "RLIMIT_NOFILE", least(OPEN_FILES_SOFT, open_files_max),
               least(OPEN_FILES_HARD, open_files_max));
    put_rlimit(json, "RLIMIT_CORE", 0, 0);
    json_end_list(json);
    json_key(json, "noNewPrivileges");
    json_put_bool(json, true);
    json_key(json, "oomScoreAdj");
    json_put_int(json, OOM_SCORE);
    json_end_map(json);
}

static void put_sized_tmpfs(struct json_writer *json, const char *destination, uint64_t bytes)
{
    char size[40];

    (void)snprintf(size, sizeof(size), "size=%llu", (unsigned long long)bytes);
    put_mount(json, destination, "tmpfs", "tmpfs",
              (const char *const[]){"nosuid", "nodev", "mode=1777", size, NULL});
}

static void put_mounts(struct json_writer *json, const struct sandbox_spec *spec,
                       const struct bundle_places *places)
{
    static const char *const read_only[] = {"bind", "ro", "nosuid", "nodev", NULL};
    uint64_t tmp_bytes = spec->tmp_bytes != 0 ? spec->tmp_bytes : tmp_bytes_default;

    json_key(json, "mounts");
    json_begin_list(json);
    put_mount(json, "/proc", "proc", "proc", (const char *const[]){NULL});
    put_mount(json, "/dev", "tmpfs", "tmpfs",
              (const char *const[]){"nosuid", "noexec", "mode=755", "size=64k", NULL});
    put_mount(json, "/dev/pts", "devpts", "devpts",
              (const char *const[]){"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620",
                                    NULL});
    put_sized_tmpfs(json, "/dev/shm", tmp_bytes);
    put_mount(json, "/sys", "sysfs", "sysfs",
              (const char *const[]){"nosuid", "noexec", "nodev", "ro", NULL});
    put_sized_tmpfs(json, "/tmp", tmp_bytes);
    put_mount(json, "/exosphere", "bind", places->exosphere,
              (const char *const[]){"bind", "rw", "nosuid", "nodev", NULL});
    for (size_t i = 0; i < spec->artefacts_count; i++) {
        char destination[128];

        (void)snprintf(destination, sizeof(destination), "/exosphere/artefacts-of/%s",
                       spec->artefacts[i].name);
        put_mount(json, destination, "bind", spec->artefacts[i].source, read_only);
    }
    if (spec->network == SANDBOX_NETWORK_HOST) {
        put_mount(json, "/etc/resolv.conf", "bind", "/etc/resolv.conf", read_only);
        put_mount(json, "/etc/hosts", "bind", "/etc/hosts", read_only);
    }
    for (size_t i = 0; i < spec->mount_count; i++) {
        put_mount(json, spec->mounts[i].destination, "bind", spec->mounts[i].source, read_only);
    }
    json_end_list(json);
}

static void put_number_map(struct json_writer *json, const char *key, const char *name,
                           int64_t number, const char *other_name, int64_t other)
{
    json_key(json, key);
    json_begin_map(json);
    json_key(json, name);
    json_put_int(json, number);
    if (other_name != NULL) {
        json_key(json, other_name);
        json_put_int(json, other);
    }
    json_end_map(json);
}

static void put_resources(struct json_writer *json, const struct sandbox_spec *spec,
                          bool limits_swap)
{
    json_key(json, "resources");
    json_begin_map(json);
    json_key(json, "devices");
    json_begin_list(json);
    json_begin_map(json);
    json_key(json, "allow");
    json_put_bool(json, false);
    json_key(json, "access");
    json_put_text(json, "rwm");
    json_end_map(json);
    json_end_list(json);
    if (spec->memory_bytes != 0) {
        /* "swap" is of memory and swap together: as much as memory means no swap. */
        put_number_map(json, "memory", "limit", spec->memory_bytes, limits_swap ? "swap" : NULL,
                       spec->memory_bytes);
    }
    if (spec->cpu_millis != 0) {
        put_number_map(json, "cpu", "quota", (int64_t)spec->cpu_millis * (CPU_PERIOD_US / 1000),
                       "period", CPU_PERIOD_US);
    }
    if (spec->pids_max != 0) {
        put_number_map(json, "pids", "limit", spec->pids_max, NULL, 0);
    }
    json_end_map(json);
}

static void put_linux(struct json_writer *json, const struct sandbox_spec *spec,
                      const struct bundle_places *places)
{
    static const char *const namespaces[] = {"pid", "ipc", "uts", "mount", "cgroup", "network"};
    static const char *const masked[] = {
        "/proc/acpi",        "/proc/asound",        "/proc/kcore",
        "/proc/keys",        "/proc/interrupts",    "/proc/timer_list",
        "/proc/timer_stats", "/proc/latency_stats", "/proc/scsi",
        "/proc/sched_debug", "/sys/firmware",       "/sys/devices/virtual/powercap",
    };
    static const char *const read_only[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                            "/proc/sysrq-trigger"};
    size_t count = sizeof(namespaces) / sizeof(namespaces[0]);

    /* The last one only where the attempt does not use the machine's network. */
    count -= spec->network == SANDBOX_NETWORK_HOST ? 1 : 0;
    json_key(json, "linux");
    json_begin_map(json);
    json_key(json, "cgroupsPath");
    json_put_text(json, places->cgroup);
    json_key(json, "namespaces");
    json_begin_list(json);
    for (size_t i = 0; i < count; i++) {
        json_begin_map(json);
        json_key(json, "type");
        json_put_text(json, namespaces[i]);
        json_end_map(json);
    }
    json_end_list(json);
    put_resources(json, spec, places->limits_swap);
    /* The place of "seccomp". */
    put_list(json, "maskedPaths", masked, sizeof(masked) / sizeof(masked[0]));
    put_list(json, "readonlyPaths", read_only, sizeof(read_only) / sizeof(read_only[0]));
    json_end_map(json);
}

void bundle_write(struct buffer *buffer, const struct sandbox_spec *spec,
                  const struct bundle_places *places)
{
    struct json_writer json = {.buffer = buffer};

    json_begin_map(&json);
    json_key(&json, "ociVersion");
    json_put_text(&json, "1.0.0");
    put_process(&json, spec, places->open_files_max);
    json_key(&json, "root");
    json_begin_map(&json);
    json_key(&json, "path");
    json_put_text(&json, places->rootfs);
    json_key(&json, "readonly");
    json_put_bool(&json, true);
    json_end_map(&json);
    json_key(&json, "hostname");
    json_put_text(&json, "satellite");
    put_mounts(&json, spec, places);
    put_linux(&json, spec, places);
    json_end_map(&json);
}
