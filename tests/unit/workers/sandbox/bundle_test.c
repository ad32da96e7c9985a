#include "workers/sandbox/bundle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "schemas/json/json_read.h"

struct written {
    struct heap_budget heap;
    struct buffer buffer;
    struct arena arena;
    struct value root;
};

static const char *const command[] = {"say", "\"hi\"\n", NULL};
static const struct bundle_places places = {
    .rootfs = "/run/a/rootfs",
    .exosphere = "/run/a/exosphere",
    .cgroup = "/exosphere/w/a",
    .limits_swap = true,
    .open_files_max = 4096,
};

static struct sandbox_spec plain(void)
{
    return (struct sandbox_spec){
        .id = "a", .rootfs = "/images/x", .args = command, .uid = 65532, .gid = 65533};
}

/* Writes and reads back. */
static void write_bundle(struct written *written, const struct sandbox_spec *spec,
                         const struct bundle_places *where)
{
    struct json_error fault;

    *written = (struct written){.heap = {0}};
    buffer_init(&written->buffer, allocator_heap(&written->heap), 0);
    arena_init(&written->arena, allocator_heap(&written->heap), 0);
    bundle_write(&written->buffer, spec, where);
    assert_false(written->buffer.is_failed);
    if (json_read(buffer_span(&written->buffer), NULL, &written->arena, &written->root, &fault) !=
        JSON_OK) {
        fail_msg("not JSON: %s", fault.text);
    }
}

static void release(struct written *written)
{
    buffer_release(&written->buffer);
    arena_release(&written->arena);
    assert_int_equal(written->heap.used_bytes, 0);
}

/* Walks "a.b.0.c"; NULL when there is no such thing. */
static const struct value *at(const struct value *value, const char *path)
{
    while (value != NULL && *path != '\0') {
        size_t bytes = strcspn(path, ".");
        struct span part = {path, bytes};

        if (value->kind == VALUE_LIST) {
            uint32_t index = (uint32_t)(path[0] - '0');

            value = index < value->count ? &value->items[index] : NULL;
        } else {
            value = value_get(value, part);
        }
        path += bytes + (path[bytes] == '.' ? 1 : 0);
    }
    return value;
}

static void text_is(const struct written *written, const char *path, const char *text)
{
    const struct value *value = at(&written->root, path);

    if (value == NULL || value->kind != VALUE_STRING || !span_is(value_text(value), text)) {
        fail_msg("%s is not \"%s\"", path, text);
    }
}

static void int_is(const struct written *written, const char *path, int64_t number)
{
    const struct value *value = at(&written->root, path);

    if (value == NULL || value->kind != VALUE_INT || value->integer != number) {
        fail_msg("%s is not %lld", path, (long long)number);
    }
}

static const struct value *mount_at(const struct written *written, const char *destination)
{
    const struct value *mounts = at(&written->root, "mounts"), *found = NULL;

    for (uint32_t i = 0; i < mounts->count; i++) {
        if (span_is(value_text(at(&mounts->items[i], "destination")), destination)) {
            assert_null(found);
            found = &mounts->items[i];
        }
    }
    return found;
}

static bool list_has(const struct value *list, const char *text)
{
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        if (span_is(value_text(&list->items[i]), text)) {
            return true;
        }
    }
    return false;
}

static bool has_namespace(const struct written *written, const char *name)
{
    const struct value *list = at(&written->root, "linux.namespaces");

    for (uint32_t i = 0; i < list->count; i++) {
        if (span_is(value_text(at(&list->items[i], "type")), name)) {
            return true;
        }
    }
    return false;
}

