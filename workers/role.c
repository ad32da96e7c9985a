#include "workers/role.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "infra/directory/directory.h"
#include "infra/telemetry/log_line.h"
#include "infra/telemetry/metric.h"
#include "workers/artefact_store.h"
#include "workers/role_state.h"

enum {
    SHARDS_DEFAULT = 64,
    NULL_SLOTS_DEFAULT = 4096,
    NULL_PREFETCH = 4096,
    CONTAINER_PREFETCH = 1,
    SLOTS_A_PROCESSOR = 2,
    STOP_SECONDS = 10,
};

static const exo_time retry_most_ns = 5 * EXO_SECOND;

/* Settings. */

static bool is_name(const char *name)
{
    size_t bytes = strlen(name);

    return bytes > 0 && bytes <= WORKER_NAME_BYTES_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               bytes;
}

static int name_take(struct worker_role *role, const char *wanted, struct exo_error *err)
{
    char host[256] = "";

    if (wanted == NULL && gethostname(host, sizeof(host) - 1) != 0) {
        return exo_error_set(err, EXO_EINVALID, "this machine has no host name; set --worker-name");
    }
    const char *name = wanted == NULL ? host : wanted;

    if (!is_name(name)) {
        return exo_error_set(err, EXO_EINVALID,
                             "the worker's name \"%s\" is not 1 to 63 of a-z A-Z 0-9 . _ -; set "
                             "--worker-name",
                             name);
    }
    memcpy(role->name, name, strlen(name) + 1);
    return 0;
}

static int class_take(struct worker_role *role, const char *name, struct exo_error *err)
{
    struct role_class *class = &role->classes[role->class_nr];

    if (role->class_nr == WORKER_CLASSES_MAX) {
        return exo_error_set(err, EXO_EINVALID, "a worker serves at most %d classes",
                             WORKER_CLASSES_MAX);
    }
    if (!is_name(name) || !topic_name_of_class(span_of(name), class->topic)) {
        return exo_error_set(err, EXO_EINVALID,
                             "the class \"%s\" is not 1 to 63 of a-z A-Z 0-9 . _ -", name);
    }
    class->role = role;
    class->index = role->class_nr++;
    memcpy(class->name, name, strlen(name) + 1);
    return 0;
}

static int classes_take(struct worker_role *role, const char *const *names, struct exo_error *err)
{
    static const char *const usual[] = {"default", NULL};

    for (const char *const *name = names == NULL ? usual : names; *name != NULL; name++) {
        if (class_take(role, *name, err) != 0) {
            return -1;
        }
    }
    return role->class_nr > 0
               ? 0
               : exo_error_set(err, EXO_EINVALID, "a worker serves at least one class");
}

static uint32_t processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);

    return count < 1 ? 1 : (uint32_t)count;
}

static uint64_t memory_of_machine(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page = sysconf(_SC_PAGESIZE);

    return pages < 1 || page < 1 ? 0 : (uint64_t)pages * (uint64_t)page / 4 * 3;
}

static struct worker_settings core_settings(const struct worker_role *role,
                                            const struct worker_role_settings *settings)
{
    bool is_dry = role->host.is_dry;
    uint32_t slots = settings->slots;
    uint32_t prefetch = is_dry ? NULL_PREFETCH : CONTAINER_PREFETCH;

    if (slots == 0) {
        slots = is_dry ? NULL_SLOTS_DEFAULT : SLOTS_A_PROCESSOR * processors();
    }
    if (slots > WORKER_SLOTS_MAX) {
        slots = WORKER_SLOTS_MAX;
    }
    /* A null sandbox needs nothing of the machine, so nothing is counted. */
    return (struct worker_settings){
        .incarnation = role->incarnation,
        .slots = slots,
        .prefetch = prefetch,
        .class_nr = role->class_nr,
        .shard_nr = role->shard_count,
        .memory_bytes = is_dry                       ? 0
                        : settings->memory_bytes > 0 ? settings->memory_bytes
                                                     : memory_of_machine(),
        .cpu_millis = is_dry                     ? 0
                      : settings->cpu_millis > 0 ? settings->cpu_millis
                                                 : processors() * 1000u,
        .merges_accepted = is_dry,
        .spools = !is_dry,
        .heartbeat_ns = settings->heartbeat_ns,
    };
}

