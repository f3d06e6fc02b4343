/*
 * One connection. Answers belong to questions by order alone, so anything that breaks the order (a
 * deadline passed, an answer nobody asked for) closes it; what is in flight then is UNKNOWN.
 *
 * The awkward case: a callback may close the client, or lose this very connection, while its
 * answers are being read. Nothing is freed then: the stream says so at the end of the turn
 * (on_closed), and the reading loop looks at the state after each answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "redis_internal.h"

#define RETRY_MS_MIN 50
#define CHECK_MS 1000            /* a READY connection is checked again */
#define OUT_BYTES_MAX (64 << 20) /* one connection's unsent commands */

static void on_connected(struct ev_stream *stream, void *arg);
static void on_read(struct ev_stream *stream, void *arg, struct slice in);
static void on_closed(struct ev_stream *stream, void *arg, int error);

static const struct ev_stream_kind conn_kind = {
    .on_connected = on_connected,
    .on_read = on_read,
    .on_closed = on_closed,
    .out_max = OUT_BYTES_MAX,
};

void redis_conn_init(struct redis_conn *conn, struct redis_server *server,
                     enum redis_conn_role role)
{
    *conn = (struct redis_conn){.server = server, .role = role};
    list_init(&conn->in_flight);
    list_init(&conn->held);
}

static struct redis_client *client_of(const struct redis_conn *conn)
{
    return conn->server->client;
}

static int64_t now_ms(const struct redis_conn *conn)
{
    return ev_loop_now_ms(client_of(conn)->loop);
}

/* Doubling, between half and all of it, so that many clients do not come back at one moment. */
static int64_t backoff_ms(struct redis_conn *conn)
{
    struct redis_client *client = client_of(conn);
    int64_t max = client->config.retry_ms_max;
    int64_t ms = conn->attempts < 16 ? (int64_t)RETRY_MS_MIN << conn->attempts : max;
    if (ms > max)
        ms = max;
    conn->attempts++;
    return ms - (int64_t)rng_below(&client->rng, (uint64_t)(ms / 2 + 1));
}

static void connect_now(struct redis_conn *conn)
{
    struct redis_client *client = client_of(conn);
    client->stats.connects++;
    conn->reader = redisReaderCreate();
    int r = conn->reader ? ev_stream_connect(client->loop, &client->config.address, NULL,
                                             &conn_kind, conn, &conn->stream)
                         : -ENOMEM;
    if (r < 0) {
        if (conn->reader)
            redisReaderFree(conn->reader);
        conn->reader = NULL;
        conn->retry_ms = now_ms(conn) + backoff_ms(conn);
        redis_client_changed(client, strerror(-r));
        return;
    }
    conn->state = REDIS_CONN_CONNECTING;
    conn->deadline_ms = now_ms(conn) + client->config.command_ms;
}

static void fall_all(struct redis_conn *conn, struct list *l, const char *error)
{
    while (!list_empty(l))
        redis_request_fall(client_of(conn), list_first(l, struct redis_request, link),
                           REDIS_OUTCOME_UNKNOWN, error);
}

static void drop_requests(struct redis_conn *conn)
{
    fall_all(conn, &conn->in_flight, "connection to Redis lost");
    fall_all(conn, &conn->held, "connection to Redis lost before it was confirmed");
    conn->wait_out = false;
    conn->library_loading = false;
    conn->checks_out = 0;
}

void redis_conn_lose(struct redis_conn *conn, const char *reason)
{
    if (conn->state == REDIS_CONN_WAITING || conn->state == REDIS_CONN_CLOSING)
        return;
    if (conn->state == REDIS_CONN_READY)
        client_of(conn)->stats.losses++;
    conn->state = REDIS_CONN_CLOSING;
    conn->unfit = false;
    drop_requests(conn);
    ev_stream_close(conn->stream);
    redis_client_changed(client_of(conn), reason);
}

