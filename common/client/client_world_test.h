/*
 * For the tests of this folder: one document, its server in the simplest form that keeps the
 * protocol, and connections that carry frames as bytes, one at a time and in order. The server is
 * common/doc (the same function of the log as in the product) with a list of all revisions; it
 * transforms one by one.
 */
#ifndef WEFT_CLIENT_WORLD_TEST_H
#define WEFT_CLIENT_WORLD_TEST_H

#include "client_doc.h"
#include "doc.h"
#include "rng.h"

#define WORLD_CLIENTS_MAX 6
#define WORLD_NOW_MS 1700000000000u

/* Frames under way in one direction. */
struct queue {
    struct bytes bytes;
};

struct revision {
    struct wire_record record; /* body owned */
    bool boundary;             /* an entry ends here: hash counts */
    uint8_t hash[CHAIN_HASH_SIZE];
};

struct world_submit {
    struct wire_session session;
    struct wire_submit submit; /* body owned */
};

struct world_client;

struct world {
    struct rng rng;
    uint64_t seed;
    struct slice id;
    struct ot_attrs_table *table;
    struct doc *doc; /* owned */
    struct revision *revisions;
    size_t revision_count, revision_capacity;
    struct world_submit pending[64]; /* admitted when the next entry is made */
    size_t pending_count;
    unsigned snapshot_percent; /* of Opens with a position that are answered by SNAPSHOT */
    unsigned run_percent;      /* of revisions in OPS that are composed with the one before */
    struct world_client *clients[WORLD_CLIENTS_MAX];
    size_t client_count;
    uint64_t now_ms;
    /* what was met, so that a test can say that it tried everything */
    uint64_t entries, ops_answers, runs, repeats, chunks, unasked, resends;
};

struct world_client {
    struct world *world;
    struct client_doc *doc; /* owned */
    struct wire_session session;
    uint64_t sessions; /* how many it had */
    bool connected;    /* frames flow */
    bool attached;     /* at the server */
    struct wire_session attached_session;
    bool attached_has_session;
    struct chain_position given; /* what the server has sent it */
    bool lagging;                /* entries are not sent to it: OPS later, unasked */
    struct queue up, down;
    uint64_t acked; /* last seq */
    uint64_t replaced, draft_bytes, changed;
    struct bytes draft; /* owned: the last one */
    uint64_t diverged;
};

void world_init(struct world *w, uint64_t seed);
void world_fini(struct world *w);
struct world_client *world_client_add(struct world *w, bool has_session);
struct wire_session world_session(struct world *w);
/* The content of the document: "\n", and made by nobody here. */
void world_create(struct world *w);

/* Client side. */
void world_connect(struct world_client *c);
/* `late`: what was under way to the server still arrives there, now. */
void world_disconnect(struct world_client *c, bool late);
/* From what it had saved, as after a reload of the page. */
void world_reload(struct world_client *c);
/* Takes what the client has to send. */
void world_pull(struct world_client *c);
int world_type(struct world_client *c, uint64_t at, const char *text);
void world_type_random(struct world_client *c);
/* One frame to the client, as the server would; not queued. */
int world_give(struct world_client *c, const struct wire_server_frame *frame);
/* A frame to the server. */
void world_take(struct world_client *c, const struct wire_client_frame *frame);

/* Server side. */
void world_send(struct world_client *c, const struct wire_server_frame *frame);
/* Makes an entry of what is pending and sends it to everybody. */
void world_commit(struct world *w);
/* A Submit that was under way when its connection ended: nobody hears the answer. */
void world_submit_late(struct world *w, const struct wire_session *session,
                       const struct wire_submit *submit);
/* Opens again what it has attached, as a gateway does whose worker has changed. */
void world_open_unasked(struct world_client *c);

/* Delivery: false if nothing is under way. */
bool world_deliver_up(struct world_client *c);
bool world_deliver_down(struct world_client *c);
/* Until nothing moves. */
void world_settle(struct world *w);

#endif
