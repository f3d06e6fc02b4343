#include "ctl_servers_config.h"

#include <stdlib.h>
#include <string.h>

#include "crypto_random.h"

/* A tool may wait for a large row. */
#define COMMAND_MS 5000
#define RETRY_MS_MAX 200

static bool level_of(const char *text, enum redis_level *ret)
{
    static const char *const names[] = {"memory", "fsync", "replica"};

    *ret = REDIS_LEVEL_FSYNC;
    if (!text[0])
        return true;
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret = (enum redis_level)i;
            return true;
        }
    }
    return false;
}

static bool replicas_of(const char *text, unsigned *ret)
{
    char *end = NULL;
    unsigned long n = text[0] ? strtoul(text, &end, 10) : 1;

    *ret = (unsigned)n;
    return n >= 1 && n <= 16 && (!end || !*end);
}

static bool usage(struct ctl *ctl, const char *what, const char *value)
{
    if (ctl)
        fprintf(ctl->err, "weftctl: %s: '%.100s'\n", what, value);
    return false;
}

static uint64_t seed(void)
{
    uint64_t random;

    crypto_random(&random, sizeof random);
    return random;
}

bool ctl_redis_config(struct ctl *ctl, const struct ctl_where *where, struct redis_config *ret)
{
    *ret =
        (struct redis_config){.password = where->redis_password[0] ? where->redis_password : NULL,
                              .command_ms = COMMAND_MS,
                              .retry_ms_max = RETRY_MS_MAX,
                              .seed = seed()};
    if (!ev_address_parse(where->redis, &ret->address))
        return usage(ctl, "--redis is neither HOST:PORT in numbers nor unix:PATH", where->redis);
    if (!level_of(where->durability, &ret->level))
        return usage(ctl, "--durability is memory, fsync or replica", where->durability);
    if (!replicas_of(where->replicas, &ret->replicas))
        return usage(ctl, "--replicas is a number from 1 to 16", where->replicas);
    return true;
}

bool ctl_postgres_config(struct ctl *ctl, const struct ctl_where *where, struct pg_config *ret)
{
    char error[200];

    *ret = (struct pg_config){.conninfo = where->postgres,
                              .connections = 1,
                              .command_ms = COMMAND_MS,
                              .retry_ms_max = RETRY_MS_MAX,
                              .seed = seed()};
    if (!where->postgres[0] || pg_conninfo_check(where->postgres, error, sizeof error) == 0)
        return where->postgres[0];
    if (ctl)
        fprintf(ctl->err, "weftctl: --postgres: %s\n", error);
    return false;
}
