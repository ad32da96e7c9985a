#include "scheduler/core/early_cancel.h"

#include <string.h>

static void remove_at(struct early_cancels *cancels, uint32_t place, uint32_t count)
{
    memmove(cancels->list + place, cancels->list + place + count,
            (cancels->count - place - count) * sizeof(cancels->list[0]));
    cancels->count -= count;
}

static void forget_old(struct early_cancels *cancels, exo_time now_ns)
{
    uint32_t old = 0;

    while (old < cancels->count && now_ns - cancels->list[old].at_ns >= EARLY_CANCEL_KEPT_NS) {
        old++;
    }
    remove_at(cancels, 0, old);
}

/* cancels->count where there is none. */
static uint32_t find(const struct early_cancels *cancels, const struct execution_id *id)
{
    uint32_t place = 0;

    while (place < cancels->count && !execution_id_equal(&cancels->list[place].id, id)) {
        place++;
    }
    return place;
}

bool early_cancel_put(struct early_cancels *cancels, const struct execution_id *id,
                      struct span reason, exo_time now_ns)
{
    forget_old(cancels, now_ns);
    if (find(cancels, id) < cancels->count) {
        return false;
    }
    bool is_full = cancels->count == EARLY_CANCELS_MAX;

    if (is_full) {
        remove_at(cancels, 0, 1);
    }
    struct early_cancel *cancel = &cancels->list[cancels->count++];
    size_t bytes =
        reason.bytes < sizeof(cancel->reason) ? reason.bytes : sizeof(cancel->reason) - 1;

    cancel->id = *id;
    cancel->at_ns = now_ns;
    memset(cancel->reason, 0, sizeof(cancel->reason));
    if (bytes > 0) {
        memcpy(cancel->reason, reason.data, bytes);
    }
    return is_full;
}

bool early_cancel_take(struct early_cancels *cancels, const struct execution_id *id,
                       exo_time now_ns, struct early_cancel *ret_cancel)
{
    forget_old(cancels, now_ns);
    uint32_t place = find(cancels, id);

    if (place == cancels->count) {
        return false;
    }
    *ret_cancel = cancels->list[place];
    remove_at(cancels, place, 1);
    return true;
}
