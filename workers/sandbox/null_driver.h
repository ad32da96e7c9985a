/* null_driver: runs nothing; the attempt ends at the next turn of the loop, or as its command says.
 *
 *   sandbox_start --> due list --one timer--> on_start, on_log, on_exit (all that are due at once)
 *
 * For tests, benches and dry runs of a cluster. A command whose first word is "null" says how it
 * ends; any other command succeeds at once and writes no output:
 *
 *   null [--sleep 10ms] [--exit 1 | --signal 9 | --oom | --not-started] [--output JSON | --list N]
 *        [--control JSON] [--log TEXT] [--ignore-term] [--progress TEXT [--every 10ms]]
 *
 * --list writes the list of the numbers 0 .. N - 1.
 * --progress writes progress.json when it starts; with --every again and again while it sleeps.
 * --ignore-term makes sandbox_stop wait for its grace. Touches nothing but the loop. */
#ifndef EXO_WORKERS_NULL_DRIVER_H
#define EXO_WORKERS_NULL_DRIVER_H

#include "workers/sandbox/sandbox.h"

/* How a run of the null driver goes, as read from its command. */
struct null_script {
    exo_time sleep_ns;
    int status;
    int signal; /* 0: none */
    int list;   /* so many numbers are its output; 0: none */
    bool is_oom;
    bool is_not_started;
    bool ignores_term;
    exo_time every_ns;    /* 0: progress is written once */
    const char *output;   /* points into the arguments; NULL: none */
    const char *control;  /* the same */
    const char *log;      /* the same */
    const char *progress; /* the same */
};

/* null_script_parse reads a command. Pure.
 * args        NULL-terminated, at least one; borrowed, *ret_script points into them
 * ret_script  out; untouched on failure
 * Returns 0, or -1 with *err set to EXO_EINVALID. */
EXO_CHECKED int null_script_parse(const char *const *args, struct null_script *ret_script,
                                  struct exo_error *err);

#endif /* EXO_WORKERS_NULL_DRIVER_H */
