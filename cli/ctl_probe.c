#include "ctl_probe.h"

#include <string.h>

#include "crypto_random.h"
#include "ctl_servers_config.h"
#include "ev_loop.h"
#include "pg_calls.h"
#include "redis_calls.h"

struct probing {
    struct ev_loop *loop;
    struct redis_client *redis; /* NULL: not asked, or closed */
    struct pg_client *postgres;
    struct ctl_probe *of_redis, *of_postgres;
    int64_t redis_asked_us, postgres_asked_us; /* 0: not yet */
    bool redis_done, postgres_done;
    unsigned open;
};

static void done(struct probing *p, struct ctl_probe *of, int64_t asked_us, bool good,
                 const char *error)
{
    of->answered = good;
    of->ms = (double)(ev_clock_us() - asked_us) / 1000;
    snprintf(of->why, sizeof of->why, "%s", good ? "" : error);
}

static void on_redis(void *arg, const struct redis_answer *answer,
                     const struct redis_beat_reply *reply)
{
    struct probing *p = arg;

    p->redis_done = true;
    done(p, p->of_redis, p->redis_asked_us, answer->outcome == REDIS_OUTCOME_OK, answer->error);
}

static void on_postgres(void *arg, const struct pg_answer *answer, const struct pg_head *reply)
{
    struct probing *p = arg;

    p->postgres_done = true;
    done(p, p->of_postgres, p->postgres_asked_us, answer->outcome == PG_OUTCOME_OK, answer->error);
}

static void ask_when_ready(struct probing *p)
{
    static const struct redis_beat look = {.list = REDIS_LIST_WORKERS};

    if (p->redis && !p->redis_asked_us && redis_client_state(p->redis) == REDIS_STATE_READY) {
        p->redis_asked_us = ev_clock_us();
        MUST(redis_beat(p->redis, &look, on_redis, p) == 0);
    }
    if (p->postgres && !p->postgres_asked_us && pg_client_state(p->postgres) == PG_STATE_READY) {
        p->postgres_asked_us = ev_clock_us();
        MUST(pg_head(p->postgres, slice_str("weftctl"), on_postgres, p) == 0);
    }
}

/* What a client says of why it is not ready; it may have nothing to say yet. */
static void give_up(struct ctl_probe *of, const char *reason, bool asked)
{
    const char *why = reason[0] ? reason : "it takes the connection and says nothing";

    if (asked)
        why = "it is connected and does not answer";
    snprintf(of->why, sizeof of->why, "%.*s within %d ms", (int)strcspn(why, "\n"), why,
             CTL_PROBE_PATIENCE_MS);
}

static void on_closed(void *arg)
{
    struct probing *p = arg;

    p->open--;
}

static void close_all(struct probing *p)
{
    if (p->redis && ++p->open)
        redis_client_close(p->redis, on_closed, p);
    if (p->postgres && ++p->open)
        pg_client_close(p->postgres, on_closed, p);
    while (p->open)
        ev_loop_step(p->loop, 100);
}

void ctl_probe_stores(const struct ctl_where *where, struct ev_loop *loop,
                      struct ctl_probe *ret_redis, struct ctl_probe *ret_postgres)
{
    struct probing p = {.loop = loop, .of_redis = ret_redis, .of_postgres = ret_postgres};
    struct redis_config redis;
    struct pg_config postgres;
    int64_t end_ms = ev_loop_now_ms(loop) + CTL_PROBE_PATIENCE_MS;

    *ret_redis = (struct ctl_probe){.asked = ctl_redis_config(NULL, where, &redis)};
    *ret_postgres = (struct ctl_probe){.asked = ctl_postgres_config(NULL, where, &postgres)};
    if (ret_redis->asked)
        MUST(p.redis = redis_client_new(loop, &redis, NULL, NULL));
    if (ret_postgres->asked)
        MUST(p.postgres = pg_client_new(loop, &postgres, NULL, NULL));
    p.redis_done = !p.redis;
    p.postgres_done = !p.postgres;
    while (!(p.redis_done && p.postgres_done) && ev_loop_now_ms(loop) < end_ms) {
        ask_when_ready(&p);
        ev_loop_step(loop, 20);
    }
    if (!p.redis_done)
        give_up(ret_redis, redis_client_reason(p.redis), p.redis_asked_us > 0);
    if (!p.postgres_done)
        give_up(ret_postgres, pg_client_reason(p.postgres), p.postgres_asked_us > 0);
    close_all(&p);
}
