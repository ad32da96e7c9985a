/* field_tables: every table of fields of the cluster file, for tests that compare it with what is
 * written elsewhere. */
#ifndef EXO_TEST_FIELD_TABLES_H
#define EXO_TEST_FIELD_TABLES_H

#include "schemas/cluster/cluster_fields.h"
#include "schemas/cluster/cluster_input.h"
#include "schemas/cluster/satellite_fields.h"

enum field_table {
    TABLE_FILE,
    TABLE_CLUSTER,
    TABLE_INPUT,
    TABLE_SATELLITE,
    TABLE_GROUP,
    TABLE_USED,
    TABLE_WAITING,
    TABLE_DEFAULTS,
    TABLE_RESOURCES,
    TABLE_RETRIES,
    TABLE_CACHE,
    TABLE_BATCH,
    TABLE_TIMEOUTS,
    TABLE_CONCURRENCY,
    TABLE_RATE,
    TABLE_JOIN,
    TABLE_WAIT,
    TABLE_MOUNT,
    TABLE_NR,
};

struct field_table_row {
    const char *schema; /* the def in cluster.schema.json; "" is the schema itself */
    const struct field *fields;
    const size_t *count;
    unsigned in;
};

static const struct field_table_row field_tables[TABLE_NR] = {
    [TABLE_FILE] = {"", file_fields, &file_field_count, FIELD_IN_ALL},
    [TABLE_CLUSTER] = {"cluster", cluster_fields, &cluster_field_count, FIELD_IN_ALL},
    [TABLE_INPUT] = {"input", input_fields, &input_field_count, FIELD_IN_ALL},
    [TABLE_SATELLITE] = {"satellite", satellite_fields, &satellite_field_count, FIELD_IN_SATELLITE},
    [TABLE_GROUP] = {"group", satellite_fields, &satellite_field_count, FIELD_IN_GROUP},
    [TABLE_USED] = {"used_cluster", satellite_fields, &satellite_field_count, FIELD_IN_CLUSTER},
    [TABLE_WAITING] = {"waiting", satellite_fields, &satellite_field_count, FIELD_IN_WAIT},
    [TABLE_DEFAULTS] = {"defaults", satellite_fields, &satellite_field_count, FIELD_IN_DEFAULTS},
    [TABLE_RESOURCES] = {"resources", resources_fields, &resources_field_count, FIELD_IN_ALL},
    [TABLE_RETRIES] = {"retries", retries_fields, &retries_field_count, FIELD_IN_ALL},
    [TABLE_CACHE] = {"cache", cache_fields, &cache_field_count, FIELD_IN_ALL},
    [TABLE_BATCH] = {"batch", batch_fields, &batch_field_count, FIELD_IN_ALL},
    [TABLE_TIMEOUTS] = {"timeouts", timeouts_fields, &timeouts_field_count, FIELD_IN_ALL},
    [TABLE_CONCURRENCY] = {"concurrency", concurrency_fields, &concurrency_field_count,
                           FIELD_IN_ALL},
    [TABLE_RATE] = {"rate", rate_fields, &rate_field_count, FIELD_IN_ALL},
    [TABLE_JOIN] = {"join", join_fields, &join_field_count, FIELD_IN_ALL},
    [TABLE_WAIT] = {"wait", wait_fields, &wait_field_count, FIELD_IN_ALL},
    [TABLE_MOUNT] = {"mount", mount_fields, &mount_field_count, FIELD_IN_ALL},
};

/* True for a field of the table that is read, not refused. */
static inline bool field_is_read(const struct field_table_row *table, const struct field *field)
{
    return (field->in & table->in) != 0 && field->read != field_refuse;
}

#endif /* EXO_TEST_FIELD_TABLES_H */
