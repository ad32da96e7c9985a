/* schedule_view: a schedule as people see it over REST (docs/rest.md).
 *
 * Pure. */
#ifndef EXO_PRODUCER_SCHEDULE_VIEW_H
#define EXO_PRODUCER_SCHEDULE_VIEW_H

#include "schemas/json/json_write.h"
#include "schemas/schedule/schedule.h"
#include "schemas/wire/schedule_row.h"

enum { SCHEDULE_VIEW_NEXT_MAX = 5 };

struct schedule_view {
    const struct wire_schedule_row *row;
    const struct execution_id *fires;  /* ids of the row's fires, in its order */
    const struct schedule *definition; /* NULL: it cannot be read here; then nothing is next */
    const struct zone *zone;           /* with a definition */
    exo_time now_ns;
    bool is_whole; /* with the definition and the fires; in lists without */
};

/* schedule_view_put puts one schedule as a map. */
void schedule_view_put(struct json_writer *w, const struct schedule_view *view);

#endif /* EXO_PRODUCER_SCHEDULE_VIEW_H */
