#include "scheduler/keys.h"

#include <stdlib.h>

#include "infra/crypto/key_id.h"
#include "scheduler/shard.h"

enum { LOOK_EVERY_S = 60, LOOKS_AT_ONCE = 16, ASK_EVERY_S = 300, ASKS_AT_ONCE = 1024 };

void keys_open(struct shard *shard)
{
    shard->keys = (struct keys){
        .ring = keyring_new(shard->scheduler->allocator),
        .look_ns = loop_now_ns(shard->scheduler->loop) + LOOK_EVERY_S * EXO_SECOND,
        .ask_ns = loop_now_ns(shard->scheduler->loop) + ASK_EVERY_S * EXO_SECOND,
    };
    if (shard->keys.ring == NULL) {
        abort();
    }
}

void keys_close(struct shard *shard)
{
    keyring_free(shard->keys.ring);
    shard->keys.ring = NULL;
}

bool keys_load(struct shard *shard, const struct store_spanning *row)
{
    struct wire_key_state state;

    return wire_key_state_unpack(row->body, &shard->open_arena, &state) == WIRE_OK &&
           keyring_load(shard->keys.ring, &row->id, &state);
}

static void check(struct shard *shard, bool is_good)
{
    if (!is_good) {
        shard_again(shard, EXO_SECOND); /* without memory: load again */
    }
}

void keys_ask(struct shard *shard, const struct wire_key_ask *ask)
{
    check(shard, keyring_ask(shard->keys.ring, ask, shard_time(shard)));
}

void keys_release(struct shard *shard, const struct wire_key_release *release)
{
    check(shard,
          keyring_release(shard->keys.ring, &release->key, &release->execution, shard_time(shard)));
}

static void tell(struct shard *shard, const struct wire_key_answer *answer)
{
    outbox_add(shard, execution_shard(&answer->execution, shard->scheduler->shard_count),
               (struct wire_peer){.kind = PEER_KEY_ANSWER, .key_answer = *answer});
}

void keys_refuse(struct shard *shard, const struct wire_key_ask *ask)
{
    tell(shard, &(struct wire_key_answer){ask->execution, ask->kind, KEY_REFUSED});
}

bool keys_has_changes(const struct shard *shard)
{
    uint32_t answers = 0;

    if (shard->keys.ring == NULL) {
        return false;
    }
    (void)keyring_answers(shard->keys.ring, &answers);
    return answers > 0 || keyring_change_count(shard->keys.ring) > 0;
}

static void message_send(struct shard *shard, const struct sched_message *message)
{
    struct digest id = key_id_of((uint32_t)message->kind, message->project, message->text);
    struct wire_peer peer = {.kind = PEER_KEY_ASK};

    if (message->is_release) {
        peer.kind = PEER_KEY_RELEASE;
        peer.key_release = (struct wire_key_release){id, message->id};
    } else {
        peer.key_ask = (struct wire_key_ask){.key = id,
                                             .execution = message->id,
                                             .kind = message->kind,
                                             .policy = message->policy,
                                             .limit = message->limit,
                                             .per_ns = message->per_ns};
    }
    outbox_add(shard, key_shard_of(&id, shard->scheduler->shard_count), peer);
}

