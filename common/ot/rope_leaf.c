/*
 * Within one leaf. Runs and text are moved with memmove: a leaf is 1 KiB, so that costs less than
 * following a pointer. Callers count units in the tree above (rope_count); what belongs to the
 * document as a whole (bytes, runs, attributes) is counted here.
 */
#include <stdlib.h>

#include "ot_utf.h"
#include "rope_private.h"

static void run_counted(struct ot_rope *rope, const struct rope_run *run)
{
    rope->run_count++;
    rope->attrs_bytes += ot_attrs_list(run->attrs).size;
}

static void run_released(struct ot_rope *rope, const struct rope_run *run)
{
    rope->run_count--;
    rope->attrs_bytes -= ot_attrs_list(run->attrs).size;
    ot_attrs_release(rope->table, run->attrs);
}

struct rope_embed *leaf_embed_at(const struct rope_leaf *leaf, size_t bytes)
{
    struct rope_embed *embed;

    memcpy(&embed, leaf_text(leaf) + bytes, sizeof embed);
    return embed;
}

void embed_unref(struct ot_rope *rope, struct rope_embed *embed)
{
    if (--embed->refs > 0)
        return;
    rope->memory -= sizeof *embed + embed->size;
    free(embed);
}

static void embed_remove(struct ot_rope *rope, struct rope_embed *embed)
{
    rope->bytes -= embed->size;
    embed_unref(rope, embed);
}

/* Bytes of the first `units` units of a run whose text begins at `start`. */
static bool run_bytes(const struct rope_leaf *leaf, const struct rope_run *run, size_t start,
                      uint32_t units, size_t *ret)
{
    if (units == run->units)
        *ret = run->size;
    else if (units == 0 || run->size == run->units)
        *ret = units; /* ASCII */
    else
        return ot_utf_offset(slice_of(leaf_text(leaf) + start, run->size), units, ret);
    return true;
}

/* ASCII under one list, as most leaves are: units are bytes. */
static inline bool leaf_plain(const struct rope_leaf *leaf)
{
    return leaf->run_count == 1 && leaf->size == leaf->units;
}

static inline bool spot_find(const struct rope_leaf *leaf, uint32_t offset, bool right,
                             struct rope_spot *ret)
{
    struct rope_spot spot = {.units = offset};
    size_t bytes = 0;

    if (leaf_plain(leaf)) {
        spot.bytes = offset;
        *ret = spot;
        return true;
    }
    while (spot.run + 1u < leaf->run_count && spot.units + right > leaf->runs[spot.run].units) {
        spot.units -= leaf->runs[spot.run].units;
        spot.start += leaf->runs[spot.run].size;
        spot.run++;
    }
    if (leaf->run_count && !run_bytes(leaf, &leaf->runs[spot.run], spot.start, spot.units, &bytes))
        return false;
    spot.bytes = spot.start + bytes;
    *ret = spot;
    return true;
}

bool leaf_find(const struct rope_leaf *leaf, uint32_t offset, bool right, struct rope_spot *ret)
{
    return spot_find(leaf, offset, right, ret);
}

/* The text follows the runs, so one move makes room. */
static void run_insert(struct ot_rope *rope, struct rope_leaf *leaf, unsigned at,
                       struct rope_run run)
{
    MUST_SLOW(leaf->refs == 1 && leaf_used(leaf) + sizeof run <= leaf->capacity);
    memmove(&leaf->runs[at + 1], &leaf->runs[at], (leaf->run_count - at) * sizeof run + leaf->size);
    leaf->runs[at] = run;
    leaf->run_count++;
    run_counted(rope, &run);
}

/* Their references are released already. */
static void runs_remove(struct rope_leaf *leaf, unsigned at, unsigned count)
{
    memmove(&leaf->runs[at], &leaf->runs[at + count],
            (leaf->run_count - at - count) * sizeof leaf->runs[0] + leaf->size);
    leaf->run_count = (uint16_t)(leaf->run_count - count);
}

