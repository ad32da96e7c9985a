/* image_disk: the cache of unpacked images on disk.
 *
 *   CACHE/lock  CACHE/tmp/XXXXXX/{layout/, rootfs/, stdout, stderr}
 *   CACHE/images/sha256-HEX/{rootfs/, meta.json}     whole or not there: made in tmp/, renamed
 *   CACHE/archives/DEVICE-INODE-SIZE-TIME            the digest such a file had
 *
 * What blocks long (settle, remove) is for another thread; the rest is short.
 *
 * Touches the file system. */
#ifndef EXO_WORKERS_IMAGE_DISK_H
#define EXO_WORKERS_IMAGE_DISK_H

#include <sys/stat.h>

#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "workers/image/image.h"
#include "workers/image/image_reference.h"

enum { IMAGE_PATH_BYTES = 1024 };

struct image_disk {
    char cache_dir[IMAGE_PATH_BYTES];
    char image_dir[IMAGE_PATH_BYTES]; /* "" when there is none */
    int image_dir_fd;                 /* -1 when there is none */
    int lock_fd;
};

/* image_disk_open makes the directories and takes the lock.
 * disk  out; image_disk_close also after a failure
 * Returns 0, or -1 with *err set; see image_store_open. */
EXO_CHECKED int image_disk_open(struct image_disk *disk, const char *cache_dir,
                                const char *image_dir, struct exo_error *err);
void image_disk_close(struct image_disk *disk);

/* image_disk_each calls back with the digest of every directory of images/. */
void image_disk_each(const struct image_disk *disk,
                     void (*call)(void *argument, const char *digest), void *argument);

/* image_disk_load reads meta.json of an image into the arena; ret_used_ns: when it was last used
 * (wall clock). Returns 0, or -1 with *err set when there is none or it is damaged. */
EXO_CHECKED int image_disk_load(const struct image_disk *disk, const char *digest,
                                struct arena *arena, struct image *ret_image, exo_time *ret_used_ns,
                                struct exo_error *err);

/* image_disk_touch notes that an image was used now. */
void image_disk_touch(const struct image_disk *disk, const char *digest);

/* image_disk_make_temporary makes a directory in tmp/. Returns 0, or -1 with *err set. */
EXO_CHECKED int image_disk_make_temporary(const struct image_disk *disk,
                                          char ret_path[IMAGE_PATH_BYTES], struct exo_error *err);

/* image_disk_settle turns tmp/X, with layout/ and rootfs/ in it, into images/DIGEST: reads config
 * and user, makes the mount points, sums up the size, syncs, renames. Blocks long.
 *
 * temporary  path of tmp/X
 * manifest   digest of the manifest in layout/
 * digest     under which the image shall stand
 * Returns 0, or -1 with *err set. */
EXO_CHECKED int image_disk_settle(const struct image_disk *disk, const char *temporary,
                                  const char *manifest, const char *digest, struct exo_error *err);

/* image_disk_discard moves an image to tmp/ at once.
 * ret_path  what image_disk_remove_tree is to remove
 * Returns false when it could not; then it still stands. */
EXO_CHECKED bool image_disk_discard(const struct image_disk *disk, const char *digest,
                                    char ret_path[IMAGE_PATH_BYTES]);

/* image_disk_remove_tree removes a directory and all in it; blocks long. */
void image_disk_remove_tree(const char *path);

/* image_disk_set_aside moves all that stands in tmp/ into one directory there, to be removed by
 * image_disk_remove_tree. Not while a fetch uses tmp/.
 * Returns false when there is nothing. */
EXO_CHECKED bool image_disk_set_aside(const struct image_disk *disk,
                                      char ret_path[IMAGE_PATH_BYTES]);

/* image_disk_find looks a local image up below the image directory, links that lead out of it
 * refused.
 * ret_path  absolute path of the layout or archive
 * Returns 0, or -1 with *err set: EXO_EINVALID (no image directory is set), EXO_ENOTFOUND (the
 * text says where it looked and what is there), EXO_EDENIED (it leads out). */
EXO_CHECKED int image_disk_find(const struct image_disk *disk,
                                const struct image_reference *reference,
                                char ret_path[IMAGE_PATH_BYTES], struct stat *ret_facts,
                                struct exo_error *err);

/* image_disk_read_file reads a small file whole.
 * Returns 0 with malloc'ed bytes (gives; NULL when empty), or -1 with *err set. */
EXO_CHECKED int image_disk_read_file(const char *path, unsigned char **ret_bytes, size_t *ret_count,
                                     struct exo_error *err);

/* image_disk_recall_archive and _note_archive keep the digest of an archive by its file facts. */
EXO_CHECKED bool image_disk_recall_archive(const struct image_disk *disk, const struct stat *facts,
                                           char ret_digest[IMAGE_DIGEST_TEXT_BYTES + 1]);
void image_disk_note_archive(const struct image_disk *disk, const struct stat *facts,
                             const char *digest);

#endif /* EXO_WORKERS_IMAGE_DISK_H */
