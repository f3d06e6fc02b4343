/* Do Redis and PostgreSQL answer us, and how fast? Asked directly, whatever the services say. */
#ifndef WEFT_CTL_PROBE_H
#define WEFT_CTL_PROBE_H

#include "ctl_where.h"

struct ev_loop;

#define CTL_PROBE_PATIENCE_MS 1500

struct ctl_probe {
    bool asked; /* false: its address is not known */
    bool answered;
    double ms;     /* what a small question took, once connected */
    char why[200]; /* no answer: in words */
};

void ctl_probe_stores(const struct ctl_where *where, struct ev_loop *loop,
                      struct ctl_probe *ret_redis, struct ctl_probe *ret_postgres);

#endif
