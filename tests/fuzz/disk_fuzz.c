/* disk_fuzz: any bytes as what a former life of a worker left on its disk: a file of its spool and
 * the log of an attempt. The first byte: 0, the rest is the file; else it is what stands in one
 * whose sum is right. An entry that is taken is written and read back as the same. */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workers/sandbox/kept_log.h"
#include "workers/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[] = "/dev/shm/exo_disk_fuzz_XXXXXX";
static struct spool *spool;
static int directory_fd;

static void clean_up(void)
{
    spool_close(spool);
    (void)close(directory_fd);
    (void)rmdir(directory);
}

static void set_up(void)
{
    struct exo_error err;

    if (spool != NULL) {
        return;
    }
    if (mkdtemp(directory) == NULL || (spool = spool_open(directory, &err)) == NULL) {
        abort();
    }
    directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)atexit(clean_up);
}

static void file_write(const char *name, struct span bytes)
{
    int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, bytes.data, bytes.bytes) != (ssize_t)bytes.bytes) {
        abort();
    }
    (void)close(fd);
}

static void file_delete(const char *name)
{
    (void)unlinkat(directory_fd, name, 0); /* it may not be there */
}

static void is_kept(const struct spool_entry *entry, struct arena *arena)
{
    struct spool_entry *again;
    struct exo_error err;
    char name[SPOOL_NAME_BYTES];
    char draft[SPOOL_NAME_BYTES + 8];
    uint32_t broken;

    if (spool_write(spool, entry, &err) != 0) {
        assert(err.text[0] != '\0');
    } else {
        int count = spool_load(spool, arena, &again, &broken, &err);

        assert(count == 1 && broken == 0);
        assert(again->shard == entry->shard && again->incarnation == entry->incarnation);
        assert(span_equal(again->token, entry->token) && span_equal(again->worker, entry->worker));
        assert(again->report.kind == entry->report.kind);
        assert(again->report.attempt == entry->report.attempt);
        assert(span_equal(again->report.output, entry->report.output));
        assert(span_equal(again->report.error, entry->report.error));
    }
    spool_delete(spool, &entry->report.task, entry->report.attempt);
    spool_name(&entry->report.task, entry->report.attempt, name);
    (void)snprintf(draft, sizeof(draft), "%s.draft", name);
    file_delete(draft);
}

static void load_spool(struct span bytes)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct spool_entry *entries;
    struct exo_error err;
    uint32_t broken;

    arena_init(&arena, allocator_heap(&budget), 0);
    file_write("found", bytes);
    int count = spool_load(spool, &arena, &entries, &broken, &err);

    assert(count >= 0 && count + (int)broken == 1);
    file_delete("found");
    file_delete("found.broken");
    if (count == 1) {
        is_kept(&entries[0], &arena);
    }
    arena_release(&arena);
    assert(budget.used_bytes == 0);
}

static void recover_log(struct span bytes)
{
    struct kept_log_text text = {.text = NULL};
    struct exo_error err;

    file_write("found.log", bytes);
    if (kept_log_recover(directory_fd, "found", &text, &err) == 0) {
        assert(text.lost_bytes <= text.total_bytes);
        kept_log_text_free(&text);
    }
    file_delete("found.log");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heap_budget budget = {0};
    struct buffer file;

    if (size == 0) {
        return 0;
    }
    set_up();
    recover_log((struct span){data + 1, size - 1});
    if (data[0] == 0) {
        load_spool((struct span){data + 1, size - 1});
        return 0;
    }
    buffer_init(&file, allocator_heap(&budget), 0);
    buffer_append(&file, (struct span){data + 1, size - 1});
    uint32_t sum = crc32_ieee(buffer_span(&file));
    const uint8_t end[4] = {(uint8_t)sum, (uint8_t)(sum >> 8), (uint8_t)(sum >> 16),
                            (uint8_t)(sum >> 24)};

    buffer_append(&file, (struct span){end, sizeof(end)});
    load_spool(buffer_span(&file));
    buffer_release(&file);
    return 0;
}
