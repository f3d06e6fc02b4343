/*
 * The ways to workers: the core's link functions over common/link, and what comes back.
 *
 * Only the core opens links, to the workers of its view. A process that contacts us unasked is none
 * of them yet (or not any more): its messages are dropped, and the link library counts them.
 */
#ifndef WEFT_GW_LINKS_H
#define WEFT_GW_LINKS_H

#include "gw_core.h"
#include "link.h"
#include "obs_log.h"

struct gw_links {
    struct link_node *node;     /* owned */
    struct obs_log *log;        /* borrowed */
    struct gw_core *core;       /* borrowed: set before anything is opened */
    void (*stirred)(void *arg); /* the core may have something due earlier now */
    void *stirred_arg;
};

/* Opens our inbox. `config`: callbacks and arg are filled in here. Negative errno, *ret_why. */
MUST_CHECK int gw_links_init(struct gw_links *links, struct ev_loop *loop,
                             const struct link_node_config *config, struct obs_log *log,
                             const char **ret_why);
/* No callback comes after it; closed (may be NULL) as for link_node_close(). */
void gw_links_close(struct gw_links *links, void (*closed)(void *arg), void *arg);

/* gw_io.link_open, link_close and link_send. */
void gw_links_peer_open(struct gw_links *links, const struct cluster_member *worker);
void gw_links_peer_close(struct gw_links *links, uint64_t worker_boot);
bool gw_links_send(struct gw_links *links, uint64_t worker_boot, struct slice item);

#endif
