#include "infra/cache/heard.h"

#include <stdlib.h>

struct heard_entry {
    struct id_entry entry; /* first: found through heard.table */
    struct heard_entry *older, *newer;
    exo_time until_ns;
};

void heard_init(struct heard *heard, exo_time keep_ns)
{
    *heard = (struct heard){.keep_ns = keep_ns};
    id_table_init(&heard->table);
}

static void list_remove(struct heard *heard, struct heard_entry *entry)
{
    *(entry->older != NULL ? &entry->older->newer : &heard->oldest) = entry->newer;
    *(entry->newer != NULL ? &entry->newer->older : &heard->newest) = entry->older;
}

static void list_add(struct heard *heard, struct heard_entry *entry)
{
    entry->newer = NULL;
    entry->older = heard->newest;
    *(heard->newest != NULL ? &heard->newest->newer : &heard->oldest) = entry;
    heard->newest = entry;
}

static void forget_oldest(struct heard *heard)
{
    struct heard_entry *entry = heard->oldest;

    list_remove(heard, entry);
    id_table_remove(&heard->table, &entry->entry);
    free(entry);
}

void heard_release(struct heard *heard)
{
    while (heard->oldest != NULL) {
        forget_oldest(heard);
    }
    id_table_release(&heard->table);
}

static void forget(struct heard *heard, exo_time now_ns)
{
    while (heard->oldest != NULL && heard->oldest->until_ns <= now_ns) {
        forget_oldest(heard);
    }
}

void heard_note(struct heard *heard, const struct execution_id *id, exo_time now_ns)
{
    forget(heard, now_ns);
    struct heard_entry *entry = (struct heard_entry *)id_table_find(&heard->table, id);

    if (entry != NULL) {
        list_remove(heard, entry);
    } else {
        if (heard->table.count == HEARD_MAX) {
            forget_oldest(heard);
        }
        entry = calloc(1, sizeof(*entry));
        if (entry == NULL) {
            abort();
        }
        entry->entry.id = *id;
        id_table_add(&heard->table, &entry->entry);
    }
    entry->until_ns = now_ns + heard->keep_ns;
    list_add(heard, entry);
}

bool heard_has(struct heard *heard, const struct execution_id *id, exo_time now_ns)
{
    forget(heard, now_ns);
    return heard->table.count > 0 && id_table_find(&heard->table, id) != NULL;
}
