/*
 * Items between gateway and worker (proto/link.proto) as plain structs. Inside common/link each is
 * one item; its boundaries are the link's matter.
 */
#ifndef WEFT_WIRE_LINK_H
#define WEFT_WIRE_LINK_H

#include "wire_client.h"

enum wire_to_worker_type {
    WIRE_TO_WORKER_OPEN = 1,
    WIRE_TO_WORKER_SUBMIT,
    WIRE_TO_WORKER_DETACH,
    WIRE_TO_WORKER_PRESENCE,
};

struct wire_link_open {
    uint64_t attachment;
    struct wire_open open;
    uint64_t view;
    bool owner_unreachable;
    enum wire_role role;
};

struct wire_link_submit {
    uint64_t attachment;
    uint64_t seq;
    struct chain_position base;
    enum wire_kind kind;
    struct slice body;
    uint8_t digest[WIRE_DIGEST_SIZE];
};

struct wire_to_worker {
    enum wire_to_worker_type type; /* 0: unknown to this build; ignore it */
    union {
        struct wire_link_open open;
        struct wire_link_submit submit;
        uint64_t detach_attachment;
        struct {
            uint64_t attachment;
            struct wire_presence presence;
        } presence;
    };
};

enum wire_to_gateway_type {
    WIRE_TO_GATEWAY_OPENED = 1,
    WIRE_TO_GATEWAY_ENTRY,
    WIRE_TO_GATEWAY_ACCEPTED,
    WIRE_TO_GATEWAY_REFUSED,
    WIRE_TO_GATEWAY_REPLACED,
    WIRE_TO_GATEWAY_MOVED,
    WIRE_TO_GATEWAY_PRESENCE,
    WIRE_TO_GATEWAY_DETACHED,
};

struct wire_link_entry {
    struct slice doc;
    struct chain_position before, after; /* before.rev = first revision - 1 */
    struct slice entry;                  /* an encoded client.Entry */
};

struct wire_to_gateway {
    enum wire_to_gateway_type type; /* 0: unknown to this build; ignore it */
    union {
        struct {
            uint64_t attachment;
            struct wire_opened opened; /* doc is not carried: the attachment tells */
        } opened;
        struct wire_link_entry entry;
        struct {
            uint64_t attachment, seq, rev;
        } accepted;
        struct {
            uint64_t attachment, seq; /* seq 0: the Open is refused */
            uint32_t code;
            uint64_t detail;
        } refused;
        uint64_t replaced_attachment;
        struct {
            struct slice doc, owner;
            uint64_t view;
        } moved;
        struct wire_presence presence;
        uint64_t detached_attachment;
    };
};

void wire_to_worker_encode(const struct wire_to_worker *item, struct bytes *out);
MUST_CHECK int wire_to_worker_decode(struct arena *mem, struct slice in,
                                     struct wire_to_worker *ret);
void wire_to_gateway_encode(const struct wire_to_gateway *item, struct bytes *out);
MUST_CHECK int wire_to_gateway_decode(struct arena *mem, struct slice in,
                                      struct wire_to_gateway *ret);

struct wire_head {
    struct slice doc;
    struct chain_position position;
};

/* The payload of a worker's link heartbeat. */
void wire_heads_encode(const struct wire_head *heads, size_t count, struct bytes *out);
MUST_CHECK int wire_heads_decode(struct arena *mem, struct slice in, struct wire_head **ret,
                                 size_t *ret_count);

#endif
