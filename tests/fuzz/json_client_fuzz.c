/*
 * Clients' messages as JSON: whatever text comes is refused in words or read. What is read is
 * written, and read again the same; and it goes through the binary form without a change, so that
 * both subprotocols can say the same things.
 */
#include "arena.h"
#include "json_client.h"

#define ARENA_MAX (64u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_text(struct arena *mem, const struct wire_client_frame *frame, struct bytes *out)
{
    bytes_reset(out);
    MUST(json_client_frame_write(mem, frame, out) == 0 && !out->failed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_client_frame frame, again, binary;
    struct bytes first = BYTES_INIT, second = BYTES_INIT, wire = BYTES_INIT;
    struct json_error error = {""};
    struct arena mem;

    arena_init(&mem, ARENA_MAX);
    int rc = json_client_frame_read(&mem, slice_of(data, size), &frame, &error);
    if (rc == JSON_BAD)
        MUST(error.text[0]);
    if (rc == 0) {
        write_text(&mem, &frame, &first);
        MUST(json_client_frame_read(&mem, bytes_slice(&first), &again, &error) == 0);
        write_text(&mem, &again, &second);
        MUST(slice_equal(bytes_slice(&first), bytes_slice(&second)));
        wire_client_frame_encode(&frame, &wire);
        struct slice in = bytes_slice(&wire);
        MUST(wire_client_frame_take(&mem, &in, &binary) == 0 && in.size == 0);
        write_text(&mem, &binary, &second);
        MUST(slice_equal(bytes_slice(&first), bytes_slice(&second)));
    }
    bytes_fini(&first);
    bytes_fini(&second);
    bytes_fini(&wire);
    arena_fini(&mem);
    return 0;
}
