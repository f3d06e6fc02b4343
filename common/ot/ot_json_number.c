/*
 * Numbers in the form of ECMAScript's Number::toString, which RFC 8785 section 3.2.2.3 asks for: "k
 * is as small as possible" digits that read back as the same double, and of those the nearest.
 *
 * A number is (digits, k, n): the digits d1…dk without trailing zeros stand for 0.d1…dk × 10^n.
 *
 * Checking one needs no double at all in the common case: decimals of at most 15 digits map to
 * distinct normal doubles, so each of them is the shortest of its own. Only longer ones, and those
 * near the ends of the range, go through strtod. Nothing here depends on the locale: strtod is
 * given digits and an exponent without a point, and the point that printf writes is skipped.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ot_json.h"

#define DIGITS_MAX 17 /* enough to tell any two doubles apart */

struct decimal {
    bool negative;
    unsigned k; /* 0: the number 0 */
    int n;
    char digits[DIGITS_MAX + 1];
};

static size_t put_zeros(char *out, int count)
{
    memset(out, '0', (size_t)count);
    return (size_t)count;
}

static size_t put_digits(char *out, const char *digits, unsigned count)
{
    memcpy(out, digits, count);
    return count;
}

/* ECMA-262, Number::toString, steps 6 to 10. */
static size_t decimal_write(const struct decimal *d, char out[OT_JSON_NUMBER_SIZE_MAX])
{
    int k = (int)d->k, n = d->n;
    size_t at = 0;

    if (d->negative)
        out[at++] = '-';
    if (k == 0) {
        out[at++] = '0';
    } else if (k <= n && n <= 21) {
        at += put_digits(out + at, d->digits, d->k);
        at += put_zeros(out + at, n - k);
    } else if (0 < n && n <= 21) {
        at += put_digits(out + at, d->digits, (unsigned)n);
        out[at++] = '.';
        at += put_digits(out + at, d->digits + n, (unsigned)(k - n));
    } else if (-6 < n && n <= 0) {
        out[at++] = '0';
        out[at++] = '.';
        at += put_zeros(out + at, -n);
        at += put_digits(out + at, d->digits, d->k);
    } else {
        out[at++] = d->digits[0];
        if (k > 1) {
            out[at++] = '.';
            at += put_digits(out + at, d->digits + 1, d->k - 1);
        }
        at += (size_t)snprintf(out + at, OT_JSON_NUMBER_SIZE_MAX - at, "e%+d", n - 1);
    }
    return at;
}

static void decimal_strip(struct decimal *d)
{
    while (d->k && d->digits[d->k - 1] == '0')
        d->k--;
}

/* Any decimal or exponent form into digits; false if it is none or has too many digits. */
static bool decimal_read(struct slice text, struct decimal *ret)
{
    struct decimal d = {0};
    size_t at = 0;
    int point = -1, seen = 0;

    if (text.size >= OT_JSON_NUMBER_SIZE_MAX)
        return false;
    if (at < text.size && text.data[at] == '-') {
        d.negative = true;
        at++;
    }
    for (; at < text.size && text.data[at] != 'e'; at++) {
        uint8_t c = text.data[at];
        if (c == '.' && point < 0) {
            point = seen;
            continue;
        }
        if (c < '0' || c > '9')
            return false;
        if (d.k == 0 && c == '0') {
            d.n--; /* leading zeros only move the point */
        } else if (d.k < DIGITS_MAX) {
            d.digits[d.k++] = (char)c;
        } else if (c != '0') {
            return false;
        }
        seen++;
    }
    if (seen == 0)
        return false;
    d.n += point < 0 ? seen : point;
    if (at < text.size) { /* e[+-]digits; the form is settled by writing it again */
        char exponent[8] = {0};
        size_t size = text.size - at - 1;
        if (size < 2 || size >= sizeof exponent)
            return false;
        memcpy(exponent, text.data + at + 1, size);
        d.n += atoi(exponent);
    }
    decimal_strip(&d);
    *ret = d;
    return true;
}

static double decimal_value(const struct decimal *d)
{
    char text[DIGITS_MAX + 16];

    snprintf(text, sizeof text, "%.*se%d", (int)d->k, d->digits, d->n - (int)d->k);
    return strtod(text, NULL);
}

/* The p-digit decimal nearest to v, or with `above` the next one above that. */
static void decimal_near(double v, int p, bool above, struct decimal *ret)
{
    char text[40];
    int size = snprintf(text, sizeof text, "%.*e", p - 1, v);
    const char *e = memchr(text, 'e', (size_t)size);
    char number[24];

    number[0] = text[0];
    memcpy(number + 1, e - (p - 1), (size_t)(p - 1));
    number[p] = 0;
    size = snprintf(number, sizeof number, "%lld", atoll(number) + above);
    *ret = (struct decimal){.n = atoi(e + 1) + 1 + (size - p)};
    /* 999 + 1 has a digit more, which is a zero. */
    ret->k = (unsigned)(size > DIGITS_MAX ? DIGITS_MAX : size);
    memcpy(ret->digits, number, ret->k);
    decimal_strip(ret);
}

/*
 * Shortest form of v > 0, searching from p digits upwards. The nearest decimal of a length may fail
 * to read back where the next above does: at powers of two the doubles below lie twice as close
 * (2^-44 is 5.684341886080802e-14, though …801 is nearer).
 */
static void decimal_shortest(double v, int p, struct decimal *ret)
{
    for (; p <= DIGITS_MAX; p++) {
        for (int above = 0; above <= 1; above++) {
            decimal_near(v, p, above, ret);
            if (decimal_value(ret) == v)
                return;
        }
    }
    MUST(!"17 digits tell any double");
}

size_t ot_json_number_write(double v, char out[OT_JSON_NUMBER_SIZE_MAX])
{
    struct decimal d = {0};

    MUST(isfinite(v));
    if (v != 0) {
        /* Normal doubles: if 15 digits do, stripping their zeros leaves the shortest. */
        decimal_shortest(fabs(v), fabs(v) >= DBL_MIN ? 15 : 1, &d);
        d.negative = v < 0;
    }
    return decimal_write(&d, out);
}

bool ot_json_number_canonical(struct slice text)
{
    char again[OT_JSON_NUMBER_SIZE_MAX];
    struct decimal d, shortest;

    if (!decimal_read(text, &d) || (d.k == 0 && d.negative))
        return false;
    if (d.k == 0)
        d.n = 0;
    if (!slice_equal(slice_of(again, decimal_write(&d, again)), text))
        return false;
    if (d.k == 0 || (d.k <= 15 && d.n > -300 && d.n <= 308))
        return true;
    double v = decimal_value(&d);
    if (v == 0 || !isfinite(v))
        return false;
    decimal_shortest(v, d.k > 1 ? (int)d.k - 1 : 1, &shortest);
    return shortest.k == d.k && shortest.n == d.n && memcmp(shortest.digits, d.digits, d.k) == 0;
}
