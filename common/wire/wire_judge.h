/*
 * The test's second opinion: every message that this folder reads and writes as a *subject* with
 * four verbs - a random one, ours to bytes, bytes to ours, and ours to bytes by the generated
 * protobuf-c code, field by field by name.
 */
#ifndef WEFT_WIRE_JUDGE_H
#define WEFT_WIRE_JUDGE_H

#include "rng.h"
#include "wire_link.h"

struct wire_heads {
    struct wire_head *heads;
    size_t count;
};

union wire_any {
    struct wire_entry entry;
    struct wire_permission permission;
    struct wire_snapshot snapshot;
    struct wire_client_frame client_frame;
    struct wire_server_frame server_frame;
    struct wire_client_entry client_entry;
    struct wire_ops ops;
    struct wire_content content;
    struct wire_to_worker to_worker;
    struct wire_to_gateway to_gateway;
    struct wire_heads heads;
};

struct wire_subject {
    const char *name;
    bool framed; /* a varint length stands before the message */
    bool typed;  /* the struct begins with its type; 0: nothing that this build could write */
    void (*random)(struct rng *r, struct arena *mem, union wire_any *ret);
    void (*encode)(const union wire_any *any, struct bytes *out);
    int (*decode)(struct arena *mem, struct slice in, union wire_any *ret);
    void (*judge_encode)(const union wire_any *any, struct arena *mem, struct bytes *out);
    bool (*judge_accepts)(struct slice in); /* without length */
};

/* The type of a typed message: all of them begin with it. */
static inline unsigned wire_any_type(const union wire_any *any)
{
    return (unsigned)any->client_frame.type;
}

#define WIRE_SUBJECT_COUNT 11
extern const struct wire_subject wire_subjects[WIRE_SUBJECT_COUNT];

#endif
