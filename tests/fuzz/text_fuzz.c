/* text_fuzz: any bytes as each small text that comes from outside: lengths of time, quantities,
 * instants, ids, digests, base64, addresses of Redis, tokens. What is taken is written and read
 * back as the same; a token that was not signed is never taken. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "infra/cache/redis_url.h"
#include "infra/crypto/attempt_token.h"
#include "infra/crypto/crypto.h"
#include "schemas/vocab/instant.h"
#include "schemas/vocab/quantity.h"
#include "schemas/vocab/states.h"
#include "schemas/vocab/timestamp.h"
#include "workers/sandbox/null_driver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void lengths_and_quantities(struct span text)
{
    char written[DURATION_TEXT_BYTES];
    exo_time ns, back = -1;
    uint32_t millis;
    uint64_t bytes;

    if (duration_parse(text, &ns)) {
        assert(ns >= 0 && ns <= 100 * 365 * 24 * EXO_HOUR);
        duration_format(ns, written);
        bool is_read = duration_parse(span_of(written), &back);

        assert(is_read && back == ns - ns % EXO_MILLISECOND);
    }
    if (cpu_parse(text, &millis)) {
        assert(millis >= 1 && millis <= 1000000);
    }
    if (memory_parse(text, &bytes)) {
        assert(bytes >= 1 && bytes <= (uint64_t)1 << 50);
    }
}

static void instants(struct span text)
{
    char stamp[TIMESTAMP_TEXT_BYTES];
    char written[INSTANT_TEXT_BYTES];
    exo_time ns, back_ns = -1;
    int64_t seconds, back_seconds, length_ns, back_length;
    uint32_t nanos, back_nanos;

    if (timestamp_parse(text, &ns)) {
        timestamp_format(ns / EXO_MILLISECOND, stamp);
        bool is_read = timestamp_parse(span_of(stamp), &back_ns);

        assert(is_read && back_ns == ns - ns % EXO_MILLISECOND);
    }
    if (instant_parse(text, &seconds, &nanos) == INSTANT_OK) {
        assert(seconds >= INSTANT_SECONDS_MIN && seconds <= INSTANT_SECONDS_MAX);
        instant_format(seconds, nanos, written);
        enum instant_err err = instant_parse(span_of(written), &back_seconds, &back_nanos);

        assert(err == INSTANT_OK && back_seconds == seconds && back_nanos == nanos);
    }
    if (instant_parse_duration(text, &length_ns) == INSTANT_OK) {
        instant_format_duration(length_ns, written);
        enum instant_err err = instant_parse_duration(span_of(written), &back_length);

        assert(err == INSTANT_OK && back_length == length_ns);
    }
    if (instant_parse_offset(text, &seconds)) {
        assert(seconds > -24 * 3600 && seconds < 24 * 3600);
    }
}

static void names(struct span text)
{
    struct execution_id id, back_id;
    struct digest digest, back_digest;
    char id_text[EXECUTION_ID_TEXT_BYTES + 1];
    char digest_text[SHA256_TEXT_BYTES + 1];
    unsigned char bytes[256];
    char encoded[sizeof(bytes) * 2];
    size_t count;

    if (execution_id_parse(text, &id)) {
        execution_id_format(&id, id_text);
        bool is_read = execution_id_parse(span_of(id_text), &back_id);

        assert(is_read && execution_id_equal(&id, &back_id));
    }
    if (digest_parse(text, &digest)) {
        digest_format(&digest, digest_text);
        bool is_read = digest_parse(span_of(digest_text), &back_digest);

        assert(is_read && memcmp(&digest, &back_digest, sizeof(digest)) == 0);
    }
    if (base64url_decode(text, bytes, sizeof(bytes), &count)) {
        size_t written = base64url_encode((struct span){bytes, count}, encoded);

        assert(written == text.bytes && span_equal(text, (struct span){encoded, written}));
    }
}

static void tokens(struct span text)
{
    static const uint8_t secret[ATTEMPT_SECRET_BYTES] = "nobody who fuzzes knows this";
    struct task_id task = {.instance = 7};
    uint32_t attempt = 3;
    char good[ATTEMPT_TOKEN_TEXT_BYTES];

    bool is_taken = attempt_token_check(secret, text, &task, &attempt);

    assert(!is_taken && task.instance == 7 && attempt == 3);
    /* One that is good but for the bytes that the text puts over its beginning. */
    attempt_token_make(secret, &task, attempt, good);
    size_t over = text.bytes < sizeof(good) - 1 ? text.bytes : sizeof(good) - 1;
    bool is_same = over == 0 || memcmp(good, text.data, over) == 0;

    if (over > 0) {
        memcpy(good, text.data, over);
    }
    is_taken = attempt_token_check(secret, (struct span){good, sizeof(good) - 1}, &task, &attempt);
    assert(is_taken == is_same);
}

/* The text as words, as a command of the null sandbox. */
static void null_command(char *text)
{
    const char *words[32] = {"null"};
    struct null_script script;
    struct exo_error err;
    char *rest = text;
    size_t count = 1;

    for (char *word = strsep(&rest, " "); word != NULL && count < 31; word = strsep(&rest, " ")) {
        words[count++] = word;
    }
    if (null_script_parse(words, &script, &err) != 0) {
        assert(err.text[0] != '\0');
    } else {
        assert(script.sleep_ns >= 0 && script.list >= 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct span text = {data, size};
    struct redis_url url;
    struct exo_error err;
    enum execution_state execution;
    enum task_state task;
    char *copy = strndup(size == 0 ? "" : (const char *)data, size);

    if (copy == NULL) {
        return 0;
    }
    lengths_and_quantities(text);
    instants(text);
    names(text);
    tokens(text);
    if (execution_state_parse(text, &execution)) {
        assert(execution < EXECUTION_STATE_NR);
    }
    if (task_state_parse(text, &task)) {
        assert(task < TASK_STATE_NR);
    }
    if (redis_url_parse(copy, &url, &err) == 0) {
        assert(url.host[0] != '\0' && url.port != 0);
    } else {
        assert(err.text[0] != '\0');
    }
    null_command(copy);
    free(copy);
    return 0;
}
