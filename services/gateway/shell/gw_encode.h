/*
 * Frames to clients as they go on the wire: the form of the variant behind a WebSocket header, in
 * one refbuf that all sockets share.
 */
#ifndef WEFT_GW_ENCODE_H
#define WEFT_GW_ENCODE_H

#include "arena.h"
#include "gw_io.h"

struct gw_encoder {
    struct arena mem;     /* what the JSON form decodes on its way */
    struct bytes scratch; /* one frame being made */
    uint64_t failed;      /* counter: no memory, or stored bytes that are not what they should be */
};

void gw_encoder_init(struct gw_encoder *e);
void gw_encoder_fini(struct gw_encoder *e);
/* gw_io.encode and gw_io.payload. */
struct refbuf *gw_encode_frame(struct gw_encoder *e, enum gw_variant variant,
                               const struct wire_server_frame *frame, struct slice encoded);
bool gw_encode_payload(struct gw_encoder *e, enum gw_variant variant,
                       const struct wire_opened *opened, struct bytes *out);

#endif
