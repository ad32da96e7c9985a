/* posix_tz_fuzz: any bytes as a POSIX TZ rule. What is taken has changes within days of its year.
 */
#include <assert.h>
#include <stdint.h>

#include "schemas/vocab/calendar.h"
#include "schemas/zone/posix_tz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct posix_tz tz;

    if (!posix_tz_parse((struct span){data, size}, &tz)) {
        return 0;
    }
    assert(tz.name[0] != '\0' && tz.offset_s <= 25 * 3600 && tz.offset_s >= -25 * 3600);
    for (int64_t year = 1970; tz.has_saving && year < 2030; year++) {
        int64_t begin_s;
        int64_t end_s;
        int64_t first = (day_of_date((struct date){year, 1, 1}) - 9) * 86400;
        int64_t last = (day_of_date((struct date){year + 1, 1, 1}) + 9) * 86400;

        posix_tz_changes(&tz, year, &begin_s, &end_s);
        assert(begin_s >= first && begin_s <= last && end_s >= first && end_s <= last);
    }
    return 0;
}
