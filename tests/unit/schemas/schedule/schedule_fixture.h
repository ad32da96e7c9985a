/* schedule_fixture: a schedule file in, a schedule or its faults out, over the cluster's fixture.
 */
#ifndef EXO_TEST_SCHEDULE_FIXTURE_H
#define EXO_TEST_SCHEDULE_FIXTURE_H

#include "schemas/schedule/schedule.h"
#include "tests/unit/schemas/cluster/cluster_fixture.h"

/* The only zones there are. */
static inline bool fixture_is_zone(void *context, struct span name)
{
    (void)context;
    return span_is(name, "UTC") || span_is(name, "Europe/Berlin");
}

/* Gives the schedule, or NULL when there are faults. root is kept in the fixture. */
static inline const struct schedule *fixture_schedule_value(struct cluster_fixture *f,
                                                            struct value root)
{
    const struct schedule *schedule = NULL;
    const struct schedule_source source = {.root = &f->root, .is_zone = fixture_is_zone};

    f->root = root;
    int result = schedule_parse(&source, &f->arena, &schedule, &f->faults);

    assert_int_equal(result == 0, f->faults.error_count == 0);
    assert_int_equal(result == 0, schedule != NULL);
    return schedule;
}

/* A whole file, JSON with ' for ". */
static inline const struct schedule *fixture_schedule(struct cluster_fixture *f, const char *quoted)
{
    return fixture_schedule_value(f, fixture_json(f, quoted));
}

#endif /* EXO_TEST_SCHEDULE_FIXTURE_H */