static inline void text_open(struct rope_leaf *leaf, size_t at, struct slice text)
{
    uint8_t *to = leaf_text(leaf) + at;

    MUST_SLOW(leaf->refs == 1 && leaf_used(leaf) + text.size <= leaf->capacity);
    memmove(to + text.size, to, leaf->size - at);
    if (text.size == 1)
        *to = *text.data;
    else
        memcpy(to, text.data, text.size);
    leaf->size = (uint16_t)(leaf->size + text.size);
}

static inline void text_close(struct rope_leaf *leaf, size_t at, size_t size)
{
    uint8_t *to = leaf_text(leaf) + at;

    MUST_SLOW(leaf->refs == 1);
    memmove(to, to + size, leaf->size - at - size);
    leaf->size = (uint16_t)(leaf->size - size);
}

/* Makes the spot a border between runs; returns the index of the run right of it. */
static unsigned spot_cut(struct ot_rope *rope, struct rope_leaf *leaf, const struct rope_spot *spot)
{
    struct rope_run *left = &leaf->runs[spot->run], right;

    if (leaf->run_count == 0 || spot->units == 0)
        return spot->run;
    if (spot->units < left->units) {
        right = *left;
        left->size = (uint16_t)(spot->bytes - spot->start);
        left->units = (uint16_t)spot->units;
        right.size = (uint16_t)(right.size - left->size);
        right.units = (uint16_t)(right.units - left->units);
        ot_attrs_ref(right.attrs);
        run_insert(rope, leaf, spot->run + 1, right);
    }
    return spot->run + 1;
}

static inline struct rope_spot spot_at(const struct rope_leaf *leaf, uint32_t offset, bool right)
{
    struct rope_spot spot;

    MUST(spot_find(leaf, offset, right, &spot)); /* the op was checked */
    return spot;
}

/* Makes one of two neighbours if the run at `at` continues the one before it. */
static void runs_merge(struct ot_rope *rope, struct rope_leaf *leaf, unsigned at)
{
    if (at == 0 || at >= leaf->run_count)
        return;
    struct rope_run *left = &leaf->runs[at - 1], *right = &leaf->runs[at];
    if (left->embed || right->embed || left->attrs != right->attrs)
        return;
    left->size = (uint16_t)(left->size + right->size);
    left->units = (uint16_t)(left->units + right->units);
    run_released(rope, right);
    runs_remove(leaf, at, 1);
}

static bool run_continues(const struct rope_leaf *leaf, unsigned at, const struct ot_attrs *attrs)
{
    return at < leaf->run_count && !leaf->runs[at].embed && leaf->runs[at].attrs == attrs;
}

static inline void run_extend(struct ot_rope *rope, struct rope_leaf *leaf, unsigned at,
                              size_t bytes, struct slice text, uint32_t units)
{
    leaf->runs[at].size = (uint16_t)(leaf->runs[at].size + text.size);
    leaf->runs[at].units = (uint16_t)(leaf->runs[at].units + units);
    leaf->units = (uint16_t)(leaf->units + units);
    rope->bytes += text.size;
    text_open(leaf, bytes, text);
}

static __attribute__((noinline)) void text_place(struct ot_rope *rope, struct rope_leaf *leaf,
                                                 uint32_t offset, struct slice text, uint32_t units,
                                                 const struct ot_attrs *attrs)
{
    struct rope_spot spot = spot_at(leaf, offset, false);
    unsigned at = spot.run;

    if (!run_continues(leaf, at, attrs)) {
        at = spot_cut(rope, leaf, &spot);
        if (!run_continues(leaf, at, attrs))
            run_insert(rope, leaf, at, (struct rope_run){.attrs = ot_attrs_ref(attrs)});
    }
    run_extend(rope, leaf, at, spot.bytes, text, units);
}

