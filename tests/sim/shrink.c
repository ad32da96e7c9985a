#include "tests/sim/shrink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/plan.h"

/* The line that says what is wrong: of sim_fail, of an assert, of a sanitizer. */
static bool is_complaint(const char *line)
{
    return strncmp(line, "seed ", 5) == 0 || strstr(line, "Assertion") != NULL ||
           strstr(line, "runtime error") != NULL || strstr(line, "AddressSanitizer") != NULL;
}

static void complaint_find(FILE *said, char text[SHRINK_TEXT_BYTES])
{
    char line[4096];

    text[0] = '\0';
    while (fgets(line, sizeof(line), said) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (text[0] == '\0' && is_complaint(line)) {
            (void)snprintf(text, SHRINK_TEXT_BYTES, "%.500s", line);
        }
    }
}

/* Whether the world fails, and what it says then. */
static bool fails(const struct world_settings *settings, char text[SHRINK_TEXT_BYTES])
{
    int fds[2];
    int status = 0;

    (void)fflush(stdout);
    if (pipe(fds) != 0) {
        abort();
    }
    pid_t child = fork();

    if (child < 0) {
        abort();
    }
    if (child == 0) {
        struct world_counts counts = {0};

        (void)dup2(fds[1], STDERR_FILENO);
        world_limit();
        world_run(settings, &counts);
        _exit(0);
    }
    (void)close(fds[1]);
    FILE *said = fdopen(fds[0], "r");

    if (said == NULL) {
        abort();
    }
    complaint_find(said, text);
    (void)fclose(said);
    (void)waitpid(child, &status, 0);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

/* Two complaints are the same but for their numbers. */
static bool is_same(const char *a, const char *b)
{
    static const char digits[] = "0123456789.-";

    while (*a != '\0' || *b != '\0') {
        a += strspn(a, digits);
        b += strspn(b, digits);
        if (*a != *b) {
            return false;
        }
        a += *a != '\0';
        b += *b != '\0';
    }
    return true;
}

struct search {
    struct world_settings *best;
    char *text;
    bool is_smaller; /* found in this round */
};

static void attempt(struct search *search, const struct world_settings *smaller)
{
    char text[SHRINK_TEXT_BYTES];

    if (fails(smaller, text) && is_same(text, search->text)) {
        *search->best = *smaller;
        memcpy(search->text, text, sizeof(text));
        search->is_smaller = true;
        (void)printf("  %s\n", text);
    }
}

static void executions_less(struct search *search)
{
    for (uint32_t width = PLAN_EXECUTIONS_MAX / 2; width > 0; width /= 2) {
        for (uint32_t first = 0; first < PLAN_EXECUTIONS_MAX; first += width) {
            struct world_settings smaller = *search->best;

            smaller.left_out |= ((UINT64_C(1) << width) - 1) << first;
            if (smaller.left_out != search->best->left_out) {
                attempt(search, &smaller);
            }
        }
    }
}

static void faults_less(struct search *search)
{
    for (int i = 0; i < FAULT_NR; i++) {
        struct world_settings smaller = *search->best;

        if (smaller.is_enabled[i]) {
            smaller.is_enabled[i] = false;
            attempt(search, &smaller);
        }
    }
}

bool shrink(struct world_settings *settings, char text[SHRINK_TEXT_BYTES])
{
    struct search search = {.best = settings, .text = text};

    settings->is_told = false;
    world_faults(settings, settings->is_enabled);
    settings->is_chosen = true;
    if (!fails(settings, text)) {
        return false;
    }
    (void)printf("  %s\n", text);
    do {
        search.is_smaller = false;
        executions_less(&search);
        faults_less(&search);
    } while (search.is_smaller);
    return true;
}