static int grants_copy(struct worker_role *role, const struct grant_settings *grants)
{
    struct grant_volume *volumes = calloc(grants->volume_count + 1, sizeof(*volumes));

    role->volumes = volumes;
    role->secrets_dir = grants->secrets_dir == NULL ? NULL : strdup(grants->secrets_dir);
    if (volumes == NULL || (grants->secrets_dir != NULL && role->secrets_dir == NULL)) {
        return -1;
    }
    for (size_t i = 0; i < grants->volume_count; i++) {
        volumes[i].name = strdup(grants->volumes[i].name);
        volumes[i].directory = strdup(grants->volumes[i].directory);
        role->host.grants.volume_count = i + 1;
        if (volumes[i].name == NULL || volumes[i].directory == NULL) {
            return -1;
        }
    }
    role->host.grants.secrets_dir = role->secrets_dir;
    role->host.grants.volumes = volumes;
    return 0;
}

/* The machine. */

static void room_changed(void *argument)
{
    struct worker_role *role = argument;
    const struct worker_event event = {.kind = WORKER_ON_ROOM,
                                       .room.is_full = room_full_reason(role->room) != NULL};

    role_event(role, &event);
}

static void write_refused(void *argument, const struct exo_error *err)
{
    struct worker_role *role = argument;

    room_refused(role->room, err);
}

/* A directory of ours below the state directory; "" is that itself. */
static int own_directory(const char *parent, const char *name, char *ret_path,
                         struct exo_error *err)
{
    int bytes =
        snprintf(ret_path, ROLE_PATH_BYTES, "%s%s%s", parent, name[0] == '\0' ? "" : "/", name);

    if (bytes < 0 || bytes >= ROLE_PATH_BYTES - 256) {
        return exo_error_set(err, EXO_EINVALID, "--runtime-dir is too long");
    }
    return directory_make(ret_path, 0700, "name another --runtime-dir", err);
}

static int images_open(struct worker_role *role, const struct worker_role_settings *settings,
                       struct exo_error *err)
{
    char path[ROLE_PATH_BYTES];

    if (own_directory(settings->state_dir, "images", path, err) != 0) {
        return -1;
    }
    const struct image_settings images = {
        .cache_dir = path,
        .image_dir = settings->image_dir,
        .auth_file = settings->auth_file,
        .plain_registries = settings->plain_registries,
    };

    role->host.images = image_store_open(role->loop, &images, err);
    return role->host.images == NULL ? -1 : 0;
}

static int spool_begin(struct worker_role *role, const struct worker_role_settings *settings,
                       struct exo_error *err)
{
    char path[ROLE_PATH_BYTES];

    if (own_directory(settings->state_dir, "input", role->work_dir, err) != 0 ||
        own_directory(settings->state_dir, "spool", path, err) != 0) {
        return -1;
    }
    role->host.work_dir = role->work_dir;
    role->host.spool = spool_open(path, err);
    return role->host.spool == NULL ? -1 : 0;
}

static int sandbox_begin(struct worker_role *role, const struct worker_role_settings *settings,
                         uint32_t slots, struct exo_error *err)
{
    char path[ROLE_PATH_BYTES] = "/";

    if (!role->host.is_dry && own_directory(settings->state_dir, "run", path, err) != 0) {
        return -1;
    }
    const struct sandbox_settings sandbox = {
        .driver = role->host.is_dry ? "null" : "crun",
        .runtime_dir = path,
        .runs_max = slots,
    };

    role->host.sandbox = sandbox_open(role->loop, &sandbox, err);
    return role->host.sandbox == NULL ? -1 : 0;
}

