#include "conf_value.h"

#include "conf_limit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* Preferred names first, the greatest factor first; the last is for what no other divides. */
static const struct unit size_units[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
                                         {"G", 1 << 30},   {"M", 1 << 20},   {"K", 1 << 10},
                                         {"B", 1},         {NULL, 0}};
static const struct unit time_units[] = {
    {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0}};

static bool parse_digits(const char **at, uint64_t *ret)
{
    uint64_t v = 0;
    const char *s = *at;
    if (*s < '0' || *s > '9')
        return false;
    for (; *s >= '0' && *s <= '9'; s++) {
        unsigned digit = (unsigned)(*s - '0');
        if (v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *at = s;
    *ret = v;
    return true;
}

/* Of options whose minimum cannot be negative. */
static bool in_range(const struct conf_option *o, uint64_t v)
{
    return v >= (uint64_t)o->min && v <= (uint64_t)o->max;
}

static bool parse_int(const struct conf_option *o, const char *text, int64_t *ret)
{
    bool negative = *text == '-';
    uint64_t v;
    text += negative;
    if (!parse_digits(&text, &v) || *text || v > INT64_MAX)
        return false;
    int64_t value = negative ? -(int64_t)v : (int64_t)v;
    if (value < o->min || value > o->max)
        return false;
    *ret = value;
    return true;
}

/* Digits and a unit. A unit may be left out where 0 stands or `bare` allows it. */
static bool parse_units(const struct conf_option *o, const char *text, const struct unit *units,
                        bool bare, uint64_t *ret)
{
    uint64_t v;
    if (!parse_digits(&text, &v))
        return false;
    if (*text) {
        const struct unit *u = units;
        while (u->name && strcmp(u->name, text) != 0)
            u++;
        if (!u->name || v > UINT64_MAX / u->factor)
            return false;
        v *= u->factor;
    } else if (!bare && v != 0) {
        return false;
    }
    if (!in_range(o, v))
        return false;
    *ret = v;
    return true;
}

static bool parse_enum(const struct conf_option *o, const char *text, int *ret)
{
    for (int i = 0; o->choices[i]; i++) {
        if (strcmp(o->choices[i], text) == 0) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool parse_bool(const char *text, bool *ret)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i], text) == 0) {
            *ret = i % 2;
            return true;
        }
    }
    return false;
}

static int parse_string(const struct conf_option *o, const char *text, char **ret)
{
    if (!in_range(o, strlen(text)))
        return CONF_VALUE_BAD;
    for (const char *at = text; *at; at++) {
        if ((uint8_t)*at < ' ' || *at == 0x7f)
            return CONF_VALUE_BAD;
    }
    char *copy = strdup(text);
    if (!copy)
        return -ENOMEM;
    free(*ret);
    *ret = copy;
    return CONF_VALUE_OK;
}

int conf_value_parse(const struct conf_option *o, const char *text, void *config)
{
    void *at = (char *)config + o->offset;
    bool good = false;
    switch (o->type) {
    case CONF_TYPE_STRING:
        return parse_string(o, text, at);
    case CONF_TYPE_INT:
        good = parse_int(o, text, at);
        break;
    case CONF_TYPE_BYTES:
        good = parse_units(o, text, size_units, true, at);
        break;
    case CONF_TYPE_MS:
        good = parse_units(o, text, time_units, false, at);
        break;
    case CONF_TYPE_ENUM:
        good = parse_enum(o, text, at);
        break;
    case CONF_TYPE_BOOL:
        good = parse_bool(text, at);
        break;
    }
    return good ? CONF_VALUE_OK : CONF_VALUE_BAD;
}

static void append_units(struct bytes *out, const struct unit *units, uint64_t v)
{
    const struct unit *u = units;
    if (v == 0) {
        bytes_append_str(out, "0");
        return;
    }
    while (v % u->factor != 0)
        u++;
    bytes_printf(out, "%" PRIu64 "%s", v / u->factor, u->name);
}

static void append_number(const struct conf_option *o, int64_t v, struct bytes *out)
{
    if (o->type == CONF_TYPE_BYTES)
        append_units(out, size_units, (uint64_t)v);
    else if (o->type == CONF_TYPE_MS)
        append_units(out, time_units, (uint64_t)v);
    else
        bytes_printf(out, "%" PRId64, v);
}

void conf_limit_append_value(const struct conf_limit *limit, struct bytes *out)
{
    const struct conf_option o = {.type = limit->type};

    if (!limit->fallback) {
        append_number(&o, limit->min, out);
        return;
    }
    bytes_printf(out, "%s, from ", limit->fallback);
    append_number(&o, limit->min, out);
    bytes_append_str(out, " to ");
    append_number(&o, limit->max, out);
}

void conf_value_append(const struct conf_option *o, const void *config, struct bytes *out)
{
    const void *at = (const char *)config + o->offset;
    switch (o->type) {
    case CONF_TYPE_STRING:
        if (*(char *const *)at)
            bytes_append_str(out, *(char *const *)at);
        break;
    case CONF_TYPE_INT:
        append_number(o, *(const int64_t *)at, out);
        break;
    case CONF_TYPE_BYTES:
    case CONF_TYPE_MS:
        append_number(o, (int64_t) * (const uint64_t *)at, out);
        break;
    case CONF_TYPE_ENUM:
        bytes_append_str(out, o->choices[*(const int *)at]);
        break;
    case CONF_TYPE_BOOL:
        bytes_append_str(out, *(const bool *)at ? "true" : "false");
        break;
    }
}

void conf_value_append_range(const struct conf_option *o, struct bytes *out)
{
    static const char *const kinds[] = {[CONF_TYPE_INT] = "a whole number",
                                        [CONF_TYPE_BYTES] = "a size",
                                        [CONF_TYPE_MS] = "a duration"};
    switch (o->type) {
    case CONF_TYPE_STRING:
        bytes_printf(out, "text of at most %" PRId64 " bytes", o->max);
        break;
    case CONF_TYPE_INT:
    case CONF_TYPE_BYTES:
    case CONF_TYPE_MS:
        bytes_printf(out, "%s from ", kinds[o->type]);
        append_number(o, o->min, out);
        bytes_append_str(out, " to ");
        append_number(o, o->max, out);
        if (o->type == CONF_TYPE_BYTES)
            bytes_append_str(out, " (B, KiB, MiB, GiB)");
        if (o->type == CONF_TYPE_MS)
            bytes_append_str(out, " (ms, s, m, h)");
        break;
    case CONF_TYPE_ENUM:
        bytes_append_str(out, "one of ");
        for (int i = 0; o->choices[i]; i++)
            bytes_printf(out, "%s%s", i ? ", " : "", o->choices[i]);
        break;
    case CONF_TYPE_BOOL:
        bytes_append_str(out, "true or false");
        break;
    }
}

const char *conf_value_noun(const struct conf_option *o)
{
    static const char *const nouns[] = {
        [CONF_TYPE_STRING] = "TEXT", [CONF_TYPE_INT] = "NUMBER", [CONF_TYPE_BYTES] = "SIZE",
        [CONF_TYPE_MS] = "DURATION", [CONF_TYPE_ENUM] = "WORD",  [CONF_TYPE_BOOL] = ""};
    return nouns[o->type];
}
