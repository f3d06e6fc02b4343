/*
 * Gateways. A gateway makes itself known by its first message (on_contact) and is a peer from then
 * on; the worker never dials first.
 *
 * What the core must know is whether its words still reach a gateway in full. They do not after a
 * reset; and silence is made into a reset, so that both ends drop their state, also when only one
 * direction is cut. The peer object outlives silence by GATEWAY_FORGET_MS: a paused gateway comes
 * back on it; one that is dead is forgotten then.
 */
#include <stdlib.h>

#include "ev_timer.h"
#include "worker.h"

#define GATEWAY_FORGET_MS 30000

struct worker_gateway {
    struct list link;
    struct worker *worker;   /* borrowed: it frees us */
    struct link_peer *peer;  /* owned */
    struct ev_timer *forget; /* owned; runs while silent */
};

static void gateway_free(struct worker_gateway *g)
{
    list_remove(&g->link);
    g->peer = link_peer_close(g->peer);
    g->forget = ev_timer_free(g->forget);
    free(g);
}

static void gateway_log(struct worker_gateway *g, enum obs_level level, const char *code,
                        const char *words)
{
    obs_log_event(&g->worker->shell.log, level, code,
                  OBS_FIELDS(obs_boot("gateway", link_peer_boot_id(g->peer)),
                             obs_str("address", link_peer_address(g->peer))),
                  "%s", words);
}

static void on_forget(void *arg)
{
    struct worker_gateway *g = arg;

    gateway_log(g, OBS_INFO, "gateway-forgotten", "silent for long; it must call again");
    gateway_free(g);
}

static void on_contact(void *arg, uint64_t boot_id, const char *address)
{
    struct worker *w = arg;
    struct worker_gateway *g = calloc(1, sizeof *g);

    if (g)
        g->forget = ev_timer_new(w->shell.loop, on_forget, g);
    if (!g || !g->forget || link_node_peer_open(w->links.node, address, boot_id, g, &g->peer)) {
        /* It calls again with its next heartbeat. */
        w->links.unanswered++;
        if (g)
            ev_timer_free(g->forget);
        free(g);
        return;
    }
    g->worker = w;
    list_push_back(&w->links.gateways, &g->link);
    gateway_log(g, OBS_INFO, "gateway-found", "taking its opens");
}

static void on_items(void *arg, struct link_peer *peer, const struct slice *items, size_t count)
{
    struct worker *w = arg;
    struct worker_gateway *g = link_peer_arg(peer);

    for (size_t i = 0; i < count; i++) {
        if (wk_core_item(w->core, link_peer_boot_id(peer), items[i]))
            continue;
        gateway_log(g, OBS_INFO, "gateway-malformed",
                    "it sent an item that cannot be read; resetting the link");
        link_peer_reset(peer);
        break;
    }
    shell_drive_settle(&w->drive);
}

static void on_reset(void *arg, struct link_peer *peer, enum link_reset reason)
{
    struct worker *w = arg;
    struct worker_gateway *g = link_peer_arg(peer);

    wk_core_gateway_gone(w->core, link_peer_boot_id(peer));
    shell_drive_settle(&w->drive);
    obs_log_event(&w->shell.log, OBS_INFO, "gateway-reset",
                  OBS_FIELDS(obs_boot("gateway", link_peer_boot_id(peer)),
                             obs_str("reason", link_reset_name(reason))),
                  "its documents wait for being opened again");
    if (reason == LINK_RESET_REPLACED)
        gateway_free(g);
}

static void on_silent(void *arg, struct link_peer *peer)
{
    struct worker_gateway *g = link_peer_arg(peer);

    ev_timer_start(g->forget, GATEWAY_FORGET_MS);
    link_peer_reset(peer);
}

static void on_heard(void *arg, struct link_peer *peer)
{
    struct worker_gateway *g = link_peer_arg(peer);

    ev_timer_stop(g->forget);
}

static void on_heartbeat_write(void *arg, struct link_peer *peer, struct bytes *out)
{
    struct worker *w = arg;

    wk_core_heads(w->core, link_peer_boot_id(peer), out);
}

void worker_links_send(void *ctx, uint64_t gateway_boot, struct slice item)
{
    struct worker *w = ctx;
    struct link_peer *peer = link_peer_find(link_node_core(w->links.node), gateway_boot);

    /* Not taken: on_reset comes or has come, and the gateway opens its documents again. */
    if (!peer || link_peer_send(peer, item.data, item.size))
        w->links.dropped++;
}

bool worker_links_open(struct worker *w)
{
    const char *why = "";
    struct link_node_config config = shell_link_config(&w->config.link, w->shell.boot_id);
    config.link.callbacks = (struct link_callbacks){.on_contact = on_contact,
                                                    .on_items = on_items,
                                                    .on_reset = on_reset,
                                                    .on_silent = on_silent,
                                                    .on_heard = on_heard,
                                                    .on_heartbeat_write = on_heartbeat_write};
    config.link.arg = w;
    int rc = link_node_new(w->shell.loop, &config, &w->links.node, &why);

    if (rc == 0) {
        shell_drive_hold(&w->drive);
        return true;
    }
    obs_log_event(&w->shell.log, OBS_ERROR, "start-failed",
                  OBS_FIELDS(obs_str("link", w->config.link.address)), "%s: %s", why,
                  strerror(-rc));
    return false;
}

void worker_links_close(struct worker *w)
{
    list_for_each_safe (node, &w->links.gateways)
        gateway_free(list_entry(node, struct worker_gateway, link));
    link_node_close(w->links.node, shell_drive_release, &w->drive);
    w->links.node = NULL;
}
