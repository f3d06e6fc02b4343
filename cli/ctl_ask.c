/* Questions to Redis and PostgreSQL, and how long they are asked (ctl_servers.h). */
#include <string.h>

#include "cluster_shard.h"
#include "ctl_servers_private.h"

/* What one answer may hold: bounds memory, whatever the size of a document. */
#define READ_ENTRIES 1000
#define READ_BYTES ((size_t)8 << 20)
#define HISTORY_BYTES ((size_t)8 << 20)
#define DOCS_LIMIT 1000
#define SCAN_EFFORT 1000

enum fate {
    FATE_NONE, /* not answered yet */
    FATE_TAKEN,
    FATE_AGAIN,   /* may be asked again */
    FATE_REFUSED, /* for good */
};

struct question {
    struct ctl_servers *servers;
    bool to_redis;
    struct slice doc;
    uint64_t number;         /* revision or cursor */
    uint64_t to;             /* history: revision; marks: lane */
    const struct slice *ids; /* known: `number` of them */
    int (*ask)(struct question *q);
    void (*take)(void); /* of the type that belongs to `ask` */
    void *arg;
    enum fate fate;
    char error[200];
};

static void failed(struct question *q, bool refused, const char *error)
{
    q->fate = refused ? FATE_REFUSED : FATE_AGAIN;
    snprintf(q->error, sizeof q->error, "%s", error);
}

static bool redis_answered(struct question *q, const struct redis_answer *answer)
{
    q->fate = FATE_TAKEN;
    if (answer->outcome != REDIS_OUTCOME_OK)
        failed(q, answer->outcome == REDIS_OUTCOME_ERROR, answer->error);
    return q->fate == FATE_TAKEN;
}

static bool postgres_answered(struct question *q, const struct pg_answer *answer)
{
    q->fate = FATE_TAKEN;
    if (answer->outcome != PG_OUTCOME_OK)
        failed(q, answer->outcome == PG_OUTCOME_ERROR, answer->error);
    return q->fate == FATE_TAKEN;
}

static void refusal_note(struct ctl_servers *s, const char *name, const char *error)
{
    bool named = strncmp(error, name, strlen(name)) == 0;

    snprintf(s->refusal, sizeof s->refusal, "%s%s%s", named ? "" : name, named ? "" : ": ", error);
}

static enum ctl_exit answer_of(struct question *q)
{
    struct ctl_servers *s = q->servers;
    int64_t end_ms = ev_loop_now_ms(s->loop) + CTL_PATIENCE_MS;

    for (;;) {
        q->fate = FATE_NONE;
        MUST(q->ask(q) == 0); /* a tool without memory has nothing to say */
        while (q->fate == FATE_NONE)
            ev_loop_step(s->loop, 1000);
        if (q->fate == FATE_TAKEN)
            return CTL_YES;
        if (q->fate == FATE_REFUSED) {
            refusal_note(s, q->to_redis ? "Redis" : "PostgreSQL", q->error);
            return CTL_NO;
        }
        if (ev_loop_now_ms(s->loop) >= end_ms)
            break;
        ev_loop_step(s->loop, 20);
        while (!(q->to_redis ? ctl_redis_ready(s) : ctl_postgres_ready(s)) &&
               ev_loop_now_ms(s->loop) < end_ms)
            ev_loop_step(s->loop, 20);
    }
    if (q->to_redis)
        ctl_servers_say_redis(s, q->error);
    else
        ctl_servers_say_postgres(s, q->error);
    return CTL_UNREACHABLE;
}

const char *ctl_servers_refusal(const struct ctl_servers *s)
{
    return s->refusal;
}

static struct redis_doc redis_doc_of(struct slice doc)
{
    return (struct redis_doc){.lane = cluster_lane_of(doc), .id = doc};
}

static void on_read(void *arg, const struct redis_answer *answer,
                    const struct redis_read_reply *reply)
{
    struct question *q = arg;

    if (!redis_answered(q, answer))
        return;
    if (reply->damaged)
        failed(q, true, "the head or an entry is not what Weft writes");
    else
        ((void (*)(void *, const struct redis_read_reply *))q->take)(q->arg, reply);
}

static int ask_read(struct question *q)
{
    return redis_read(q->servers->redis, redis_doc_of(q->doc), q->number, READ_ENTRIES, READ_BYTES,
                      on_read, q);
}

enum ctl_exit ctl_ask_read(struct ctl_servers *servers, struct slice doc, uint64_t from_rev,
                           void (*take)(void *arg, const struct redis_read_reply *reply), void *arg)
{
    struct question q = {.servers = servers,
                         .to_redis = true,
                         .doc = doc,
                         .number = from_rev,
                         .ask = ask_read,
                         .take = (void (*)(void))take,
                         .arg = arg};

    return answer_of(&q);
}

