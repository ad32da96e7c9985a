/* log_sim: infra/log over the model of the broker.
 *
 *   log_append --leaves the process--> on the wire --arrives--> stored --answer--> done
 *
 * Appends of one client to one partition keep their order. What has left a process that dies may
 * still arrive; what has not is lost. */
#include <assert.h>
#include <stdlib.h>

#include "schemas/vocab/ids.h"
#include "tests/sim/broker.h"
#include "tests/sim/database.h"
#include "tests/sim/oracle.h"

enum { RECORDS_A_TURN = 200, BUFFER_BYTES_MAX = 64 << 20 };

struct append;

/* The way of one client to one partition. */
struct lane {
    struct lane *next;
    struct broker_partition *partition;
    exo_time leaves_ns, arrives_ns, answers_ns; /* of the last append */
    struct append *first, **last;               /* on the way: one leaves it at each arrival */
};

struct log {
    struct loop *loop;
    struct lane *lanes;
    bool is_closed;
    struct log_counts counts;
};

struct log *log_new(struct loop *loop)
{
    struct log *log = sim_alloc(sizeof(*log));

    log->loop = loop;
    return log;
}

void log_close(struct log *log)
{
    log->is_closed = true;
}

static struct lane *lane_of(struct log *log, struct broker_partition *partition)
{
    for (struct lane *lane = log->lanes; lane != NULL; lane = lane->next) {
        if (lane->partition == partition) {
            return lane;
        }
    }
    struct lane *lane = sim_alloc(sizeof(*lane));

    lane->partition = partition;
    lane->last = &lane->first;
    lane->next = log->lanes;
    log->lanes = lane;
    return lane;
}

static exo_time later(exo_time a, exo_time b)
{
    return a > b ? a : b;
}

/* ---- appends ---- */

enum append_fate { FATE_GOOD, FATE_LOST, FATE_UNKNOWN, FATE_DOUBLED };

struct append {
    struct append *next; /* on the way */
    struct log *log;
    struct lane *lane;
    struct span key, value;
    log_appended *done;
    void *argument;
    enum append_fate fate;
    exo_time delay_ns; /* on the way */
    bool is_done;      /* the caller has its answer */
    bool is_dropped;   /* given up before it arrived */
    int64_t offset;    /* -1: an error */
    enum exo_error_code code;
};

static void unsure(const char *topic)
{
    broker.tasks_unsure += strncmp(topic, TOPIC_TASKS_PREFIX, strlen(TOPIC_TASKS_PREFIX)) == 0;
}

static void append_end(void *argument)
{
    struct append *append = argument;
    struct exo_error err;

    if (append->is_done || append->log->is_closed) {
        return;
    }
    append->is_done = true;
    append->log->counts.buffered_bytes -= append->value.bytes;
    if (append->code != EXO_OK) {
        append->log->counts.append_failed++;
        unsure(append->lane->partition->topic);
        (void)exo_error_set(&err, append->code, "the broker did not take a record for %s",
                            append->lane->partition->topic);
    } else {
        append->log->counts.appended++;
    }
    if (append->done != NULL) {
        append->done(append->argument, append->code == EXO_OK ? append->offset : -1,
                     append->code == EXO_OK ? NULL : &err);
    }
}

static void append_answer(struct append *append, int64_t offset, enum exo_error_code code)
{
    struct lane *lane = append->lane;

    append->offset = offset;
    append->code = code;
    lane->answers_ns =
        later(lane->answers_ns, sim.now_ns + sim_draw(50 * EXO_MICROSECOND, 2 * EXO_MILLISECOND));
    sim_at(lane->answers_ns, append->log->loop, append_end, append);
}

struct again {
    struct broker_partition *partition;
    struct span key, value;
};

static void stored_again(void *argument)
{
    const struct again *again = argument;

    (void)broker_append(again->partition, again->key, again->value);
}

/* Whoever arrives, it is the first that is on the way: who waits for a broker is not overtaken by
 * who leaves for it meanwhile. */
static void append_arrives(void *argument)
{
    struct lane *lane = argument;
    struct broker_partition *partition = lane->partition;
    struct append *append = lane->first;

    if (!append->is_dropped && broker_down_ns(partition) > sim.now_ns) {
        lane->arrives_ns = later(lane->arrives_ns, broker_down_ns(partition));
        sim_at(broker_down_ns(partition), NULL, append_arrives, lane);
        return;
    }
    lane->first = append->next;
    lane->last = lane->first == NULL ? &lane->first : lane->last;
    if (append->is_dropped) {
        return;
    }
    if (append->fate == FATE_LOST) {
        append_answer(append, -1, EXO_EUNAVAILABLE);
        return;
    }
    int64_t offset = broker_append(partition, append->key, append->value);

    if (append->fate == FATE_DOUBLED) {
        struct again *again = sim_alloc(sizeof(*again));

        *again = (struct again){partition, append->key, append->value};
        sim_at(sim.now_ns + sim_draw_fault(0, 5 * EXO_SECOND), NULL, stored_again, again);
    }
    append_answer(append, offset, append->fate == FATE_UNKNOWN ? EXO_EUNKNOWN : EXO_OK);
}

