#include "schemas/wire/codec.h"

#include "schemas/wire/message.h"

const char *wire_result_text(enum wire_result result)
{
    switch (result) {
    case WIRE_OK:
        return "ok";
    case WIRE_EMALFORMED:
        return "not a message of this kind, or a field out of its range";
    case WIRE_EVERSION:
        return "a version this program does not know";
    case WIRE_EMEMORY:
        return "larger than its limit when unpacked";
    }
    return "not a message of this kind";
}

struct buffer_sink {
    ProtobufCBuffer base;
    struct buffer *buffer;
};

static void sink_append(ProtobufCBuffer *base, size_t bytes, const uint8_t *data)
{
    struct buffer_sink *sink = (struct buffer_sink *)base;

    buffer_append(sink->buffer, (struct span){data, bytes});
}

void message_pack(const ProtobufCMessage *message, struct buffer *buffer)
{
    struct buffer_sink sink = {.base = {.append = sink_append}, .buffer = buffer};

    (void)protobuf_c_message_pack_to_buffer(message, &sink.base);
}

struct arena_source {
    struct arena *arena;
    bool is_exhausted;
};

static void *source_alloc(void *context, size_t bytes)
{
    struct arena_source *source = context;
    void *block = arena_alloc(source->arena, bytes);

    if (block == NULL) {
        source->is_exhausted = true;
    }
    return block;
}

static void source_free(void *context, void *block)
{
    (void)context;
    (void)block;
}

enum wire_result message_unpack(const ProtobufCMessageDescriptor *descriptor, struct span bytes,
                                struct arena *arena, ProtobufCMessage **ret_message)
{
    struct arena_source source = {.arena = arena};
    ProtobufCAllocator allocator = {
        .alloc = source_alloc, .free = source_free, .allocator_data = &source};
    ProtobufCMessage *message =
        protobuf_c_message_unpack(descriptor, &allocator, bytes.bytes, bytes.data);

    if (message == NULL) {
        return source.is_exhausted ? WIRE_EMEMORY : WIRE_EMALFORMED;
    }
    *ret_message = message;
    return WIRE_OK;
}

char *message_string(struct arena *scratch, struct span text)
{
    static char empty[1];

    if (text.bytes == 0) {
        return empty;
    }
    char *copy = arena_alloc(scratch, text.bytes + 1);

    if (copy == NULL) {
        return empty;
    }
    memcpy(copy, text.data, text.bytes);
    return copy;
}

ProtobufCBinaryData message_bytes(struct span bytes)
{
    union {
        const void *in;
        uint8_t *out;
    } data = {.in = bytes.data};

    return (ProtobufCBinaryData){.len = bytes.bytes, .data = data.out};
}

uint32_t *message_u32(const uint32_t *numbers)
{
    union {
        const uint32_t *in;
        uint32_t *out;
    } u = {.in = numbers};

    return u.out;
}

uint64_t *message_u64(const uint64_t *numbers)
{
    union {
        const uint64_t *in;
        uint64_t *out;
    } u = {.in = numbers};

    return u.out;
}

struct span message_span(ProtobufCBinaryData bytes)
{
    return (struct span){bytes.data, bytes.len};
}

bool message_id(ProtobufCBinaryData bytes, struct execution_id *ret_id)
{
    if (bytes.len != sizeof(ret_id->bytes)) {
        return false;
    }
    memcpy(ret_id->bytes, bytes.data, sizeof(ret_id->bytes));
    return true;
}

bool message_digest(ProtobufCBinaryData bytes, struct digest *ret_digest)
{
    if (bytes.len != sizeof(ret_digest->bytes)) {
        return false;
    }
    memcpy(ret_digest->bytes, bytes.data, sizeof(ret_digest->bytes));
    return true;
}

void *message_array(struct arena *scratch, const ProtobufCMessageDescriptor *descriptor,
                    size_t count)
{
    size_t size = descriptor->sizeof_message;

    if (count == 0) {
        return NULL;
    }
    void **pointers = arena_alloc(scratch, count * sizeof(*pointers));
    unsigned char *messages = arena_alloc(scratch, count * size);

    if (pointers == NULL || messages == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        protobuf_c_message_init(descriptor, messages + i * size);
        pointers[i] = messages + i * size;
    }
    return pointers;
}
