/* log line: one event, one line on stderr; JSON for machines, text for a terminal.
 *
 *   {"ts":"2026-01-31T12:00:00.123Z","level":"info","event":"role.ready","role":"api","wait_ms":12}
 *   12:00:00.123 info  role.ready           role=api wait_ms=12
 *
 * Touches stderr and the clocks. Any thread may log. A line is at most 4,096 bytes and is dropped
 * (and counted) rather than waited for, when the reader of stderr has stopped reading. Facts are
 * named with their unit last (wait_ms, body_bytes); ids are named execution, task, attempt, shard,
 * worker. Never a secret, never a body. */
#ifndef EXO_INFRA_TELEMETRY_LOG_LINE_H
#define EXO_INFRA_TELEMETRY_LOG_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/error.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/time.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR, LOG_LEVEL_NR };

enum log_format { LOG_FORMAT_JSON, LOG_FORMAT_TEXT, LOG_FORMAT_AUTO };

enum event {
#define EVENT(constant, name, level, per_second, meaning) EVENT_##constant,
#include "infra/telemetry/event_table.h"
#undef EVENT
    EVENT_NR,
};

/* One row of the table, for reference pages. */
struct event_row {
    const char *name;
    enum log_level level;
    uint32_t per_second;
    const char *meaning;
};

enum log_fact_kind {
    LOG_FACT_END,
    LOG_FACT_TEXT,
    LOG_FACT_INT,
    LOG_FACT_DOUBLE,
    LOG_FACT_BOOL,
    LOG_FACT_EXECUTION,
};

/* A key and a value; borrowed for the call of log_line. */
struct log_fact {
    enum log_fact_kind kind;
    const char *key;
    union {
        struct span text;
        int64_t integer;
        double number;
        bool boolean;
        struct execution_id execution;
    };
};

/* fact_text names bytes (borrowed until the line is out); NULL data shows as "". */
static inline struct log_fact fact_span(const char *key, struct span text)
{
    return (struct log_fact){.kind = LOG_FACT_TEXT, .key = key, .text = text};
}

static inline struct log_fact fact_text(const char *key, const char *text)
{
    return fact_span(key, span_of(text));
}

static inline struct log_fact fact_int(const char *key, int64_t integer)
{
    return (struct log_fact){.kind = LOG_FACT_INT, .key = key, .integer = integer};
}

static inline struct log_fact fact_double(const char *key, double number)
{
    return (struct log_fact){.kind = LOG_FACT_DOUBLE, .key = key, .number = number};
}

static inline struct log_fact fact_bool(const char *key, bool boolean)
{
    return (struct log_fact){.kind = LOG_FACT_BOOL, .key = key, .boolean = boolean};
}

/* fact_ms shows a length of time in whole milliseconds; its key ends in _ms. */
static inline struct log_fact fact_ms(const char *key, exo_time ns)
{
    return fact_int(key, ns / EXO_MILLISECOND);
}

/* fact_execution shows the id under the key "execution". */
static inline struct log_fact fact_execution(struct execution_id id)
{
    return (struct log_fact){.kind = LOG_FACT_EXECUTION, .key = "execution", .execution = id};
}

/* fact_error shows an error's text under the key "error". */
static inline struct log_fact fact_error(const struct exo_error *err)
{
    return fact_text("error", err->text);
}

/* LOG_FACTS(fact_text("role", "api"), fact_int("port", 8080)) */
#define LOG_FACTS(...) ((const struct log_fact[]){__VA_ARGS__, {.kind = LOG_FACT_END}})

/* log_setup says what is written and how; before it: info and above, format auto, to stderr.
 * fd  where to; stays the caller's */
void log_setup(enum log_level level, enum log_format format, int fd);

/* log_level_set changes the level while running. */
void log_level_set(enum log_level level);

/* log_is_enabled is true when a line of this event would be written (but for its rate), so that
 * costly facts need not be made. */
bool log_is_enabled(enum event event);

/* log_line writes one line, unless the level or the event's rate forbids it. What a rate has
 * swallowed is counted in the event's next line as "suppressed".
 * facts  LOG_FACTS(...), or NULL for none */
void log_line(enum event event, const struct log_fact *facts);

/* log_dropped_count counts lines that found no reader, since the start. */
uint64_t log_dropped_count(void);

/* log_level_parse and log_format_parse read debug, info, warn, error; json, text, auto.
 * Return false, leaving the output as it was, for any other text. */
EXO_CHECKED bool log_level_parse(struct span text, enum log_level *ret_level);
EXO_CHECKED bool log_format_parse(struct span text, enum log_format *ret_format);

/* event_row returns a row of the table. */
const struct event_row *event_row(enum event event);

#endif /* EXO_INFRA_TELEMETRY_LOG_LINE_H */
