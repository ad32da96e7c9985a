#include "infra/process/process.h"

#include <assert.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "infra/process/backends.h"
#include "infra/telemetry/log_line.h"

enum { ROLES_MAX = 4 };

static const exo_time look_first_ns = 10 * EXO_MILLISECOND; /* until the first time ready */
static const exo_time look_ns = 500 * EXO_MILLISECOND;
static const exo_time trim_ns = EXO_MINUTE;

/* One role in the process. */
struct seat {
    const struct process_role *role;
    void *object; /* NULL before open and after close */
    void *closed; /* to be freed */
    bool has_left;
};

struct process {
    struct process_ports ports;
    const struct command_call *call;
    struct backends *backends;
    struct health health;
    struct http_server *health_server; /* on an address of its own */
    struct seat seats[ROLES_MAX];
    unsigned seat_count;
    struct loop_signal *signals[3];
    struct loop_timer *look;
    struct loop_timer *trim;
    char api_url[64];
    exo_time begun_ns;
    bool was_ready;
    bool is_leaving;
    bool is_ending;
    int status;
};

const struct process_ports *process_ports(const struct process *process)
{
    return &process->ports;
}

void process_api_is_at(struct process *p, uint16_t port)
{
    (void)snprintf(p->api_url, sizeof(p->api_url), "http://127.0.0.1:%u", port);
    p->ports.api_url = p->api_url;
}

/* ---- the end ---- */

static void end(struct process *p, int status)
{
    p->status = p->status == 0 ? status : p->status;
    p->is_ending = true;
    loop_stop(p->ports.loop);
}

static void fail(struct process *p, const char *what, const struct exo_error *err, int status)
{
    log_line(EVENT_ROLE_FAILED, LOG_FACTS(fact_text("role", what), fact_error(err)));
    end(p, err->code == EXO_EINVALID ? EXIT_STATUS_CONFIG : status);
}

/* The roles leave one after another: what comes later in the list still works for those before. */
static void leave_next(struct process *p)
{
    for (unsigned i = 0; i < p->seat_count; i++) {
        if (p->seats[i].object != NULL && !p->seats[i].has_left) {
            p->seats[i].role->leave(p->seats[i].object);
            return;
        }
    }
    end(p, EXIT_STATUS_DONE);
}

void process_left(struct process *p, unsigned number, const struct exo_error *err)
{
    assert(number < p->seat_count);
    p->seats[number].has_left = true;
    if (p->is_ending) {
        return;
    }
    if (err != NULL) {
        log_line(EVENT_ROLE_FAILED,
                 LOG_FACTS(fact_text("role", p->seats[number].role->name), fact_error(err)));
        end(p, EXIT_STATUS_FAILED);
    } else if (p->is_leaving || p->seat_count == 1) {
        leave_next(p);
    } else {
        /* Drained by request: the others go on. */
        log_line(EVENT_ROLE_LEFT, LOG_FACTS(fact_text("role", p->seats[number].role->name)));
    }
}

static void asked_to_end(void *argument)
{
    struct process *p = argument;

    if (p->is_leaving) {
        _exit(EXIT_STATUS_FAILED); /* asked twice: at once */
    }
    if (p->is_ending) {
        return;
    }
    p->is_leaving = true;
    log_line(EVENT_ROLE_STOPPING, LOG_FACTS(fact_text("role", p->call->command->name)));
    health_waiting(&p->health, "the process is ending");
    leave_next(p);
}

/* ---- settings that may change ---- */

static void reload(void *argument)
{
    struct process *p = argument;
    struct heap_budget budget = {0};
    struct arena arena;
    struct fault_list faults;
    enum log_level level = LOG_LEVEL_INFO;

    arena_init(&arena, allocator_heap(&budget), 0);
    fault_list_init(&faults, &arena, 0);
    if (settings_reload(p->call->set, p->call->sources, &faults) == 0 &&
        log_level_parse(span_of(p->ports.settings->log_level), &level)) {
        log_level_set(level);
    }
    for (const struct fault *fault = faults.first; fault != NULL; fault = fault->next) {
        log_line(EVENT_SETTING_REFUSED,
                 LOG_FACTS(fact_text("place", fault->path), fact_text("error", fault->text)));
    }
    arena_release(&arena);
}

