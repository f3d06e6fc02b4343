/*
 * Real servers with documents in them, made by hand: what workers and archivers would have left
 * there, and damage to it. One world for a test case; weftctl runs within the test's process.
 */
#ifndef WEFT_CTL_WORLD_TEST_H
#define WEFT_CTL_WORLD_TEST_H

#include "ctl_verb.h"
#include "doc.h"
#include "support_server.h"

extern struct support_server *world_redis, *world_postgres;
extern char world_redis_address[128], world_conninfo[200];

/* Starts and stops the servers: unchecked fixtures. */
void world_start(void);
void world_stop(void);
/* Empties both, connects: checked fixtures. */
void world_setup(void);
void world_teardown(void);

/* A document as its worker holds it, and the same as its archiver does. */
struct world_doc {
    const char *id;
    struct doc *live;
    struct doc *archived;
    struct wire_session session;
    uint64_t seq;
    struct bytes snapshot; /* owned; the newest */
};

/* Adopted at revision 0; with a first entry that creates it with this text (kind text). */
struct world_doc *world_doc_new(const char *id, const char *text);
/* One entry of `count` revisions that each append the text at the end. */
void world_append(struct world_doc *d, const char *text, unsigned count);
/* A title, as an entry of its own. */
void world_title(struct world_doc *d, const char *title);
/* All that is in the stream into one segment, with or without a snapshot, trimmed or not. */
void world_archive(struct world_doc *d, bool snapshot, bool trim);
/* PostgreSQL forgets it, and its archiver begins anew; what is in the stream stays. */
void world_unarchive(struct world_doc *d);
/* Changes the newest snapshot, which is at `rev`: text, and title (NULL: as it was). */
void world_snapshot_replace(struct world_doc *d, uint64_t rev, const char *text, const char *title);
/* Frees it; what is stored stays. */
void world_doc_free(struct world_doc *d);

/*
 * The usual one, "d": revisions 1 "a"; 2-4 "b"; 5 "c" in two segments with a snapshot at 4; 6-7 "d"
 * and 8 "e" in Redis only. Checked fixtures that set up the world around it.
 */
extern struct world_doc *world_usual;
void world_usual_setup(void);
void world_usual_teardown(void);

/* What fails, fails the test. */
void world_sql(const char *statement);

/* What weftctl wrote, until the next call. */
extern char *world_out, *world_err;
/* Runs it: arguments behind `weftctl`, NULL-terminated; the servers' addresses are added. */
enum ctl_exit world_ctl(const char *argument, ...) __attribute__((sentinel));

/* Exit status 1, and in what was written (world_out, world_err) are these words. */
#define DENIES(where, words, ...)                                                                  \
    do {                                                                                           \
        int status_ = (int)world_ctl(__VA_ARGS__, NULL);                                           \
        ck_assert_msg(strstr(where, words), "%s%s", world_out, world_err);                         \
        ck_assert_int_eq(status_, CTL_NO);                                                         \
    } while (0)

#endif
