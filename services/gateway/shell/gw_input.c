#include "gw_input.h"

#include <errno.h>
#include <stdio.h>

#include "gw_limits.h"
#include "json_client.h"

/* Kept from message to message; what a large one needed goes back as soon as it is dealt with. */
#define KEPT_MAX (64u << 10)

void gw_input_init(struct gw_input *input)
{
    *input = (struct gw_input){0};
    arena_init(&input->mem, GW_MESSAGE_MEMORY_MAX);
}

void gw_input_fini(struct gw_input *input)
{
    arena_fini(&input->mem);
}

static enum gw_input_outcome bad(struct gw_input *input, uint32_t code, const char *why)
{
    input->code = code;
    input->why = why;
    input->full = false;
    return GW_INPUT_BAD;
}

/*
 * The arena refuses because its bound is reached or because the machine has no memory: in the first
 * case the same message will never do, and the client must be told so.
 */
static enum gw_input_outcome no_memory(struct gw_input *input, uint32_t code)
{
    if (input->mem.used <= input->mem.size_max / 4)
        return bad(input, WIRE_E_NO_MEMORY, NULL);
    snprintf(input->error.text, sizeof input->error.text,
             "it has so many parts that reading it takes more than %u bytes",
             GW_MESSAGE_MEMORY_MAX);
    (void)bad(input, code, input->error.text);
    input->full = true;
    return GW_INPUT_BAD;
}

static enum gw_input_outcome take_proto(struct gw_input *input, struct slice *message,
                                        struct wire_client_frame *ret)
{
    int rc = message->size ? wire_client_frame_take(&input->mem, message, ret) : WIRE_BAD;

    if (rc == 0)
        return GW_INPUT_FRAME;
    return rc > 0 ? bad(input, WIRE_E_BAD_FRAME, NULL) : no_memory(input, WIRE_E_BAD_FRAME);
}

static enum gw_input_outcome take_json(struct gw_input *input, struct slice *message,
                                       struct wire_client_frame *ret)
{
    input->error.text[0] = 0;
    int rc = json_client_frame_read(&input->mem, *message, ret, &input->error);

    if (rc == 0) {
        *message = (struct slice){0};
        return GW_INPUT_FRAME;
    }
    if (rc < 0)
        return no_memory(input, WIRE_E_BAD_JSON);
    return bad(input, rc == JSON_UNKNOWN_TYPE ? WIRE_E_UNKNOWN_TYPE : WIRE_E_BAD_JSON,
               input->error.text);
}

void gw_input_done(struct gw_input *input)
{
    arena_release(&input->mem, KEPT_MAX);
}

enum gw_input_outcome gw_input_take(struct gw_input *input, enum gw_variant variant,
                                    struct slice *message, struct wire_client_frame *ret)
{
    arena_reset(&input->mem);
    return variant == GW_JSON ? take_json(input, message, ret) : take_proto(input, message, ret);
}
