/* message: the bridge between protobuf-c's messages and our structs; for this folder's sources
 * only.
 *
 * Pure. The only header of ours that includes protobuf-c. */
#ifndef EXO_WIRE_MESSAGE_H
#define EXO_WIRE_MESSAGE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "schemas/vocab/ids.h"
#include "schemas/wire/codec.h"

/* message_pack appends a filled message to the buffer. */
void message_pack(const ProtobufCMessage *message, struct buffer *buffer);

/* message_unpack reads a message into the arena; gives it in *ret_message, or says why not. */
EXO_CHECKED enum wire_result message_unpack(const ProtobufCMessageDescriptor *descriptor,
                                            struct span bytes, struct arena *arena,
                                            ProtobufCMessage **ret_message);

/* message_string makes the NUL-terminated copy that protobuf-c wants; "" without memory. */
char *message_string(struct arena *scratch, struct span text);

/* message_bytes borrows a span as protobuf-c's bytes. */
ProtobufCBinaryData message_bytes(struct span bytes);

/* message_u32 and message_u64 borrow numbers: protobuf-c wants arrays that it could write to;
 * packing never does. */
uint32_t *message_u32(const uint32_t *numbers);
uint64_t *message_u64(const uint64_t *numbers);

/* message_span borrows protobuf-c's bytes as a span. */
struct span message_span(ProtobufCBinaryData bytes);

/* message_id and message_digest read exactly 16 and 32 bytes; false for another length. */
EXO_CHECKED bool message_id(ProtobufCBinaryData bytes, struct execution_id *ret_id);
EXO_CHECKED bool message_digest(ProtobufCBinaryData bytes, struct digest *ret_digest);

/* message_array gives count pointers to count zeroed messages of a size, each initialised by
 * protobuf_c_message_init; NULL when count is 0 or without memory. */
void *message_array(struct arena *scratch, const ProtobufCMessageDescriptor *descriptor,
                    size_t count);

#endif /* EXO_WIRE_MESSAGE_H */
