#include "ctl_metric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ctl_line_take(struct slice *text, struct slice *ret)
{
    if (!text->size)
        return false;
    const uint8_t *end = memchr(text->data, '\n', text->size);
    size_t size = end ? (size_t)(end - text->data) : text->size;
    *ret = slice_of(text->data, size);
    *text = slice_of(text->data + size + (end != NULL), text->size - size - (end != NULL));
    return true;
}

static double number_of(struct slice text)
{
    char number[64];

    snprintf(number, sizeof number, "%.*s", (int)text.size, (const char *)text.data);
    return strtod(number, NULL);
}

/* Does the line begin so? *ret is what is behind. */
static bool behind(struct slice line, const char *prefix, struct slice *ret)
{
    size_t size = strlen(prefix);

    if (line.size <= size || memcmp(line.data, prefix, size) != 0)
        return false;
    *ret = slice_of(line.data + size, line.size - size);
    return true;
}

bool ctl_metric(struct slice page, const char *series, double *ret)
{
    struct slice line, rest;

    while (ctl_line_take(&page, &line)) {
        if (!behind(line, series, &rest) || rest.data[0] != ' ')
            continue;
        *ret = number_of(slice_of(rest.data + 1, rest.size - 1));
        return true;
    }
    return false;
}

double ctl_metric_or_0(struct slice page, const char *series)
{
    double value = 0;

    (void)ctl_metric(page, series, &value);
    return value;
}

/* The next bucket of the family; bounds rise on a page. */
static bool bucket_take(struct slice *page, const char *prefix, double *ret_bound, double *ret)
{
    struct slice line, rest;

    while (ctl_line_take(page, &line)) {
        if (!behind(line, prefix, &rest))
            continue;
        const uint8_t *quote = memchr(rest.data, '"', rest.size);
        if (!quote || rest.size < (size_t)(quote - rest.data) + 4)
            continue;
        size_t size = (size_t)(quote - rest.data);
        *ret_bound = number_of(slice_of(rest.data, size)); /* "+Inf" is one for strtod, too */
        *ret = number_of(slice_of(quote + 3, rest.size - size - 3));
        return true;
    }
    return false;
}

/* How many were at most `bound` on an earlier page. */
static double count_upto(struct slice page, const char *prefix, double bound)
{
    double at, count, last = 0;

    while (bucket_take(&page, prefix, &at, &count) && at <= bound)
        last = count;
    return last;
}

bool ctl_metric_quantile(struct slice before, struct slice after, const char *family,
                         const char *labels, double q, double *ret)
{
    char prefix[256];
    double bound, count, total = 0;
    struct slice page = after;

    snprintf(prefix, sizeof prefix, "%s_bucket{%s%sle=\"", family, labels, *labels ? "," : "");
    while (bucket_take(&page, prefix, &bound, &count))
        total = count - count_upto(before, prefix, bound);
    if (total <= 0)
        return false;
    while (bucket_take(&after, prefix, &bound, &count)) {
        *ret = bound;
        if (count - count_upto(before, prefix, bound) >= q * total)
            return true;
    }
    return false;
}
