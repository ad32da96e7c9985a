/* tzif_build: the bytes of a TZif file from its parts, for tests. */
#ifndef EXO_TEST_TZIF_BUILD_H
#define EXO_TEST_TZIF_BUILD_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "schemas/zone/zone.h"
#include "tests/support/test.h"

enum { TZIF_BYTES_MAX = 4096 };

struct tzif_change {
    int64_t at_s;
    int32_t offset_s; /* from then on */
};

struct tzif {
    unsigned char bytes[TZIF_BYTES_MAX];
    size_t used;
};

static inline void tzif_put(struct tzif *t, uint64_t number, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--) {
        t->bytes[t->used++] = (unsigned char)(number >> (8 * i));
    }
}

/* A header; counts in the order of the file: isutc, isstd, leap, time, type, char. */
static inline void tzif_header(struct tzif *t, char version, const uint32_t counts[6])
{
    memcpy(t->bytes + t->used, "TZif", 4);
    t->used += 4;
    tzif_put(t, (unsigned char)version, 1);
    memset(t->bytes + t->used, 0, 15);
    t->used += 15;
    for (int i = 0; i < 6; i++) {
        tzif_put(t, counts[i], 4);
    }
}

/* One block; type 0 has the offset before the first change, type i + 1 that after change i. */
static inline void tzif_block(struct tzif *t, int32_t before_s, const struct tzif_change *changes,
                              uint32_t count, int time_bytes)
{
    for (uint32_t i = 0; i < count; i++) {
        tzif_put(t, (uint64_t)changes[i].at_s, time_bytes);
    }
    for (uint32_t i = 0; i < count; i++) {
        tzif_put(t, i + 1, 1);
    }
    for (uint32_t i = 0; i <= count; i++) {
        tzif_put(t, (uint32_t)(i == 0 ? before_s : changes[i - 1].offset_s), 4);
        tzif_put(t, i & 1, 1);
        tzif_put(t, (i & 1) * 4, 1);
    }
    memcpy(t->bytes + t->used, "LMT\0DST", 8);
    t->used += 8;
}

/* A whole file of a version ('\0', '2', ...) with the footer, which version 1 has not. */
static inline void tzif_build(struct tzif *t, char version, int32_t before_s,
                              const struct tzif_change *changes, uint32_t count, const char *footer)
{
    const uint32_t none[6] = {0, 0, 0, 0, 1, 8};
    const uint32_t counts[6] = {0, 0, 0, count, count + 1, 8};

    t->used = 0;
    tzif_header(t, version, version == '\0' ? counts : none);
    if (version == '\0') {
        tzif_block(t, before_s, changes, count, 4);
        return;
    }
    tzif_block(t, 0, NULL, 0, 4);
    tzif_header(t, version, counts);
    tzif_block(t, before_s, changes, count, 8);
    t->used += (size_t)sprintf((char *)t->bytes + t->used, "\n%s\n", footer);
}

/* The zone of such a file; fails the test where it is refused. */
static inline const struct zone *tzif_zone(struct arena *arena, int32_t before_s,
                                           const struct tzif_change *changes, uint32_t count,
                                           const char *footer)
{
    struct tzif t;
    struct exo_error err = {0};
    const struct zone *zone = NULL;

    tzif_build(&t, '2', before_s, changes, count, footer);
    if (zone_parse((struct span){t.bytes, t.used}, arena, &zone, &err) != 0) {
        fail_msg("%s: %s", footer, err.text);
    }
    return zone;
}

#endif /* EXO_TEST_TZIF_BUILD_H */