/* Out of the process: what happens to it now does not matter any more. A process that stands still
 * keeps what it has not sent. */
static void append_leaves(void *argument)
{
    struct append *append = argument;
    struct lane *lane = append->lane;

    if (append->log->is_closed) {
        return;
    }
    lane->arrives_ns =
        later(lane->arrives_ns,
              sim.now_ns + append->delay_ns + sim_draw(50 * EXO_MICROSECOND, 2 * EXO_MILLISECOND));
    *lane->last = append;
    lane->last = &append->next;
    sim_at(lane->arrives_ns, NULL, append_arrives, lane);
}

/* Too late: it may yet arrive, or it never will. */
static void append_late(void *argument)
{
    struct append *append = argument;

    if (append->is_done) {
        return;
    }
    append->is_dropped = dice_chance(&sim.net, 700000);
    append->code =
        append->is_dropped && dice_chance(&sim.net, 500000) ? EXO_EUNAVAILABLE : EXO_EUNKNOWN;
    append_end(append);
}

static enum append_fate fate_draw(void)
{
    if (fault_fires(&sim.faults, FAULT_APPEND_LOST)) {
        return FATE_LOST;
    }
    if (fault_fires(&sim.faults, FAULT_APPEND_UNKNOWN)) {
        return FATE_UNKNOWN;
    }
    return fault_fires(&sim.faults, FAULT_RECORD_DOUBLED) ? FATE_DOUBLED : FATE_GOOD;
}

int log_append(struct log *log, const char *topic, uint32_t partition, struct span key,
               struct span value, exo_time timeout_ns, log_appended *done, void *argument,
               struct exo_error *err)
{
    assert(!log->is_closed);
    if (log->loop->is_dead) {
        return exo_error_set(err, EXO_EUNAVAILABLE, "nothing leaves a dead process");
    }
    if (value.bytes > LOG_RECORD_BYTES_MAX) {
        return exo_error_set(err, EXO_ELIMIT, "a record of %zu bytes", value.bytes);
    }
    if (log->counts.buffered_bytes + value.bytes > BUFFER_BYTES_MAX ||
        fault_fires(&sim.faults, FAULT_APPEND_FULL)) {
        unsure(topic);
        (void)exo_error_set(err, EXO_ELIMIT, "too much waits for the broker");
        err->is_retryable = true;
        return -1;
    }
    struct append *append = sim_alloc(sizeof(*append));
    struct lane *lane = lane_of(log, broker_partition(topic, partition));
    exo_time delay_ns = fault_fires(&sim.faults, FAULT_APPEND_DELAY)
                            ? sim_draw_fault(EXO_SECOND, 20 * EXO_SECOND)
                            : 0;

    oracle_appends(topic, partition, value);
    exo_time held_ns = fault_fires(&sim.faults, FAULT_APPEND_HELD)
                           ? sim_draw_fault(EXO_SECOND, 10 * EXO_SECOND)
                           : 0;

    lane->leaves_ns = later(lane->leaves_ns, sim.now_ns + held_ns + sim_draw(0, EXO_MILLISECOND));
    *append = (struct append){
        .log = log,
        .lane = lane,
        .key = sim_copy(key),
        .value = sim_copy(value),
        .done = done,
        .argument = argument,
        .fate = fate_draw(),
        .delay_ns = delay_ns,
    };
    log->counts.buffered_bytes += value.bytes;
    sim_at(lane->leaves_ns, log->loop, append_leaves, append);
    sim_at(sim.now_ns + (timeout_ns > 0 ? timeout_ns : 60 * EXO_SECOND), log->loop, append_late,
           append);
    return 0;
}

/* ---- readers ---- */

struct log_reader {
    struct log_reader *next; /* of the partition */
    struct log *log;
    struct broker_partition *partition;
    struct log_reader_callbacks callbacks;
    void *argument;
    int64_t position; /* -1: not known */
    uint32_t index;   /* of the next record */
    uint32_t checksum;
    bool is_checked;
    bool is_closed;
    bool is_paused;
    bool is_coming; /* a turn is on its way */
};

