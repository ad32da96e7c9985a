/* fleet_link: exo.fleet as this process reads and writes it.
 *
 *   heartbeats --> fleet core, and a look by every shard whether any attempt is in doubt
 *   our ticks  --> appended to every partition; read back they count the silence of its workers,
 *                  so that an outage of the broker silences nobody (protocol.md 5)
 */
#include <stdlib.h>

#include "scheduler/class_topics.h"
#include "scheduler/shard.h"

struct partition {
    struct fleet_link *link;
    uint32_t number;
    struct log_reader *reader;
    bool is_tick_out; /* ours, not read back yet */
    exo_time sent_ns; /* when it was handed to the log */
    uint32_t ticks;   /* read back since the start */
};

struct fleet_link {
    struct scheduler *scheduler;
    struct loop_timer *timer;
    struct class_topics *class_topics;
    uint64_t tick_number;
    struct arena arena; /* of one record */
    struct partition partitions[TOPIC_FLEET_PARTITIONS];
    uint32_t holds; /* appends on their way */
    bool is_closing;
};

static void suspect(struct fleet_link *link, const struct fleet_suspicion *suspicion,
                    const struct wire_heartbeat *heartbeat)
{
    struct scheduler *scheduler = link->scheduler;
    char name[FLEET_NAME_BYTES];

    if (suspicion->kind == FLEET_NONE) {
        return;
    }
    memcpy(name, suspicion->worker->name, sizeof(name));
    struct sched_witness witness = {
        .kind = suspicion->kind,
        .worker = span_of(name),
        .incarnation = suspicion->incarnation,
        .new_incarnation = suspicion->worker->life.incarnation,
    };

    if (heartbeat != NULL) {
        witness.heartbeat = heartbeat->number;
        witness.classes = heartbeat->classes;
        witness.positions = heartbeat->positions;
        witness.class_count = heartbeat->positions == NULL ? 0 : heartbeat->class_count;
        witness.running = heartbeat->running;
        witness.running_count = heartbeat->running_count;
    }
    for (uint32_t i = 0; i < scheduler->shard_count; i++) {
        if (scheduler->shards[i] != NULL) {
            shard_suspect(scheduler->shards[i], &witness);
        }
    }
}

static void worker_silent(void *context, const struct fleet_suspicion *suspicion)
{
    struct fleet_link *link = context;

    scheduler_say(link->scheduler, "worker.silent", "worker %s has been silent for %d ticks",
                  suspicion->worker->name, (int)FLEET_SILENT_TICKS);
    suspect(link, suspicion, NULL);
}

static void take_heartbeat(struct fleet_link *link, const struct wire_heartbeat *heartbeat,
                           uint32_t partition)
{
    struct fleet_suspicion suspicion;

    if (heartbeat->worker.bytes >= FLEET_NAME_BYTES) {
        return;
    }
    for (uint32_t i = 0; i < heartbeat->class_count; i++) {
        class_topics_heard(link->class_topics, heartbeat->classes[i]);
    }
    if (!fleet_heartbeat(link->scheduler->fleet, heartbeat, partition, &suspicion)) {
        scheduler_say(link->scheduler, "worker.refused",
                      "worker %.*s: this scheduler knows as many workers as it can",
                      SPAN_ARG(heartbeat->worker));
        return;
    }
    if (suspicion.kind == FLEET_REPLACED || suspicion.kind == FLEET_LEFT) {
        scheduler_say(link->scheduler,
                      suspicion.kind == FLEET_LEFT ? "worker.left" : "worker.replaced",
                      "worker %.*s", SPAN_ARG(heartbeat->worker));
    }
    suspect(link, &suspicion, heartbeat);
}

static void take_tick(struct fleet_link *link, struct partition *partition,
                      const struct wire_tick *tick)
{
    if (!span_is(tick->process, link->scheduler->process)) {
        return;
    }
    partition->is_tick_out = false;
    partition->ticks++;
    if (partition->ticks == 1 && fleet_link_is_warm(link)) {
        leases_hurry(link->scheduler->leases);
    }
    fleet_tick(link->scheduler->fleet, partition->number, worker_silent, link);
    for (uint32_t i = 0; i < link->scheduler->shard_count && partition->number == 0; i++) {
        struct shard *shard = link->scheduler->shards[i];

        if (shard != NULL && shard_is_live(shard)) {
            shard_expect_holders(shard);
            intake_resume(shard); /* its share may have grown */
        }
    }
}

static size_t fleet_records(void *argument, const struct log_record *records, size_t count)
{
    struct partition *partition = argument;
    struct fleet_link *link = partition->link;

    for (size_t i = 0; i < count; i++) {
        struct wire_fleet fleet;

        arena_reset(&link->arena);
        if (wire_fleet_unpack(records[i].value, &link->arena, &fleet) != WIRE_OK) {
            continue; /* a heartbeat that cannot be read is a heartbeat missed */
        }
        if (fleet.kind == FLEET_HEARTBEAT) {
            take_heartbeat(link, &fleet.heartbeat, partition->number);
        } else if (fleet.kind == FLEET_TICK) {
            take_tick(link, partition, &fleet.tick);
        } else if (fleet.kind == FLEET_LOAN) {
            fleet_loan(link->scheduler->fleet, &fleet.loan);
        }
    }
    scheduler_wake(link->scheduler);
    return count;
}

static void fleet_failed(void *argument, const struct exo_error *err);

