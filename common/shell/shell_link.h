/* The options of a process that takes part in links (link.h): the same for gateways and workers. */
#ifndef WEFT_SHELL_LINK_H
#define WEFT_SHELL_LINK_H

#include "conf_option.h"
#include "link.h"

struct shell_link {
    char *address;
    char *ca, *cert, *name;
    bool plain_tcp;
};

#define SHELL_LINK_OPTIONS(type, field)                                                            \
    CONF_STRING(type, field.address, "link", NULL, 127,                                            \
                "Address of the inbox, as peers dial it: ipc://PATH or tls+tcp://HOST:PORT."),     \
        CONF_STRING(type, field.ca, "link-ca", NULL, 4095,                                         \
                    "tls+tcp: PEM file of who may be a peer."),                                    \
        CONF_STRING(type, field.cert, "link-cert", NULL, 4095,                                     \
                    "tls+tcp: PEM file with certificate and key."),                                \
        CONF_STRING(type, field.name, "link-name", NULL, 255,                                      \
                    "tls+tcp: the name that all certificates of the suite carry."),                \
        CONF_BOOL(                                                                                 \
            type, field.plain_tcp, "link-plain-tcp", "false",                                      \
            "Allow tcp:// without certificates: for trials, whoever reaches it is believed.")

/* The part of a node's configuration that the options give; borrows from them. */
static inline struct link_node_config shell_link_config(const struct shell_link *o,
                                                        uint64_t boot_id)
{
    return (struct link_node_config){
        .link = {.boot_id = boot_id, .address = o->address},
        .tls = {.ca_file = o->ca, .cert_key_file = o->cert, .server_name = o->name},
        .allow_plain_tcp = o->plain_tcp};
}

#endif
