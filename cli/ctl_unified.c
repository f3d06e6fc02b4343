#include "ctl_unified.h"

#include <stdlib.h>
#include <string.h>

#include "must.h"

struct lines {
    struct slice *at; /* owned; with their newline, if they have one */
    size_t count;
};

/* One line of the script: ' ' in both, '-' in a, '+' in b. */
struct edit {
    char sign;
    struct slice line;
};

struct script {
    struct edit *edits; /* owned */
    size_t count;
};

static struct lines lines_of(struct slice text)
{
    struct lines lines = {.at = calloc(text.size + 1, sizeof *lines.at)};

    MUST(lines.at);
    while (text.size) {
        const uint8_t *newline = memchr(text.data, '\n', text.size);
        size_t size = newline ? (size_t)(newline - text.data) + 1 : text.size;
        lines.at[lines.count++] = slice_of(text.data, size);
        text = slice_of(text.data + size, text.size - size);
    }
    return lines;
}

static void put(struct script *s, char sign, struct slice line)
{
    s->edits[s->count++] = (struct edit){sign, line};
}

/* ---- Myers ---- */

/*
 * reach[d] holds, for each diagonal k = x - y from -d to d, how far along a (x) d edits get; index
 * d + k.
 */
struct myers {
    const struct slice *a, *b;
    int a_count, b_count;
    int *reach[CTL_UNIFIED_EDITS_MAX + 1]; /* owned */
};

static int reach_before(const struct myers *m, int d, int k)
{
    return k < -d || k > d ? -1 : m->reach[d][d + k];
}

/* Whether diagonal k is entered after d edits by an insert (from k + 1) or a delete (from k - 1).
 */
static bool by_insert(const struct myers *m, int d, int k)
{
    return k == -d || (k != d && reach_before(m, d - 1, k - 1) < reach_before(m, d - 1, k + 1));
}

static int slide(const struct myers *m, int x, int y)
{
    while (x < m->a_count && y < m->b_count && slice_equal(m->a[x], m->b[y])) {
        x++;
        y++;
    }
    return x;
}

/* The number of edits; -1: more than are looked for. */
static int solve(struct myers *m)
{
    for (int d = 0; d <= CTL_UNIFIED_EDITS_MAX; d++) {
        m->reach[d] = malloc((2 * (size_t)d + 1) * sizeof(int));
        MUST(m->reach[d]);
        for (int k = -d; k <= d; k += 2) {
            int x = 0;
            if (d)
                x = by_insert(m, d, k) ? reach_before(m, d - 1, k + 1)
                                       : reach_before(m, d - 1, k - 1) + 1;
            x = slide(m, x, x - k);
            m->reach[d][d + k] = x;
            if (k < d)
                m->reach[d][d + k + 1] = -1; /* of the other parity: never reached */
            if (x >= m->a_count && x - k >= m->b_count)
                return d;
        }
    }
    return -1;
}

/* From the end back; the edits come in reverse. */
static void trace(const struct myers *m, int d, struct script *s)
{
    int x = m->a_count, y = m->b_count;

    for (; d > 0; d--) {
        int k = x - y;
        bool insert = by_insert(m, d, k);
        int from_k = insert ? k + 1 : k - 1;
        int from_x = reach_before(m, d - 1, from_k), from_y = from_x - from_k;
        while (x > from_x && y > from_y && x - 1 >= from_x + !insert && y - 1 >= from_y + insert) {
            put(s, ' ', m->a[--x]);
            y--;
        }
        if (insert)
            put(s, '+', m->b[--y]);
        else
            put(s, '-', m->a[--x]);
    }
    while (x > 0) {
        put(s, ' ', m->a[--x]);
        y--;
    }
}

static void middle(struct slice *a, size_t a_count, struct slice *b, size_t b_count,
                   struct script *s)
{
    struct myers m = {.a = a, .b = b, .a_count = (int)a_count, .b_count = (int)b_count};
    size_t begin = s->count;
    int d = solve(&m);