void leaf_insert_text(struct ot_rope *rope, struct rope_leaf *leaf, uint32_t offset,
                      struct slice text, uint32_t units, const struct ot_attrs *attrs)
{
    if (leaf_plain(leaf) && run_continues(leaf, 0, attrs))
        run_extend(rope, leaf, 0, offset, text, units);
    else
        text_place(rope, leaf, offset, text, units, attrs);
}

void leaf_insert_embed(struct ot_rope *rope, struct rope_leaf *leaf, uint32_t offset,
                       struct rope_embed *embed, const struct ot_attrs *attrs)
{
    struct rope_spot spot = spot_at(leaf, offset, false);
    unsigned at = spot_cut(rope, leaf, &spot);

    run_insert(rope, leaf, at,
               (struct rope_run){
                   .attrs = ot_attrs_ref(attrs), .size = sizeof embed, .units = 1, .embed = true});
    text_open(leaf, spot.bytes, slice_of(&embed, sizeof embed));
    leaf->units++;
    rope->bytes += embed->size;
    rope->memory += sizeof *embed + embed->size;
}

static void runs_delete(struct ot_rope *rope, struct rope_leaf *leaf, const struct rope_spot *spot,
                        uint32_t units)
{
    unsigned at = spot->run, whole = spot->units ? at + 1 : at, whole_count = 0;
    uint32_t from = spot->units, left = units;
    size_t start = spot->start, removed = 0;

    for (; left > 0; at++, from = 0) {
        struct rope_run *run = &leaf->runs[at];
        uint32_t take = left < run->units - from ? left : run->units - from;
        size_t begin, end, size = run->size;
        MUST(run_bytes(leaf, run, start, from, &begin) &&
             run_bytes(leaf, run, start, from + take, &end));
        if (take == run->units) {
            if (run->embed)
                embed_remove(rope, leaf_embed_at(leaf, start));
            run_released(rope, run);
            whole_count++;
        } else {
            run->size = (uint16_t)(run->size - (end - begin));
            run->units = (uint16_t)(run->units - take);
        }
        if (!run->embed)
            rope->bytes -= end - begin;
        removed += end - begin;
        left -= take;
        start += size;
    }
    text_close(leaf, spot->bytes, removed);
    leaf->units = (uint16_t)(leaf->units - units);
    runs_remove(leaf, whole, whole_count);
    runs_merge(rope, leaf, whole);
}

/* Most deletes leave something of the one run that they are in. */
static inline bool run_shorten(struct ot_rope *rope, struct rope_leaf *leaf,
                               const struct rope_spot *spot, uint32_t units)
{
    struct rope_run *run = &leaf->runs[spot->run];
    size_t end;

    if (units >= run->units || units > run->units - spot->units)
        return false;
    MUST(run_bytes(leaf, run, spot->start, spot->units + units, &end));
    size_t size = spot->start + end - spot->bytes;
    run->size = (uint16_t)(run->size - size);
    run->units = (uint16_t)(run->units - units);
    text_close(leaf, spot->bytes, size);
    leaf->units = (uint16_t)(leaf->units - units);
    rope->bytes -= size;
    return true;
}

void leaf_delete(struct ot_rope *rope, struct rope_leaf *leaf, uint32_t offset, uint32_t units)
{
    struct rope_spot spot = spot_at(leaf, offset, true);

    if (!run_shorten(rope, leaf, &spot, units))
        runs_delete(rope, leaf, &spot, units);
}

void leaf_discount(struct ot_rope *rope, const struct rope_leaf *leaf)
{
    size_t start = 0;

    for (unsigned at = 0; at < leaf->run_count; at++) {
        const struct rope_run *run = &leaf->runs[at];
        rope->bytes -= run->embed ? leaf_embed_at(leaf, start)->size : run->size;
        rope->attrs_bytes -= ot_attrs_list(run->attrs).size;
        start += run->size;
    }
    rope->run_count -= leaf->run_count;
}

