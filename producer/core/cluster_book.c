#include "producer/core/cluster_book.h"

#include <assert.h>

#include "schemas/json/json_read.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/limits.h"

/* A canonical text may be larger than the file it was made from. */
enum { STORED_TEXT_BYTES_MAX = 16 << 20 };

void book_init(struct book *book, struct allocator allocator, uint32_t entries_max,
               size_t bytes_max)
{
    *book =
        (struct book){.allocator = allocator, .entries_max = entries_max, .bytes_max = bytes_max};
}

static void unlink_age(struct book *book, struct book_entry *entry)
{
    *(entry->newer != NULL ? &entry->newer->older : &book->newest) = entry->older;
    *(entry->older != NULL ? &entry->older->newer : &book->oldest) = entry->newer;
}

static void link_newest(struct book *book, struct book_entry *entry)
{
    entry->newer = NULL;
    entry->older = book->newest;
    *(book->newest != NULL ? &book->newest->newer : &book->oldest) = entry;
    book->newest = entry;
}

static void entry_free(struct book *book, struct book_entry *entry)
{
    arena_release(&entry->arena);
    (void)book->allocator.resize(book->allocator.context, entry, sizeof(*entry), 0);
}

static void entry_remove(struct book *book, struct book_entry *entry)
{
    struct book_entry **link = &book->buckets[entry->hash % BOOK_BUCKETS];

    while (*link != entry) {
        link = &(*link)->bucket_next;
    }
    *link = entry->bucket_next;
    unlink_age(book, entry);
    book->count--;
    book->bytes -= entry->arena.used_bytes;
    entry_free(book, entry);
}

void book_release(struct book *book)
{
    while (book->newest != NULL) {
        assert(book->newest->uses == 0);
        entry_remove(book, book->newest);
    }
}

void book_hold(struct book_entry *entry)
{
    entry->uses++;
}

void book_drop(struct book_entry *entry)
{
    assert(entry->uses > 0);
    entry->uses--;
}

static struct book_entry *find(struct book *book, uint32_t hash, const struct book_text *text)
{
    struct book_entry *entry = book->buckets[hash % BOOK_BUCKETS];

    while (entry != NULL && (entry->hash != hash || entry->is_stored != text->is_stored ||
                             !span_equal(entry->project, span_of(text->project)) ||
                             !span_equal(entry->text, text->text))) {
        entry = entry->bucket_next;
    }
    return entry;
}

static void fault_simple(struct fault_list *faults, const char *text, const char *hint)
{
    const struct fault fault = {.path = "cluster", .text = text, .hint = hint};

    fault_add(faults, &fault);
}

static void no_memory(struct fault_list *faults)
{
    fault_simple(faults, "the cluster needs more than 64 MiB when compiled",
                 "split it into several clusters");
}

static bool read_value(struct book_entry *entry, struct value **ret_value,
                       struct fault_list *faults)
{
    struct json_limits limits = {.borrows_text = true};
    struct value *value = arena_alloc(&entry->arena, sizeof(*value));
    struct json_error error;

    limits.text_bytes_max = entry->is_stored ? STORED_TEXT_BYTES_MAX : LIMIT_CLUSTER_BYTES;
    if (value == NULL) {
        no_memory(faults);
        return false;
    }
    if (json_read(entry->text, &limits, &entry->arena, value, &error) != JSON_OK) {
        const struct fault fault = {
            .line = error.line, .column = error.column, .path = "cluster", .text = error.text};

        fault_add(faults, &fault);
        return false;
    }
    *ret_value = value;
    return true;
}

static bool compile(struct book *book, struct book_entry *entry, struct fault_list *faults)
{
    struct value *root;

    if (!read_value(entry, &root, faults)) {
        return false;
    }
    struct cluster_source source = {
        .root = root,
        .default_project = entry->project.bytes == 0 ? NULL : entry->project.data,
        .is_inner = !entry->is_stored,
        .is_stored = entry->is_stored,
    };

    if (cluster_parse(&source, &entry->arena, &entry->cluster, faults) != 0) {
        return false;
    }
    if (entry->is_stored) {
        entry->canonical = entry->text;
        return true;
    }
    struct buffer text;

    buffer_init(&text, book->allocator, 0);
    cluster_canonical(entry->cluster, &text);
    entry->canonical = arena_copy(&entry->arena, buffer_span(&text));
    bool is_whole = !text.is_failed && entry->canonical.data != NULL;

    buffer_release(&text);
    if (!is_whole) {
        no_memory(faults);
    }
    return is_whole;
}

static void make_room(struct book *book, const struct book_entry *spared)
{
    struct book_entry *entry = book->oldest;

    while (entry != NULL && (book->count > book->entries_max || book->bytes > book->bytes_max)) {
        struct book_entry *newer = entry->newer;

        if (entry != spared && entry->uses == 0) {
            entry_remove(book, entry);
        }
        entry = newer;
    }
}

struct book_entry *book_get(struct book *book, const struct book_text *text,
                            struct fault_list *faults)
{
    uint32_t hash = murmur2_32(text->text);
    struct book_entry *entry = find(book, hash, text);

    if (entry != NULL) {
        unlink_age(book, entry);
        link_newest(book, entry);
        return entry;
    }
    entry = book->allocator.resize(book->allocator.context, NULL, 0, sizeof(*entry));
    if (entry == NULL) {
        no_memory(faults);
        return NULL;
    }
    *entry = (struct book_entry){.hash = hash, .is_stored = text->is_stored};
    arena_init(&entry->arena, book->allocator, BOOK_ENTRY_BYTES_MAX);
    entry->project = arena_copy(&entry->arena, span_of(text->project));
    entry->text = arena_copy(&entry->arena, text->text);
    if (entry->project.data == NULL || entry->text.data == NULL) {
        no_memory(faults);
        entry_free(book, entry);
        return NULL;
    }
    if (!compile(book, entry, faults)) {
        entry_free(book, entry);
        return NULL;
    }
    entry->bucket_next = book->buckets[hash % BOOK_BUCKETS];
    book->buckets[hash % BOOK_BUCKETS] = entry;
    link_newest(book, entry);
    book->count++;
    book->bytes += entry->arena.used_bytes;
    make_room(book, entry);
    return entry;
}