void keys_send(struct shard *shard)
{
    struct sched_batch batch = sched_batch(shard->sched);
    uint32_t count;
    const struct wire_key_answer *answers = keyring_answers(shard->keys.ring, &count);

    for (uint32_t i = 0; i < batch.message_count; i++) {
        message_send(shard, &batch.messages[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        tell(shard, &answers[i]);
    }
}

void keys_seal(struct shard *shard)
{
    struct sealed *sealed = &shard->sealed;
    uint32_t count = keyring_change_count(shard->keys.ring);
    struct store_spanning *rows = sealed_alloc(sealed, count * sizeof(*rows));
    struct buffer body;

    buffer_init(&body, shard->scheduler->allocator, 0);
    for (uint32_t i = 0; i < count; i++) {
        struct keyring_change change = keyring_change(shard->keys.ring, i);

        rows[i] = (struct store_spanning){.kind = STORE_SPANNING_KEY, .id = change.key};
        if (!change.is_gone) {
            buffer_reset(&body);
            wire_key_state_pack(&change.state, &sealed->arena, &body);
            rows[i].body = sealed_copy(sealed, buffer_span(&body));
        }
    }
    if (body.is_failed) {
        abort();
    }
    buffer_release(&body);
    sealed->batch.spanning = rows;
    sealed->batch.spanning_count = count;
    keyring_sealed(shard->keys.ring);
}

/* ---- have holders ended ---- */

/* One holder that is looked at. */
struct look {
    struct shard_ticket *ticket;
    struct wire_key_release release;
};

static void looked(void *argument, const struct store_execution *execution,
                   struct span definition_text, const struct exo_error *err)
{
    struct look *look = argument;
    struct shard *shard = shard_ticket_end(look->ticket);
    bool has_ended = err == NULL && (execution == NULL || execution->is_terminal);

    (void)definition_text;
    if (shard != NULL) {
        shard->keys.looking--;
        if (has_ended && shard_is_live(shard) && shard->keys.ring != NULL) {
            keys_release(shard, &look->release);
            scheduler_wake(shard->scheduler);
        }
    }
    free(look);
}

struct round {
    struct shard *shard;
    uint32_t at, sent;
};

static void look_at(void *context, const struct digest *key, const struct execution_id *execution)
{
    struct round *round = context;
    struct shard *shard = round->shard;

    if (round->at++ < shard->keys.looked || round->sent == LOOKS_AT_ONCE) {
        return;
    }
    struct look *look = calloc(1, sizeof(*look));

    if (look == NULL) {
        abort();
    }
    look->ticket = shard_ticket_new(shard, NULL);
    look->release = (struct wire_key_release){*key, *execution};
    round->sent++;
    shard->keys.looking++;
    store_execution_get(shard->scheduler->store, execution, looked, look);
}

/* Nobody should hold a key that has ended: its release went with its end. Should a message ever be
 * lost with a disk, the key is not. */
static void look(struct shard *shard)
{
    struct round round = {.shard = shard};

    keyring_holders(shard->keys.ring, look_at, &round);
    shard->keys.looked = round.sent < LOOKS_AT_ONCE ? 0 : shard->keys.looked + round.sent;
    shard->keys.look_ns = loop_now_ns(shard->scheduler->loop) + LOOK_EVERY_S * EXO_SECOND;
}

/* Those who wait for a key ask again: a message that was acknowledged may be lost with a disk. */
static void ask_again(struct shard *shard)
{
    switch (sched_ask_again(shard->sched, ASKS_AT_ONCE)) {
    case SCHED_OK:
        shard->keys.ask_ns = loop_now_ns(shard->scheduler->loop) + ASK_EVERY_S * EXO_SECOND;
        break;
    case SCHED_EMEMORY:
        shard_again(shard, EXO_SECOND);
        break;
    case SCHED_EMORE:
    case SCHED_ESTALE:
    case SCHED_EKNOWN:
    case SCHED_ELIMIT:
        break;
    }
    scheduler_wake(shard->scheduler);
}

exo_time keys_turn(struct shard *shard)
{
    if (keyring_deadline(shard->keys.ring) <= shard_time(shard)) {
        check(shard, keyring_timer(shard->keys.ring, shard_time(shard)));
    }
    if (!shard_is_live(shard) || shard->keys.ring == NULL) {
        return EXO_TIME_NEVER;
    }
    if (shard->state == SHARD_RUNNING && shard->keys.looking == 0 &&
        shard->keys.look_ns <= loop_now_ns(shard->scheduler->loop)) {
        look(shard);
    }
    if (shard->state == SHARD_RUNNING && shard->scheduler->careful_count == 0 &&
        shard->outbox_count < OUTBOX_MAX / 2 &&
        shard->keys.ask_ns <= loop_now_ns(shard->scheduler->loop)) {
        ask_again(shard);
    }
    if (!shard_is_live(shard) || shard->keys.ring == NULL) {
        return EXO_TIME_NEVER;
    }
    return keyring_deadline(shard->keys.ring);
}