    if (d < 0) {
        for (size_t i = 0; i < a_count; i++)
            put(s, '-', a[i]);
        for (size_t i = 0; i < b_count; i++)
            put(s, '+', b[i]);
    } else {
        trace(&m, d, s);
        for (size_t i = begin, j = s->count; i + 1 < j; i++) {
            struct edit keep = s->edits[i];
            s->edits[i] = s->edits[--j];
            s->edits[j] = keep;
        }
    }
    for (int i = 0; i <= CTL_UNIFIED_EDITS_MAX; i++)
        free(m.reach[i]);
}

static struct script script_of(const struct lines *a, const struct lines *b)
{
    struct script s = {.edits = calloc(a->count + b->count + 1, sizeof *s.edits)};
    size_t least = a->count < b->count ? a->count : b->count, head = 0, tail = 0;

    MUST(s.edits);
    while (head < least && slice_equal(a->at[head], b->at[head]))
        put(&s, ' ', a->at[head++]);
    while (tail < least - head &&
           slice_equal(a->at[a->count - 1 - tail], b->at[b->count - 1 - tail]))
        tail++;
    middle(a->at + head, a->count - head - tail, b->at + head, b->count - head - tail, &s);
    for (size_t i = a->count - tail; i < a->count; i++)
        put(&s, ' ', a->at[i]);
    return s;
}

/* ---- hunks ---- */

static void line_write(const struct edit *e, struct bytes *out)
{
    bytes_append_u8(out, (uint8_t)e->sign);
    bytes_append_slice(out, e->line);
    if (e->line.data[e->line.size - 1] != '\n')
        bytes_append_str(out, "\n\\ No newline at end of file\n");
}

/* "7,3"; an empty range names the line before it, as diff does. */
static void range_write(struct bytes *out, size_t before, size_t count)
{
    bytes_printf(out, count == 1 ? "%zu" : "%zu,%zu", before + (count > 0), count);
}

static size_t hunk_end(const struct script *s, size_t at)
{
    size_t last = at; /* the last change */

    for (size_t i = at; i < s->count && i - last <= 2 * CTL_UNIFIED_CONTEXT; i++) {
        if (s->edits[i].sign != ' ')
            last = i;
    }
    last += 1 + CTL_UNIFIED_CONTEXT;
    return last < s->count ? last : s->count;
}

static void hunk_write(const struct script *s, size_t begin, size_t end, const size_t before[2],
                       struct bytes *out)
{
    size_t counts[2] = {0};

    for (size_t i = begin; i < end; i++) {
        counts[0] += s->edits[i].sign != '+';
        counts[1] += s->edits[i].sign != '-';
    }
    bytes_append_str(out, "@@ -");
    range_write(out, before[0], counts[0]);
    bytes_append_str(out, " +");
    range_write(out, before[1], counts[1]);
    bytes_append_str(out, " @@\n");
    for (size_t i = begin; i < end; i++)
        line_write(&s->edits[i], out);
}

static void hunks_write(const struct script *s, struct bytes *out)
{
    size_t before[2] = {0}, counted = 0; /* lines of a and b in front of the edit `counted` */

    for (size_t i = 0; i < s->count; i++) {
        if (s->edits[i].sign == ' ')
            continue;
        size_t begin = i - counted < CTL_UNIFIED_CONTEXT ? counted : i - CTL_UNIFIED_CONTEXT;
        size_t end = hunk_end(s, i);
        for (; counted < begin; counted++) {
            before[0]++;
            before[1]++;
        }
        hunk_write(s, begin, end, before, out);
        for (; counted < end; counted++) {
            before[0] += s->edits[counted].sign != '+';
            before[1] += s->edits[counted].sign != '-';
        }
        i = end - 1;
    }
}

void ctl_unified_write(struct slice a, const char *a_name, struct slice b, const char *b_name,
                       struct bytes *out)
{
    if (slice_equal(a, b))
        return;
    struct lines a_lines = lines_of(a), b_lines = lines_of(b);
    struct script s = script_of(&a_lines, &b_lines);
    bytes_printf(out, "--- %s\n+++ %s\n", a_name, b_name);
    hunks_write(&s, out);
    free(a_lines.at);
    free(b_lines.at);
    free(s.edits);
}
