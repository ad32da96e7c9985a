#include <assert.h>

#include "scheduler/core/fleet_state.h"

/* Workers that are gone keep no number: their next heartbeat names their classes again. */
static void class_leave(struct fleet_worker *w, uint32_t class)
{
    for (uint32_t i = 0; i < w->class_count;) {
        if (w->classes[i] == class) {
            w->classes[i] = w->classes[--w->class_count];
        } else {
            i++;
        }
    }
}

static bool is_served(const struct fleet *fleet, uint32_t class)
{
    for (uint32_t i = 0; i < fleet->worker_count; i++) {
        const struct fleet_worker *w = fleet->workers[i];

        for (uint32_t k = 0; k < w->class_count && !w->is_gone; k++) {
            if (w->classes[k] == class) {
                return true;
            }
        }
    }
    return false;
}

/* Forgets a class that nobody names any more; UINT32_MAX when there is none. */
static uint32_t class_forget(struct fleet *fleet)
{
    for (uint32_t class = 0; class < fleet->class_count; class ++) {
        if (fleet->class_holds[class] > 0 || is_served(fleet, class)) {
            continue;
        }
        assert(fleet->available[class] == 0);
        for (uint32_t i = 0; i < fleet->worker_count; i++) {
            class_leave(fleet->workers[i], class);
        }
        return class;
    }
    return UINT32_MAX;
}

uint32_t fleet_class(struct fleet *fleet, struct span name)
{
    char kept[FLEET_NAME_BYTES];

    for (uint32_t i = 0; i < fleet->class_count; i++) {
        if (span_is(name, fleet->classes[i])) {
            return i;
        }
    }
    if (!fleet_name_copy(kept, name)) {
        return UINT32_MAX;
    }
    uint32_t class =
        fleet->class_count < FLEET_CLASSES_MAX ? fleet->class_count++ : class_forget(fleet);

    if (class != UINT32_MAX) {
        memcpy(fleet->classes[class], kept, sizeof(kept));
    }
    return class;
}

void fleet_class_hold(struct fleet *fleet, uint32_t class)
{
    if (class != UINT32_MAX) {
        fleet->class_holds[class]++;
    }
}

void fleet_class_drop(struct fleet *fleet, uint32_t class)
{
    if (class != UINT32_MAX) {
        assert(fleet->class_holds[class] > 0);
        fleet->class_holds[class]--;
    }
}

struct span fleet_class_name(const struct fleet *fleet, uint32_t class)
{
    assert(class < fleet->class_count);
    return span_of(fleet->classes[class]);
}

uint32_t fleet_class_count(const struct fleet *fleet)
{
    return fleet->class_count;
}
