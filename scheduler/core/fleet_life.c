/* fleet_life: the lives of one worker, and what each has lent. More than one may speak under a name
 * (a machine that was thought dead, a second program), and one that was started again beside a
 * clock that was set back is no ghost: any of them may count again, and goes on then with the loans
 * it has spent. Pure. */
#include "scheduler/core/fleet_state.h"

struct fleet_life *fleet_life_find(struct fleet_worker *w, uint64_t incarnation)
{
    if (w->life.incarnation == incarnation) {
        return &w->life;
    }
    for (uint32_t i = 0; i < FLEET_LIVES_PAST; i++) {
        if (w->past[i].incarnation == incarnation) {
            return &w->past[i];
        }
    }
    return NULL;
}

static void tables_put(struct fleet *fleet, struct fleet_life *life)
{
    fleet_memory_put(fleet, life->tickets, life->window * sizeof(*life->tickets));
    fleet_memory_put(fleet, life->stack, life->window * sizeof(*life->stack));
    life->tickets = NULL;
    life->stack = NULL;
    life->window = 0;
    life->available = 0;
}

/* New tables of so many tickets; false, with those it had, without memory. */
static bool tables_get(struct fleet *fleet, struct fleet_life *life, uint32_t window)
{
    struct fleet_life fresh = {.window = window};

    fresh.tickets = fleet_memory_get(fleet, window * sizeof(*fresh.tickets));
    fresh.stack = fleet_memory_get(fleet, window * sizeof(*fresh.stack));
    if (fresh.tickets == NULL || fresh.stack == NULL) {
        tables_put(fleet, &fresh);
        return false;
    }
    tables_put(fleet, life);
    life->tickets = fresh.tickets;
    life->stack = fresh.stack;
    life->window = window;
    return true;
}

/* Where another that counts leaves a place: of those remembered the one with the least incarnation
 * goes, since whoever is newer is heard first. */
static struct fleet_life *past_place(struct fleet *fleet, struct fleet_worker *w)
{
    struct fleet_life *place = &w->past[0];

    for (uint32_t i = 1; i < FLEET_LIVES_PAST; i++) {
        if (w->past[i].incarnation < place->incarnation) {
            place = &w->past[i];
        }
    }
    tables_put(fleet, place);
    return place;
}

bool fleet_life_begin(struct fleet *fleet, struct fleet_worker *w, uint64_t incarnation,
                      uint32_t window)
{
    struct fleet_life *known = fleet_life_find(w, incarnation);
    struct fleet_life life = {.incarnation = incarnation};

    if (known != NULL) {
        life = *known;
    }
    if (life.window != window && !tables_get(fleet, &life, window)) {
        return false;
    }
    if (known != &w->life) {
        *(known != NULL ? known : past_place(fleet, w)) = w->life;
    }
    w->life = life;
    return true;
}

void fleet_life_push(struct fleet_life *life, uint32_t ticket)
{
    life->tickets[ticket].is_available = true;
    life->stack[life->available++] = ticket;
}

void fleet_life_drop(struct fleet_life *life, uint32_t ticket)
{
    life->tickets[ticket].is_available = false;
    for (uint32_t i = 0; i < life->available; i++) {
        if (life->stack[i] == ticket) {
            life->stack[i] = life->stack[--life->available];
            break;
        }
    }
}

void fleet_lives_free(struct fleet *fleet, struct fleet_worker *w)
{
    tables_put(fleet, &w->life);
    for (uint32_t i = 0; i < FLEET_LIVES_PAST; i++) {
        tables_put(fleet, &w->past[i]);
    }
}
