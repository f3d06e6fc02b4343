/* The clients of Redis and PostgreSQL as the options want them. */
#ifndef WEFT_CTL_SERVERS_CONFIG_H
#define WEFT_CTL_SERVERS_CONFIG_H

#include "ctl_where.h"
#include "pg_client.h"
#include "redis_client.h"

/* Borrow from where. False: it is not known, or what is given cannot be; said so, unless ctl is
   NULL. */
bool ctl_redis_config(struct ctl *ctl, const struct ctl_where *where, struct redis_config *ret);
bool ctl_postgres_config(struct ctl *ctl, const struct ctl_where *where, struct pg_config *ret);

#endif
