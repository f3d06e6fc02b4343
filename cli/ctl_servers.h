/*
 * Redis and PostgreSQL, asked one question at a time: what a tool needs, where a service would
 * never wait. common/backend is not used: it hides what is asked for here, which rows PostgreSQL
 * keeps and what they say about themselves.
 *
 * A question that gets no answer (the server is down, or WAIT is not satisfied) is asked again for
 * as long as the patience lasts; then a sentence is said and the end is CTL_UNREACHABLE. `take` is
 * called at most once, lent the answer; it must not ask.
 */
#ifndef WEFT_CTL_SERVERS_H
#define WEFT_CTL_SERVERS_H

#include "ctl_where.h"
#include "pg_calls.h"
#include "redis_calls.h"

#define CTL_PATIENCE_MS 5000

struct ctl_servers;
struct ev_loop;

/* Waits until both are ready; CTL_YES, or what to exit with: the sentence was said then. */
enum ctl_exit ctl_servers_open(struct ctl *ctl, const struct ctl_where *where, struct ev_loop *loop,
                               struct ctl_servers **ret);
/* Finds them, opens, runs, closes: what most verbs are made of. */
enum ctl_exit ctl_servers_with(struct ctl *ctl,
                               enum ctl_exit (*run)(struct ctl *ctl, struct ctl_servers *servers,
                                                    void *arg),
                               void *arg);
struct ev_loop *ctl_servers_loop(const struct ctl_servers *servers);
/* Returns NULL. */
struct ctl_servers *ctl_servers_close(struct ctl_servers *servers);

/*
 * CTL_YES: `take` has had the answer. CTL_NO: the server refused this question for good, or what it
 * holds is nonsense; ctl_servers_refusal() says it. CTL_UNREACHABLE.
 */
enum ctl_exit ctl_ask_read(struct ctl_servers *servers, struct slice doc, uint64_t from_rev,
                           void (*take)(void *arg, const struct redis_read_reply *reply),
                           void *arg);
enum ctl_exit ctl_ask_look(struct ctl_servers *servers, struct slice doc,
                           void (*take)(void *arg, const struct redis_look_reply *reply),
                           void *arg);
enum ctl_exit ctl_ask_scan(struct ctl_servers *servers, uint64_t cursor,
                           void (*take)(void *arg, const struct redis_scan_reply *reply),
                           void *arg);
enum ctl_exit ctl_ask_marks(struct ctl_servers *servers, unsigned lane, uint64_t cursor,
                            void (*take)(void *arg, const struct redis_marks_reply *reply),
                            void *arg);
enum ctl_exit ctl_ask_head(struct ctl_servers *servers, struct slice doc,
                           void (*take)(void *arg, const struct pg_head *reply), void *arg);
enum ctl_exit ctl_ask_known(struct ctl_servers *servers, const struct slice *ids, size_t count,
                            void (*take)(void *arg, const struct pg_known_reply *reply), void *arg);
enum ctl_exit ctl_ask_snapshot(struct ctl_servers *servers, struct slice doc, uint64_t above_rev,
                               void (*take)(void *arg, const struct pg_snapshot_reply *reply),
                               void *arg);
enum ctl_exit ctl_ask_load(struct ctl_servers *servers, struct slice doc, uint64_t rev_max,
                           void (*take)(void *arg, const struct pg_load_reply *reply), void *arg);
enum ctl_exit ctl_ask_history(struct ctl_servers *servers, struct slice doc, uint64_t from_rev,
                              uint64_t to_rev,
                              void (*take)(void *arg, const struct pg_history_reply *reply),
                              void *arg);
enum ctl_exit ctl_ask_docs(struct ctl_servers *servers, struct slice after,
                           void (*take)(void *arg, const struct pg_docs_reply *reply), void *arg);

/* What PostgreSQL's list says of this document; NULL: it does not know it. */
enum ctl_exit ctl_ask_row(struct ctl_servers *servers, struct slice doc,
                          void (*take)(void *arg, const struct pg_document *row), void *arg);
enum ctl_exit ctl_ask_members(struct ctl_servers *servers, enum redis_member_list list,
                              void (*take)(void *arg, const struct redis_beat_reply *reply),
                              void *arg);

/* Why the last question was refused; lent until the next. */
const char *ctl_servers_refusal(const struct ctl_servers *servers);

#endif
