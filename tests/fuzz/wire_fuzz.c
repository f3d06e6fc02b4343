/*
 * Any bytes as any message. Laws: what is taken is protobuf to the generated code too; and writing
 * what was taken gives bytes that are taken, and written again the same.
 */
#include "wire_judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void rewrite_is_stable(const struct wire_subject *s, struct arena *mem,
                              const union wire_any *any)
{
    struct bytes once = BYTES_INIT, twice = BYTES_INIT;
    union wire_any back;

    s->encode(any, &once);
    MUST(s->decode(mem, bytes_slice(&once), &back) == 0);
    s->encode(&back, &twice);
    MUST(slice_equal(bytes_slice(&once), bytes_slice(&twice)));
    bytes_fini(&once);
    bytes_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct wire_subject *s = &wire_subjects[data[0] % WIRE_SUBJECT_COUNT];
    struct slice in = slice_of(data + 1, size - 1), body = in;
    struct arena mem;
    union wire_any any;
    uint64_t length;

    arena_init(&mem, 64u << 20);
    if (s->decode(&mem, in, &any) == 0) {
        MUST((s->framed && !varint_take(&body, &length)) || s->judge_accepts(body));
        if (!s->typed || wire_any_type(&any))
            rewrite_is_stable(s, &mem, &any);
    }
    arena_fini(&mem);
    return 0;
}
