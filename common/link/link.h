/*
 * The bridge between processes: links (link_core.h) over nng, on a loop. The only door to nng.
 *
 * A node is one inbox (a listener) and one connection that it dials per peer. A process has a
 * node per loop that takes part, each with its own boot id and address. Everything happens on the
 * loop's thread; nng's threads only hand over messages (link_nng.h).
 *
 * Peers are opened, fed and closed with the functions of link_core.h on link_node_core(); the
 * callbacks of the config come on the loop's thread.
 *
 * Addresses: "ipc:///run/weft/link/NAME" (the directory must be ours and closed to others: it is
 * made with mode 0700 if missing), or "tls+tcp://HOST:PORT" with certificates on both sides, since
 * the inbox believes whoever reaches it. "tcp://" is for trials and must be asked for.
 */
#ifndef WEFT_LINK_H
#define WEFT_LINK_H

#include "link_core.h"

struct ev_loop;
struct link_node;

/* All or nothing for tls+tcp://; unused otherwise. Borrowed during link_node_new(). */
struct link_tls {
    const char *ca_file;       /* PEM: who may be a peer */
    const char *cert_key_file; /* PEM: certificate and key of this process */
    const char *server_name;   /* the name that all certificates of the suite carry */
};

struct link_node_config {
    struct link_config link;
    struct link_tls tls;
    bool allow_plain_tcp;
    size_t inbox_max; /* bytes received and not yet looked at; 0: 64 MiB. Then reading pauses */
    size_t connections_max; /* to the inbox; 0: LINK_CONNECTIONS_DEFAULT */
    int turn_max;           /* messages per turn; 0: 64. Others on the loop get their turn */
};

/*
 * Opens the inbox. Negative errno; *ret_why (static or until the next call, for the operator's
 * log) says what is wrong with an address, a directory or a certificate. *ret only on success.
 */
int link_node_new(struct ev_loop *loop, const struct link_node_config *config,
                  struct link_node **ret, const char **ret_why) __attribute__((warn_unused_result));
/*
 * Closes all peers and the inbox; returns at once. closed (may be NULL) is called when nng has let
 * go of everything, at the end of a later turn; the memory goes when it returns. A process that
 * ends may as well exit without waiting for it.
 */
void link_node_close(struct link_node *node, void (*closed)(void *arg), void *arg);
struct link_core *link_node_core(struct link_node *node);
/* link_peer_open() with the loop's time. */
int link_node_peer_open(struct link_node *node, const char *address, uint64_t boot_id, void *arg,
                        struct link_peer **ret) __attribute__((warn_unused_result));
/* Where the inbox listens really (tcp://…:0 was chosen by the kernel). Valid as long as the node.
 */
const char *link_node_address(const struct link_node *node);

#endif
