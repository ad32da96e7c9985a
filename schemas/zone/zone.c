#include "schemas/zone/zone.h"

#include <string.h>

#include "schemas/vocab/calendar.h"

enum {
    HEADER_BYTES = 44,
    TYPE_BYTES = 6,
    TYPES_MAX = 256,
    NAMES_BYTES_MAX = 1024,
    RULE_CHANGES = 6, /* of three years */
    DAY_S = 86400,
};

struct zone_type {
    int32_t offset_s;
    bool is_saving;
    uint8_t name_at;
};

struct zone {
    uint32_t change_count;
    uint32_t type_count;
    const int64_t *changes;    /* ascending */
    const uint8_t *type_after; /* of each change */
    const struct zone_type *types;
    const char *names; /* NUL after each */
    bool has_rule;
    struct posix_tz rule; /* from the last change on; for all times where there is none */
};

static const struct zone_type utc_type = {0, false, 0};
static const struct zone utc = {.type_count = 1, .types = &utc_type, .names = "UTC"};

const struct zone *zone_utc(void)
{
    return &utc;
}

/* One of the two blocks of a file. */
struct block {
    const uint8_t *at; /* behind the header */
    unsigned time_bytes;
    uint32_t isutc_count;
    uint32_t isstd_count;
    uint32_t leap_count;
    uint32_t change_count;
    uint32_t type_count;
    uint32_t names_bytes;
};

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int64_t read_time(const uint8_t *at, unsigned bytes)
{
    if (bytes == 4) {
        return (int32_t)read_u32(at);
    }
    return (int64_t)((uint64_t)read_u32(at) << 32 | read_u32(at + 4));
}

static int wrong(struct exo_error *err, const char *what)
{
    return exo_error_set(err, EXO_EINVALID, "not a time zone file (TZif): %s", what);
}

static uint64_t block_bytes(const struct block *block)
{
    return (uint64_t)block->change_count * (block->time_bytes + 1) +
           (uint64_t)block->type_count * TYPE_BYTES + block->names_bytes +
           (uint64_t)block->leap_count * (block->time_bytes + 4) + block->isstd_count +
           block->isutc_count;
}

/* Reads a header at *at and moves *at behind its block. */
static int take_block(struct span file, size_t *at, unsigned time_bytes, struct block *ret_block,
                      struct exo_error *err)
{
    const uint8_t *header = (const uint8_t *)file.data + *at;

    if (file.bytes - *at < HEADER_BYTES) {
        return wrong(err, "it ends within a header");
    }
    if (memcmp(header, "TZif", 4) != 0) {
        return wrong(err, "a header does not begin with TZif");
    }
    struct block block = {
        .at = header + HEADER_BYTES,
        .time_bytes = time_bytes,
        .isutc_count = read_u32(header + 20),
        .isstd_count = read_u32(header + 24),
        .leap_count = read_u32(header + 28),
        .change_count = read_u32(header + 32),
        .type_count = read_u32(header + 36),
        .names_bytes = read_u32(header + 40),
    };

    if (block_bytes(&block) > file.bytes - *at - HEADER_BYTES) {
        return wrong(err, "it ends within a block");
    }
    *at += HEADER_BYTES + (size_t)block_bytes(&block);
    *ret_block = block;
    return 0;
}

static int check_counts(const struct block *block, struct exo_error *err)
{
    if (block->leap_count > 0) {
        return exo_error_set(
            err, EXO_EINVALID,
            "the zone counts leap seconds; use the one without right/ in its name");
    }
    if (block->type_count == 0 || block->names_bytes == 0) {
        return wrong(err, "it has no kind of local time");
    }
    if (block->change_count > ZONE_CHANGES_MAX || block->type_count > TYPES_MAX ||
        block->names_bytes > NAMES_BYTES_MAX) {
        return exo_error_set(
            err, EXO_ELIMIT,
            "the zone has more than %d changes, %d kinds of local time or %d bytes "
            "of names",
            (int)ZONE_CHANGES_MAX, (int)TYPES_MAX, (int)NAMES_BYTES_MAX);
    }
    return 0;
}

