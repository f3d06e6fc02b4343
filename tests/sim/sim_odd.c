#include "sim_odd.h"

#include <stdlib.h>

#include "doc.h"
#include "ot_codec.h"
#include "wire_limits.h"

static void text_insert(struct ot_builder *builder, struct arena *mem, size_t size)
{
    char *text = arena_alloc(mem, size);

    MUST(text);
    memset(text, 'r', size);
    ot_builder_insert(builder, slice_of(text, size), (uint32_t)size, (struct slice){0});
}

/* A document that ends as it must. */
static void content(struct rng *rng, struct ot_builder *builder, struct arena *mem)
{
    if (rng_percent(rng, 60))
        text_insert(builder, mem, SIM_ODD_BIG);
    ot_builder_insert(builder, slice_str("\n"), 1, (struct slice){0});
}

static void create(struct rng *rng, struct ot_builder *builder, struct arena *mem)
{
    switch (rng_below(rng, 6)) {
    case 0: /* nothing at all */
        break;
    case 1:
        ot_builder_delete(builder, 3);
        break;
    case 2:
        ot_builder_insert(builder, slice_str("no newline"), 10, (struct slice){0});
        break;
    case 3:
        ot_builder_embed(builder, slice_str("{\"image\":\"x\"}"), (struct slice){0});
        break;
    default:
        content(rng, builder, mem);
    }
}

/* As many components as one op may not have. */
static void components(struct ot_builder *builder)
{
    for (unsigned i = 0; i <= OT_SUBMIT_COUNT_MAX / 2; i++) {
        ot_builder_insert(builder, slice_str("c"), 1, (struct slice){0});
        ot_builder_retain(builder, 1, (struct slice){0});
    }
    ot_builder_delete(builder, 1);
}

/* `attrs` is lent to the op. */
static void edit(struct rng *rng, uint64_t units, struct ot_builder *builder, struct arena *mem,
                 struct bytes *attrs)
{
    switch (rng_below(rng, 24)) {
    case 0:
        components(builder);
        break;
    case 1:
        text_insert(builder, mem, SIM_ODD_BIG);
        break;
    case 2:
        ot_builder_retain(builder, OT_UNITS_MAX - 1, (struct slice){0});
        ot_builder_delete(builder, 1);
        break;
    case 3:
    case 4:
    case 5:
    case 6: /* through the middle of what may be there */
        ot_builder_retain(builder, rng_below(rng, units + 1), (struct slice){0});
        ot_builder_delete(builder, 1);
        break;
    case 7:
    case 8: /* the newline at the end */
        ot_builder_retain(builder, units ? units - 1 : 0, (struct slice){0});
        ot_builder_delete(builder, 1);
        break;
    case 9:
    case 10:
        ot_attrs_append(attrs, slice_str("bold"), slice_str("true"));
        ot_builder_retain(builder, rng_between(rng, 1, 8), bytes_slice(attrs));
        break;
    default:
        ot_builder_insert(builder, slice_str("rude"), 4, (struct slice){0});
    }
}

static void op_encode(struct rng *rng, enum wire_kind kind, uint64_t units, struct bytes *out)
{
    struct ot_builder builder;
    struct ot_op op;
    struct arena mem;
    struct bytes attrs = BYTES_INIT;

    arena_init(&mem, 16u << 20);
    ot_builder_init(&builder, &mem);
    if (kind == WIRE_KIND_CREATE)
        create(rng, &builder, &mem);
    else
        edit(rng, units, &builder, &mem, &attrs);
    MUST(ot_builder_finish(&builder, &op) == 0);
    ot_encode(&op, out);
    bytes_fini(&attrs);
    arena_fini(&mem);
}

static void fill(struct bytes *out, size_t size)
{
    while (size--)
        bytes_append_str(out, "t");
}

static void permission_encode(struct rng *rng, struct bytes *out)
{
    static const char letters[] = "abcdefgh";
    struct wire_permission permission = {.role = (enum wire_role)rng_between(rng, 1, 3)};
    struct bytes subject = BYTES_INIT;

    if (rng_percent(rng, 20))
        fill(&subject, WIRE_SUBJECT_BYTES_MAX + 1);
    else
        bytes_append_slice(&subject, slice_of(&letters[rng_below(rng, 8)], 1));
    permission.subject = bytes_slice(&subject);
    wire_permission_encode(&permission, out);
    bytes_fini(&subject);
    if (rng_percent(rng, 10))
        out->size -= 1;
}

void sim_odd_body(struct rng *rng, enum wire_kind kind, uint64_t units, struct bytes *out)
{
    if (kind == WIRE_KIND_TITLE)
        fill(out, rng_percent(rng, 50) ? 5 : WIRE_TITLE_BYTES_MAX + rng_below(rng, 2));
    else if (kind == WIRE_KIND_PERMISSION)
        permission_encode(rng, out);
    else if (rng_percent(rng, 5))
        fill(out, SIM_ODD_OP_BYTES_MAX + 1);
    else if (rng_percent(rng, 5))
        bytes_append_str(out, "\xff\xff");
    else
        op_encode(rng, kind, units, out);
    MUST(!out->failed);
}
