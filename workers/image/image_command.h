/* image_command: one run of skopeo or umoci as a child, its words kept in files.
 *
 *   arguments --> child --> DIR/stdout, DIR/stderr --> on_done(exit status)
 *
 * Sole place that starts them. The child gets no environment of ours but PATH. */
#ifndef EXO_WORKERS_IMAGE_COMMAND_H
#define EXO_WORKERS_IMAGE_COMMAND_H

#include "infra/loop/loop.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"

enum { COMMAND_TEXT_BYTES = 2048 };

struct image_command {
    struct loop_process *process;                /* NULL: does not run */
    void (*on_done)(void *argument, int status); /* status -1: a signal ended it */
    void *argument;
};

/* image_command_start starts a program.
 *
 * command    owned by the caller until on_done
 * arguments  NULL-terminated, the first is the program; borrowed. Never a secret
 * directory  for stdout, stderr and temporary files; borrowed
 * on_done    called once, later; argument is kept until then
 * Returns 0, or -1 with *err set: EXO_ENOTFOUND (no such program; the text has the line to type),
 * EXO_EIO. */
EXO_CHECKED int image_command_start(struct image_command *command, struct loop *loop,
                                    const char *const *arguments, const char *directory,
                                    void (*on_done)(void *argument, int status), void *argument,
                                    struct exo_error *err);

/* image_command_kill ends it; on_done comes. Harmless when it does not run. */
void image_command_kill(struct image_command *command);

/* image_command_read reads "stdout" or "stderr" of the last run: the end of it, NUL-terminated,
 * without blanks at the end. */
void image_command_read(const char *directory, const char *stream,
                        char ret_text[COMMAND_TEXT_BYTES]);

/* image_command_explain turns what skopeo or umoci said into an error about an image.
 *
 * said   as read from stderr, borrowed
 * image  its name, for the text
 * Pure. Returns -1 with *err set: EXO_ENOTFOUND, EXO_EDENIED, EXO_EIO (disk full) or
 * EXO_EUNAVAILABLE. */
int image_command_explain(const char *said, const char *image, struct exo_error *err);

#endif /* EXO_WORKERS_IMAGE_COMMAND_H */
