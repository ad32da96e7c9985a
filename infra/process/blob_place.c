#include "infra/process/blob_place.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPEN_DIRECTORIES = 16 };

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *walk)
{
    (void)facts;
    (void)kind;
    (void)walk;
    (void)remove(path); /* what cannot be removed stays in the temporary directory */
    return 0;
}

void blob_place_close(struct blob_place *place)
{
    if (place->is_ephemeral) {
        (void)nftw(place->directory, remove_entry, OPEN_DIRECTORIES, FTW_PHYS | FTW_DEPTH);
    }
    *place = (struct blob_place){.directory = ""};
}

static int name_directory(struct blob_place *place, const struct settings *settings,
                          struct exo_error *err)
{
    const char *temporary = getenv("TMPDIR");

    if (!settings->ephemeral) {
        return snprintf(place->directory, sizeof(place->directory), "%s/blobs", settings->data) <
                       BLOB_PLACE_BYTES
                   ? 0
                   : exo_error_set(err, EXO_EINVALID, "data has too long a name");
    }
    (void)snprintf(place->directory, sizeof(place->directory), "%.400s/exosphere-blobs-XXXXXX",
                   temporary == NULL || temporary[0] == '\0' ? "/tmp" : temporary);
    if (mkdtemp(place->directory) == NULL) {
        return exo_error_set(err, EXO_EIO, "cannot make the directory %s", place->directory);
    }
    place->is_ephemeral = true;
    return 0;
}

struct blobs *blob_place_open(struct blob_place *ret_place, struct loop *loop, struct store *store,
                              const struct settings *settings, struct exo_error *err)
{
    struct blob_place place = {.directory = ""};
    bool is_s3 = settings->s3_endpoint[0] != '\0' || settings->s3_bucket[0] != '\0';
    bool is_file = strcmp(settings->store, "sqlite") == 0;

    if (!is_s3 && is_file && name_directory(&place, settings, err) != 0) {
        return NULL;
    }
    const struct blob_settings blob_settings = {
        .directory = place.directory,
        .s3_endpoint = settings->s3_endpoint,
        .s3_bucket = settings->s3_bucket,
        .s3_prefix = settings->s3_prefix,
        .s3_region = settings->s3_region,
        .s3_access_key = settings->s3_access_key,
        .s3_secret_key = settings->s3_secret_key,
    };
    struct blobs *blobs = blobs_open(loop, store, &blob_settings, err);

    if (blobs == NULL) {
        blob_place_close(&place);
        return NULL;
    }
    *ret_place = place;
    return blobs;
}