/* ---- ready or not ---- */

static bool roles_are_ready(struct process *p)
{
    for (unsigned i = 0; i < p->seat_count; i++) {
        const char *reason = "";

        if (p->seats[i].object == NULL) {
            return false;
        }
        if (!p->seats[i].role->is_ready(p->seats[i].object, &reason)) {
            health_waiting(&p->health, "%s: %s", p->seats[i].role->name, reason);
            return false;
        }
    }
    return true;
}

static void remark(struct process *p)
{
    for (unsigned i = 0; i < p->seat_count; i++) {
        const struct seat *seat = &p->seats[i];
        const char *text = seat->role->remark == NULL ? "" : seat->role->remark(seat->object);

        if (text[0] != '\0') {
            health_remark(&p->health, "%s: %s", seat->role->name, text);
        }
    }
}

static void greet(struct process *p)
{
    p->was_ready = true;
    log_line(EVENT_ROLE_READY, LOG_FACTS(fact_text("role", p->call->command->name),
                                         fact_ms("start_ms", clock_monotonic_ns() - p->begun_ns)));
    for (unsigned i = 0; i < p->seat_count; i++) {
        if (p->seats[i].role->greet != NULL) {
            p->seats[i].role->greet(p->seats[i].object, p->ports.settings);
        }
    }
    loop_timer_start(p->look, look_ns, look_ns);
}

/* What a burst has left free in the middle of the heap goes back to the machine: malloc itself
 * keeps it (200 MiB after a map of 400,000 items had ended, 38 MiB after a call by hand). */
static void trim(void *argument)
{
    (void)argument;
    (void)malloc_trim(0);
}

static void look(void *argument)
{
    struct process *p = argument;
    const char *missing = backends_missing(p->backends);

    if (p->is_leaving || p->is_ending) {
        return;
    }
    if (loop_now_ns(p->ports.loop) - p->begun_ns > look_ns) {
        backends_tell(p->backends);
    }
    if (missing[0] != '\0') {
        health_waiting(&p->health, "%s", missing);
    } else if (roles_are_ready(p) && !p->is_ending) {
        health_ready(&p->health);
        remark(p);
        if (!p->was_ready) {
            greet(p);
        }
    }
}

/* ---- the begin ---- */

static void open_roles(struct process *p)
{
    for (unsigned i = 0; i < p->seat_count && !p->is_ending; i++) {
        struct seat *seat = &p->seats[i];
        struct exo_error err;

        seat->object = seat->object == NULL ? seat->role->open(p, i, &err) : seat->object;
        if (seat->object == NULL) {
            fail(p, seat->role->name, &err, EXIT_STATUS_FAILED);
        }
    }
}

static void prepared(void *argument, const struct exo_error *err)
{
    struct process *p = argument;

    if (err != NULL) {
        /* A newer schema, or other numbers of shards or partitions: no restart mends that. */
        fail(p, p->call->command->name, err,
             err->code == EXO_ECONFLICT ? EXIT_STATUS_CONFIG : EXIT_STATUS_FAILED);
        return;
    }
    p->ports.schema = *backends_schema(p->backends);
    open_roles(p);
}

static int open_health(struct process *p, struct exo_error *err)
{
    const struct settings *settings = p->ports.settings;

    if (settings->role != ROLE_DEV && settings->health_listen[0] != '\0') {
        p->health_server =
            health_server_open(p->ports.loop, settings->health_listen, &p->health, err);
        if (p->health_server == NULL) {
            return exo_error_prefix(err, "health_listen");
        }
        log_line(EVENT_HTTP_LISTENING,
                 LOG_FACTS(fact_text("for", "health"),
                           fact_int("port", http_server_port(p->health_server))));
    }
    return 0;
}

