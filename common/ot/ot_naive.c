#include "ot_naive.h"

#include <stdio.h>
#include <stdlib.h>

/* In UTF-16 order: U+1F600 (surrogates) comes before U+FB01. */
static const char *const keys[NAIVE_KEYS] = {"", "b", "link", "\xf0\x9f\x98\x80", "\xef\xac\x81"};
static const char *const values[] = {"true", "1", "-0.5", "\"x\\n\"", "{\"a\":null}", "[]"};
static const char *const embeds[] = {"{}", "{\"image\":\"u\"}", "{\"a\":{\"b\":[1,2]}}"};
static const char *const texts[] = {
    "a",
    "b",
    "xy",
    "\n",
    "\xc3\xa9",
    "e\xcc\x81",
    "\xe2\x82\xac",
    "\xf0\x9f\x92\xa9",
    "\xf0\x9f\x98\x81",
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static uint8_t find(const char *const *table, size_t count, struct slice s)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(slice_str(table[i]), s))
            return (uint8_t)i;
    }
    MUST(!"known to the table");
    return 0;
}

void naive_fini(struct naive *doc)
{
    free(doc->cells);
    *doc = (struct naive){0};
}

void naive_copy(struct naive *ret, const struct naive *doc)
{
    size_t size = doc->count * sizeof *doc->cells;
    struct naive_cell *cells = malloc(size + 1);

    MUST(cells);
    if (size)
        memcpy(cells, doc->cells, size);
    *ret = (struct naive){.cells = cells, .count = doc->count};
}

bool naive_equal(const struct naive *a, const struct naive *b)
{
    return a->count == b->count &&
           (a->count == 0 || memcmp(a->cells, b->cells, a->count * sizeof *a->cells) == 0);
}

bool naive_cuts(const struct naive *doc, size_t index)
{
    return index > 0 && index < doc->count && !doc->cells[index].embed &&
           doc->cells[index].unit >= 0xdc00 && doc->cells[index].unit < 0xe000;
}

static unsigned list_size(const uint8_t *p)
{
    return p[0]; /* no key or value of the tables needs a second byte */
}

/* attrs in the binary form, onto a cell's. */
static void cell_attrs(struct naive_cell *cell, struct slice list)
{
    const uint8_t *p = list.data, *end = list.size ? p + list.size : p;

    while (p < end) {
        struct slice key = slice_of(p + 1, list_size(p));
        p += 1 + key.size;
        struct slice value = slice_of(p + 1, list_size(p));
        p += 1 + value.size;
        uint8_t v = slice_equal(value, slice_str("null"))
                        ? 0
                        : (uint8_t)(find(values, COUNT(values), value) + 1);
        cell->attrs[find(keys, NAIVE_KEYS, key)] = v;
    }
}

static size_t cells_of_text(struct naive_cell *out, struct slice text, struct slice attrs)
{
    size_t count = 0;

    for (size_t i = 0; i < text.size;) {
        uint8_t lead = text.data[i];
        unsigned size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        uint32_t c = size == 1 ? lead : lead & (0x7fu >> size);
        for (unsigned k = 1; k < size; k++)
            c = c << 6 | (text.data[i + k] & 0x3f);
        i += size;
        out[count++] = (struct naive_cell){
            .unit = (uint16_t)(c < 0x10000 ? c : 0xd800 + ((c - 0x10000) >> 10))};
        if (c >= 0x10000)
            out[count++] =
                (struct naive_cell){.unit = (uint16_t)(0xdc00 + ((c - 0x10000) & 0x3ff))};
    }
    for (size_t i = 0; i < count; i++)
        cell_attrs(&out[i], attrs);
    return count;
}

static int naive_check(const struct naive *doc, const struct ot_op *op)
{
    size_t at = 0;

    for (uint32_t i = 0; i < op->count; i++) {
        if (op->comps[i].kind < OT_INSERT)
            at += op->comps[i].length;
    }
    if (at > doc->count)
        return OT_TOO_LONG;
    at = 0;
    for (uint32_t i = 0; i < op->count; i++) {
        if (op->comps[i].kind < OT_INSERT)
            at += op->comps[i].length;
        if (naive_cuts(doc, at))
            return OT_CUTS_PAIR;
    }
    return 0;
}

int naive_apply(struct naive *doc, const struct ot_op *op)
{
    int r = naive_check(doc, op);
    size_t at = 0, count = 0, most = doc->count;

    if (r)
        return r;
    for (uint32_t i = 0; i < op->count; i++)
        most += op->comps[i].length;
    struct naive_cell *out = malloc(most * sizeof *out + 1);
    MUST(out);
    for (uint32_t i = 0; i < op->count; i++) {
        const struct ot_comp *comp = &op->comps[i];
        switch (comp->kind) {
        case OT_RETAIN:
            for (uint32_t k = 0; k < comp->length; k++) {
                out[count] = doc->cells[at++];
                cell_attrs(&out[count++], comp->attrs);
            }
            break;
        case OT_DELETE:
            at += comp->length;
            break;
        case OT_INSERT:
            count += cells_of_text(out + count, comp->content, comp->attrs);
            break;
        case OT_EMBED:
            out[count] = (struct naive_cell){
                .embed = (uint8_t)(find(embeds, COUNT(embeds), comp->content) + 1)};
            cell_attrs(&out[count++], comp->attrs);
            break;
        }
    }
    while (at < doc->count)
        out[count++] = doc->cells[at++];
    naive_fini(doc);
    *doc = (struct naive){.cells = out, .count = count};
    return 0;
}

