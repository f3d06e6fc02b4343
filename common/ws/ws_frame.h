/*
 * What both directions of RFC 6455 share: opcodes, close codes, the header's layout.
 *
 *    offset  bits  field
 *    0       1     FIN: last frame of its message
 *            3     RSV1-3: 0, no extension is negotiated
 *            4     opcode
 *    1       1     MASK: 1 from client to server, 0 from server to client
 *            7     length: 0-125 itself; 126: the next 2 bytes; 127: the next 8 bytes
 *    2       16/64 extended length, big-endian, minimal, below 2^63
 *    ..      32    masking key if MASK
 */
#ifndef WEFT_WS_FRAME_H
#define WEFT_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ws_opcode {
    WS_CONTINUATION = 0x0,
    WS_TEXT = 0x1,
    WS_BINARY = 0x2,
    WS_CLOSE = 0x8,
    WS_PING = 0x9,
    WS_PONG = 0xa,
};

#define WS_HEADER_SIZE_MAX 14
#define WS_CONTROL_SIZE_MAX 125
#define WS_CLOSE_REASON_SIZE_MAX 123

enum ws_close_code {
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_GOING_AWAY = 1001,
    WS_CLOSE_PROTOCOL = 1002,
    WS_CLOSE_UNSUPPORTED = 1003,
    WS_CLOSE_NONE = 1005, /* never on the wire: the close frame was empty */
    WS_CLOSE_BAD_DATA = 1007,
    WS_CLOSE_POLICY = 1008,
    WS_CLOSE_TOO_BIG = 1009,
    WS_CLOSE_INTERNAL = 1011,
    WS_CLOSE_RESTART = 1012,
    WS_CLOSE_TRY_LATER = 1013,
};

/* May this code stand in a close frame? (RFC 6455, 7.4, and IANA's registry: 1012 to 1014.) */
static inline bool ws_close_code_valid(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

/* XORs data with the key, of which byte `phase` mod 4 comes first. */
void ws_mask(uint8_t *data, size_t size, const uint8_t key[4], unsigned phase);

#endif