static void on_look(void *arg, const struct redis_answer *answer,
                    const struct redis_look_reply *reply)
{
    struct question *q = arg;

    if (redis_answered(q, answer))
        ((void (*)(void *, const struct redis_look_reply *))q->take)(q->arg, reply);
}

static int ask_look(struct question *q)
{
    return redis_look(q->servers->redis, redis_doc_of(q->doc), on_look, q);
}

enum ctl_exit ctl_ask_look(struct ctl_servers *servers, struct slice doc,
                           void (*take)(void *arg, const struct redis_look_reply *reply), void *arg)
{
    struct question q = {.servers = servers,
                         .to_redis = true,
                         .doc = doc,
                         .ask = ask_look,
                         .take = (void (*)(void))take,
                         .arg = arg};

    return answer_of(&q);
}

static void on_scan(void *arg, const struct redis_answer *answer,
                    const struct redis_scan_reply *reply)
{
    struct question *q = arg;

    if (redis_answered(q, answer))
        ((void (*)(void *, const struct redis_scan_reply *))q->take)(q->arg, reply);
}

static int ask_scan(struct question *q)
{
    return redis_scan(q->servers->redis, REDIS_ALL_LANES, q->number, SCAN_EFFORT, on_scan, q);
}

enum ctl_exit ctl_ask_scan(struct ctl_servers *servers, uint64_t cursor,
                           void (*take)(void *arg, const struct redis_scan_reply *reply), void *arg)
{
    struct question q = {.servers = servers,
                         .to_redis = true,
                         .doc = slice_of(NULL, 0),
                         .number = cursor,
                         .ask = ask_scan,
                         .take = (void (*)(void))take,
                         .arg = arg};

    return answer_of(&q);
}

static void on_marks(void *arg, const struct redis_answer *answer,
                     const struct redis_marks_reply *reply)
{
    struct question *q = arg;

    if (redis_answered(q, answer))
        ((void (*)(void *, const struct redis_marks_reply *))q->take)(q->arg, reply);
}

static int ask_marks(struct question *q)
{
    return redis_marks(q->servers->redis, (uint32_t)q->to, q->number, SCAN_EFFORT, on_marks, q);
}

enum ctl_exit ctl_ask_marks(struct ctl_servers *servers, unsigned lane, uint64_t cursor,
                            void (*take)(void *arg, const struct redis_marks_reply *reply),
                            void *arg)
{
    struct question q = {.servers = servers,
                         .to_redis = true,
                         .doc = slice_of(NULL, 0),
                         .number = cursor,
                         .to = lane,
                         .ask = ask_marks,
                         .take = (void (*)(void))take,
                         .arg = arg};

    return answer_of(&q);
}

static void on_head(void *arg, const struct pg_answer *answer, const struct pg_head *reply)
{
    struct question *q = arg;

    if (postgres_answered(q, answer))
        ((void (*)(void *, const struct pg_head *))q->take)(q->arg, reply);
}

static int ask_head(struct question *q)
{
    return pg_head(q->servers->postgres, q->doc, on_head, q);
}

enum ctl_exit ctl_ask_head(struct ctl_servers *servers, struct slice doc,
                           void (*take)(void *arg, const struct pg_head *reply), void *arg)
{
    struct question q = {
        .servers = servers, .doc = doc, .ask = ask_head, .take = (void (*)(void))take, .arg = arg};

    return answer_of(&q);
}

static void on_known(void *arg, const struct pg_answer *answer, const struct pg_known_reply *reply)
{
    struct question *q = arg;

    if (postgres_answered(q, answer))
        ((void (*)(void *, const struct pg_known_reply *))q->take)(q->arg, reply);
}

static int ask_known(struct question *q)
{
    return pg_known(q->servers->postgres, q->ids, (size_t)q->number, on_known, q);
}

enum ctl_exit ctl_ask_known(struct ctl_servers *servers, const struct slice *ids, size_t count,
                            void (*take)(void *arg, const struct pg_known_reply *reply), void *arg)
{
    struct question q = {.servers = servers,
                         .ids = ids,
                         .number = count,
                         .ask = ask_known,
                         .take = (void (*)(void))take,
                         .arg = arg};

    return answer_of(&q);
}

static void on_snapshot(void *arg, const struct pg_answer *answer,
                        const struct pg_snapshot_reply *reply)
{
    struct question *q = arg;

    if (postgres_answered(q, answer))
        ((void (*)(void *, const struct pg_snapshot_reply *))q->take)(q->arg, reply);
}

static int ask_snapshot(struct question *q)
{
    return pg_snapshot(q->servers->postgres, q->doc, q->number, on_snapshot, q);
}

