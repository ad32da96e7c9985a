#include "infra/telemetry/log_line.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "infra/loop/loop.h"
#include "schemas/json/json_write.h"

enum { LINE_BYTES_MAX = 4096, EVENT_COLUMN = 20 };

static const struct event_row rows[EVENT_NR] = {
#define EVENT(constant, name, level, per_second, meaning)                                          \
    [EVENT_##constant] = {name, LOG_LEVEL_##level, per_second, meaning},
#include "infra/telemetry/event_table.h"
#undef EVENT
};

static const char *const level_names[LOG_LEVEL_NR] = {"debug", "info", "warn", "error"};

/* How often an event was said in the second that began at second_ns. */
struct event_rate {
    exo_time second_ns;
    uint32_t count;
    uint64_t suppressed;
};

/* The one log of the process. */
static struct {
    pthread_mutex_t mutex;
    enum log_level level;
    bool is_set_up;
    bool is_text;
    int fd;
    uint64_t dropped;
    struct event_rate rates[EVENT_NR];
    struct buffer line;
    struct heap_budget budget;
} out = {.mutex = PTHREAD_MUTEX_INITIALIZER, .level = LOG_LEVEL_INFO, .fd = STDERR_FILENO};

const struct event_row *event_row(enum event event)
{
    assert(event < EVENT_NR);
    return &rows[event];
}

static void set_up(enum log_level level, enum log_format format, int fd)
{
    out.level = level;
    out.fd = fd;
    out.is_text = format == LOG_FORMAT_TEXT || (format == LOG_FORMAT_AUTO && isatty(fd) == 1);
    if (!out.is_set_up) {
        buffer_init(&out.line, allocator_heap(&out.budget), 0);
    }
    out.is_set_up = true;
}

void log_setup(enum log_level level, enum log_format format, int fd)
{
    (void)pthread_mutex_lock(&out.mutex); /* cannot fail for such a mutex */
    set_up(level, format, fd);
    (void)pthread_mutex_unlock(&out.mutex);
}

void log_level_set(enum log_level level)
{
    __atomic_store_n(&out.level, level, __ATOMIC_RELAXED);
}

bool log_is_enabled(enum event event)
{
    return rows[event].level >= __atomic_load_n(&out.level, __ATOMIC_RELAXED);
}

uint64_t log_dropped_count(void)
{
    return __atomic_load_n(&out.dropped, __ATOMIC_RELAXED);
}

static bool is_rate_reached(enum event event)
{
    struct event_rate *rate = &out.rates[event];
    exo_time now_ns = clock_monotonic_ns();

    if (rate->second_ns == 0 || now_ns - rate->second_ns >= EXO_SECOND) {
        rate->second_ns = now_ns;
        rate->count = 0;
    }
    if (rate->count >= rows[event].per_second) {
        rate->suppressed++;
        return true;
    }
    rate->count++;
    return false;
}

static void format_time(const char *format, char *ret_text, size_t bytes)
{
    exo_time now_ns = clock_wall_ns();
    time_t now_s = now_ns / EXO_SECOND;
    char form[64];
    struct tm parts;

    (void)snprintf(form, sizeof(form), format, (int)(now_ns % EXO_SECOND / EXO_MILLISECOND));
    ret_text[0] = '\0';
    if (gmtime_r(&now_s, &parts) != NULL && strftime(ret_text, bytes, form, &parts) == 0) {
        ret_text[0] = '\0';
    }
}

static void put_fact(struct json_writer *writer, const struct log_fact *fact)
{
    char id[EXECUTION_ID_TEXT_BYTES + 1];

    switch (fact->kind) {
    case LOG_FACT_TEXT:
        json_put_string(writer, fact->text);
        break;
    case LOG_FACT_INT:
        json_put_int(writer, fact->integer);
        break;
    case LOG_FACT_DOUBLE:
        if (fact->number - fact->number == 0) { /* finite */
            json_put_double(writer, fact->number);
        } else {
            json_put_null(writer);
        }
        break;
    case LOG_FACT_BOOL:
        json_put_bool(writer, fact->boolean);
        break;
    case LOG_FACT_EXECUTION:
        execution_id_format(&fact->execution, id);
        json_put_text(writer, id);
        break;
    case LOG_FACT_END:
        break;
    }
}

static void write_json(enum event event, const struct log_fact *facts, uint64_t suppressed)
{
    struct json_writer writer = {.buffer = &out.line};
    char ts[40];

    format_time("%%Y-%%m-%%dT%%H:%%M:%%S.%03dZ", ts, sizeof(ts));
    json_begin_map(&writer);
    json_key(&writer, "ts");
    json_put_text(&writer, ts);
    json_key(&writer, "level");
    json_put_text(&writer, level_names[rows[event].level]);
    json_key(&writer, "event");
    json_put_text(&writer, rows[event].name);
    for (const struct log_fact *fact = facts; fact != NULL && fact->kind != LOG_FACT_END; fact++) {
        json_key(&writer, fact->key);
        put_fact(&writer, fact);
    }
    if (suppressed > 0) {
        json_key(&writer, "suppressed");
        json_put_uint(&writer, suppressed);
    }
    json_end_map(&writer);
}

/* A text without blanks, quotes or control bytes needs no quotes around it. */
static bool is_plain(struct span text)
{
    const unsigned char *bytes = text.data;

    for (size_t i = 0; i < text.bytes; i++) {
        if (bytes[i] <= ' ' || bytes[i] == '"' || bytes[i] == '=' || bytes[i] >= 0x7f) {
            return false;
        }
    }
    return text.bytes > 0;
}

static void write_text(enum event event, const struct log_fact *facts, uint64_t suppressed)
{
    char head[160];
    char ts[40];

    format_time("%%H:%%M:%%S.%03d", ts, sizeof(ts));
    (void)snprintf(head, sizeof(head), "%s %-5s %-*s", ts, level_names[rows[event].level],
                   EVENT_COLUMN, rows[event].name);
    buffer_text(&out.line, head);
    for (const struct log_fact *fact = facts; fact != NULL && fact->kind != LOG_FACT_END; fact++) {
        struct json_writer writer = {.buffer = &out.line};

        buffer_text(&out.line, " ");
        buffer_text(&out.line, fact->key);
        buffer_text(&out.line, "=");
        if (fact->kind == LOG_FACT_TEXT && is_plain(fact->text)) {
            buffer_append(&out.line, fact->text);
        } else {
            put_fact(&writer, fact);
        }
    }
    if (suppressed > 0) {
        (void)snprintf(head, sizeof(head), " suppressed=%llu", (unsigned long long)suppressed);
        buffer_text(&out.line, head);
    }
}

/* A line that is too long must still be one JSON object: its facts are left out. */
static void write_line(enum event event, const struct log_fact *facts)
{
    static const struct log_fact cut[] = {
        {.kind = LOG_FACT_BOOL, .key = "facts_too_long", .boolean = true}, {.kind = LOG_FACT_END}};
    uint64_t suppressed = out.rates[event].suppressed;
    void (*write_facts)(enum event event, const struct log_fact *facts, uint64_t suppressed) =
        out.is_text ? write_text : write_json;

    out.rates[event].suppressed = 0;
    buffer_reset(&out.line);
    write_facts(event, facts, suppressed);
    if (out.line.bytes >= LINE_BYTES_MAX) {
        buffer_reset(&out.line);
        write_facts(event, cut, suppressed);
    }
    buffer_text(&out.line, "\n");
}

static void send_line(enum log_level level)
{
    struct pollfd ready = {.fd = out.fd, .events = POLLOUT};
    int wait_ms = level >= LOG_LEVEL_WARN ? 50 : 0;

    /* A pipe that polls writable takes a whole page, which is our longest line. */
    if (out.line.is_failed || poll(&ready, 1, wait_ms) != 1 ||
        write(out.fd, out.line.data, out.line.bytes) != (ssize_t)out.line.bytes) {
        __atomic_fetch_add(&out.dropped, 1, __ATOMIC_RELAXED);
    }
}

void log_line(enum event event, const struct log_fact *facts)
{
    assert(event < EVENT_NR);
    if (!log_is_enabled(event)) {
        return;
    }
    (void)pthread_mutex_lock(&out.mutex); /* cannot fail for such a mutex */
    if (!out.is_set_up) {
        set_up(out.level, LOG_FORMAT_AUTO, out.fd);
    }
    if (!is_rate_reached(event)) {
        write_line(event, facts);
        send_line(rows[event].level);
    }
    (void)pthread_mutex_unlock(&out.mutex);
}

bool log_level_parse(struct span text, enum log_level *ret_level)
{
    for (int level = 0; level < LOG_LEVEL_NR; level++) {
        if (span_is(text, level_names[level])) {
            *ret_level = (enum log_level)level;
            return true;
        }
    }
    return false;
}

bool log_format_parse(struct span text, enum log_format *ret_format)
{
    static const char *const names[] = {"json", "text", "auto"};

    for (int format = 0; format < 3; format++) {
        if (span_is(text, names[format])) {
            *ret_format = (enum log_format)format;
            return true;
        }
    }
    return false;
}
