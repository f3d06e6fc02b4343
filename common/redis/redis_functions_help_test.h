/* For the tests of the function library: a real Redis, emptied before each, a client, what its last
 * call was answered, and one document whose chain the tests extend. */
#ifndef WEFT_REDIS_FUNCTIONS_HELP_TEST_H
#define WEFT_REDIS_FUNCTIONS_HELP_TEST_H

#include <check.h>

#include "ev_loop.h"
#include "redis_calls.h"
#include "support_server.h"

#define HELP_WAIT_MS 10000

extern struct help {
    struct support_server *server;
    struct ev_loop *loop;
    struct redis_client *client;
    struct redis_doc doc;
} help;

/* What the last call was answered: copies, since replies are lent. */
extern struct got {
    unsigned calls;
    enum redis_outcome outcome;
    char error[200];
    bool replied;
    struct redis_append_reply append;
    struct redis_adopt_reply adopt;
    struct redis_trim_reply trim;
    enum redis_remark_status remark;
    struct redis_look_reply look;
    struct redis_read_reply read; /* entries: see below */
    struct redis_entry entries[100];
    char payloads[100][32];
    size_t id_count;
    char ids[100][64];
    struct redis_beat_reply beat;
    char members[10][128]; /* "id address boot state" */
    uint64_t cursor;
    unsigned lanes[100];
} got;

/* Waits for the answer of the call that returned r. */
void help_wait(int r);
void help_on_append(void *arg, const struct redis_answer *answer,
                    const struct redis_append_reply *reply);
void help_on_adopt(void *arg, const struct redis_answer *answer,
                   const struct redis_adopt_reply *reply);
void help_on_read(void *arg, const struct redis_answer *answer,
                  const struct redis_read_reply *reply);
void help_on_claim(void *arg, const struct redis_answer *answer,
                   const struct redis_claim_reply *reply);
void help_on_trim(void *arg, const struct redis_answer *answer,
                  const struct redis_trim_reply *reply);
void help_on_remark(void *arg, const struct redis_answer *answer,
                    const enum redis_remark_status *reply);
void help_on_scan(void *arg, const struct redis_answer *answer,
                  const struct redis_scan_reply *reply);
void help_on_marks(void *arg, const struct redis_answer *answer,
                   const struct redis_marks_reply *reply);
void help_on_beat(void *arg, const struct redis_answer *answer,
                  const struct redis_beat_reply *reply);
void help_on_look(void *arg, const struct redis_answer *answer,
                  const struct redis_look_reply *reply);

extern const char help_doc_id[];
/* Where the chain stands behind such an entry. */
struct chain_position help_next(const struct chain_position *at, unsigned count, const char *text);
struct chain_position help_append(const struct chain_position *at, unsigned count,
                                  const char *text);
struct chain_position help_adopted(void);
void help_read_all(uint64_t from);
/* A command on the document's key of this kind; as redis-cli prints it. */
const char *help_cli(const char *command, const char *kind, const char *rest);
const char *help_dirty_score(void);
void help_set_dirty_score(const char *score);

int help_main(const char *name, void (*add)(TCase *tc));

#endif
