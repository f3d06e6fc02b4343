#include "obs_metrics.h"

#include <inttypes.h>

/* A family with more series than this is documented by the first few. */
#define LABELS_SHOWN_MAX 8
#define LABELS_SHOWN_FEW 2

/* A number of microseconds as seconds, without trailing zeros: integers all the way, so exact. */
static void append_seconds(struct bytes *out, uint64_t us)
{
    bytes_printf(out, "%" PRIu64, us / 1000000);
    unsigned rest = (unsigned)(us % 1000000), digits = 6;
    if (rest == 0)
        return;
    for (; rest % 10 == 0; digits--)
        rest /= 10;
    bytes_printf(out, ".%0*u", (int)digits, rest);
}

static void append_value(struct bytes *out, enum obs_kind kind, uint64_t value)
{
    if (kind == OBS_TIMES || kind == OBS_SECONDS)
        append_seconds(out, value);
    else
        bytes_printf(out, "%" PRIu64, value);
}

/* name{labels} with `suffix` at the name and a space behind. */
static void append_series(struct bytes *out, const struct obs_row *row, const char *suffix)
{
    const char *open = *row->labels ? "{" : "", *close = *row->labels ? "}" : "";
    bytes_printf(out, "%s%s%s%s%s ", row->name, suffix, open, row->labels, close);
}

static void append_bucket_start(struct bytes *out, const struct obs_row *row)
{
    bytes_printf(out, "%s_bucket{%s%sle=\"", row->name, row->labels, *row->labels ? "," : "");
}

static void append_hist(struct bytes *out, const struct obs_row *row, const struct obs_hist *h)
{
    unsigned low = row->kind == OBS_TIMES ? 6 : 0;
    unsigned high = row->kind == OBS_TIMES ? 25 : 28;
    unsigned step = row->kind == OBS_TIMES ? 1 : 2;
    uint64_t seen = 0;
    size_t bucket = 0;
    for (unsigned bits = low; bits <= high; bits += step) {
        for (; obs_hist_bound(bucket) <= UINT64_C(1) << bits; bucket++)
            seen += h->buckets[bucket];
        append_bucket_start(out, row);
        append_value(out, row->kind, UINT64_C(1) << bits);
        bytes_printf(out, "\"} %" PRIu64 "\n", seen);
    }
    append_bucket_start(out, row);
    bytes_printf(out, "+Inf\"} %" PRIu64 "\n", h->count);
    append_series(out, row, "_sum");
    append_value(out, row->kind, h->sum);
    bytes_append_u8(out, '\n');
    append_series(out, row, "_count");
    bytes_printf(out, "%" PRIu64 "\n", h->count);
}

static void append_row(struct bytes *out, const struct obs_row *row, const void *stats)
{
    const void *at = obs_row_in(row, stats);
    switch (row->kind) {
    case OBS_COUNTER:
    case OBS_SECONDS:
        append_series(out, row, "");
        append_value(out, row->kind, *(const uint64_t *)at);
        bytes_append_u8(out, '\n');
        break;
    case OBS_AGE:
        append_series(out, row, "");
        append_seconds(out, *(const int64_t *)at > 0 ? *(const uint64_t *)at : 0);
        bytes_append_u8(out, '\n');
        break;
    case OBS_GAUGE:
        append_series(out, row, "");
        bytes_printf(out, "%" PRId64 "\n", *(const int64_t *)at);
        break;
    case OBS_TIMES:
    case OBS_SIZES:
        append_hist(out, row, at);
        break;
    }
}

static const char *kind_name(enum obs_kind kind)
{
    static const char *const names[] = {"counter", "counter",   "gauge",
                                        "gauge",   "histogram", "histogram"};

    return names[kind];
}

/* Is it a row of the family that the row before it began? */
static bool goes_on(const struct obs_table *table, size_t at)
{
    return at > 0 && strcmp(table->rows[at - 1].name, table->rows[at].name) == 0;
}

void obs_metrics_append(struct bytes *out, const struct obs_table *table, const void *stats)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct obs_row *row = &table->rows[i];
        if (!goes_on(table, i))
            bytes_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
                         kind_name(row->kind));
        append_row(out, row, stats);
    }
}

/* The labels of the family that begins at this row; of a long one the first few. */
static void document_labels(struct bytes *out, const struct obs_table *table, size_t at)
{
    size_t end = at + 1, shown;

    while (end < table->count && goes_on(table, end))
        end++;
    shown = end - at <= LABELS_SHOWN_MAX ? end : at + LABELS_SHOWN_FEW;
    for (size_t i = at; i < shown && *table->rows[i].labels; i++)
        bytes_printf(out, "%s`%s`", i > at ? " " : "", table->rows[i].labels);
    if (shown < end)
        bytes_printf(out, " and %zu more", end - shown);
}

void obs_metrics_document(struct bytes *out, const struct obs_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct obs_row *row = &table->rows[i];
        if (goes_on(table, i))
            continue;
        bytes_printf(out, "| `%s` | %s | ", row->name, kind_name(row->kind));
        document_labels(out, table, i);
        bytes_printf(out, " | %s |\n", row->help);
    }
}
