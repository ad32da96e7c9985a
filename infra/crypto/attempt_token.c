#include "infra/crypto/attempt_token.h"

#include "infra/crypto/crypto.h"

enum { NAME_BYTES = EXECUTION_ID_BYTES + 12, TOKEN_BYTES = NAME_BYTES + DIGEST_BYTES };

static void put_u32(uint8_t *to, uint32_t number)
{
    for (int i = 0; i < 4; i++) {
        to[i] = (uint8_t)(number >> (24 - 8 * i));
    }
}

static uint32_t get_u32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

void attempt_token_make(const uint8_t secret[ATTEMPT_SECRET_BYTES], const struct task_id *task,
                        uint32_t attempt, char ret_text[ATTEMPT_TOKEN_TEXT_BYTES])
{
    uint8_t token[TOKEN_BYTES];

    memcpy(token, task->execution.bytes, EXECUTION_ID_BYTES);
    put_u32(token + EXECUTION_ID_BYTES, task->instance);
    put_u32(token + EXECUTION_ID_BYTES + 4, task->index);
    put_u32(token + EXECUTION_ID_BYTES + 8, attempt);
    struct digest mac =
        hmac_sha256((struct span){secret, ATTEMPT_SECRET_BYTES}, (struct span){token, NAME_BYTES});

    memcpy(token + NAME_BYTES, mac.bytes, DIGEST_BYTES);
    (void)base64url_encode((struct span){token, TOKEN_BYTES}, ret_text);
}

bool attempt_token_check(const uint8_t secret[ATTEMPT_SECRET_BYTES], struct span text,
                         struct task_id *ret_task, uint32_t *ret_attempt)
{
    uint8_t token[TOKEN_BYTES];
    size_t bytes;

    if (!base64url_decode(text, token, sizeof(token), &bytes) || bytes != TOKEN_BYTES) {
        return false;
    }
    struct digest mac =
        hmac_sha256((struct span){secret, ATTEMPT_SECRET_BYTES}, (struct span){token, NAME_BYTES});

    if (!bytes_equal_constant_time((struct span){mac.bytes, DIGEST_BYTES},
                                   (struct span){token + NAME_BYTES, DIGEST_BYTES})) {
        return false;
    }
    memcpy(ret_task->execution.bytes, token, EXECUTION_ID_BYTES);
    ret_task->instance = get_u32(token + EXECUTION_ID_BYTES);
    ret_task->index = get_u32(token + EXECUTION_ID_BYTES + 4);
    *ret_attempt = get_u32(token + EXECUTION_ID_BYTES + 8);
    return true;
}