uint32_t log_record_checksum(const struct log_record *record)
{
    uint64_t hash =
        mix((uint64_t)record->timestamp_ns, sim_hash(record->key), sim_hash(record->value));

    return (uint32_t)hash == 0 ? 1 : (uint32_t)hash;
}

static struct log_record record_of(const struct broker_record *from)
{
    return (struct log_record){from->offset, from->timestamp_ns, from->key, from->value};
}

static void reader_turn(void *argument);

static void reader_come(struct log_reader *reader, exo_time at_ns)
{
    if (!reader->is_coming && !reader->is_closed) {
        reader->is_coming = true;
        sim_at(at_ns, reader->log->loop, reader_turn, reader);
    }
}

/* Looks once whether the record before the offset is the one it was. */
static bool reader_check(struct log_reader *reader)
{
    struct exo_error err;

    if (reader->is_checked) {
        return true;
    }
    reader->is_checked = true;
    while (reader->index < reader->partition->count &&
           reader->partition->records[reader->index].offset < reader->position) {
        reader->index++;
    }
    if (reader->checksum == 0) {
        return true;
    }
    struct log_record before = {0};

    if (reader->index > 0) {
        before = record_of(&reader->partition->records[reader->index - 1]);
    }
    if (reader->position <= reader->partition->end && reader->index > 0 &&
        (before.offset < reader->partition->low ||
         log_record_checksum(&before) == reader->checksum)) {
        return true;
    }
    (void)exo_error_set(&err, EXO_ECONFLICT, "%s/%u is another log below %lld",
                        reader->partition->topic, reader->partition->number,
                        (long long)reader->position);
    reader->callbacks.failed(reader->argument, &err);
    return false;
}

/* One that stands below what was deleted has been overtaken: a former owner of its shard. */
static bool reader_is_whole(struct log_reader *reader)
{
    struct exo_error err;

    if (reader->position >= reader->partition->low) {
        return true;
    }
    (void)exo_error_set(&err, EXO_ECONFLICT, "%s/%u is deleted below %lld and read at %lld",
                        reader->partition->topic, reader->partition->number,
                        (long long)reader->partition->low, (long long)reader->position);
    reader->callbacks.failed(reader->argument, &err);
    return false;
}

/* The records are shown in memory that is gone afterwards. */
static size_t records_show(struct log_reader *reader, uint32_t count)
{
    struct log_record *shown = malloc(count * sizeof(*shown));
    size_t bytes = 1;

    assert(shown != NULL);
    for (uint32_t i = 0; i < count; i++) {
        shown[i] = record_of(&reader->partition->records[reader->index + i]);
        bytes += shown[i].key.bytes + shown[i].value.bytes;
    }
    unsigned char *memory = malloc(bytes);
    unsigned char *at = memory;

    assert(memory != NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct span *parts[] = {&shown[i].key, &shown[i].value};

        for (size_t k = 0; k < 2; k++) {
            if (parts[k]->bytes > 0) {
                memcpy(at, parts[k]->data, parts[k]->bytes);
            }
            parts[k]->data = at;
            at += parts[k]->bytes;
        }
    }
    size_t taken = reader->callbacks.records(reader->argument, shown, count);

    free(memory);
    free(shown);
    return taken;
}

static void reader_turn(void *argument)
{
    struct log_reader *reader = argument;
    struct broker_partition *partition = reader->partition;

    reader->is_coming = false;
    if (reader->is_closed || reader->is_paused || reader->position < 0) {
        return;
    }
    if (broker_down_ns(partition) > sim.now_ns) {
        reader_come(reader, broker_down_ns(partition) + sim_draw(0, 3 * EXO_SECOND));
        return;
    }
    if (fault_fires(&sim.faults, FAULT_READER_STALL)) {
        reader_come(reader, sim.now_ns + sim_draw_fault(EXO_SECOND, 30 * EXO_SECOND));
        return;
    }
    if (!reader_is_whole(reader) || !reader_check(reader) || reader->index == partition->count) {
        return;
    }
    uint32_t left = partition->count - reader->index;
    uint32_t count = 1 + (uint32_t)dice_below(&sim.net, RECORDS_A_TURN);

    count = sim.is_restarted ? 1 : count < left ? count : left;
    size_t taken = records_show(reader, count);

    assert(taken <= count);
    if (reader->is_closed) {
        return;
    }
    reader->index += (uint32_t)taken;
    if (taken > 0) {
        struct log_record last = record_of(&partition->records[reader->index - 1]);

        reader->position = last.offset + 1;
        reader->checksum = log_record_checksum(&last);
    }
    reader->is_paused = taken < count;
    if (!reader->is_paused && reader->index < partition->count) {
        reader_come(reader, sim.now_ns + sim_draw(0, EXO_MILLISECOND));
    }
}

