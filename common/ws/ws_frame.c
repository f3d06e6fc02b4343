#include "ws_frame.h"

#include <string.h>

void ws_mask(uint8_t *data, size_t size, const uint8_t key[4], unsigned phase)
{
    uint8_t turned[8];
    for (unsigned i = 0; i < 8; i++)
        turned[i] = key[(phase + i) & 3];
    uint64_t wide;
    memcpy(&wide, turned, sizeof wide);
    while (size >= sizeof wide) {
        uint64_t part;
        memcpy(&part, data, sizeof part);
        part ^= wide;
        memcpy(data, &part, sizeof part);
        data += sizeof part;
        size -= sizeof part;
    }
    for (size_t i = 0; i < size; i++)
        data[i] ^= turned[i];
}
