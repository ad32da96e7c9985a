/* settings_fuzz: any bytes as a file of settings, and as the file of a secret. The first byte picks
 * the role. What is refused has faults; what is taken can be shown, and its secrets are not. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "infra/config/setting_file.h"
#include "infra/config/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A text that stands in a setting that is no secret may be shown. */
static bool is_said_openly(const struct settings_set *set, const char *text)
{
    for (int i = 0; i < SETTING_NR; i++) {
        const char *other = set->said[i].text;

        if ((setting_row(i)->marks & SETTING_SECRET) == 0 && other != NULL &&
            strstr(other, text) != NULL) {
            return true;
        }
    }
    return false;
}

static void check_hidden(const struct settings_set *set, const char *shown)
{
    for (int i = 0; i < SETTING_NR; i++) {
        const char *text = set->said[i].text;

        if ((setting_row(i)->marks & SETTING_SECRET) != 0 &&
            set->said[i].origin != SETTING_FROM_DEFAULT && strlen(text) >= 16 &&
            !is_said_openly(set, text)) {
            assert(strstr(shown, text) == NULL);
        }
    }
}

static void load(enum role role, const char *path, struct fault_list *faults)
{
    static const char *const environment[] = {NULL};
    const struct settings_sources sources = {
        .role = role, .environment = environment, .config_flag = path};
    struct settings_set set;
    char *shown = NULL;
    size_t shown_bytes = 0;
    int result = settings_load(&set, &sources, faults);

    assert((result == 0) == (faults->error_count == 0));
    FILE *out = result == 0 ? open_memstream(&shown, &shown_bytes) : NULL;

    if (out != NULL) {
        settings_print(&set, out);
        (void)fclose(out);
        check_hidden(&set, shown);
        free(shown);
    }
    settings_release(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum role roles[] = {ROLE_API, ROLE_SCHEDULER, ROLE_WORKER,
                                      ROLE_DEV, ROLE_CLIENT,    ROLE_ADMIN};
    struct heap_budget budget = {0};
    struct arena arena;
    struct fault_list faults;
    char path[64];

    if (size == 0) {
        return 0;
    }
    int fd = memfd_create("settings", MFD_CLOEXEC);

    if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)(size - 1)) {
        abort();
    }
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    arena_init(&arena, allocator_heap(&budget), 0);
    fault_list_init(&faults, &arena, 0);
    load(roles[data[0] % (sizeof(roles) / sizeof(roles[0]))], path, &faults);
    fault_list_init(&faults, &arena, 0);
    const char *secret = setting_file_read_secret(path, &arena, &faults, "here");

    assert((secret == NULL) == (faults.error_count > 0));
    assert(secret == NULL || (secret[0] != '\0' && strlen(secret) <= size));
    arena_release(&arena);
    (void)close(fd);
    assert(budget.used_bytes == 0);
    return 0;
}
