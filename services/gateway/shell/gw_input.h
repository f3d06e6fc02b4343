/*
 * A WebSocket message of a client, taken apart into frames for the core. A message of weft.v1.proto
 * holds one or more frames, one of weft.v1.json exactly one.
 */
#ifndef WEFT_GW_INPUT_H
#define WEFT_GW_INPUT_H

#include "arena.h"
#include "gw_io.h"
#include "json_error.h"

struct gw_input {
    struct arena mem;        /* of the frame taken last */
    struct json_error error; /* of the last GW_INPUT_BAD */
    uint32_t code;           /* likewise: WIRE_E_ */
    const char *why;         /* likewise: points into error, or NULL */
    bool full;               /* likewise: GW_MESSAGE_MEMORY_MAX was reached */
};

enum gw_input_outcome { GW_INPUT_FRAME = 0, GW_INPUT_BAD };

void gw_input_init(struct gw_input *input);
void gw_input_fini(struct gw_input *input);
/*
 * Takes one frame off the front of *message, which is then empty or holds another. Not to be called
 * with what another call has emptied; a message that is empty from the start is bad. The frame is
 * lent until the next call and as long as the message.
 */
enum gw_input_outcome gw_input_take(struct gw_input *input, enum gw_variant variant,
                                    struct slice *message, struct wire_client_frame *ret);

/* The message is dealt with: lends nothing any more. */
void gw_input_done(struct gw_input *input);

#endif