static int machine_open(struct worker_role *role, const struct worker_role_settings *settings,
                        uint32_t slots, struct exo_error *err)
{
    char path[ROLE_PATH_BYTES];

    if (settings->api_url != NULL) {
        role->host.api = attempt_api_open(role->loop, settings->api_url, err);
        if (role->host.api == NULL) {
            return -1;
        }
    }
    if (!role->host.is_dry) {
        if (settings->state_dir == NULL || settings->state_dir[0] != '/') {
            return exo_error_set(err, EXO_EINVALID,
                                 "a worker needs --runtime-dir, an absolute path");
        }
        if (own_directory(settings->state_dir, "", path, err) != 0) {
            return -1;
        }
        role->room = room_open(role->loop, path, room_changed, role);
    }
    if (sandbox_begin(role, settings, slots, err) != 0) {
        return -1;
    }
    if (!role->host.is_dry &&
        (spool_begin(role, settings, err) != 0 || images_open(role, settings, err) != 0)) {
        return -1;
    }
    if (!role->host.is_dry && role->host.api != NULL) {
        if (own_directory(settings->state_dir, "artefacts", path, err) != 0) {
            return -1;
        }
        role->host.artefacts =
            artefact_store_open(role->loop, path, role->work_dir, role->host.api, err);
        if (role->host.artefacts == NULL) {
            return -1;
        }
    }
    return role_spool_read(role, err);
}

/* The way to the first heartbeat: topics, the ends of our partitions, readers. */

static void go_on(void *argument);

static void try_later(struct worker_role *role, const char *what, const struct exo_error *err)
{
    log_line(EVENT_DEPENDENCY_WAITING, LOG_FACTS(fact_text("for", what), fact_error(err)));
    role->retry_ns = role->retry_ns == 0                  ? 100 * EXO_MILLISECOND
                     : role->retry_ns < retry_most_ns / 2 ? 2 * role->retry_ns
                                                          : retry_most_ns;
    loop_timer_start(role->retry, role->retry_ns, 0);
}

static void reader_failed(void *argument, const struct exo_error *err)
{
    struct role_class *class = argument;

    /* Tasks may have been missed: only a new incarnation can say so. */
    role_fail(class->role, err);
}

static void class_ended(void *argument, int64_t end, const struct exo_error *err)
{
    struct role_class *class = argument;
    struct worker_role *role = class->role;
    const struct log_reader_callbacks callbacks = {.records = role_on_tasks,
                                                   .failed = reader_failed};

    if (role->is_stopped || class->reader != NULL) {
        return;
    }
    if (err != NULL) {
        try_later(role, class->topic, err);
        return;
    }
    class->reader =
        log_reader_open(role->log, class->topic, role->tasks_partition, end, 0, &callbacks, class);
    const struct worker_event event = {.kind = WORKER_ON_OPENED,
                                       .opened = {.class_index = class->index, .position = end}};

    (void)role_step(role, &event); /* once a class */
    go_on(role);
}

static void fleet_failed(void *argument, const struct exo_error *err)
{
    struct worker_role *role = argument;

    /* Ticks that are missed only delay loans: read on from the end. */
    log_line(EVENT_DEPENDENCY_WAITING, LOG_FACTS(fact_text("for", TOPIC_FLEET), fact_error(err)));
    log_reader_close(role->fleet_reader);
    role->fleet_reader = NULL;
    loop_timer_start(role->retry, EXO_SECOND, 0);
}

static void fleet_open(struct worker_role *role)
{
    const struct log_reader_callbacks callbacks = {.records = role_on_fleet,
                                                   .failed = fleet_failed};

    role->fleet_reader = log_reader_open(role->log, TOPIC_FLEET, role->fleet_partition, LOG_END, 0,
                                         &callbacks, role);
}

static void prepared(void *argument, const struct exo_error *err)
{
    struct worker_role *role = argument;

    if (role->is_stopped) {
        return;
    }
    if (err != NULL && err->code != EXO_EUNAVAILABLE && err->code != EXO_EUNKNOWN) {
        role_fail(role, err);
    } else if (err != NULL) {
        try_later(role, "log", err);
    } else {
        role->is_prepared = role->is_logs_prepared;
        role->is_logs_prepared = true;
        go_on(role);
    }
}

/* Does the next step that has not been done; each calls back here. */
static void go_on(void *argument)
{
    struct worker_role *role = argument;

    if (!role->is_logs_prepared) {
        log_prepare(role->host.logs, &role->logs_topic, 1, prepared, role);
        return;
    }
    if (!role->is_prepared) {
        log_prepare(role->log, role->topics, role->topic_nr, prepared, role);
        return;
    }
    if (role->fleet_reader == NULL) {
        fleet_open(role);
    }
    if (!role->is_left_told) {
        role_spool_tell(role);
    }
    for (uint32_t i = 0; i < role->class_nr; i++) {
        if (role->classes[i].reader == NULL) {
            log_end(role->log, role->classes[i].topic, role->tasks_partition, class_ended,
                    &role->classes[i]);
            return;
        }
    }
}

