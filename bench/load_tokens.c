#include "load_tokens.h"

#include <errno.h>

static size_t base36_put(char *out, uint64_t value)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    char reversed[16];
    size_t size = 0;

    do {
        reversed[size++] = digits[value % 36];
        value /= 36;
    } while (value);
    for (size_t i = 0; i < size; i++)
        out[i] = reversed[size - 1 - i];
    return size;
}

void tokens_places_init(struct tokens_places *p, struct rng *rng, uint64_t units)
{
    for (unsigned i = 0; i < TOKENS_PLACES; i++)
        p->at[i] = rng_below(rng, units);
}

void tokens_places_reset(struct tokens_places *p, uint64_t units)
{
    for (unsigned i = 0; i < TOKENS_PLACES; i++)
        p->at[i] = i % 2 && units ? units - 1 : 0;
}

void tokens_places_foreign(struct tokens_places *p, const struct ot_op *op)
{
    for (unsigned i = 0; i < TOKENS_PLACES; i++)
        p->at[i] = ot_cursor_transform(op, p->at[i], true);
}

int tokens_insert(struct tokens_places *p, struct rng *rng, uint32_t editor, uint64_t number,
                  struct arena *mem, struct ot_op *ret)
{
    uint64_t at = p->at[rng_below(rng, TOKENS_PLACES)];
    char token[TOKEN_SIZE_MAX];
    struct ot_builder b;
    size_t size = 0;

    token[size++] = '{';
    size += base36_put(token + size, editor);
    token[size++] = '.';
    size += base36_put(token + size, number);
    token[size++] = '}';
    char *kept = arena_copy(mem, token, size);
    if (!kept)
        return -ENOMEM;
    ot_builder_init(&b, mem);
    if (at)
        ot_builder_retain(&b, at, (struct slice){0});
    ot_builder_insert(&b, slice_of(kept, size), (uint32_t)size, (struct slice){0});
    int r = ot_builder_finish(&b, ret);
    for (unsigned i = 0; !r && i < TOKENS_PLACES; i++)
        p->at[i] += p->at[i] >= at ? size : 0;
    return r;
}

/* ---- scanning ------------------------------------------------------------------------------- */

static bool base36_take(struct slice *in, uint64_t *ret)
{
    uint64_t value = 0;
    size_t i = 0;

    for (; i < in->size && i < 13; i++) {
        uint8_t c = in->data[i];
        if (c >= '0' && c <= '9')
            value = value * 36 + (c - (uint8_t)'0');
        else if (c >= 'a' && c <= 'z')
            value = value * 36 + (c - (uint8_t)'a') + 10;
        else
            break;
    }
    *in = slice_of(in->data + i, in->size - i);
    *ret = value;
    return i > 0;
}

static bool char_take(struct slice *in, char c)
{
    if (in->size == 0 || in->data[0] != (uint8_t)c)
        return false;
    *in = slice_of(in->data + 1, in->size - 1);
    return true;
}

bool tokens_scan(struct slice text, void (*found)(void *ctx, uint64_t editor, uint64_t number),
                 void *ctx)
{
    uint64_t editor, number;

    while (text.size) {
        if (text.data[0] == '}')
            return false;
        if (text.data[0] != '{') {
            text = slice_of(text.data + 1, text.size - 1);
            continue;
        }
        if (!char_take(&text, '{') || !base36_take(&text, &editor) || !char_take(&text, '.') ||
            !base36_take(&text, &number) || !char_take(&text, '}'))
            return false;
        found(ctx, editor, number);
    }
    return true;
}
