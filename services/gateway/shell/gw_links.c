#include "gw_links.h"

#include <stdio.h>
#include <string.h>

static void stir(const struct gw_links *links)
{
    if (links->stirred)
        links->stirred(links->stirred_arg);
}

static void log_link(const struct gw_links *links, enum obs_level level, const char *code,
                     const struct link_peer *peer, const char *words)
{
    obs_log_event(links->log, level, code,
                  OBS_FIELDS(obs_str("at", link_peer_address(peer)),
                             obs_boot("boot", link_peer_boot_id(peer))),
                  "%s", words);
}

static void on_contact(void *arg, uint64_t boot_id, const char *address)
{
    struct gw_links *links = arg;

    obs_log_event(links->log, OBS_DEBUG, "link-stranger",
                  OBS_FIELDS(obs_str("from", address), obs_boot("boot", boot_id)),
                  "no worker of the view, dropped");
}

/* The core may close the peer, or another one, over any item. */
static void on_items(void *arg, struct link_peer *peer, const struct slice *items, size_t count)
{
    struct gw_links *links = arg;
    struct link_core *core = link_node_core(links->node);
    uint64_t boot = link_peer_boot_id(peer);

    for (size_t i = 0; i < count && link_peer_find(core, boot) == peer; i++) {
        if (gw_core_item(links->core, boot, items[i]))
            continue;
        log_link(links, OBS_ERROR, "link-item-bad", peer, "resetting the link");
        link_peer_reset(peer);
        break;
    }
    stir(links);
}

static void on_reset(void *arg, struct link_peer *peer, enum link_reset reason)
{
    struct gw_links *links = arg;
    uint64_t boot = link_peer_boot_id(peer);

    obs_log_event(links->log, OBS_WARN, "link-reset",
                  OBS_FIELDS(obs_str("at", link_peer_address(peer)), obs_boot("boot", boot),
                             obs_str("reason", link_reset_name(reason))),
                  "opening its documents again, sending again what is not acked");
    /* Whoever is linked with next was not silent yet. */
    if (reason == LINK_RESET_REPLACED) {
        link_peer_close(peer);
        gw_core_worker_silent(links->core, boot, false);
    }
    gw_core_worker_gone(links->core, boot);
    stir(links);
}

static void on_silent(void *arg, struct link_peer *peer)
{
    struct gw_links *links = arg;

    log_link(links, OBS_WARN, "link-silent", peer,
             "its breaker is open: documents are asked for elsewhere until it answers a probe");
    gw_core_worker_silent(links->core, link_peer_boot_id(peer), true);
    stir(links);
}

static void on_heard(void *arg, struct link_peer *peer)
{
    struct gw_links *links = arg;

    log_link(links, OBS_INFO, "link-heard", peer,
             "it answers: its breaker is closed, documents are asked for there again");
    gw_core_worker_silent(links->core, link_peer_boot_id(peer), false);
    stir(links);
}

static void on_heartbeat(void *arg, struct link_peer *peer, struct slice payload)
{
    struct gw_links *links = arg;

    if (!gw_core_heads(links->core, link_peer_boot_id(peer), payload)) {
        log_link(links, OBS_ERROR, "link-heads-bad", peer, "resetting the link");
        link_peer_reset(peer);
    }
    stir(links);
}

int gw_links_init(struct gw_links *links, struct ev_loop *loop,
                  const struct link_node_config *config, struct obs_log *log, const char **ret_why)
{
    struct link_node_config c = *config;

    *links = (struct gw_links){.log = log};
    c.link.arg = links;
    c.link.callbacks = (struct link_callbacks){.on_contact = on_contact,
                                               .on_items = on_items,
                                               .on_reset = on_reset,
                                               .on_silent = on_silent,
                                               .on_heard = on_heard,
                                               .on_heartbeat_read = on_heartbeat};
    return link_node_new(loop, &c, &links->node, ret_why);
}

void gw_links_close(struct gw_links *links, void (*closed)(void *arg), void *arg)
{
    struct link_node *node = links->node;

    links->node = NULL;
    link_node_close(node, closed, arg);
}

void gw_links_peer_open(struct gw_links *links, const struct cluster_member *worker)
{
    struct link_peer *peer = link_peer_find(link_node_core(links->node), worker->boot_id);

    if (peer)
        return;
    int rc = link_node_peer_open(links->node, worker->address, worker->boot_id, links, &peer);
    if (rc < 0)
        obs_log_event(links->log, OBS_ERROR, "link-open-failed",
                      OBS_FIELDS(obs_str("worker", worker->id), obs_str("at", worker->address)),
                      "%s; tried again when a document is asked for there", strerror(-rc));
    else
        obs_log_event(links->log, OBS_INFO, "link-open",
                      OBS_FIELDS(obs_str("worker", worker->id), obs_str("at", worker->address),
                                 obs_boot("boot", worker->boot_id)),
                      "in the view; its documents are asked for there");
}

void gw_links_peer_close(struct gw_links *links, uint64_t worker_boot)
{
    struct link_peer *peer = link_peer_find(link_node_core(links->node), worker_boot);

    if (!peer)
        return;
    log_link(links, OBS_INFO, "link-close", peer,
             "not in the view any more; its documents are asked for elsewhere");
    link_peer_close(peer);
}

bool gw_links_send(struct gw_links *links, uint64_t worker_boot, struct slice item)
{
    struct link_peer *peer = link_peer_find(link_node_core(links->node), worker_boot);

    return peer && link_peer_send(peer, item.data, item.size) == 0;
}