static void on_closed(struct ev_stream *stream, void *arg, int error)
{
    struct redis_conn *conn = arg;
    const char *reason = NULL;
    MUST(stream == conn->stream);
    if (conn->state != REDIS_CONN_CLOSING) {
        if (conn->state == REDIS_CONN_READY)
            client_of(conn)->stats.losses++;
        reason = error ? strerror(-error) : "Redis closed the connection";
        drop_requests(conn);
    }
    conn->stream = NULL;
    redisReaderFree(conn->reader);
    conn->reader = NULL;
    conn->unfit = false;
    conn->state = REDIS_CONN_WAITING;
    conn->retry_ms = now_ms(conn) + backoff_ms(conn);
    redis_client_changed(client_of(conn), reason);
}

static bool send_command(struct redis_conn *conn, struct redis_request *request)
{
    int r = ev_stream_send_ref(conn->stream, request->command);
    if (r != 0 && r != EV_SEND_HIGH)
        return false;
    list_push_back(&conn->in_flight, &request->link);
    return true;
}

void redis_conn_send(struct redis_conn *conn, struct redis_request *request)
{
    if (!send_command(conn, request))
        redis_request_fall(client_of(conn), request, REDIS_OUTCOME_DOWN,
                           "the connection to Redis takes no more");
}

bool redis_conn_ask(struct redis_conn *conn, redis_finish *finish, int64_t deadline_ms,
                    unsigned count, const struct slice *words)
{
    struct bytes command = BYTES_INIT;
    bytes_printf(&command, "*%u\r\n", count);
    for (unsigned i = 0; i < count; i++) {
        bytes_printf(&command, "$%zu\r\n", words[i].size);
        bytes_append_slice(&command, words[i]);
        bytes_append_str(&command, "\r\n");
    }
    struct redis_request *request = NULL;
    if (!command.failed)
        request = redis_request_new(refbuf_copy(bytes_slice(&command)), finish);
    bytes_fini(&command);
    if (!request) {
        redis_conn_lose(conn, "out of memory");
        return false;
    }
    request->own = true;
    request->arg = conn;
    request->deadline_ms = deadline_ms;
    if (!send_command(conn, request)) {
        redis_request_fall(client_of(conn), request, REDIS_OUTCOME_UNKNOWN, "");
        redis_conn_lose(conn, "the connection to Redis takes no more");
        return false;
    }
    return true;
}

static void answered(struct redis_conn *conn, redisReply *reply)
{
    struct redis_request *request = list_first(&conn->in_flight, struct redis_request, link);
    if (!request) {
        freeReplyObject(reply);
        redis_conn_lose(conn, "Redis answered what was not asked");
        return;
    }
    list_remove(&request->link);
    if (request->own)
        redis_request_end(client_of(conn), request, REDIS_OUTCOME_OK, "", reply);
    else
        redis_server_answered(conn, request, reply);
}

static void on_read(struct ev_stream *stream, void *arg, struct slice in)
{
    struct redis_conn *conn = arg;
    (void)stream;
    if (redisReaderFeed(conn->reader, (const char *)in.data, in.size) != REDIS_OK) {
        redis_conn_lose(conn, "out of memory");
        return;
    }
    while (conn->state == REDIS_CONN_CHECKING || conn->state == REDIS_CONN_READY) {
        void *reply = NULL;
        if (redisReaderGetReply(conn->reader, &reply) != REDIS_OK) {
            redis_conn_lose(conn, "Redis answered in another protocol");
            return;
        }
        if (!reply)
            return;
        answered(conn, reply);
    }
}

static void ready(struct redis_conn *conn)
{
    struct redis_client *client = client_of(conn);

    conn->state = REDIS_CONN_READY;
    conn->attempts = 0;
    conn->retry_ms = now_ms(conn) + CHECK_MS;
    if (conn->role == REDIS_CONN_PLAIN && client->events && client->events->on_connected &&
        !client->closing)
        client->events->on_connected(client->arg);
    redis_client_changed(client, NULL);
}

