#include "producer/core/fleet_view.h"

#include "schemas/vocab/timestamp.h"

void fleet_view_init(struct fleet_view *view, struct allocator allocator)
{
    *view = (struct fleet_view){.allocator = allocator};
}

static void worker_free(struct fleet_view *view, struct fleet_view_worker *worker)
{
    (void)view->allocator.resize(view->allocator.context, worker, sizeof(*worker), 0);
}

void fleet_view_release(struct fleet_view *view)
{
    for (uint32_t i = 0; i < view->count; i++) {
        worker_free(view, view->workers[i]);
    }
    (void)view->allocator.resize(view->allocator.context, view->workers,
                                 view->capacity * sizeof(struct fleet_view_worker *), 0);
    fleet_view_init(view, view->allocator);
}

/* Where the name stands, or would stand. */
static uint32_t place_of(const struct fleet_view *view, struct span name, bool *ret_is_there)
{
    uint32_t low = 0;
    uint32_t high = view->count;

    *ret_is_there = false;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct span other = span_of(view->workers[middle]->name);
        size_t bytes = other.bytes < name.bytes ? other.bytes : name.bytes;
        int order = bytes == 0 ? 0 : memcmp(other.data, name.data, bytes);

        if (order == 0 && other.bytes == name.bytes) {
            *ret_is_there = true;
            return middle;
        }
        if (order < 0 || (order == 0 && other.bytes < name.bytes)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool grow(struct fleet_view *view)
{
    uint32_t capacity = view->capacity == 0 ? 16 : view->capacity * 2;
    void *moved = view->allocator.resize(view->allocator.context, view->workers,
                                         view->capacity * sizeof(struct fleet_view_worker *),
                                         capacity * sizeof(struct fleet_view_worker *));

    if (moved == NULL) {
        return false;
    }
    view->workers = moved;
    view->capacity = capacity;
    return true;
}

static struct fleet_view_worker *worker_add(struct fleet_view *view, uint32_t place)
{
    if (view->count == FLEET_VIEW_WORKERS_MAX || (view->count == view->capacity && !grow(view))) {
        return NULL;
    }
    struct fleet_view_worker *worker =
        view->allocator.resize(view->allocator.context, NULL, 0, sizeof(*worker));

    if (worker == NULL) {
        return NULL;
    }
    memset(worker, 0, sizeof(*worker));
    memmove(view->workers + place + 1, view->workers + place,
            (view->count - place) * sizeof(struct fleet_view_worker *));
    view->workers[place] = worker;
    view->count++;
    return worker;
}

static void worker_remove(struct fleet_view *view, uint32_t place)
{
    worker_free(view, view->workers[place]);
    view->count--;
    memmove(view->workers + place, view->workers + place + 1,
            (view->count - place) * sizeof(struct fleet_view_worker *));
}

static void copy_text(char *to, size_t room, struct span from)
{
    size_t bytes = from.bytes < room ? from.bytes : room - 1;

    if (bytes > 0) {
        memcpy(to, from.data, bytes);
    }
    to[bytes] = '\0';
}

static void worker_fill(struct fleet_view_worker *worker, const struct wire_heartbeat *h)
{
    copy_text(worker->name, sizeof(worker->name), h->worker);
    copy_text(worker->version, sizeof(worker->version), h->version_text);
    worker->incarnation = h->incarnation;
    worker->number = h->number;
    worker->class_count =
        h->class_count < FLEET_VIEW_CLASSES_MAX ? h->class_count : FLEET_VIEW_CLASSES_MAX;
    for (uint32_t i = 0; i < worker->class_count; i++) {
        copy_text(worker->classes[i], sizeof(worker->classes[i]), h->classes[i]);
    }
    worker->partition = h->partition;
    worker->slots = h->slots;
    worker->is_draining = h->is_draining;
    copy_text(worker->trouble, sizeof(worker->trouble), h->trouble);
    worker->cpu_millis = h->cpu_millis;
    worker->memory_bytes = h->memory_bytes;
    worker->cpu_free_millis = h->cpu_free_millis;
    worker->memory_free_bytes = h->memory_free_bytes;
    worker->running_count = h->running_count;
    for (uint32_t i = 0; i < h->running_count && i < FLEET_VIEW_RUNNING_MAX; i++) {
        worker->running[i] = h->running[i];
    }
    worker->at_ms = h->at_ms;
}

void fleet_view_heard(struct fleet_view *view, const struct wire_heartbeat *heartbeat,
                      exo_time now_ns)
{
    bool is_there;

    if (heartbeat->worker.bytes == 0 || heartbeat->worker.bytes >= FLEET_VIEW_NAME_BYTES) {
        return;
    }
    uint32_t place = place_of(view, heartbeat->worker, &is_there);

    if (is_there) {
        const struct fleet_view_worker *known = view->workers[place];

        if ((heartbeat->incarnation < known->incarnation && !fleet_view_is_silent(known, now_ns)) ||
            (heartbeat->incarnation == known->incarnation && heartbeat->number <= known->number &&
             known->number != 0)) {
            return;
        }
        if (heartbeat->is_leaving) {
            worker_remove(view, place);
            return;
        }
    } else if (heartbeat->is_leaving || worker_add(view, place) == NULL) {
        return;
    }
    worker_fill(view->workers[place], heartbeat);
    view->workers[place]->heard_ns = now_ns;
}

void fleet_view_forget(struct fleet_view *view, exo_time now_ns)
{
    for (uint32_t i = view->count; i > 0; i--) {
        if (now_ns - view->workers[i - 1]->heard_ns >= FLEET_VIEW_FORGOTTEN_NS) {
            worker_remove(view, i - 1);
        }
    }
}

const struct fleet_view_worker *fleet_view_find(const struct fleet_view *view, struct span name)
{
    bool is_there;
    uint32_t place = place_of(view, name, &is_there);

    return is_there ? view->workers[place] : NULL;
}

bool fleet_view_is_silent(const struct fleet_view_worker *worker, exo_time now_ns)
{
    return now_ns - worker->heard_ns >= FLEET_VIEW_SILENT_NS;
}

static const char *state_word(const struct fleet_view_worker *worker, exo_time now_ns)
{
    if (fleet_view_is_silent(worker, now_ns)) {
        return "silent";
    }
    return worker->is_draining ? "draining" : worker->trouble[0] != '\0' ? "troubled" : "alive";
}

static void put_running(struct json_writer *w, const struct wire_running *running)
{
    char id[EXECUTION_ID_TEXT_BYTES + 1];

    execution_id_format(&running->task.execution, id);
    json_begin_map(w);
    json_key(w, "execution");
    json_put_text(w, id);
    json_key(w, "instance");
    json_put_uint(w, running->task.instance);
    json_key(w, "index");
    json_put_uint(w, running->task.index);
    json_key(w, "attempt");
    json_put_uint(w, running->attempt);
    json_end_map(w);
}

static void put_uint(struct json_writer *w, const char *key, uint64_t number)
{
    json_key(w, key);
    json_put_uint(w, number);
}

void fleet_view_put_worker(struct json_writer *w, const struct fleet_view_worker *worker,
                           exo_time now_ns)
{
    char time[TIMESTAMP_TEXT_BYTES];

    json_begin_map(w);
    json_key(w, "name");
    json_put_text(w, worker->name);
    json_key(w, "state");
    json_put_text(w, state_word(worker, now_ns));
    json_key(w, "trouble");
    if (worker->trouble[0] != '\0') {
        json_put_text(w, worker->trouble);
    } else {
        json_put_null(w);
    }
    json_key(w, "classes");
    json_begin_list(w);
    for (uint32_t i = 0; i < worker->class_count; i++) {
        json_put_text(w, worker->classes[i]);
    }
    json_end_list(w);
    put_uint(w, "slots", worker->slots);
    put_uint(w, "running_count", worker->running_count);
    put_uint(w, "cpu_millis", worker->cpu_millis);
    put_uint(w, "cpu_free_millis", worker->cpu_free_millis);
    put_uint(w, "memory_bytes", worker->memory_bytes);
    put_uint(w, "memory_free_bytes", worker->memory_free_bytes);
    json_key(w, "version");
    json_put_text(w, worker->version);
    timestamp_format(worker->at_ms, time);
    json_key(w, "heartbeat_at");
    json_put_text(w, time);
    put_uint(w, "silent_ms", (uint64_t)((now_ns - worker->heard_ns) / EXO_MILLISECOND));
    json_key(w, "running");
    json_begin_list(w);
    for (uint32_t i = 0; i < worker->running_count && i < FLEET_VIEW_RUNNING_MAX; i++) {
        put_running(w, &worker->running[i]);
    }
    json_end_list(w);
    json_end_map(w);
}

static bool serves(const struct fleet_view_worker *worker, struct span class_name)
{
    for (uint32_t i = 0; i < worker->class_count; i++) {
        if (span_is(class_name, worker->classes[i])) {
            return true;
        }
    }
    return false;
}

/* A worker that has 0 of something does not count it (the null sandbox). */
static bool could_hold(uint64_t total, uint64_t free, uint64_t wanted)
{
    return total == 0 || free >= wanted;
}

struct fleet_fit fleet_view_fit(const struct fleet_view *view, struct span class_name,
                                uint64_t cpu_millis, uint64_t memory_bytes, exo_time now_ns)
{
    struct fleet_fit fit = {.alive = 0};

    for (uint32_t i = 0; i < view->count; i++) {
        const struct fleet_view_worker *worker = view->workers[i];

        if (fleet_view_is_silent(worker, now_ns)) {
            continue;
        }
        fit.alive++;
        if (!serves(worker, class_name)) {
            continue;
        }
        fit.of_class++;
        if (worker->memory_bytes > fit.memory_bytes_max) {
            fit.memory_bytes_max = worker->memory_bytes;
        }
        if (worker->cpu_millis > fit.cpu_millis_max) {
            fit.cpu_millis_max = worker->cpu_millis;
        }
        if (worker->is_draining) {
            fit.draining++;
        } else if (could_hold(worker->memory_bytes, worker->memory_bytes, memory_bytes) &&
                   could_hold(worker->cpu_millis, worker->cpu_millis, cpu_millis)) {
            fit.large_enough++;
            fit.troubled += worker->trouble[0] != '\0';
            fit.free += worker->trouble[0] == '\0' && worker->running_count < worker->slots &&
                        could_hold(worker->memory_bytes, worker->memory_free_bytes, memory_bytes) &&
                        could_hold(worker->cpu_millis, worker->cpu_free_millis, cpu_millis);
        }
    }
    return fit;
}