static struct slice keep(struct arena *mem, const void *data, size_t size)
{
    void *copy = arena_copy(mem, data, size);

    MUST(copy);
    return slice_of(copy, size);
}

/* A key or a value of a list, after its size. */
static size_t text_put(uint8_t *list, size_t at, struct slice text)
{
    list[at] = (uint8_t)text.size;
    memcpy(list + at + 1, text.data, text.size);
    return at + 1 + text.size;
}

static struct slice random_attrs(struct rng *rng, struct arena *mem, const struct naive_mix *mix,
                                 bool nulls)
{
    uint8_t list[256];
    size_t size = 0;

    if (!mix->attrs || rng_percent(rng, 40))
        return (struct slice){0};
    for (unsigned k = 0; k < NAIVE_KEYS; k++) {
        if (!rng_percent(rng, 30))
            continue;
        /* Mostly the first values, so that equal ones meet. */
        size_t v = rng_below(rng, rng_percent(rng, 70) ? 2 : COUNT(values));
        const char *value = nulls && rng_percent(rng, 30) ? "null" : values[v];
        size = text_put(list, size, slice_str(keys[k]));
        size = text_put(list, size, slice_str(value));
    }
    return size ? keep(mem, list, size) : (struct slice){0};
}

static void random_insert(struct rng *rng, struct arena *mem, const struct naive_mix *mix,
                          struct ot_builder *b)
{
    char text[64];
    size_t size = 0, units = 0;

    if (mix->embeds && rng_percent(rng, 20)) {
        const char *value = embeds[rng_below(rng, COUNT(embeds))];
        ot_builder_embed(b, slice_str(value), random_attrs(rng, mem, mix, false));
        return;
    }
    unsigned pieces = (unsigned)rng_between(rng, 1, mix->length_max < 12 ? mix->length_max : 12);
    while (pieces--) {
        const char *piece = texts[rng_below(rng, COUNT(texts))];
        if (rng_percent(rng, 3)) {
            text[size++] = 0;
            units++;
            continue;
        }
        memcpy(text + size, piece, strlen(piece));
        size += strlen(piece);
        bool two = strlen(piece) == 4 || strcmp(piece, "xy") == 0 || piece[0] == 'e';
        units += two ? 2 : 1;
    }
    ot_builder_insert(b, keep(mem, text, size), (uint32_t)units,
                      random_attrs(rng, mem, mix, false));
}

/* About as many units as length_max, often few, never to within a pair. */
static size_t random_length(struct rng *rng, const struct naive *doc, size_t at,
                            const struct naive_mix *mix)
{
    size_t left = doc->count - at;
    size_t length = rng_between(rng, 1, rng_percent(rng, 50) ? 2 : mix->length_max);

    if (length > left || rng_percent(rng, 5))
        length = left;
    if (naive_cuts(doc, at + length))
        length++;
    return length;
}

void naive_random_op(struct rng *rng, struct arena *mem, const struct naive *doc,
                     const struct naive_mix *mix, struct ot_op *ret)
{
    struct ot_builder b;
    size_t at = 0;

    ot_builder_init(&b, mem);
    if (doc->count > mix->length_max && rng_percent(rng, 50)) {
        at = rng_below(rng, doc->count);
        at += naive_cuts(doc, at);
        ot_builder_retain(&b, at, (struct slice){0});
    }
    for (unsigned n = (unsigned)rng_below(rng, mix->comps_max + 1); n > 0; n--) {
        unsigned kind = (unsigned)rng_below(rng, 10);
        if (kind < 4 || at == doc->count) {
            random_insert(rng, mem, mix, &b);
            continue;
        }
        size_t length = random_length(rng, doc, at, mix);
        if (kind < 7)
            ot_builder_delete(&b, length);
        else
            ot_builder_retain(&b, length, random_attrs(rng, mem, mix, true));
        at += length;
    }
    MUST(ot_builder_finish(&b, ret) == 0);
}

void naive_random_document(struct rng *rng, struct arena *mem, unsigned units,
                           const struct naive_mix *mix, struct ot_op *ret)
{
    struct ot_builder b;

    ot_builder_init(&b, mem);
    while (b.units_out < units)
        random_insert(rng, mem, mix, &b);
    MUST(ot_builder_finish(&b, ret) == 0);
}

const char *naive_describe(const struct ot_op *op)
{
    static char ring[4][8192];
    static unsigned turn;
    static const char *const kinds[] = {"retain", "delete", "insert", "embed"};
    char *out = ring[turn++ % 4];
    size_t at = 0, most = sizeof ring[0];

    out[0] = 0;
    for (uint32_t i = 0; i < op->count && at + 512 < most; i++) {
        const struct ot_comp *comp = &op->comps[i];
        at += (size_t)snprintf(out + at, most - at, "%s %u", kinds[comp->kind], comp->length);
        for (size_t k = 0; k < comp->content.size && k < 60; k++)
            at +=
                (size_t)snprintf(out + at, most - at, k ? "%02x" : " %02x", comp->content.data[k]);
        for (size_t k = 0; k < comp->attrs.size && k < 60; k++)
            at += (size_t)snprintf(out + at, most - at, k ? "%02x" : " [%02x", comp->attrs.data[k]);
        at += (size_t)snprintf(out + at, most - at, comp->attrs.size ? "]; " : "; ");
    }
    return out;
}