void broker_shortened(struct broker_partition *partition)
{
    for (struct log_reader *reader = partition->readers; reader != NULL; reader = reader->next) {
        reader->is_checked = false;
        reader->index = 0;
        if (!reader->is_closed) {
            reader_come(reader, sim.now_ns + sim_draw(0, 3 * EXO_SECOND));
        }
    }
}

void broker_wake(struct broker_partition *partition)
{
    for (struct log_reader *reader = partition->readers; reader != NULL; reader = reader->next) {
        if (!reader->is_closed && !reader->is_paused) {
            reader_come(reader, sim.now_ns + sim_draw(50 * EXO_MICROSECOND, 3 * EXO_MILLISECOND));
        }
    }
}

static void reader_seek(void *argument)
{
    struct log_reader *reader = argument;

    if (reader->is_closed) {
        return;
    }
    if (broker_down_ns(reader->partition) > sim.now_ns) {
        sim_at(broker_down_ns(reader->partition) + sim_draw(0, EXO_SECOND), reader->log->loop,
               reader_seek, reader);
        return;
    }
    reader->position = reader->partition->end;
    reader->index = reader->partition->count;
    reader->is_checked = true;
}

struct log_reader *log_reader_open(struct log *log, const char *topic, uint32_t partition,
                                   int64_t offset, uint32_t checksum,
                                   const struct log_reader_callbacks *callbacks, void *argument)
{
    struct log_reader *reader = sim_alloc(sizeof(*reader));

    reader->log = log;
    reader->partition = broker_partition(topic, partition);
    reader->callbacks = *callbacks;
    reader->argument = argument;
    reader->position = offset;
    reader->checksum = checksum;
    reader->next = reader->partition->readers;
    reader->partition->readers = reader;
    if (offset == LOG_END) {
        sim_in(EXO_MILLISECOND, 20 * EXO_MILLISECOND, log->loop, reader_seek, reader);
    } else {
        reader_come(reader, sim.now_ns + sim_draw(EXO_MILLISECOND, 20 * EXO_MILLISECOND));
    }
    return reader;
}

void log_reader_resume(struct log_reader *reader)
{
    reader->is_paused = false;
    reader_come(reader, sim.now_ns + sim_draw(0, EXO_MILLISECOND));
}

int64_t log_reader_position(const struct log_reader *reader)
{
    return reader->position;
}

void log_reader_close(struct log_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    reader->is_closed = true;
    for (struct log_reader **link = &reader->partition->readers; *link != NULL;
         link = &(*link)->next) {
        if (*link == reader) {
            *link = reader->next;
            break;
        }
    }
}

/* ---- the end of a partition ---- */

struct end_ask {
    struct log *log;
    struct broker_partition *partition;
    void (*done)(void *argument, int64_t end, const struct exo_error *err);
    void *argument;
    int64_t end;
    bool is_failed;
    bool is_start; /* of the oldest record */
};

static void end_answer(void *argument)
{
    struct end_ask *ask = argument;
    struct exo_error err;

    if (ask->log->is_closed) {
        return;
    }
    if (ask->is_failed) {
        (void)exo_error_set(&err, EXO_EUNAVAILABLE, "the broker does not answer");
        ask->done(ask->argument, -1, &err);
        return;
    }
    ask->done(ask->argument, ask->end, NULL);
}

static void end_arrives(void *argument)
{
    struct end_ask *ask = argument;
    exo_time max_ns = 2 * EXO_MILLISECOND;

    ask->end = ask->is_start ? ask->partition->low : ask->partition->end;
    ask->is_failed =
        broker_down_ns(ask->partition) > sim.now_ns || fault_fires(&sim.faults, FAULT_END_FAILED);
    if (fault_fires(&sim.faults, FAULT_END_SLOW)) {
        max_ns = sim_draw_fault(EXO_SECOND, 10 * EXO_SECOND);
    } else if (ask->is_failed) {
        max_ns = 5 * EXO_SECOND;
    }
    sim_at(sim.now_ns + (ask->is_failed ? EXO_MILLISECOND : 0) + sim_draw(0, max_ns),
           ask->log->loop, end_answer, ask);
}