static int library_loaded(struct redis_request *request, const struct redis_answer *answer,
                          redisReply *reply)
{
    struct redis_conn *conn = request->arg;
    if (answer->outcome == REDIS_OUTCOME_UNKNOWN)
        return 0; /* the connection is lost */
    conn->library_loading = false;
    if (!reply || reply->type == REDIS_REPLY_ERROR) {
        snprintf(conn->error, sizeof conn->error, "Redis refuses the function library: %s",
                 reply ? reply->str : "");
        redis_conn_lose(conn, conn->error);
        return 0;
    }
    client_of(conn)->stats.library_loads++;
    if (conn->state == REDIS_CONN_CHECKING)
        ready(conn);
    return 0;
}

void redis_conn_load_library(struct redis_conn *conn)
{
    if (conn->library_loading)
        return;
    struct slice words[] = {slice_str("FUNCTION"), slice_str("LOAD"), slice_str("REPLACE"),
                            slice_str(redis_library_code)};
    conn->library_loading = true;
    (void)redis_conn_ask(conn, library_loaded, now_ms(conn) + client_of(conn)->config.command_ms, 4,
                         words);
}

/* Everything the check asked has been answered. */
static enum redis_verdict judge(struct redis_conn *conn, const char **ret_reason)
{
    const struct redis_config *config = &client_of(conn)->config;
    enum redis_verdict verdict =
        redis_facts_judge(&conn->facts, config->level, config->replicas, ret_reason);
    if (!conn->error[0] || conn->facts.loading)
        return verdict;
    *ret_reason = conn->error;
    return redis_error_is_passing(conn->error) ? REDIS_VERDICT_LATER : REDIS_VERDICT_UNFIT;
}

/* A server that has changed its role has a new replication id: whoever was checked before that is
   checked again. */
static void take_replid(struct redis_conn *conn)
{
    struct redis_server *server = conn->server;
    memcpy(server->replid, conn->facts.replid, sizeof server->replid);
    memcpy(conn->replid, conn->facts.replid, sizeof conn->replid);
    for (unsigned i = 0; i < server->conn_count; i++) {
        struct redis_conn *other = &server->conns[i];
        if (other->state == REDIS_CONN_READY && strcmp(other->replid, server->replid) != 0)
            redis_conn_lose(other, "Redis has changed its role");
    }
}

static void check_complete(struct redis_conn *conn)
{
    const char *reason;
    enum redis_verdict verdict = judge(conn, &reason);
    if (conn->state == REDIS_CONN_READY) {
        bool same = strcmp(conn->facts.replid, conn->server->replid) == 0;
        conn->retry_ms = now_ms(conn) + CHECK_MS;
        if (verdict != REDIS_VERDICT_FIT || !same)
            redis_server_lose(conn->server, same ? reason : "Redis has changed its role");
        return;
    }
    conn->unfit = verdict == REDIS_VERDICT_UNFIT;
    if (verdict != REDIS_VERDICT_FIT) {
        conn->retry_ms = now_ms(conn) + backoff_ms(conn);
        redis_client_changed(client_of(conn), reason);
        return;
    }
    take_replid(conn);
    if (conn->library_fit)
        ready(conn);
    else
        redis_conn_load_library(conn);
}

/* True if the answer is one to look at: an array of at least `elements`, or with 0 a string. */
static bool check_answered(struct redis_request *request, const struct redis_answer *answer,
                           redisReply *reply, size_t elements)
{
    struct redis_conn *conn = request->arg;
    if (answer->outcome == REDIS_OUTCOME_UNKNOWN)
        return false; /* the connection is lost */
    MUST(conn->checks_out > 0);
    conn->checks_out--;
    if (reply && reply->type == REDIS_REPLY_ERROR && !conn->error[0])
        snprintf(conn->error, sizeof conn->error, "%s", reply->str);
    return reply && (elements ? reply->type == REDIS_REPLY_ARRAY && reply->elements >= elements
                              : reply->type == REDIS_REPLY_STRING);
}

static int auth_answered(struct redis_request *request, const struct redis_answer *answer,
                         redisReply *reply)
{
    (void)check_answered(request, answer, reply, 0);
    return 0;
}

static struct slice reply_slice(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING ? slice_of(reply->str, reply->len) : slice_of(NULL, 0);
}

