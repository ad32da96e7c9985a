/* recording: the program with a worker that writes down each attempt it starts, for tests only; the
 * linker puts this in front of attempt_start. One line an attempt, appended to the file that
 * CHAOS_RECORD names, before the container is asked for: EXECUTION TASK ATTEMPT PID. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "schemas/vocab/ids.h"
#include "workers/attempt_state.h"

void __real_attempt_start(struct attempt *a);
void __wrap_attempt_start(struct attempt *a);

static int record_fd(void)
{
    static int fd = -1;
    const char *path = getenv("CHAOS_RECORD");

    if (fd < 0 && path != NULL) {
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (fd < 0) {
            abort();
        }
    }
    return fd;
}

void __wrap_attempt_start(struct attempt *a)
{
    char execution[EXECUTION_ID_TEXT_BYTES + 1];
    char task[128] = "?";
    char line[512];
    int fd = record_fd();

    if (fd >= 0) {
        execution_id_format(&a->contract->spec.execution, execution);
        contract_task_path(&a->contract->spec, a->id.index, task);
        int bytes = snprintf(line, sizeof(line), "%s %s %u %d\n", execution, task, a->number,
                             (int)getpid());

        assert(bytes > 0 && bytes < (int)sizeof(line));
        /* One write of so few bytes at the end of a file is whole or not there. */
        if (write(fd, line, (size_t)bytes) != bytes) {
            abort();
        }
    }
    __real_attempt_start(a);
}