static void topics_fill(struct worker_role *role)
{
    struct log_topic fixed[TOPIC_FIXED_NR];

    topics_fixed(role->shard_count, fixed);
    for (size_t i = 0; i < TOPIC_FIXED_NR; i++) {
        if (strcmp(fixed[i].name, TOPIC_LOGS) == 0) {
            role->logs_topic = fixed[i];
        } else if (strcmp(fixed[i].name, TOPIC_STATUS) == 0 ||
                   strcmp(fixed[i].name, TOPIC_FLEET) == 0) {
            role->topics[role->topic_nr++] = fixed[i];
        }
    }
    for (uint32_t i = 0; i < role->class_nr; i++) {
        role->topics[role->topic_nr++] =
            topic_of_class(role->classes[i].topic, role->tasks_partitions);
    }
}

/* Open and close. */

static void on_timer(void *argument)
{
    struct worker_role *role = argument;
    const struct worker_event event = {.kind = WORKER_ON_TIMER};

    role->armed_ns = EXO_TIME_NEVER;
    (void)role_step(role, &event); /* early ones do nothing */
}

static int core_open(struct worker_role *role, const struct worker_role_settings *settings,
                     struct exo_error *err)
{
    const struct worker_settings core = core_settings(role, settings);

    if (machine_open(role, settings, core.slots, err) != 0) {
        return -1;
    }
    role->core = worker_new(&core, allocator_heap(&role->budget));
    role->slot_nr = role->core == NULL ? 0 : worker_slot_nr(role->core);
    role->attempts = calloc(role->slot_nr + 1u, sizeof(struct attempt *));
    role->told = calloc(role->slot_nr + 1u, sizeof(struct role_left *));
    if (role->core == NULL || role->attempts == NULL || role->told == NULL) {
        return exo_error_set(err, EXO_EIO, "out of memory for the worker's slots");
    }
    return 0;
}

static int settings_take(struct worker_role *role, const struct worker_role_settings *settings,
                         struct exo_error *err)
{
    const char *sandbox = settings->sandbox == NULL ? "crun" : settings->sandbox;

    if (strcmp(sandbox, "crun") != 0 && strcmp(sandbox, "null") != 0) {
        return exo_error_set(err, EXO_EINVALID, "--sandbox is crun or null, not \"%s\"", sandbox);
    }
    role->host.is_dry = strcmp(sandbox, "null") == 0;
    role->shard_count = settings->shard_count == 0 ? SHARDS_DEFAULT : settings->shard_count;
    if (role->shard_count > WORKER_SHARDS_MAX) {
        return exo_error_set(err, EXO_EINVALID, "at most %d shards", WORKER_SHARDS_MAX);
    }
    if (name_take(role, settings->name, err) != 0 ||
        classes_take(role, settings->classes, err) != 0) {
        return -1;
    }
    if (grants_copy(role, &settings->grants) != 0) {
        return exo_error_set(err, EXO_EIO, "out of memory for the settings");
    }
    role->tasks_partitions =
        settings->tasks_partitions == 0 ? TOPIC_TASKS_PARTITIONS : settings->tasks_partitions;
    role->tasks_partition = topic_class_partition(span_of(role->name), role->tasks_partitions);
    role->fleet_partition = topic_class_partition(span_of(role->name), TOPIC_FLEET_PARTITIONS);
    role->host.pids_max = settings->pids_max;
    topics_fill(role);
    return 0;
}

static void host_fill(struct worker_role *role, struct log *logs)
{
    role->host.loop = role->loop;
    role->host.logs = logs;
    role->host.logs_partitions = TOPIC_LOGS_PARTITIONS;
    role->host.worker = span_of(role->name);
    role->host.incarnation = role->incarnation;
    role->host.event = role_event;
    role->host.refused = write_refused;
    role->host.argument = role;
    role->host.count = &role->count;
    role->count.is_none = true;
}

