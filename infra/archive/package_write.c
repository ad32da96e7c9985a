#include "infra/archive/package.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "infra/archive/package_tree.h"
#include "infra/crypto/crypto.h"
#include "schemas/json/json_write.h"
#include "schemas/vocab/limits.h"

enum { PIECE_BYTES = 256 << 10 };

/* Where the package goes. */
struct sink {
    int fd;
    struct sha256 *sha256;
    uint64_t bytes;
    int failure; /* errno of the first write that failed */
};

static void le32(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (unsigned char)(value >> (8 * i));
    }
}

static bool sink_write(struct sink *sink, struct span bytes)
{
    const char *at = bytes.data;
    size_t left = bytes.bytes;

    while (left > 0 && sink->failure == 0) {
        ssize_t count = write(sink->fd, at, left);

        if (count < 0) {
            sink->failure = errno == EINTR ? 0 : errno;
            continue;
        }
        at += count;
        left -= (size_t)count;
    }
    sha256_add(sink->sha256, bytes);
    sink->bytes += bytes.bytes;
    return sink->failure == 0;
}

static la_ssize_t on_write(struct archive *archive, void *argument, const void *bytes, size_t count)
{
    struct sink *sink = argument;

    if (!sink_write(sink, (struct span){bytes, count})) {
        archive_set_error(archive, sink->failure, "cannot write the package");
        return -1;
    }
    return (la_ssize_t)count;
}

static int index_write(struct sink *sink, const struct package_tree *tree, struct exo_error *err)
{
    struct heap_budget budget = {0};
    struct buffer text;
    struct json_writer json = {.buffer = &text};
    unsigned char head[PACKAGE_HEAD_BYTES];
    int result = 0;

    buffer_init(&text, allocator_heap(&budget), PACKAGE_INDEX_BYTES_MAX);
    json_begin_map(&json);
    json_key(&json, "files");
    json_begin_list(&json);
    for (uint32_t i = 0; i < tree->entry_count; i++) {
        const struct package_entry *entry = &tree->entries[i];

        if (entry->is_directory) {
            continue;
        }
        json_begin_map(&json);
        json_key(&json, "path");
        json_put_text(&json, entry->path);
        json_key(&json, "bytes");
        json_put_uint(&json, entry->bytes);
        if (entry->is_executable) {
            json_key(&json, "executable");
            json_put_bool(&json, true);
        }
        json_end_map(&json);
    }
    json_end_list(&json);
    json_key(&json, "bytes");
    json_put_uint(&json, tree->file_bytes);
    json_end_map(&json);
    le32(head, 0x184d2a50);
    le32(head + 4, (uint32_t)text.bytes);
    if (text.is_failed) {
        result = exo_error_set(err, EXO_ELIMIT, "the names of the files have more than 4 MiB");
    } else if (!sink_write(sink, (struct span){head, sizeof(head)}) ||
               !sink_write(sink, buffer_span(&text))) {
        result =
            exo_error_set(err, EXO_EIO, "cannot write the package: %s", strerror(sink->failure));
    }
    buffer_release(&text);
    return result;
}

static int archive_failed(struct archive *archive, struct exo_error *err)
{
    const char *text = archive_error_string(archive);

    return exo_error_set(err, EXO_EIO, "cannot pack: %s", text == NULL ? "no reason given" : text);
}

static int file_write(struct archive *archive, int directory_fd, const struct package_entry *entry,
                      unsigned char *piece, struct exo_error *err)
{
    int fd = openat(directory_fd, entry->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    uint64_t left = entry->bytes;
    int result = 0;

    while (fd >= 0 && left > 0 && result == 0) {
        size_t wanted = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        ssize_t got = read(fd, piece, wanted);

        if (got <= 0) {
            break;
        }
        result = archive_write_data(archive, piece, (size_t)got) == got
                     ? 0
                     : archive_failed(archive, err);
        left -= (uint64_t)got;
    }
    if (result == 0 && (fd < 0 || left > 0)) {
        result = exo_error_set(err, EXO_EIO, "%.200s cannot be read", entry->path);
    }
    if (fd >= 0) {
        (void)close(fd); /* only read */
    }
    return result;
}

static int entry_write(struct archive *archive, struct archive_entry *header, int directory_fd,
                       const struct package_entry *entry, unsigned char *piece,
                       struct exo_error *err)
{
    archive_entry_clear(header);
    archive_entry_copy_pathname(header, entry->path); /* bytes as they are: no locale has a say */
    archive_entry_set_filetype(header, entry->is_directory ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(header, entry->is_directory || entry->is_executable ? 0755 : 0644);
    archive_entry_set_size(header, (la_int64_t)entry->bytes);
    archive_entry_set_mtime(header, 0, 0);
    if (archive_write_header(archive, header) < ARCHIVE_WARN) {
        return archive_failed(archive, err);
    }
    return entry->is_directory ? 0 : file_write(archive, directory_fd, entry, piece, err);
}

static int tree_write(struct sink *sink, int directory_fd, const struct package_tree *tree,
                      struct exo_error *err)
{
    struct archive *archive = archive_write_new();
    struct archive_entry *header = archive_entry_new();
    unsigned char *piece = malloc(PIECE_BYTES);
    int result = 0;

    if (archive == NULL || header == NULL || piece == NULL) {
        result = exo_error_set(err, EXO_EIO, "no memory to pack artefacts");
    } else if (archive_write_set_format_gnutar(archive) != ARCHIVE_OK ||
               archive_write_add_filter_zstd(archive) != ARCHIVE_OK ||
               archive_write_set_bytes_in_last_block(archive, 1) != ARCHIVE_OK ||
               archive_write_open(archive, sink, NULL, on_write, NULL) != ARCHIVE_OK) {
        result = archive_failed(archive, err);
    }
    for (uint32_t i = 0; i < tree->entry_count && result == 0; i++) {
        result = entry_write(archive, header, directory_fd, &tree->entries[i], piece, err);
    }
    if (result == 0 && archive_write_close(archive) != ARCHIVE_OK) {
        result = archive_failed(archive, err);
    }
    free(piece);
    archive_entry_free(header);
    (void)archive_write_free(archive); /* what it could fail at, close has told */
    return result;
}

int package_write(int directory_fd, int out_fd, struct package_facts *ret_facts,
                  struct exo_error *err)
{
    struct package_tree tree;
    struct sink sink = {.fd = out_fd};
    int result = package_tree_read(&tree, directory_fd, err);

    if (result == 0 && tree.file_count == 0) {
        *ret_facts = (struct package_facts){.bytes = 0};
    } else if (result == 0) {
        sink.sha256 = sha256_new();
        result =
            index_write(&sink, &tree, err) != 0 ? -1 : tree_write(&sink, directory_fd, &tree, err);
        if (result == 0 && sink.bytes > LIMIT_ARTEFACT_BYTES) {
            result = exo_error_set(err, EXO_ELIMIT, "the package has more than 1 GiB");
        }
        if (result == 0) {
            *ret_facts = (struct package_facts){.digest = sha256_finish(sink.sha256),
                                                .bytes = sink.bytes,
                                                .file_bytes = tree.file_bytes,
                                                .file_count = tree.file_count};
        }
        sha256_free(sink.sha256);
    }
    package_tree_release(&tree);
    return result;
}
