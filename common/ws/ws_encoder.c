#include "ws_encoder.h"

size_t ws_encode_header_size(uint64_t payload_size, bool masked)
{
    size_t size = payload_size < 126 ? 2 : payload_size <= UINT16_MAX ? 4 : 10;
    return size + (masked ? 4 : 0);
}

size_t ws_encode_header(uint8_t *out, enum ws_opcode opcode, bool fin, uint64_t payload_size,
                        const uint8_t *key)
{
    MUST(!(payload_size >> 63));
    MUST(opcode < WS_CLOSE || (fin && payload_size <= WS_CONTROL_SIZE_MAX));
    size_t size = 2;
    uint8_t mask_bit = key ? 0x80 : 0;
    out[0] = (uint8_t)((fin ? 0x80 : 0) | opcode);
    if (payload_size < 126) {
        out[1] = (uint8_t)(mask_bit | payload_size);
    } else if (payload_size <= UINT16_MAX) {
        out[1] = mask_bit | 126;
        out[2] = (uint8_t)(payload_size >> 8);
        out[3] = (uint8_t)payload_size;
        size = 4;
    } else {
        out[1] = mask_bit | 127;
        store_be64(out + 2, payload_size);
        size = 10;
    }
    if (key) {
        memcpy(out + size, key, 4);
        size += 4;
    }
    return size;
}

struct refbuf *ws_encode_shared_space(enum ws_opcode opcode, size_t payload_size,
                                      uint8_t **ret_payload)
{
    size_t header_size = ws_encode_header_size(payload_size, false);
    struct refbuf *b = refbuf_new(header_size + payload_size);
    if (!b)
        return NULL;
    ws_encode_header(b->data, opcode, true, payload_size, NULL);
    *ret_payload = b->data + header_size;
    return b;
}

struct refbuf *ws_encode_shared(enum ws_opcode opcode, struct slice payload)
{
    uint8_t *at;
    struct refbuf *b = ws_encode_shared_space(opcode, payload.size, &at);
    if (b && payload.size)
        memcpy(at, payload.data, payload.size);
    return b;
}

void ws_encode_append(struct bytes *out, enum ws_opcode opcode, struct slice payload,
                      const uint8_t *key)
{
    uint8_t *at = bytes_reserve(out, WS_HEADER_SIZE_MAX + payload.size);
    if (!at)
        return;
    size_t size = ws_encode_header(at, opcode, true, payload.size, key);
    if (payload.size)
        memcpy(at + size, payload.data, payload.size);
    if (key)
        ws_mask(at + size, payload.size, key, 0);
    out->size += size + payload.size;
}

void ws_encode_close(struct bytes *out, uint16_t code, struct slice reason, const uint8_t *key)
{
    uint8_t payload[WS_CONTROL_SIZE_MAX] = {(uint8_t)(code >> 8), (uint8_t)code};
    size_t size = 0;
    if (code != WS_CLOSE_NONE) {
        MUST(ws_close_code_valid(code));
        size = reason.size;
        if (size > WS_CLOSE_REASON_SIZE_MAX) {
            size = WS_CLOSE_REASON_SIZE_MAX;
            while (size > 0 && (reason.data[size] & 0xc0) == 0x80)
                size--;
        }
        if (size)
            memcpy(payload + 2, reason.data, size);
        size += 2;
    }
    ws_encode_append(out, WS_CLOSE, slice_of(payload, size), key);
}
