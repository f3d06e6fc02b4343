/*
 * Inside ctl_servers: ctl_servers.c opens and closes, ctl_ask.c asks.
 */
#ifndef WEFT_CTL_SERVERS_PRIVATE_H
#define WEFT_CTL_SERVERS_PRIVATE_H

#include "ctl_servers.h"
#include "ev_loop.h"

struct ctl_servers {
    struct ctl *ctl;      /* borrowed */
    struct ev_loop *loop; /* borrowed */
    const struct ctl_where *where;
    struct redis_client *redis;
    struct pg_client *postgres;
    unsigned open; /* clients that have not announced their end */
    char refusal[240];
};

void ctl_servers_say_redis(const struct ctl_servers *servers, const char *why);
void ctl_servers_say_postgres(const struct ctl_servers *servers, const char *why);

static inline bool ctl_redis_ready(const struct ctl_servers *s)
{
    return redis_client_state(s->redis) == REDIS_STATE_READY;
}

static inline bool ctl_postgres_ready(const struct ctl_servers *s)
{
    return pg_client_state(s->postgres) == PG_STATE_READY;
}

#endif