static int begin(struct process *p, struct exo_error *err)
{
    struct backends_options options = {
        .set = p->call->set, .wanted = BACKEND_LOG, .client_id = "exosphere"};

    for (unsigned i = 0; i < p->seat_count; i++) {
        options.wanted |= p->seats[i].role->has_store ? BACKEND_STORE | BACKEND_CACHE : 0u;
        options.wanted |= p->seats[i].role->has_chunks ? BACKEND_CHUNKS : 0u;
    }
    if (open_health(p, err) != 0) {
        return -1;
    }
    p->backends = backends_open(p->ports.loop, &options, err);
    if (p->backends == NULL) {
        return -1;
    }
    p->ports.log = backends_log(p->backends);
    p->ports.chunks = backends_chunks(p->backends);
    p->ports.store = backends_store(p->backends);
    p->ports.cache = backends_cache(p->backends);
    p->ports.blobs = backends_blobs(p->backends);
    p->signals[0] = loop_signal_new(p->ports.loop, SIGTERM, asked_to_end, p);
    p->signals[1] = loop_signal_new(p->ports.loop, SIGINT, asked_to_end, p);
    p->signals[2] = loop_signal_new(p->ports.loop, SIGHUP, reload, p);
    p->look = loop_timer_new(p->ports.loop, look, p);
    loop_timer_start(p->look, look_first_ns, look_first_ns);
    p->trim = loop_timer_new(p->ports.loop, trim, p);
    loop_timer_start(p->trim, trim_ns, trim_ns);
    backends_prepare(p->backends, prepared, p);
    if (p->seat_count == 1 && p->seats[0].role->opens_early) {
        open_roles(p);
    }
    return 0;
}

static void close_all(struct process *p)
{
    for (unsigned i = 0; i < p->seat_count; i++) {
        if (p->seats[i].object != NULL) {
            p->seats[i].role->close(p->seats[i].object);
            p->seats[i].closed = p->seats[i].object;
            p->seats[i].object = NULL;
        }
    }
    backends_close(p->backends);
    for (unsigned i = 0; i < p->seat_count; i++) {
        if (p->seats[i].closed != NULL) {
            p->seats[i].role->free(p->seats[i].closed);
        }
    }
    backends_free(p->backends);
    http_server_close(p->health_server);
    for (unsigned i = 0; i < sizeof(p->signals) / sizeof(p->signals[0]); i++) {
        loop_signal_free(p->signals[i]);
    }
    loop_timer_free(p->look);
    loop_timer_free(p->trim);
}

int process_run(const struct command_call *call, const struct process_role *const *roles,
                unsigned count)
{
    struct process p = {.call = call, .seat_count = count, .begun_ns = clock_monotonic_ns()};
    struct exo_error err;

    assert(count <= ROLES_MAX);
    for (unsigned i = 0; i < count; i++) {
        p.seats[i].role = roles[i];
    }
    health_init(&p.health);
    p.ports.settings = call->settings;
    p.ports.api_url = call->settings->api_url;
    p.ports.health = &p.health;
    p.ports.loop = loop_new(&err);
    log_line(EVENT_ROLE_STARTED,
             LOG_FACTS(fact_text("role", call->command->name), fact_text("version", EXO_VERSION),
                       fact_int("pid", getpid())));
    if (p.ports.loop == NULL) {
        log_line(EVENT_ROLE_FAILED,
                 LOG_FACTS(fact_text("role", call->command->name), fact_error(&err)));
        return EXIT_STATUS_FAILED;
    }
    if (begin(&p, &err) != 0) {
        fail(&p, call->command->name, &err, EXIT_STATUS_FAILED);
    }
    loop_run(p.ports.loop);
    close_all(&p);
    loop_free(p.ports.loop);
    log_line(EVENT_ROLE_STOPPED,
             LOG_FACTS(fact_text("role", call->command->name), fact_int("status", p.status)));
    return p.status;
}
