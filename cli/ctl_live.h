/*
 * One connection to a gateway, and one document at a time on it: what a client sees. A connection
 * that is lost is made again, and what was under way goes on by its name (I5), for as long as the
 * patience lasts.
 */
#ifndef WEFT_CTL_LIVE_H
#define WEFT_CTL_LIVE_H

#include "client_doc.h"
#include "ctl_where.h"

struct ctl_live;
struct ev_loop;

/* Waits for the Welcome. Where no gateway is known: CTL_USAGE. Otherwise CTL_YES or
   CTL_UNREACHABLE; what is not CTL_YES is said. */
enum ctl_exit ctl_live_connect(struct ctl *ctl, const struct ctl_where *where, struct ev_loop *loop,
                               struct ctl_live **ret);
/* Returns NULL. */
struct ctl_live *ctl_live_close(struct ctl_live *live);

/* The gateway's clock when it welcomed us (conn.h: or ours); a session is created at a time that is
   not ahead of it. */
uint64_t ctl_live_time_ms(const struct ctl_live *live);

/* Takes doc, which is not open yet, and opens it; none may be there. */
void ctl_live_open(struct ctl_live *live, struct slice id, struct client_doc *doc);
/*
 * Until `done` says so. CTL_NO: the gateway refuses; ctl_live_refusal() says why. CTL_UNREACHABLE:
 * patience is over, and said so.
 */
enum ctl_exit ctl_live_wait(struct ctl_live *live, bool (*done)(const struct client_doc *doc));
/* Lent until the next wait: "no-such-document: there is no document with this id, ...". */
const char *ctl_live_refusal(const struct ctl_live *live);
/* Kind of the open document; WIRE_DOC_NONE: the gateway has not said it yet. */
enum wire_doc_kind ctl_live_kind(const struct ctl_live *live);
/* Closes the document at the gateway and gives it back: nothing reaches it any more. */
struct client_doc *ctl_live_leave(struct ctl_live *live);

/* Every frame about the open document, before it is taken; lent. */
void ctl_live_watch(struct ctl_live *live,
                    void (*watch)(void *arg, const struct wire_server_frame *frame), void *arg);
/* One turn of the loop. False: the gateway refuses for good; ctl_live_refusal() says why. A
   connection that is lost is made again, for ever. */
bool ctl_live_follow(struct ctl_live *live);

/* For ctl_live_wait: the document's text is there. */
bool ctl_live_is_live(const struct client_doc *doc);

#endif
