/*
 * What the processes of a deployment can make each other hold, and where that ends (rows:
 * conf_limit.h). The same at both ends of a link; none is an option.
 */
#ifndef WEFT_LINK_LIMITS_H
#define WEFT_LINK_LIMITS_H

#define LINK_ITEM_DEFAULT (40u << 20)
#define LINK_QUEUE_DEFAULT (64u << 20)
#define LINK_QUEUE_ALL_DEFAULT (256u << 20)
#define LINK_PEERS_DEFAULT 1024
/* One that ends beside one that begins. */
#define LINK_CONNECTIONS_DEFAULT (2 * LINK_PEERS_DEFAULT)

#define LINK_LIMIT(word) "weft_link_limits_total{limit=\"" word "\"}"

#define LINK_LIMITS(F)                                                                             \
    F(BYTES, "link-item", LINK_ITEM_DEFAULT, "One item: a document and its state.", "the link",    \
      "the link is reset; ops are sent again when it is back", LINK_LIMIT("link-item"),            \
      "a document that has grown too large to be moved")                                           \
    F(BYTES, "link-queue", LINK_QUEUE_DEFAULT, "What waits for one process.", "the link",          \
      "the link is reset; ops are sent again when it is back", LINK_LIMIT("link-queue"),           \
      "a process that does not read")                                                              \
    F(BYTES, "links", LINK_QUEUE_ALL_DEFAULT, "What waits for all processes together.",            \
      "all links", "the link is reset; ops are sent again when it is back", LINK_LIMIT("links"),   \
      "many who send while workers do not read")                                                   \
    F(INT, "link-peers", LINK_PEERS_DEFAULT, "Processes linked with.", "the process",              \
      "not linked; it calls again", LINK_LIMIT("link-peers"),                                      \
      "strangers who reach the inbox and call under new names")                                    \
    F(INT, "link-connections", LINK_CONNECTIONS_DEFAULT, "Connections to the inbox.",              \
      "the process", "closed; it dials again", LINK_LIMIT("link-connections"),                     \
      "strangers who reach the inbox and stay")

#endif
