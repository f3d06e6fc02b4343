/*
 * Where Redis, PostgreSQL and the gateways are: options, else environment, else the instance that
 * scripts/up keeps in a directory (--dir, else .run here, else the .run of the checkout that this
 * program was built in). A directory is asked only where nothing else is given at all: parts of two
 * installations must never be mixed.
 */
#ifndef WEFT_CTL_WHERE_H
#define WEFT_CTL_WHERE_H

#include "ctl_verb.h"

/* What ctl_args has of it; the same rows in every verb's table. */
#define CTL_WHERE_OPTIONS                                                                          \
    {"url", "URL", offsetof(struct ctl_args, url), "Gateway, ws://HOST:PORT/; else WEFT_URL."},    \
        {"redis", "ADDRESS", offsetof(struct ctl_args, redis),                                     \
         "HOST:PORT in numbers, or unix:PATH; else WEFT_REDIS. Password: WEFT_REDIS_PASSWORD."},   \
        {"postgres", "CONNINFO", offsetof(struct ctl_args, postgres),                              \
         "\"host=... dbname=... user=...\", or a URI; else WEFT_POSTGRES."},                       \
        {"durability", "LEVEL", offsetof(struct ctl_args, durability),                             \
         "memory, fsync or replica: what Redis must give; else WEFT_DURABILITY, else fsync."},     \
        {"replicas", "N", offsetof(struct ctl_args, replicas),                                     \
         "At level replica: how many must hold what is read; else WEFT_REPLICAS, else 1."},        \
        {"admin", "WHERE", offsetof(struct ctl_args, admin),                                       \
         "The services' admin ports: a directory of files that hold HOST:PORT each, or "           \
         "NAME=HOST:PORT,...; else WEFT_ADMIN."},                                                  \
    {                                                                                              \
        "dir", "DIR", offsetof(struct ctl_args, dir),                                              \
            "Instance of scripts/up to use where none of url, redis, postgres and admin is given " \
            "(.run)."                                                                              \
    }

struct ctl_where {
    char url[1400], redis[160], redis_password[256], postgres[1024], admin[1400], durability[16],
        replicas[16]; /* "": not known */
};

/* False: what is given cannot be; said so. */
bool ctl_where_find(struct ctl *ctl, struct ctl_where *ret);

#endif
