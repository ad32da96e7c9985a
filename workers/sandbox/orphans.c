#include "workers/sandbox/orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What /proc/PID/stat tells of a process. */
struct kin {
    char state;
    int parent;
    int session;
};

/* Orphans go to the thread that stands for the process. */
static FILE *open_children(void)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    return fopen(path, "re");
}

static int read_kin(int pid, struct kin *ret_kin)
{
    char path[64], text[512];

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t bytes = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

    if (fd >= 0) {
        (void)close(fd);
    }
    if (bytes <= 0) {
        return -1;
    }
    text[bytes] = '\0';
    /* The name in brackets may hold anything, brackets too: the fields stand after the last. */
    const char *after = strrchr(text, ')');
    int group;

    /* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers */
    return after != NULL && sscanf(after + 1, " %c %d %d %d", &ret_kin->state, &ret_kin->parent,
                                   &group, &ret_kin->session) == 4
               ? 0
               : -1;
}

int orphans_open(struct exo_error *err)
{
    FILE *children = open_children();

    if (children == NULL) {
        return exo_error_set(err, EXO_EIO,
                             "/proc/self/task/*/children: %s; containers need a kernel with "
                             "CONFIG_PROC_CHILDREN, as all of Debian have",
                             strerror(errno));
    }
    (void)fclose(children);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        return exo_error_set(err, EXO_EIO, "cannot become the reaper of orphans: %s",
                             strerror(errno));
    }
    return 0;
}

void orphans_reap(void)
{
    FILE *children = open_children();
    int own_session = (int)getsid(0), pid = 0;

    /* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers */
    while (children != NULL && fscanf(children, "%d", &pid) == 1) {
        struct kin kin;

        if (read_kin(pid, &kin) == 0 && kin.state == 'Z' && kin.session != pid &&
            kin.session != own_session) {
            (void)waitpid(pid, NULL, WNOHANG);
        }
    }
    if (children != NULL) {
        (void)fclose(children);
    }
}

/* Waits for the end of the go-between that still is the parent. */
static void await_parent(int pid, int parent, int limit_ms)
{
    struct kin again;
    int fd = pidfd_open(parent, 0);

    /* A parent twice is the process the descriptor stands for. */
    if (fd >= 0 && read_kin(pid, &again) == 0 && again.parent == parent) {
        struct pollfd ended = {.fd = fd, .events = POLLIN};

        (void)poll(&ended, 1, limit_ms);
        (void)waitpid(parent, NULL, WNOHANG);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

int orphans_adopt(int pid, exo_time limit_ns, struct exo_error *err)
{
    enum { TRIES = 8 };
    int limit_ms = (int)(limit_ns / EXO_MILLISECOND / TRIES);
    struct kin kin = {.parent = 0};

    for (int i = 0; i < TRIES; i++) {
        if (read_kin(pid, &kin) != 0) {
            break;
        }
        if (kin.parent == getpid()) {
            if (i == 0) {
                /* The go-between was faster than we: it lies about among our children. */
                orphans_reap();
            }
            return 0;
        }
        await_parent(pid, kin.parent, limit_ms);
    }
    return exo_error_set(err, EXO_EINTERNAL,
                         "process %d that crun started is no child of the worker but of %d", pid,
                         kin.parent);
}