static int read_changes(const struct block *block, struct arena *arena, struct zone *zone,
                        struct exo_error *err)
{
    const uint8_t *types = block->at + (size_t)block->change_count * block->time_bytes;
    int64_t *changes = arena_alloc(arena, block->change_count * sizeof(*changes));
    struct span kept = arena_copy(arena, (struct span){types, block->change_count});

    if (changes == NULL || kept.data == NULL) {
        return exo_error_set(err, EXO_EIO, "no memory for a time zone");
    }
    for (uint32_t i = 0; i < block->change_count; i++) {
        changes[i] = read_time(block->at + (size_t)i * block->time_bytes, block->time_bytes);
        if (changes[i] <= ZONE_BEGIN_S || changes[i] >= ZONE_END_S ||
            (i > 0 && changes[i] <= changes[i - 1])) {
            return wrong(err, "its changes are not in order");
        }
        if (types[i] >= block->type_count) {
            return wrong(err, "a change leads to a kind of local time that is not there");
        }
    }
    zone->changes = changes;
    zone->type_after = kept.data;
    zone->change_count = block->change_count;
    return 0;
}

static int read_types(const struct block *block, struct arena *arena, struct zone *zone,
                      struct exo_error *err)
{
    const uint8_t *at = block->at + (size_t)block->change_count * (block->time_bytes + 1);
    const uint8_t *names = at + (size_t)block->type_count * TYPE_BYTES;
    struct zone_type *types = arena_alloc(arena, block->type_count * sizeof(*types));
    struct span kept = arena_copy(arena, (struct span){names, block->names_bytes});

    if (types == NULL || kept.data == NULL) {
        return exo_error_set(err, EXO_EIO, "no memory for a time zone");
    }
    if (names[block->names_bytes - 1] != '\0') {
        return wrong(err, "its names do not end");
    }
    for (uint32_t i = 0; i < block->type_count; i++, at += TYPE_BYTES) {
        types[i] = (struct zone_type){(int32_t)read_u32(at), at[4] != 0, at[5]};
        if (types[i].offset_s > ZONE_OFFSET_S_MAX || types[i].offset_s < -ZONE_OFFSET_S_MAX) {
            return wrong(err, "a local time is more than 26 hours off");
        }
        if (at[4] > 1 || at[5] >= block->names_bytes) {
            return wrong(err, "a kind of local time has no name");
        }
    }
    zone->types = types;
    zone->type_count = block->type_count;
    zone->names = kept.data;
    return 0;
}

static int read_footer(struct span file, size_t at, struct zone *zone, struct exo_error *err)
{
    const char *footer = (const char *)file.data + at;
    size_t left = file.bytes - at;
    const char *end = left < 2 ? NULL : memchr(footer + 1, '\n', left - 1);

    if (end == NULL || footer[0] != '\n') {
        return wrong(err, "its footer is not there");
    }
    struct span text = {footer + 1, (size_t)(end - footer - 1)};

    zone->has_rule = text.bytes > 0;
    if (zone->has_rule && !posix_tz_parse(text, &zone->rule)) {
        return wrong(err, "its footer is no POSIX TZ rule");
    }
    return 0;
}

int zone_parse(struct span file, struct arena *arena, const struct zone **ret_zone,
               struct exo_error *err)
{
    struct zone zone = {0};
    struct block block;
    size_t at = 0;

    if (file.bytes > ZONE_FILE_BYTES_MAX) {
        return exo_error_set(err, EXO_ELIMIT, "a time zone file has more than %d bytes",
                             (int)ZONE_FILE_BYTES_MAX);
    }
    if (take_block(file, &at, 4, &block, err) != 0) {
        return -1;
    }
    char version = ((const char *)file.data)[4];

    if (version != '\0' && version < '2') {
        return wrong(err, "its version is unknown");
    }
    /* Later versions add to the second block only what a reader may pass over. */
    if (version != '\0' && take_block(file, &at, 8, &block, err) != 0) {
        return -1;
    }
    if (check_counts(&block, err) != 0 || read_changes(&block, arena, &zone, err) != 0 ||
        read_types(&block, arena, &zone, err) != 0 ||
        (version != '\0' && read_footer(file, at, &zone, err) != 0)) {
        return -1;
    }
    struct zone *kept = arena_alloc(arena, sizeof(*kept));

