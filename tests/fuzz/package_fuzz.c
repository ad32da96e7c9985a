/* Any bytes as a package: nothing is made outside the directory, no crash. */
#include "infra/archive/package.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *walk)
{
    (void)facts;
    (void)kind;
    (void)walk;
    return remove(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const uint8_t head[PACKAGE_HEAD_BYTES] = {0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0};
    char path[64] = "/dev/shm/exo_package_fuzz_XXXXXX";
    int in_fd = memfd_create("package", MFD_CLOEXEC);
    struct exo_error err;

    if (in_fd < 0 || mkdtemp(path) == NULL) {
        abort();
    }
    int directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    /* Half of them with a good head, so that the tar is reached. */
    if ((bytes % 2 == 0 && write(in_fd, head, sizeof(head)) != sizeof(head)) ||
        write(in_fd, data, bytes) != (ssize_t)bytes || lseek(in_fd, 0, SEEK_SET) != 0) {
        abort();
    }
    if (package_unpack(in_fd, directory_fd, NULL, NULL, &err) != 0 && err.text[0] == '\0') {
        abort();
    }
    (void)close(directory_fd);
    (void)close(in_fd);
    (void)nftw(path, remove_entry, 16, FTW_PHYS | FTW_DEPTH);
    return 0;
}
