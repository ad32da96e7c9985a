/* next: the program as the version after this one may be, for tests only; the linker puts this in
 * front of what it changes. What it writes is what docs/operations.md ("Upgrades") lets a next
 * version write while this one lives: its schema is one migration further, with a column more on
 * every table that roles write and rows of a kind that is not known here, and every message it
 * sends or stores, with all messages inside, has one field more. */
#include <stdio.h>
#include <string.h>

#include "schemas/sql/migrations.h"
#include "schemas/wire/message.h"

/* ---- the schema ---- */

enum { MIGRATIONS_MAX = 1000 };

static const char POSTGRES[] =
    "ALTER TABLE execution ADD COLUMN next_note text NOT NULL DEFAULT 'next';"
    "ALTER TABLE live_execution ADD COLUMN next_note text NOT NULL DEFAULT 'next';"
    "ALTER TABLE task_page ADD COLUMN next_note text NOT NULL DEFAULT 'next';"
    "ALTER TABLE task_output ADD COLUMN next_note text NOT NULL DEFAULT 'next';"
    "ALTER TABLE group_run ADD COLUMN next_note text NOT NULL DEFAULT 'next';"
    "ALTER TABLE journal ADD COLUMN next_note text NOT NULL DEFAULT 'next';"
    "ALTER TABLE shard ADD COLUMN next_note text NOT NULL DEFAULT 'next';"
    "ALTER TABLE shard_lease ADD COLUMN next_note text NOT NULL DEFAULT 'next';"
    "ALTER TABLE shard_guard ADD COLUMN next_note text NOT NULL DEFAULT 'next';"
    "ALTER TABLE scheduler_process ADD COLUMN next_note text NOT NULL DEFAULT 'next';"
    "ALTER TABLE spanning ADD COLUMN next_note text NOT NULL DEFAULT 'next';"
    "ALTER TABLE blob ADD COLUMN next_note text NOT NULL DEFAULT 'next';"
    "ALTER TABLE blob_reference ADD COLUMN next_note text NOT NULL DEFAULT 'next';"
    "ALTER TABLE definition ADD COLUMN next_note text NOT NULL DEFAULT 'next';"
    "ALTER TABLE stored_name ADD COLUMN next_note text NOT NULL DEFAULT 'next';"
    "ALTER TABLE stored_version ADD COLUMN next_note text NOT NULL DEFAULT 'next';"
    "ALTER TABLE tombstone ADD COLUMN next_note text NOT NULL DEFAULT 'next';"
    "CREATE TABLE next_thing (id bigint PRIMARY KEY);"
    "INSERT INTO spanning (shard, kind, id, body) "
    "SELECT shard, 9000, sha256(shard::text::bytea), 'next' FROM shard";

extern const struct sql_migration __real_sql_postgres_migrations[];
extern const uint32_t __real_sql_postgres_migration_count;
extern struct sql_migration __wrap_sql_postgres_migrations[MIGRATIONS_MAX];
extern uint32_t __wrap_sql_postgres_migration_count;

struct sql_migration __wrap_sql_postgres_migrations[MIGRATIONS_MAX];
uint32_t __wrap_sql_postgres_migration_count;

__attribute__((constructor)) static void next_schema(void)
{
    const uint32_t count = __real_sql_postgres_migration_count;

    for (uint32_t i = 0; i < count && i + 1 < MIGRATIONS_MAX; i++) {
        __wrap_sql_postgres_migrations[i] = __real_sql_postgres_migrations[i];
    }
    __wrap_sql_postgres_migrations[count] =
        (struct sql_migration){.version = count + 1, .oldest = count, .text = POSTGRES};
    __wrap_sql_postgres_migration_count = count + 1;
}

/* ---- messages ---- */

void __real_message_pack(const ProtobufCMessage *message, struct buffer *buffer);
void __wrap_message_pack(const ProtobufCMessage *message, struct buffer *buffer);

static void grow(ProtobufCMessage *message);

static void grow_field(char *at, const ProtobufCFieldDescriptor *field)
{
    void *value;

    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        char *quantifier = at + field->quantifier_offset;
        size_t count = 0;
        ProtobufCMessage **list;

        memcpy(&count, quantifier, sizeof(count));
        memcpy(&list, at + field->offset, sizeof(list));
        for (size_t i = 0; i < count; i++) {
            grow(list[i]);
        }
        return;
    }
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        uint32_t which = 0;

        memcpy(&which, at + field->quantifier_offset, sizeof(which));
        if (which != field->id) {
            return;
        }
    }
    memcpy(&value, at + field->offset, sizeof(value));
    if (value != NULL) {
        grow(value);
    }
}

/* A field that this version does not know, in the message and all in it. */
static void grow(ProtobufCMessage *message)
{
    static uint8_t data[] = {4, 'n', 'e', 'x', 't'};
    static ProtobufCMessageUnknownField field = {.tag = 15000,
                                                 .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
                                                 .len = sizeof(data),
                                                 .data = data};

    message->n_unknown_fields = 1;
    message->unknown_fields = &field;
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        if (message->descriptor->fields[i].type == PROTOBUF_C_TYPE_MESSAGE) {
            grow_field((char *)message, &message->descriptor->fields[i]);
        }
    }
}

void __wrap_message_pack(const ProtobufCMessage *message, struct buffer *buffer)
{
    union {
        const ProtobufCMessage *in;
        ProtobufCMessage *out;
    } own = {.in = message}; /* a packer's own, in its scratch */

    grow(own.out);
    __real_message_pack(message, buffer);
}
