/*
 * Bounds on what a peer can make a process hold or do. One row each, in a table of the program that
 * keeps the bound; a row gives the option (where it is one) and its line in docs/limits.md.
 *
 *     #define GW_LIMITS(O, F)
 *         O(INT, connections_max, "connections-max", "100000", 1, 10000000, "Client connections.",
 *           "charged to", "what happens past it", "counter", "whom it stops")
 *         F(BYTES, "request-head", 8192, "A request's head.", "charged to", ...)
 *
 *     static const struct conf_option options[] = {GW_LIMITS(OPTION, CONF_NO_OPTION) ...};
 *     static const struct conf_limit limits[] = {GW_LIMITS(CONF_LIMIT_OPTION, CONF_LIMIT_FIXED)};
 *
 * O is an option, F is fixed: there the third is the value, which the code that keeps the bound
 * uses as well.
 */
#ifndef WEFT_CONF_LIMIT_H
#define WEFT_CONF_LIMIT_H

#include "conf_option.h"

struct conf_limit {
    const char *name;
    enum conf_type type;  /* INT, BYTES or MS */
    const char *fallback; /* the option's default; NULL: fixed */
    int64_t min, max;     /* of the option; fixed: both are the value */
    const char *help;
    const char *charged, *outcome;
    const char *counter; /* as a line of /metrics begins */
    const char *stops;
};

#define CONF_LIMIT_OPTION(kind, field, name, fallback, min, max, help, charged, outcome, counter,  \
                          stops)                                                                   \
    {name, CONF_TYPE_##kind, fallback, min, max, help, charged, outcome, counter, stops},
#define CONF_LIMIT_FIXED(kind, name, value, help, charged, outcome, counter, stops)                \
    {name, CONF_TYPE_##kind, NULL, value, value, help, charged, outcome, counter, stops},
#define CONF_NO_OPTION(...)

/* Appends the value, or the default and what else it may be: "64KiB", "1MiB, from 4KiB to 1MiB". */
void conf_limit_append_value(const struct conf_limit *limit, struct bytes *out);

#endif