    if (kept == NULL) {
        return exo_error_set(err, EXO_EIO, "no memory for a time zone");
    }
    *kept = zone;
    *ret_zone = kept;
    return 0;
}

/* How many changes are at or before the instant. */
static uint32_t changes_until(const struct zone *zone, int64_t unix_s)
{
    uint32_t low = 0;
    uint32_t high = zone->change_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (zone->changes[middle] <= unix_s) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct rule_change {
    int64_t at_s;
    bool is_saving; /* after it */
};

/* The changes of the years around an instant in order; of two at once the later stands last. */
static void rule_changes(const struct posix_tz *rule, int64_t year,
                         struct rule_change ret_changes[RULE_CHANGES])
{
    int count = 0;

    for (int64_t y = year - 1; y <= year + 1; y++) {
        struct rule_change pair[2] = {{0, true}, {0, false}};

        posix_tz_changes(rule, y, &pair[0].at_s, &pair[1].at_s);
        for (int i = 0; i < 2; i++) {
            int place = count++;

            for (; place > 0 && ret_changes[place - 1].at_s > pair[i].at_s; place--) {
                ret_changes[place] = ret_changes[place - 1];
            }
            ret_changes[place] = pair[i];
        }
    }
}

static struct zone_period rule_period(const struct zone *zone, int64_t unix_s)
{
    const struct posix_tz *rule = &zone->rule;
    int64_t first = zone->change_count == 0 ? ZONE_BEGIN_S : zone->changes[zone->change_count - 1];
    struct zone_period period = {first, ZONE_END_S, rule->offset_s, false, rule->name};
    struct rule_change changes[RULE_CHANGES] = {0};
    int64_t year = date_of_day(floor_div(unix_s + rule->offset_s, DAY_S)).year;
    int before = -1;

    if (!rule->has_saving) {
        return period;
    }
    if (year < 1 || year > 9998) { /* nobody's schedule: the rule without its changes */
        period.begin_s = year < 1 ? ZONE_BEGIN_S : unix_s;
        period.end_s = year < 1 ? unix_s + 1 : ZONE_END_S;
        return period;
    }
    rule_changes(rule, year, changes);
    for (int i = 0; i < RULE_CHANGES && changes[i].at_s <= unix_s; i++) {
        before = i;
    }
    bool is_saving = before < 0 ? !changes[0].is_saving : changes[before].is_saving;

    if (before >= 0 && changes[before].at_s > period.begin_s) {
        period.begin_s = changes[before].at_s;
    }
    if (before + 1 < RULE_CHANGES) {
        period.end_s = changes[before + 1].at_s;
    }
    if (is_saving) {
        period.offset_s = rule->saving_offset_s;
        period.name = rule->saving_name;
    }
    period.is_saving = is_saving;
    return period;
}

struct zone_period zone_period_at(const struct zone *zone, int64_t unix_s)
{
    int64_t s = unix_s <= ZONE_BEGIN_S ? ZONE_BEGIN_S
                : unix_s >= ZONE_END_S ? ZONE_END_S - 1
                                       : unix_s;
    uint32_t before = changes_until(zone, s);

    if (zone->has_rule && before == zone->change_count) {
        return rule_period(zone, s);
    }
    const struct zone_type *type = &zone->types[before == 0 ? 0 : zone->type_after[before - 1]];

    return (struct zone_period){
        .begin_s = before == 0 ? ZONE_BEGIN_S : zone->changes[before - 1],
        .end_s = before == zone->change_count ? ZONE_END_S : zone->changes[before],
        .offset_s = type->offset_s,
        .is_saving = type->is_saving,
        .name = zone->names + type->name_at,
    };
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '-' || c == '_';
}

bool zone_path_is_clean(struct span name)
{
    const char *bytes = name.data;

    if (name.bytes == 0 || name.bytes > ZONE_PATH_BYTES_MAX || span_is(name, "localtime")) {
        return false;
    }
    for (size_t i = 0; i < name.bytes; i++) {
        bool is_edge = i == 0 || i + 1 == name.bytes || bytes[i - 1] == '/';

        if (!is_name_byte(bytes[i]) && (bytes[i] != '/' || is_edge)) {
            return false;
        }
    }
    return true;
}