struct worker_role *worker_role_open(struct loop *loop, const struct worker_role_settings *settings,
                                     struct log *log, struct log *logs,
                                     void (*on_end)(void *argument, const struct exo_error *err),
                                     void *argument, struct exo_error *err)
{
    struct worker_role *role = calloc(1, sizeof(*role));

    if (role == NULL) {
        (void)exo_error_set(err, EXO_EIO, "out of memory");
        return NULL;
    }
    role->loop = loop;
    role->log = log;
    role->on_end = on_end;
    role->argument = argument;
    role->armed_ns = EXO_TIME_NEVER;
    /* Later lives have larger numbers: schedulers take a smaller one for a ghost. */
    role->incarnation = (uint64_t)clock_wall_ns();
    arena_init(&role->scratch, allocator_heap(&role->budget), 0);
    arena_init(&role->left_arena, allocator_heap(&role->budget), 0);
    buffer_init(&role->buffer, allocator_heap(&role->budget), LOG_RECORD_BYTES_MAX);
    role->timer = loop_timer_new(loop, on_timer, role);
    role->retry = loop_timer_new(loop, go_on, role);
    host_fill(role, logs);
    if (settings_take(role, settings, err) != 0 || core_open(role, settings, err) != 0) {
        worker_role_stop(role);
        worker_role_free(role);
        return NULL;
    }
    role->reports = report_batches_new(loop, log, span_of(role->name), role_answered, role);
    metric_collector_add(role_metrics, role);
    loop_timer_start(role->retry, 0, 0);
    return role;
}

bool worker_role_is_ready(const struct worker_role *role, const char **ret_reason)
{
    struct worker_facts facts;
    const char *reason = "the worker has ended";

    worker_facts(role->core, &facts);
    if (facts.phase == WORKER_SERVING) {
        reason = !log_is_up(role->log) ? "the log is away" : role_trouble(role);
    } else if (facts.phase == WORKER_JOINING) {
        reason = !role->is_prepared    ? "waits for the log's topics"
                 : !role->is_left_told ? "tells what an earlier life left"
                                       : "waits for the log";
    } else if (facts.phase == WORKER_DRAINING) {
        reason = "the worker drains";
    }
    if (ret_reason != NULL) {
        *ret_reason = reason == NULL ? "" : reason;
    }
    return reason == NULL;
}

void worker_role_drain(struct worker_role *role, exo_time drain_ns)
{
    const struct worker_event event = {.kind = WORKER_ON_DRAIN, .drain = {drain_ns}};

    log_line(EVENT_WORKER_DRAINING, NULL);
    (void)role_step(role, &event); /* always taken */
}

void worker_role_stop(struct worker_role *role)
{
    if (role == NULL || role->is_stopped) {
        return;
    }
    role->is_stopped = true;
    metric_collector_remove(role);
    loop_timer_free(role->timer);
    loop_timer_free(role->retry);
    room_close(role->room);
    role->room = NULL;
    role->timer = NULL;
    role->retry = NULL;
    for (uint32_t i = 0; i < role->class_nr; i++) {
        log_reader_close(role->classes[i].reader);
    }
    log_reader_close(role->fleet_reader);
    role_spool_release(role);
    sandbox_close(role->host.sandbox);
    role->host.sandbox = NULL;
    for (uint32_t i = 0; i < role->slot_nr; i++) {
        attempt_abandon(role->attempts[i]);
        role->attempts[i] = NULL;
    }
    /* Files that are being written or read on other threads: bounded by the disk. */
    (void)loop_run_until(role->loop, &role->count.is_none, STOP_SECONDS * EXO_SECOND);
    artefact_store_close(role->host.artefacts);
    role->host.artefacts = NULL;
    attempt_api_close(role->host.api);
    role->host.api = NULL;
}

void worker_role_free(struct worker_role *role)
{
    if (role == NULL) {
        return;
    }
    assert(role->is_stopped);
    report_batches_free(role->reports);
    image_store_close(role->host.images);
    contract_cache_release(&role->contracts);
    spool_close(role->host.spool);
    worker_free(role->core);
    for (size_t i = 0; i < role->host.grants.volume_count; i++) {
        free((void *)(uintptr_t)role->volumes[i].name);
        free((void *)(uintptr_t)role->volumes[i].directory);
    }
    free(role->volumes);
    free(role->secrets_dir);
    free(role->attempts);
    free(role->told);
    free(role->events);
    arena_release(&role->scratch);
    buffer_release(&role->buffer);
    free(role);
}