void leaf_format(struct ot_rope *rope, struct rope_leaf *leaf, uint32_t offset, uint32_t units,
                 struct rope_format *format)
{
    struct rope_spot spot = spot_at(leaf, offset, true);
    unsigned first = spot_cut(rope, leaf, &spot);

    spot = spot_at(leaf, offset + units, false);
    unsigned end = spot_cut(rope, leaf, &spot);
    for (unsigned at = first; at < end; at++) {
        const struct ot_attrs *after = rope_format_of(format, leaf->runs[at].attrs);
        run_released(rope, &leaf->runs[at]);
        leaf->runs[at].attrs = ot_attrs_ref(after);
        run_counted(rope, &leaf->runs[at]);
    }
    for (unsigned at = end + 1; at-- > first;)
        runs_merge(rope, leaf, at);
}

void leaf_split(struct ot_rope *rope, struct rope_leaf *leaf, uint32_t offset,
                struct rope_leaf *right)
{
    struct rope_spot spot = spot_at(leaf, offset, true);
    unsigned keep = spot.run; /* runs that stay whole */
    bool divided = spot.units > 0;
    const uint8_t *text = leaf_text(leaf);

    if (offset == leaf->units) {
        keep = leaf->run_count;
        divided = false;
    }
    right->run_count = (uint16_t)(leaf->run_count - keep);
    memcpy(right->runs, &leaf->runs[keep], right->run_count * sizeof right->runs[0]);
    right->size = (uint16_t)(leaf->size - spot.bytes);
    right->units = (uint16_t)(leaf->units - offset);
    memcpy(leaf_text(right), text + spot.bytes, right->size);
    if (divided) {
        leaf->runs[keep].size = (uint16_t)(spot.bytes - spot.start);
        leaf->runs[keep].units = (uint16_t)spot.units;
        right->runs[0].size = (uint16_t)(right->runs[0].size - leaf->runs[keep].size);
        right->runs[0].units = (uint16_t)(right->runs[0].units - spot.units);
        ot_attrs_ref(right->runs[0].attrs);
        run_counted(rope, &right->runs[0]);
    }
    leaf->run_count = (uint16_t)(keep + divided);
    leaf->size = (uint16_t)spot.bytes;
    leaf->units = (uint16_t)offset;
    memmove(leaf_text(leaf), text, leaf->size);
}

uint32_t leaf_middle(const struct rope_leaf *leaf)
{
    size_t half = leaf_used(leaf) / 2, used = 0, start = 0;
    uint32_t units = 0;

    for (unsigned at = 0; at < leaf->run_count; at++) {
        const struct rope_run *run = &leaf->runs[at];
        used += sizeof *run;
        if (used + run->size > half && !run->embed) {
            struct slice text = slice_of(leaf_text(leaf) + start, half > used ? half - used : 0);
            uint64_t counted;
            while (text.size && (text.data[text.size] & 0xc0) == 0x80)
                text.size--;
            MUST(ot_utf_units(text, &counted));
            return units + (uint32_t)counted;
        }
        units += run->units;
        used += run->size;
        start += run->size;
        if (used >= half)
            break;
    }
    return units;
}

void leaf_join(struct ot_rope *rope, struct rope_leaf *leaf, struct rope_leaf *right)
{
    unsigned seam = leaf->run_count;

    MUST(leaf_used(leaf) + leaf_used(right) <= leaf->capacity);
    memmove(&leaf->runs[seam + right->run_count], &leaf->runs[seam], leaf->size);
    memcpy(&leaf->runs[seam], right->runs, right->run_count * sizeof right->runs[0]);
    leaf->run_count = (uint16_t)(seam + right->run_count);
    memcpy(leaf_text(leaf) + leaf->size, leaf_text(right), right->size);
    leaf->size = (uint16_t)(leaf->size + right->size);
    leaf->units = (uint16_t)(leaf->units + right->units);
    right->run_count = right->size = right->units = 0;
    runs_merge(rope, leaf, seam);
}
