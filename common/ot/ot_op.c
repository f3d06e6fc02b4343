/* Outcomes by name, equality, and the builder that keeps ops in normal form. */
#include "ot_op.h"

#include <errno.h>

static const struct {
    const char *name, *text;
} outcomes[] = {
    [OT_BAD_FORM] = {"bad-form", "the bytes are not an op in binary form"},
    [OT_BAD_NORMAL] = {"not-normal",
                       "the op is not in normal form: neighbours that belong together, "
                       "or a retain at the end that changes nothing"},
    [OT_BAD_UTF8] = {"bad-utf8", "text is not UTF-8, or holds half of a surrogate pair"},
    [OT_BAD_ATTRS] = {"bad-attributes",
                      "attributes are not sorted, occur twice, are not canonical JSON, or are null "
                      "on an insert"},
    [OT_BAD_EMBED] = {"bad-embed", "an embed's value is not a canonical JSON object"},
    [OT_TOO_LARGE] = {"too-large", "more bytes, components or units than allowed"},
    [OT_TOO_LONG] = {"too-long", "the op covers more than the document has"},
    [OT_CUTS_PAIR] = {"cuts-pair", "the op would split a surrogate pair"},
    [OT_BREAKS_NEWLINE] = {"breaks-newline",
                           "the op deletes the final newline or inserts behind it"},
    [OT_NOT_DOCUMENT] = {"not-document", "a document consists of inserts and embeds only"},
};

static bool outcome_known(int outcome)
{
    return outcome > 0 && (size_t)outcome < sizeof outcomes / sizeof outcomes[0];
}

const char *ot_outcome_name(int outcome)
{
    return outcome_known(outcome) ? outcomes[outcome].name : outcome == 0 ? "ok" : "internal";
}

const char *ot_outcome_text(int outcome)
{
    if (outcome_known(outcome))
        return outcomes[outcome].text;
    return outcome == 0 ? "no fault" : "the server could not do it";
}

bool ot_op_equal(const struct ot_op *a, const struct ot_op *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct ot_comp *x = &a->comps[i], *y = &b->comps[i];
        if (x->kind != y->kind || x->length != y->length || !slice_equal(x->content, y->content) ||
            !slice_equal(x->attrs, y->attrs))
            return false;
    }
    return true;
}

void ot_builder_init(struct ot_builder *b, struct arena *mem)
{
    *b = (struct ot_builder){.mem = mem};
}

void ot_builder_init_room(struct ot_builder *b, struct arena *mem, uint32_t capacity)
{
    *b = (struct ot_builder){.mem = mem, .capacity = capacity};
    if (capacity && !(b->comps = arena_alloc(mem, capacity * sizeof *b->comps)))
        b->outcome = -ENOMEM;
}

/* Counts and bounds the units; false if nothing may be added. */
static bool builder_admit(struct ot_builder *b, uint64_t in, uint64_t out)
{
    if (b->outcome)
        return false;
    if (in > OT_UNITS_MAX - b->units_in || out > OT_UNITS_MAX - b->units_out) {
        b->outcome = OT_TOO_LARGE;
        return false;
    }
    b->units_in += in;
    b->units_out += out;
    return true;
}

static struct ot_comp *builder_last(struct ot_builder *b, enum ot_kind kind, struct slice attrs)
{
    struct ot_comp *last = b->count ? &b->comps[b->count - 1] : NULL;

    return last && last->kind == kind && slice_equal(last->attrs, attrs) ? last : NULL;
}

static void builder_push(struct ot_builder *b, struct ot_comp comp)
{
    if (b->count == b->capacity) {
        uint32_t capacity = b->capacity ? 2 * b->capacity : 8;
        struct ot_comp *comps = arena_alloc(b->mem, capacity * sizeof *comps);
        if (!comps) {
            b->outcome = -ENOMEM;
            return;
        }
        if (b->count)
            memcpy(comps, b->comps, b->count * sizeof *comps);
        b->comps = comps;
        b->capacity = capacity;
    }
    b->comps[b->count++] = comp;
    b->growing = 0;
}

void ot_builder_retain(struct ot_builder *b, uint64_t length, struct slice attrs)
{
    if (length == 0 || !builder_admit(b, length, length))
        return;
    struct ot_comp *last = builder_last(b, OT_RETAIN, attrs);
    if (last)
        last->length += (uint32_t)length;
    else
        builder_push(
            b, (struct ot_comp){.kind = OT_RETAIN, .length = (uint32_t)length, .attrs = attrs});
}

void ot_builder_delete(struct ot_builder *b, uint64_t length)
{
    if (length == 0 || !builder_admit(b, length, 0))
        return;
    struct ot_comp *last = builder_last(b, OT_DELETE, (struct slice){0});
    if (last)
        last->length += (uint32_t)length;
    else
        builder_push(b, (struct ot_comp){.kind = OT_DELETE, .length = (uint32_t)length});
}

/*
 * Content behind content. Pieces that compose cut from one insert lie behind each other already and
 * need no copy; others go into memory of the builder's own that doubles, so that n of them cost
 * O(n).
 */
static void content_extend(struct ot_builder *b, struct slice *content, struct slice text)
{
    size_t size = content->size + text.size;

    if (content->data + content->size == text.data) {
        content->size = size;
        b->growing = 0;
        return;
    }
    if (size > b->growing) {
        uint8_t *data = arena_alloc(b->mem, 2 * size);
        if (!data) {
            b->outcome = -ENOMEM;
            return;
        }
        memcpy(data, content->data, content->size);
        content->data = data;
        b->growing = 2 * size;
    }
    memcpy((uint8_t *)content->data + content->size, text.data, text.size);
    content->size = size;
}

void ot_builder_insert(struct ot_builder *b, struct slice text, uint32_t length, struct slice attrs)
{
    if (length == 0 || !builder_admit(b, 0, length))
        return;
    struct ot_comp *last = builder_last(b, OT_INSERT, attrs);
    if (!last) {
        builder_push(b, (struct ot_comp){
                            .kind = OT_INSERT, .length = length, .content = text, .attrs = attrs});
        return;
    }
    content_extend(b, &last->content, text);
    last->length += length;
}

void ot_builder_embed(struct ot_builder *b, struct slice value, struct slice attrs)
{
    if (!builder_admit(b, 0, 1))
        return;
    builder_push(b,
                 (struct ot_comp){.kind = OT_EMBED, .length = 1, .content = value, .attrs = attrs});
}

int ot_builder_finish(struct ot_builder *b, struct ot_op *ret)
{
    if (b->outcome)
        return b->outcome;
    struct ot_comp *last = builder_last(b, OT_RETAIN, (struct slice){0});
    if (last) {
        b->units_in -= last->length;
        b->units_out -= last->length;
        b->count--;
    }
    if (b->capacity && arena_is_last(b->mem, b->comps, b->capacity * sizeof *b->comps))
        arena_trim(b->mem, b->capacity * sizeof *b->comps, b->count * sizeof *b->comps);
    *ret = (struct ot_op){
        .comps = b->comps, .count = b->count, .units_in = b->units_in, .units_out = b->units_out};
    return 0;
}
