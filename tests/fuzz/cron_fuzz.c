/* cron_fuzz: any bytes as an expression of cron. What is taken is due in order, at whole minutes
 * that it matches, and never too often; what is refused has its place. */
#include <assert.h>
#include <stdint.h>

#include "schemas/cron/cron.h"
#include "schemas/vocab/calendar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_minute(const struct cron *cron, exo_time at_ns)
{
    int64_t minute = at_ns / EXO_MINUTE;
    struct date date = date_of_day(minute / 1440);

    assert(at_ns % EXO_MINUTE == 0);
    assert((cron->minutes >> (minute % 60) & 1) != 0);
    assert((cron->hours >> (minute / 60 % 24) & 1) != 0);
    assert((cron->months >> date.month & 1) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cron cron;
    struct cron_error error = {0};
    struct cron_fire fire = {.at_ns = 1774746000 * EXO_SECOND};
    struct cron_fire last;

    if (cron_parse((struct span){data, size}, &cron, &error) != 0) {
        assert(error.column >= 1 && error.column <= size + 1 && error.text[0] != '\0');
        return 0;
    }
    assert(cron.minutes != 0 && cron.hours != 0 && cron.months != 0);
    for (int i = 0; i < 5; i++) {
        exo_time before = fire.at_ns;

        if (!cron_next(&cron, zone_utc(), before, &fire)) {
            break;
        }
        assert(fire.at_ns > before && !fire.is_moved);
        check_minute(&cron, fire.at_ns);
        bool is_found = cron_last(&cron, zone_utc(), before, fire.at_ns, &last);

        assert(is_found && last.at_ns == fire.at_ns);
    }
    return 0;
}
