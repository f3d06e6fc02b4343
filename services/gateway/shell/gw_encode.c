#include "gw_encode.h"

#include "gw_limits.h"
#include "json_client.h"
#include "ws_encoder.h"

/* Kept from frame to frame; what a large document needed goes back. */
#define KEPT_MAX (256u << 10)

void gw_encoder_init(struct gw_encoder *e)
{
    *e = (struct gw_encoder){0};
    arena_init(&e->mem, GW_MESSAGE_MEMORY_MAX);
}

void gw_encoder_fini(struct gw_encoder *e)
{
    arena_fini(&e->mem);
    bytes_fini(&e->scratch);
}

/* Counts a failure, and gives back what is more than most frames need. */
static bool finish(struct gw_encoder *e, bool good)
{
    e->failed += !good;
    if (e->scratch.capacity > KEPT_MAX)
        bytes_fini(&e->scratch);
    arena_release(&e->mem, KEPT_MAX);
    return good;
}

static bool put_proto(struct gw_encoder *e, const struct wire_server_frame *frame,
                      struct slice encoded)
{
    if (frame->type == WIRE_DOWN_ENTRY && encoded.size)
        wire_server_entry_frame(encoded, &e->scratch);
    else
        wire_server_frame_encode(frame, &e->scratch);
    return !e->scratch.failed;
}

static bool put_json(struct gw_encoder *e, const struct wire_server_frame *frame,
                     struct slice encoded)
{
    struct wire_server_frame entry = {.type = WIRE_DOWN_ENTRY};

    arena_reset(&e->mem);
    if (frame->type == WIRE_DOWN_ENTRY && encoded.size) {
        if (wire_client_entry_decode(&e->mem, encoded, &entry.entry))
            return false;
        frame = &entry;
    }
    return json_server_frame_write(&e->mem, frame, &e->scratch) == 0 && !e->scratch.failed;
}

struct refbuf *gw_encode_frame(struct gw_encoder *e, enum gw_variant variant,
                               const struct wire_server_frame *frame, struct slice encoded)
{
    bytes_reset(&e->scratch);
    bool good = variant == GW_JSON ? put_json(e, frame, encoded) : put_proto(e, frame, encoded);
    enum ws_opcode opcode = variant == GW_JSON ? WS_TEXT : WS_BINARY;

    struct refbuf *made = good ? ws_encode_shared(opcode, bytes_slice(&e->scratch)) : NULL;
    (void)finish(e, made != NULL);
    return made;
}

bool gw_encode_payload(struct gw_encoder *e, enum gw_variant variant,
                       const struct wire_opened *opened, struct bytes *out)
{
    if (variant != GW_JSON) {
        bytes_append_slice(out, opened->payload);
        return finish(e, !out->failed);
    }
    arena_reset(&e->mem);
    bool good = json_payload_write(&e->mem, opened, out) == 0;
    /* That there is no room now is no failure of ours. */
    return finish(e, good || out->full) && good && !out->failed;
}
