#include "producer/http/resolving.h"

#include "infra/store/version_gather.h"

enum { FAULTS_MAX = 100 };

/* ---- looking up ---- */

struct looking {
    struct exchange *x;
    struct uses_set *set;
    void (*done)(void *argument, const struct exo_error *err);
    void *argument;
};

static void on_found(void *argument, const struct version_found *found, uint32_t count,
                     const struct exo_error *err)
{
    struct looking *looking = argument;

    if (!exchange_back(looking->x)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct uses_entry *entry = &looking->set->entries[i];

        entry->number = found[i].number;
        entry->problem = found[i].problem;
        if (found[i].text.data != NULL) {
            entry->text = exchange_copy(looking->x, found[i].text);
        }
    }
    looking->done(looking->argument, err);
}

void uses_look_up(struct exchange *x, struct uses_set *set,
                  void (*done)(void *argument, const struct exo_error *err), void *argument)
{
    struct version_reference references[USES_MAX];
    struct looking *looking = exchange_alloc(x, sizeof(*looking));

    *looking = (struct looking){x, set, done, argument};
    for (uint32_t i = 0; i < set->count; i++) {
        references[i] = set->entries[i].reference;
    }
    (void)exchange_wait(x);
    version_gather(x->api->store, references, set->count, on_found, looking);
}

/* ---- reading ---- */

static void on_looked_up(void *argument, const struct exo_error *err);

static void read_once(struct resolving *r)
{
    struct exchange *x = r->x;

    fault_list_init(&r->faults, &x->parsing, FAULTS_MAX);
    enum submit_result result =
        submit_read(&x->api->book, r->text, &x->parsing, &r->submission, &r->faults);

    if (result == SUBMIT_WANTS) {
        uses_look_up(x, r->submission.wanted, on_looked_up, r);
    } else {
        r->done(r, result, NULL);
    }
}

static void on_looked_up(void *argument, const struct exo_error *err)
{
    struct resolving *r = argument;

    if (err != NULL) {
        r->done(r, SUBMIT_WANTS, err);
    } else {
        read_once(r);
    }
}

void resolving_begin(struct resolving *r)
{
    r->submission = (struct submission){.entry = NULL};
    read_once(r);
}