static void everyone_is_locked_in(void **state)
{
    static const char *const namespaces[] = {"pid", "ipc", "uts", "mount", "cgroup", "network"};
    static const char *const sets[] = {"bounding", "effective", "inheritable", "permitted",
                                       "ambient"};
    struct sandbox_spec spec = plain();
    struct written written;

    (void)state;
    write_bundle(&written, &spec, &places);
    for (size_t i = 0; i < 6; i++) {
        assert_true(has_namespace(&written, namespaces[i]));
    }
    for (size_t i = 0; i < 5; i++) {
        const struct value *set =
            value_get(at(&written.root, "process.capabilities"), span_of(sets[i]));

        assert_non_null(set);
        assert_int_equal(set->count, 0);
    }
    assert_true(at(&written.root, "process.noNewPrivileges")->boolean);
    assert_true(at(&written.root, "root.readonly")->boolean);
    assert_false(at(&written.root, "process.terminal")->boolean);
    assert_false(at(&written.root, "linux.resources.devices.0.allow")->boolean);
    text_is(&written, "linux.resources.devices.0.access", "rwm");
    text_is(&written, "root.path", "/run/a/rootfs");
    text_is(&written, "linux.cgroupsPath", "/exosphere/w/a");
    text_is(&written, "process.cwd", "/");
    text_is(&written, "process.args.1", "\"hi\"\n");
    int_is(&written, "process.user.uid", 65532);
    int_is(&written, "process.user.gid", 65533);
    assert_true(list_has(at(&written.root, "linux.maskedPaths"), "/proc/kcore"));
    assert_true(list_has(at(&written.root, "linux.readonlyPaths"), "/proc/sys"));
    assert_true(list_has(at(mount_at(&written, "/sys"), "options"), "ro"));
    assert_true(list_has(at(mount_at(&written, "/tmp"), "options"), "size=67108864"));
    assert_null(mount_at(&written, "/etc/resolv.conf"));
    release(&written);
}

static void limits_are_written_when_given(void **state)
{
    struct sandbox_spec spec = plain();
    struct bundle_places without = places;
    struct written written;

    (void)state;
    write_bundle(&written, &spec, &places);
    assert_null(at(&written.root, "linux.resources.memory"));
    assert_null(at(&written.root, "linux.resources.cpu"));
    assert_null(at(&written.root, "linux.resources.pids"));
    release(&written);

    spec.memory_bytes = 1 << 20;
    spec.cpu_millis = 250;
    spec.pids_max = 7;
    spec.tmp_bytes = 4096;
    write_bundle(&written, &spec, &places);
    int_is(&written, "linux.resources.memory.limit", 1 << 20);
    int_is(&written, "linux.resources.memory.swap", 1 << 20);
    int_is(&written, "linux.resources.cpu.quota", 25000);
    int_is(&written, "linux.resources.cpu.period", 100000);
    int_is(&written, "linux.resources.pids.limit", 7);
    assert_true(list_has(at(mount_at(&written, "/tmp"), "options"), "size=4096"));
    int_is(&written, "process.rlimits.0.soft", 1024);
    int_is(&written, "process.rlimits.0.hard", 4096);
    release(&written);

    without.limits_swap = false;
    without.open_files_max = 512;
    write_bundle(&written, &spec, &without);
    assert_null(at(&written.root, "linux.resources.memory.swap"));
    int_is(&written, "process.rlimits.0.soft", 512);
    release(&written);
}

static void names_of_the_environment_stand_once(void **state)
{
    static const char *const image_env[] = {"A=1", "AB=2", "A=3", "B=4", NULL};
    static const char *const env[] = {"B=5", "C=6", "C=7", NULL};
    static const char *const wanted[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "AB=2", "A=3", "B=5",
        "C=7"};
    struct sandbox_spec spec = plain();
    struct written written;

    (void)state;
    spec.image_env = image_env;
    spec.env = env;
    write_bundle(&written, &spec, &places);
    const struct value *list = at(&written.root, "process.env");

    assert_int_equal(list->count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_true(span_is(value_text(&list->items[i]), wanted[i]));
    }
    release(&written);
}

static void network_of_the_machine_brings_its_names(void **state)
{
    const struct sandbox_mount mount = {"/srv/data", "/data"};
    struct sandbox_spec spec = plain();
    struct written written;

    (void)state;
    spec.network = SANDBOX_NETWORK_HOST;
    spec.mounts = &mount;
    spec.mount_count = 1;
    spec.artefacts = &(struct sandbox_artefacts){"make", "/srv/unpacked"};
    spec.artefacts_count = 1;
    write_bundle(&written, &spec, &places);
    assert_false(has_namespace(&written, "network"));
    assert_true(has_namespace(&written, "pid"));
    assert_true(list_has(at(mount_at(&written, "/etc/resolv.conf"), "options"), "ro"));
    assert_true(list_has(at(mount_at(&written, "/data"), "options"), "ro"));
    assert_true(list_has(at(mount_at(&written, "/exosphere/artefacts-of/make"), "options"), "ro"));
    assert_true(list_has(at(mount_at(&written, "/exosphere"), "options"), "rw"));
    release(&written);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everyone_is_locked_in),
        cmocka_unit_test(limits_are_written_when_given),
        cmocka_unit_test(names_of_the_environment_stand_once),
        cmocka_unit_test(network_of_the_machine_brings_its_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