enum ctl_exit ctl_ask_snapshot(struct ctl_servers *servers, struct slice doc, uint64_t above_rev,
                               void (*take)(void *arg, const struct pg_snapshot_reply *reply),
                               void *arg)
{
    struct question q = {.servers = servers,
                         .doc = doc,
                         .number = above_rev,
                         .ask = ask_snapshot,
                         .take = (void (*)(void))take,
                         .arg = arg};

    return answer_of(&q);
}

static void on_load(void *arg, const struct pg_answer *answer, const struct pg_load_reply *reply)
{
    struct question *q = arg;

    if (postgres_answered(q, answer))
        ((void (*)(void *, const struct pg_load_reply *))q->take)(q->arg, reply);
}

static int ask_load(struct question *q)
{
    return pg_load(q->servers->postgres, q->doc, q->number, on_load, q);
}

enum ctl_exit ctl_ask_load(struct ctl_servers *servers, struct slice doc, uint64_t rev_max,
                           void (*take)(void *arg, const struct pg_load_reply *reply), void *arg)
{
    struct question q = {.servers = servers,
                         .doc = doc,
                         .number = rev_max,
                         .ask = ask_load,
                         .take = (void (*)(void))take,
                         .arg = arg};

    return answer_of(&q);
}

static void on_history(void *arg, const struct pg_answer *answer,
                       const struct pg_history_reply *reply)
{
    struct question *q = arg;

    if (postgres_answered(q, answer))
        ((void (*)(void *, const struct pg_history_reply *))q->take)(q->arg, reply);
}

static int ask_history(struct question *q)
{
    return pg_history(q->servers->postgres, q->doc, q->number, q->to, HISTORY_BYTES, on_history, q);
}

enum ctl_exit ctl_ask_history(struct ctl_servers *servers, struct slice doc, uint64_t from_rev,
                              uint64_t to_rev,
                              void (*take)(void *arg, const struct pg_history_reply *reply),
                              void *arg)
{
    struct question q = {.servers = servers,
                         .doc = doc,
                         .number = from_rev,
                         .to = to_rev,
                         .ask = ask_history,
                         .take = (void (*)(void))take,
                         .arg = arg};

    return answer_of(&q);
}

static void on_docs(void *arg, const struct pg_answer *answer, const struct pg_docs_reply *reply)
{
    struct question *q = arg;

    if (postgres_answered(q, answer))
        ((void (*)(void *, const struct pg_docs_reply *))q->take)(q->arg, reply);
}

static int ask_docs(struct question *q)
{
    return pg_docs(q->servers->postgres, slice_of("", 0), q->doc, DOCS_LIMIT, on_docs, q);
}

enum ctl_exit ctl_ask_docs(struct ctl_servers *servers, struct slice after,
                           void (*take)(void *arg, const struct pg_docs_reply *reply), void *arg)
{
    struct question q = {.servers = servers,
                         .doc = after,
                         .ask = ask_docs,
                         .take = (void (*)(void))take,
                         .arg = arg};

    return answer_of(&q);
}

static void on_row(void *arg, const struct pg_answer *answer, const struct pg_docs_reply *reply)
{
    struct question *q = arg;

    if (!postgres_answered(q, answer))
        return;
    /* Ids that begin with this one are behind it. */
    bool found = reply->count && slice_equal(reply->docs[0].id, q->doc);
    ((void (*)(void *, const struct pg_document *))q->take)(q->arg, found ? reply->docs : NULL);
}

static int ask_row(struct question *q)
{
    return pg_docs(q->servers->postgres, q->doc, slice_of("", 0), 1, on_row, q);
}

enum ctl_exit ctl_ask_row(struct ctl_servers *servers, struct slice doc,
                          void (*take)(void *arg, const struct pg_document *row), void *arg)
{
    struct question q = {
        .servers = servers, .doc = doc, .ask = ask_row, .take = (void (*)(void))take, .arg = arg};

    return answer_of(&q);
}

static void on_members(void *arg, const struct redis_answer *answer,
                       const struct redis_beat_reply *reply)
{
    struct question *q = arg;

    if (redis_answered(q, answer))
        ((void (*)(void *, const struct redis_beat_reply *))q->take)(q->arg, reply);
}

static int ask_members(struct question *q)
{
    const struct redis_beat look = {.list = (enum redis_member_list)q->number};

    return redis_beat(q->servers->redis, &look, on_members, q);
}

enum ctl_exit ctl_ask_members(struct ctl_servers *servers, enum redis_member_list list,
                              void (*take)(void *arg, const struct redis_beat_reply *reply),
                              void *arg)
{
    struct question q = {.servers = servers,
                         .to_redis = true,
                         .number = list,
                         .ask = ask_members,
                         .take = (void (*)(void))take,
                         .arg = arg};

    return answer_of(&q);
}
