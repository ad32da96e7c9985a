#include "producer/core/text_versions.h"

#include <string.h>

static const exo_time good_ns = EXO_SECOND;

static bool name_write(const char *project, const char *cluster,
                       char ret_name[TEXT_VERSIONS_NAME_BYTES])
{
    size_t project_bytes = strlen(project);
    size_t cluster_bytes = strlen(cluster);

    if (project_bytes + 1 + cluster_bytes >= TEXT_VERSIONS_NAME_BYTES) {
        return false;
    }
    memcpy(ret_name, project, project_bytes);
    ret_name[project_bytes] = '\n';
    memcpy(ret_name + project_bytes + 1, cluster, cluster_bytes + 1);
    return true;
}

bool text_versions_find(const struct text_versions *versions, const char *project,
                        const char *cluster, const struct digest *digest, exo_time now_ns,
                        uint32_t *ret_version)
{
    const struct text_version *entry = &versions->table[digest->bytes[0] % TEXT_VERSIONS_NR];
    char name[TEXT_VERSIONS_NAME_BYTES];

    if (entry->name[0] == '\0' || now_ns - entry->asked_ns >= good_ns ||
        memcmp(entry->digest.bytes, digest->bytes, DIGEST_BYTES) != 0 ||
        !name_write(project, cluster, name) || strcmp(entry->name, name) != 0) {
        return false;
    }
    *ret_version = entry->version;
    return true;
}

void text_versions_keep(struct text_versions *versions, const char *project, const char *cluster,
                        const struct digest *digest, uint32_t version, exo_time asked_ns)
{
    struct text_version *entry = &versions->table[digest->bytes[0] % TEXT_VERSIONS_NR];
    char name[TEXT_VERSIONS_NAME_BYTES];

    if (asked_ns <= versions->forgotten_ns || !name_write(project, cluster, name)) {
        return;
    }
    memcpy(entry->name, name, strlen(name) + 1);
    entry->digest = *digest;
    entry->version = version;
    entry->asked_ns = asked_ns;
}

void text_versions_forget(struct text_versions *versions, exo_time now_ns)
{
    memset(versions->table, 0, sizeof(versions->table));
    versions->forgotten_ns = now_ns;
}