static int info_answered(struct redis_request *request, const struct redis_answer *answer,
                         redisReply *reply)
{
    struct redis_conn *conn = request->arg;
    if (check_answered(request, answer, reply, 0))
        redis_facts_info(&conn->facts, reply_slice(reply));
    return 0;
}

static int config_answered(struct redis_request *request, const struct redis_answer *answer,
                           redisReply *reply)
{
    struct redis_conn *conn = request->arg;
    if (check_answered(request, answer, reply, 2))
        redis_facts_config(&conn->facts, reply_slice(reply->element[0]),
                           reply_slice(reply->element[1]));
    return 0;
}

/* The last question: [[library_name, .., library_code, ..]], a flat map of names and values. */
static int library_answered(struct redis_request *request, const struct redis_answer *answer,
                            redisReply *reply)
{
    struct redis_conn *conn = request->arg;
    struct slice code = slice_str(redis_library_code);
    if (check_answered(request, answer, reply, 1)) {
        const redisReply *library = reply->element[0];
        for (size_t i = 0; library->type == REDIS_REPLY_ARRAY && i + 1 < library->elements; i += 2)
            if (slice_equal(reply_slice(library->element[i]), slice_str("library_code")) &&
                slice_equal(reply_slice(library->element[i + 1]), code))
                conn->library_fit = true;
    }
    if (answer->outcome == REDIS_OUTCOME_OK)
        check_complete(conn);
    return 0;
}

static void check(struct redis_conn *conn)
{
    struct redis_client *client = client_of(conn);
    const struct {
        const char *words[5];
        redis_finish *finish;
    } questions[] = {
        {{"INFO", "replication"}, info_answered},
        {{"INFO", "persistence"}, info_answered},
        {{"CONFIG", "GET", "appendonly"}, config_answered},
        {{"CONFIG", "GET", "appendfsync"}, config_answered},
        {{"CONFIG", "GET", "maxmemory-policy"}, config_answered},
        {{"FUNCTION", "LIST", "LIBRARYNAME", REDIS_LIBRARY, "WITHCODE"}, library_answered},
    };
    int64_t deadline = now_ms(conn) + client->config.command_ms;
    conn->facts = (struct redis_facts){0};
    conn->library_fit = false;
    conn->error[0] = 0;
    if (client->password && conn->state == REDIS_CONN_CHECKING) {
        struct slice words[] = {slice_str("AUTH"), slice_str(client->password)};
        conn->checks_out++;
        if (!redis_conn_ask(conn, auth_answered, deadline, 2, words))
            return;
    }
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        struct slice words[5];
        unsigned count = 0;
        for (; count < 5 && questions[i].words[count]; count++)
            words[count] = slice_str(questions[i].words[count]);
        conn->checks_out++;
        if (!redis_conn_ask(conn, questions[i].finish, deadline, count, words))
            return;
    }
}

static void on_connected(struct ev_stream *stream, void *arg)
{
    struct redis_conn *conn = arg;
    (void)stream;
    if (conn->state != REDIS_CONN_CONNECTING)
        return;
    conn->state = REDIS_CONN_CHECKING;
    check(conn);
}

void redis_conn_tick(struct redis_conn *conn, int64_t now)
{
    const struct redis_request *oldest = list_first(&conn->in_flight, struct redis_request, link);
    if (oldest && oldest->deadline_ms <= now) {
        redis_conn_lose(conn, "Redis did not answer in time");
        return;
    }
    switch (conn->state) {
    case REDIS_CONN_WAITING:
        if (conn->retry_ms <= now)
            connect_now(conn);
        break;
    case REDIS_CONN_CONNECTING:
        if (conn->deadline_ms <= now)
            redis_conn_lose(conn, "connecting to Redis took too long");
        break;
    case REDIS_CONN_CHECKING:
        if (!conn->checks_out && !conn->library_loading && conn->retry_ms <= now)
            check(conn);
        break;
    case REDIS_CONN_READY:
        if (conn->role == REDIS_CONN_PLAIN && !conn->checks_out && conn->retry_ms <= now)
            check(conn);
        break;
    case REDIS_CONN_CLOSING:
        break;
    }
}
