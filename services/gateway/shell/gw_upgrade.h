/*
 * What a connection asks for: a WebSocket, or a file of the page. Bytes in, answer out; no I/O.
 *
 * The endpoint of WebSockets is /, the page's address too: an Upgrade tells them apart.
 */
#ifndef WEFT_GW_UPGRADE_H
#define WEFT_GW_UPGRADE_H

#include "bytes.h"
#include "gw_io.h"
#include "gw_page.h"

enum gw_upgrade {
    GW_UPGRADE_MORE,     /* the head is incomplete: come again with more */
    GW_UPGRADE_OPEN,     /* a WebSocket: send out, go on behind the head */
    GW_UPGRADE_ANSWERED, /* send out and body; then, unless keep, close */
};

struct gw_upgrade_result {
    size_t head_size;        /* OPEN: what follows belongs to the WebSocket */
    enum gw_variant variant; /* OPEN */
    int status;              /* of the answer */
    struct refbuf *body;     /* ANSWERED: borrowed from the page; may be NULL */
    bool keep;               /* ANSWERED: another request may follow */
};

/* Reads the head at the front of `in`, from its start each time. Failure latches in out. */
enum gw_upgrade gw_upgrade_read(const struct gw_page *page, struct slice in, struct bytes *out,
                                struct gw_upgrade_result *ret);

/* The answer to whoever cannot be served now, 503 with Retry-After; why is a sentence. */
void gw_upgrade_unavailable(struct bytes *out, const char *why);

#endif
