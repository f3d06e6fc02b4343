/*
 * A whole document in binary form, straight from the leaves: what ot_encode makes of
 * ot_rope_to_op. Without the components between, which cost 48 bytes each and as many page faults
 * as a document of short runs has pages of them; and an Open is answered in one go.
 */
#include "ot_codec.h"
#include "rope_private.h"

static uint8_t *bytes_put(uint8_t *to, struct slice bytes)
{
    memcpy(to, bytes.data, bytes.size);
    return to + bytes.size;
}

/* All but the content, of which there are `size` bytes. */
static uint8_t *head_put(uint8_t *to, const struct ot_run *run, size_t size)
{
    struct slice list = ot_attrs_list(run->attrs);
    enum ot_kind kind = run->embed ? OT_EMBED : OT_INSERT;

    to += varint_put(to, ot_codec_header(kind, size, list.size > 0));
    if (list.size) {
        to += varint_put(to, list.size);
        to = bytes_put(to, list);
    }
    return to;
}

/* Within a leaf neighbours differ, but the last run of one may go on in the next. */
static bool run_goes_on(const struct ot_run *run, const struct ot_run *next)
{
    return !run->embed && !next->embed && run->attrs == next->attrs;
}

void ot_rope_encode(const struct ot_rope *rope, struct bytes *out)
{
    uint8_t *start = bytes_reserve(out, ot_rope_encoded_max(rope)), *to = start;
    struct ot_rope_iter iter, second;
    struct ot_run run, next;

    if (!start)
        return;
    *to++ = OT_FORM_VERSION;
    ot_rope_iter_init(&iter, rope);
    for (bool more = ot_rope_iter_next(&iter, &run); more; run = next) {
        size_t size = run.content.size, rest = 0;
        second = iter; /* the run behind the first */
        while ((more = ot_rope_iter_next(&iter, &next)) && run_goes_on(&run, &next))
            rest += next.content.size;
        to = bytes_put(head_put(to, &run, size + rest), run.content);
        for (; rest > 0; rest -= run.content.size) {
            MUST(ot_rope_iter_next(&second, &run));
            to = bytes_put(to, run.content);
        }
    }
    MUST((size_t)(to - start) <= ot_rope_encoded_max(rope));
    out->size += (size_t)(to - start);
}