void log_end(struct log *log, const char *topic, uint32_t partition,
             void (*done)(void *argument, int64_t end, const struct exo_error *err), void *argument)
{
    struct end_ask *ask = sim_alloc(sizeof(*ask));

    *ask = (struct end_ask){.log = log,
                            .partition = broker_partition(topic, partition),
                            .done = done,
                            .argument = argument};
    sim_in(50 * EXO_MICROSECOND, 2 * EXO_MILLISECOND, NULL, end_arrives, ask);
}

void log_start(struct log *log, const char *topic, uint32_t partition,
               void (*done)(void *argument, int64_t start, const struct exo_error *err),
               void *argument)
{
    struct end_ask *ask = sim_alloc(sizeof(*ask));

    *ask = (struct end_ask){.log = log,
                            .partition = broker_partition(topic, partition),
                            .done = done,
                            .argument = argument,
                            .is_start = true};
    sim_in(50 * EXO_MICROSECOND, 2 * EXO_MILLISECOND, NULL, end_arrives, ask);
}

/* ---- deletion ---- */

struct trim_ask {
    struct log *log;
    struct broker_partition *partition;
    int64_t below;
    void (*done)(void *argument, const struct exo_error *err);
    void *argument;
    bool is_refused;
};

static void trim_answer(void *argument)
{
    struct trim_ask *ask = argument;
    struct exo_error err;

    if (ask->is_refused) {
        (void)exo_error_set(&err, EXO_ENOTFOUND, "the log ends below that");
    }
    if (ask->done != NULL && !ask->log->is_closed) {
        ask->done(ask->argument, ask->is_refused ? &err : NULL);
    }
}

static void trim_arrives(void *argument)
{
    struct trim_ask *ask = argument;

    /* Whose connection broke has looked at its log again before it sends anything. */
    for (const struct log_reader *r = ask->partition->readers; r != NULL; r = r->next) {
        ask->is_refused = ask->is_refused || !r->is_checked;
    }
    if (ask->is_refused || ask->below > ask->partition->end) {
        ask->is_refused = true;
        sim_in(0, 2 * EXO_MILLISECOND, ask->log->loop, trim_answer, ask);
        return;
    }
    for (int i = 0; i < STORE_INPUTS; i++) {
        const char *const inputs[STORE_INPUTS] = {TOPIC_JOBS, TOPIC_STATUS};
        uint32_t number = ask->partition->number;

        /* Who takes the shard over begins here, and looks at the record before. */
        if (strcmp(ask->partition->topic, inputs[i]) == 0 && !sim.is_resumed &&
            ask->below >= database.shards[number].row.inputs[i].offset) {
            sim_fail("%s/%u is deleted below %lld and committed to %lld", inputs[i], number,
                     (long long)ask->below,
                     (long long)database.shards[number].row.inputs[i].offset);
        }
    }
    if (ask->below > ask->partition->low) {
        ask->partition->low = ask->below;
    }
    sim_in(0, 2 * EXO_MILLISECOND, ask->log->loop, trim_answer, ask);
}

void log_trim(struct log *log, const char *topic, uint32_t partition, int64_t below,
              void (*done)(void *argument, const struct exo_error *err), void *argument)
{
    struct trim_ask *ask = sim_alloc(sizeof(*ask));

    *ask = (struct trim_ask){log, broker_partition(topic, partition), below, done, argument, false};
    sim_in(0, 2 * EXO_MILLISECOND, NULL, trim_arrives, ask);
}

/* ---- topics ---- */

struct prepare_ask {
    struct log *log;
    void (*done)(void *argument, const struct exo_error *err);
    void *argument;
};

static void prepare_answer(void *argument)
{
    struct prepare_ask *ask = argument;
    struct exo_error err;
    bool is_away = broker.down_until_ns > sim.now_ns;

    if (ask->log->is_closed) {
        return;
    }
    if (is_away) {
        (void)exo_error_set(&err, EXO_EUNAVAILABLE, "the broker does not answer");
    }
    ask->done(ask->argument, is_away ? &err : NULL);
}

void log_prepare(struct log *log, const struct log_topic *topics, size_t count,
                 void (*done)(void *argument, const struct exo_error *err), void *argument)
{
    struct prepare_ask *ask = sim_alloc(sizeof(*ask));

    for (size_t i = 0; i < count; i++) {
        (void)broker_partition(topics[i].name, 0); /* all are there, or the world ends */
    }
    *ask = (struct prepare_ask){log, done, argument};
    sim_in(EXO_MILLISECOND, 500 * EXO_MILLISECOND, log->loop, prepare_answer, ask);
}

bool log_is_up(const struct log *log)
{
    (void)log;
    return broker.down_until_ns <= sim.now_ns;
}
