/*
 * Frames out. A server's frame is the same for every socket, so it is built once, header and
 * payload in one refbuf, and queued by reference everywhere. A client masks with a fresh key per
 * frame (unpredictable keys are the caller's duty; the load generator draws them from its rng).
 */
#ifndef WEFT_WS_ENCODER_H
#define WEFT_WS_ENCODER_H

#include "bytes.h"
#include "refbuf.h"
#include "ws_frame.h"

/* 2 to WS_HEADER_SIZE_MAX. */
size_t ws_encode_header_size(uint64_t payload_size, bool masked);
/* Writes that many bytes and returns how many. key: 4 bytes, NULL for a server's frame. */
size_t ws_encode_header(uint8_t *out, enum ws_opcode opcode, bool fin, uint64_t payload_size,
                        const uint8_t *key);

/* A server's whole frame; NULL when memory is out. */
struct refbuf *ws_encode_shared(enum ws_opcode opcode, struct slice payload);
/* The same with room for a payload that the caller writes to *ret_payload before sharing it. */
struct refbuf *ws_encode_shared_space(enum ws_opcode opcode, size_t payload_size,
                                      uint8_t **ret_payload);

/* A whole frame at the end of out, masked if key is not NULL. Failure latches in out. */
void ws_encode_append(struct bytes *out, enum ws_opcode opcode, struct slice payload,
                      const uint8_t *key);
/*
 * A close frame; an empty one for WS_CLOSE_NONE. A reason (UTF-8) longer than
 * WS_CLOSE_REASON_SIZE_MAX is cut between characters.
 */
void ws_encode_close(struct bytes *out, uint16_t code, struct slice reason, const uint8_t *key);

#endif
