/* cli_call: what command_main would hand to a client command, for its unit tests. */
#ifndef EXO_TESTS_CLI_CALL_H
#define EXO_TESTS_CLI_CALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "producer/cli/cli.h"

struct cli_call {
    struct heap_budget budget;
    struct arena arena;
    struct fault_list faults;
    struct settings_set set;
    struct command_line line;
    struct command_call call;
    struct cli cli;
    FILE *seen; /* what a captured stream has got */
    int kept_fd;
};

static const struct flag cli_call_flags[] = {
    {"input", 'i', "K=V|@FILE", "", true},
    {"label", 'l', "K=V", "", true},
    {"idempotency-key", 'k', "KEY", "", false},
};

/* cli_call_begin parses words as the flags and arguments of a command; variables: of the
 * environment, NULL-terminated. */
static inline void cli_call_begin(struct cli_call *c, const char *const *words, size_t count,
                                  const char *const *variables)
{
    const struct settings_sources sources = {.role = ROLE_CLIENT, .environment = variables};

    memset(c, 0, sizeof(*c));
    arena_init(&c->arena, allocator_heap(&c->budget), 0);
    fault_list_init(&c->faults, &c->arena, 0);
    assert_int_equal(settings_load(&c->set, &sources, &c->faults), 0);
    assert_int_equal(command_line_parse(cli_call_flags,
                                        sizeof(cli_call_flags) / sizeof(cli_call_flags[0]), words,
                                        count, &c->arena, &c->line, &c->faults),
                     0);
    c->call = (struct command_call){.settings = &c->set.values, .set = &c->set, .line = &c->line};
    cli_init(&c->cli, &c->call);
}

static inline void cli_call_end(struct cli_call *c)
{
    cli_release(&c->cli);
    settings_release(&c->set);
    arena_release(&c->arena);
    assert_int_equal(c->cli.budget.used_bytes, 0);
}

/* cli_call_capture turns a stream into a file until cli_call_seen. */
static inline void cli_call_capture(struct cli_call *c, FILE *stream)
{
    (void)fflush(stream);
    c->seen = tmpfile();
    assert_non_null(c->seen);
    c->kept_fd = dup(fileno(stream));
    assert_true(c->kept_fd >= 0);
    assert_true(dup2(fileno(c->seen), fileno(stream)) >= 0);
}

/* cli_call_seen gives the stream back and what it got, in text. */
static inline void cli_call_seen(struct cli_call *c, FILE *stream, char *text, size_t bytes)
{
    (void)fflush(stream);
    assert_true(dup2(c->kept_fd, fileno(stream)) >= 0);
    (void)close(c->kept_fd);
    rewind(c->seen);
    text[fread(text, 1, bytes - 1, c->seen)] = '\0';
    (void)fclose(c->seen);
}

/* A file of the test's own in /tmp; the caller unlinks it. */
static inline void write_text(char path[32], const char *text)
{
    (void)snprintf(path, 32, "/tmp/exo-cli-XXXXXX");
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
}

#endif /* EXO_TESTS_CLI_CALL_H */
