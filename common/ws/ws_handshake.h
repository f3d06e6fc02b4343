/*
 * The opening handshake of RFC 6455, both sides, over heads that somebody else parsed: feed the
 * header fields one by one, then ask for the verdict. Slices are borrowed from the head.
 *
 * SHA-1 belongs to a higher layer, so it comes as a function. Extensions are never negotiated.
 */
#ifndef WEFT_WS_HANDSHAKE_H
#define WEFT_WS_HANDSHAKE_H

#include "bytes.h"

#define WS_KEY_SIZE 24    /* base64 of 16 bytes */
#define WS_ACCEPT_SIZE 28 /* base64 of 20 bytes */

/* Digest of `in`; false if it could not be computed. */
typedef bool ws_sha1_fn(struct slice in, uint8_t ret_digest[20]);

/* Our subprotocols, one bit each. */
enum ws_protocol {
    WS_PROTOCOL_NONE = 0,
    WS_PROTOCOL_PROTO = 1, /* weft.v1.proto: protobuf in binary messages */
    WS_PROTOCOL_JSON = 2,  /* weft.v1.json: JSON in text messages */
};

/* NULL for WS_PROTOCOL_NONE. */
const char *ws_protocol_name(enum ws_protocol protocol);

/* base64(SHA-1(key || GUID)), with a final NUL. False if the digest failed. */
MUST_CHECK bool ws_accept_of(struct slice key, ws_sha1_fn *sha1,
                             char ret_accept[WS_ACCEPT_SIZE + 1]);

/* --- server --- */

/* The verdict on a request. */
enum ws_upgrade_outcome {
    WS_UPGRADE_OK = 0,
    WS_UPGRADE_NONE,     /* asks for no WebSocket: an ordinary request */
    WS_UPGRADE_BAD,      /* 400 */
    WS_UPGRADE_VERSION,  /* 426, naming the version that we speak */
    WS_UPGRADE_PROTOCOL, /* 400: it offered subprotocols, but none of ours */
};

struct ws_upgrade {
    struct slice key;
    struct slice origin; /* empty if none was given: not a browser */
    /* The first of the client's offers (its order is its preference) that we know. */
    enum ws_protocol protocol;
    bool offered; /* at least one subprotocol was offered */
    bool upgrade_websocket, connection_upgrade;
    bool version_seen, version_13;
    uint8_t keys, origins; /* fields of that name; the counters stop at 2 */
};

void ws_upgrade_init(struct ws_upgrade *u);
void ws_upgrade_field(struct ws_upgrade *u, struct slice name, struct slice value);
/*
 * get_http11: the method is GET and the version HTTP/1.1 (the head parser has checked Host).
 * Without any offer the outcome is OK with WS_PROTOCOL_NONE: the caller's policy decides.
 */
enum ws_upgrade_outcome ws_upgrade_check(const struct ws_upgrade *u, bool get_http11);
/* Appends the 101 response. False if the digest failed; lack of memory latches in out. */
MUST_CHECK bool ws_upgrade_accept(struct bytes *out, const struct ws_upgrade *u, ws_sha1_fn *sha1);
/* Appends the whole refusal for a positive outcome other than NONE; close the connection after it.
 */
void ws_upgrade_refuse(struct bytes *out, enum ws_upgrade_outcome outcome);

/* --- client --- */

/* base64 of 16 random bytes, with a final NUL. */
void ws_key_of(const uint8_t random[16], char ret_key[WS_KEY_SIZE + 1]);
/* host: as in a URL, with the port if it is not the scheme's. */
void ws_client_request(struct bytes *out, const char *host, const char *target, const char *key,
                       enum ws_protocol protocol);

struct ws_answer {
    const char *accept_expected; /* borrowed */
    enum ws_protocol protocol_asked;
    bool upgrade_websocket, connection_upgrade, accept_ok, protocol_ok;
    bool extension; /* the server chose one, though none was offered */
    uint8_t accepts, protocols;
};

/* accept_expected: of ws_accept_of with our key; must outlive the answer. */
void ws_answer_init(struct ws_answer *a, const char *accept_expected, enum ws_protocol asked);
void ws_answer_field(struct ws_answer *a, struct slice name, struct slice value);
/* NULL if the connection is a WebSocket now, else what is wrong in words. */
const char *ws_answer_check(const struct ws_answer *a, int status);

#endif