static const struct log_reader_callbacks fleet_callbacks = {fleet_records, fleet_failed};

static void reader_open(struct partition *partition)
{
    partition->reader = log_reader_open(partition->link->scheduler->log, TOPIC_FLEET,
                                        partition->number, LOG_END, 0, &fleet_callbacks, partition);
}

/* What was missed is only heartbeats: go on from the end. */
static void fleet_failed(void *argument, const struct exo_error *err)
{
    struct partition *partition = argument;

    scheduler_say(partition->link->scheduler, "fleet.reader", "exo.fleet/%u: %s", partition->number,
                  err->text);
    log_reader_close(partition->reader);
    partition->is_tick_out = false;
    reader_open(partition);
}

struct tick_send {
    struct fleet_link *link;
    struct partition *partition;
};

static void link_free(struct fleet_link *link)
{
    arena_release(&link->arena);
    free(link);
}

static void tick_appended(void *argument, int64_t offset, const struct exo_error *err)
{
    struct tick_send *send = argument;
    struct fleet_link *link = send->link;

    (void)offset;
    link->holds--;
    if (link->is_closing) {
        if (link->holds == 0) {
            link_free(link);
        }
    } else if (err != NULL) {
        send->partition->is_tick_out = false; /* the next turn of the timer tries again */
    }
    free(send);
}

static void tick_send(struct fleet_link *link, struct partition *partition, struct span value)
{
    struct tick_send *send = calloc(1, sizeof(*send));
    struct exo_error err;

    if (send == NULL) {
        abort();
    }
    *send = (struct tick_send){link, partition};
    partition->is_tick_out = true;
    partition->sent_ns = loop_now_ns(link->scheduler->loop);
    link->holds++;
    if (log_append(link->scheduler->log, TOPIC_FLEET, partition->number,
                   span_of(link->scheduler->process), value, 2 * EXO_SECOND, tick_appended, send,
                   &err) != 0) {
        partition->is_tick_out = false;
        link->holds--;
        free(send);
    }
}

static uint32_t demands_fill(struct scheduler *scheduler, struct wire_demand *demands)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < fleet_class_count(scheduler->fleet); i++) {
        demands[count++] = (struct wire_demand){fleet_class_name(scheduler->fleet, i),
                                                dispatch_ready(scheduler->dispatch, i)};
    }
    return count;
}

/* Ticks count silence, so none may follow another faster than workers speak: only a partition that
 * has never had one is hurried. */
static bool is_due(const struct partition *partition)
{
    const struct scheduler *scheduler = partition->link->scheduler;

    if (partition->is_tick_out || log_reader_position(partition->reader) < 0) {
        return false;
    }
    return partition->ticks == 0 ||
           loop_now_ns(scheduler->loop) - partition->sent_ns >= scheduler->settings.tick_ns;
}

static void tick_due(void *argument)
{
    struct fleet_link *link = argument;
    struct scheduler *scheduler = link->scheduler;
    struct wire_demand demands[FLEET_CLASSES_MAX];
    struct wire_fleet fleet = {.kind = FLEET_TICK,
                               .tick = {.process = span_of(scheduler->process),
                                        .number = ++link->tick_number,
                                        .demands = demands,
                                        .demand_count = demands_fill(scheduler, demands),
                                        .is_leaving = scheduler->is_closing}};
    struct buffer text;

    arena_reset(&link->arena);
    buffer_init(&text, scheduler->allocator, 0);
    wire_fleet_pack(&fleet, &link->arena, &text);
    for (uint32_t i = 0; i < TOPIC_FLEET_PARTITIONS; i++) {
        if (is_due(&link->partitions[i])) {
            tick_send(link, &link->partitions[i], buffer_span(&text));
        }
    }
    buffer_release(&text);
    /* Before the first ticks are out, look again soon: a start should not take a second. */
    loop_timer_start(link->timer,
                     fleet_link_is_warm(link) ? scheduler->settings.tick_ns : 20 * EXO_MILLISECOND,
                     0);
}

struct fleet_link *fleet_link_open(struct scheduler *scheduler)
{
    struct fleet_link *link = calloc(1, sizeof(*link));

    if (link == NULL) {
        abort();
    }
    link->scheduler = scheduler;
    arena_init(&link->arena, scheduler->allocator, 0);
    link->class_topics = class_topics_new(scheduler->log);
    link->timer = loop_timer_new(scheduler->loop, tick_due, link);
    for (uint32_t i = 0; i < TOPIC_FLEET_PARTITIONS; i++) {
        link->partitions[i].link = link;
        link->partitions[i].number = i;
        reader_open(&link->partitions[i]);
    }
    loop_timer_start(link->timer, 0, 0);
    return link;
}

void fleet_link_close(struct fleet_link *link)
{
    if (link == NULL) {
        return;
    }
    loop_timer_free(link->timer);
    class_topics_free(link->class_topics);
    for (uint32_t i = 0; i < TOPIC_FLEET_PARTITIONS; i++) {
        log_reader_close(link->partitions[i].reader);
    }
    link->is_closing = true;
    if (link->holds == 0) {
        link_free(link);
    }
}

bool fleet_link_is_warm(const struct fleet_link *link)
{
    for (uint32_t i = 0; i < TOPIC_FLEET_PARTITIONS; i++) {
        if (link->partitions[i].ticks == 0) {
            return false;
        }
    }
    return true;
}
