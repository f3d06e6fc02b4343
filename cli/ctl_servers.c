#include "ctl_servers_private.h"

#include <stdlib.h>
#include <string.h>

#include "ctl_servers_config.h"
#include "ev_loop.h"

/* ---- sentences ---- */

/* A server that is paused takes connections, and nothing has failed yet when patience ends. */
static const char *words(const char *why)
{
    return why[0] ? why : "it takes the connection and says nothing; is it paused?";
}

void ctl_servers_say_redis(const struct ctl_servers *s, const char *why)
{
    fprintf(s->ctl->err, "weftctl: Redis at %s: %s (--redis or WEFT_REDIS says where it is)\n",
            s->where->redis, words(why));
}

/* The conninfo may hold a password. */
void ctl_servers_say_postgres(const struct ctl_servers *s, const char *why)
{
    size_t size = strcspn(words(why), "\n");

    fprintf(s->ctl->err,
            "weftctl: PostgreSQL: %.*s (--postgres or WEFT_POSTGRES says where it is)\n", (int)size,
            words(why));
}

static void say_refused(const struct ctl_servers *s)
{
    fprintf(s->ctl->err,
            "weftctl: Redis at %s does not give durability '%s': %s (--durability LEVEL if another "
            "is meant)\n",
            s->where->redis, s->where->durability[0] ? s->where->durability : "fsync",
            redis_client_reason(s->redis));
}

/* ---- opening ---- */

/* Nothing is wrong that could pass by itself. */
static bool hopeful(const struct ctl_servers *s)
{
    return redis_client_state(s->redis) != REDIS_STATE_REFUSED &&
           pg_client_state(s->postgres) != PG_STATE_REFUSED;
}

static enum ctl_exit wait_ready(struct ctl_servers *s)
{
    int64_t end_ms = ev_loop_now_ms(s->loop) + CTL_PATIENCE_MS;

    while (!(ctl_redis_ready(s) && ctl_postgres_ready(s)) && hopeful(s) &&
           ev_loop_now_ms(s->loop) < end_ms)
        ev_loop_step(s->loop, 20);
    if (redis_client_state(s->redis) == REDIS_STATE_REFUSED)
        say_refused(s);
    else if (!ctl_redis_ready(s))
        ctl_servers_say_redis(s, redis_client_reason(s->redis));
    if (!ctl_postgres_ready(s))
        ctl_servers_say_postgres(s, pg_client_reason(s->postgres));
    return ctl_redis_ready(s) && ctl_postgres_ready(s) ? CTL_YES : CTL_UNREACHABLE;
}

enum ctl_exit ctl_servers_open(struct ctl *ctl, const struct ctl_where *where, struct ev_loop *loop,
                               struct ctl_servers **ret)
{
    struct redis_config redis;
    struct pg_config postgres;

    if (!where->redis[0] || !where->postgres[0]) {
        fprintf(ctl->err,
                "weftctl: where are Redis and PostgreSQL? --redis and --postgres, WEFT_REDIS and "
                "WEFT_POSTGRES, or --dir of a scripts/up\n");
        return CTL_USAGE;
    }
    if (!ctl_redis_config(ctl, where, &redis) || !ctl_postgres_config(ctl, where, &postgres))
        return CTL_USAGE;
    struct ctl_servers *s = calloc(1, sizeof *s);
    MUST(s);
    *s = (struct ctl_servers){.ctl = ctl, .loop = loop, .where = where, .open = 2};
    s->redis = redis_client_new(loop, &redis, NULL, NULL);
    s->postgres = pg_client_new(loop, &postgres, NULL, NULL);
    MUST(s->redis && s->postgres);
    enum ctl_exit status = wait_ready(s);
    if (status != CTL_YES)
        ctl_servers_close(s);
    else
        *ret = s;
    return status;
}

static void on_closed(void *arg)
{
    struct ctl_servers *s = arg;

    s->open--;
}

struct ctl_servers *ctl_servers_close(struct ctl_servers *s)
{
    if (!s)
        return NULL;
    redis_client_close(s->redis, on_closed, s);
    pg_client_close(s->postgres, on_closed, s);
    while (s->open)
        ev_loop_step(s->loop, 100);
    free(s);
    return NULL;
}

struct ev_loop *ctl_servers_loop(const struct ctl_servers *servers)
{
    return servers->loop;
}

enum ctl_exit ctl_servers_with(struct ctl *ctl,
                               enum ctl_exit (*run)(struct ctl *ctl, struct ctl_servers *servers,
                                                    void *arg),
                               void *arg)
{
    struct ctl_servers *servers = NULL;
    struct ctl_where where;

    if (!ctl_where_find(ctl, &where))
        return CTL_USAGE;
    struct ev_loop *loop = ev_loop_new(NULL);
    MUST(loop);
    enum ctl_exit status = ctl_servers_open(ctl, &where, loop, &servers);
    if (status == CTL_YES)
        status = run(ctl, servers, arg);
    ctl_servers_close(servers);
    ev_loop_free(loop);
    return status;
}
