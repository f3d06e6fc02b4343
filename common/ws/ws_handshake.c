#include "ws_handshake.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Writes 4 * ceil(size / 3) characters and a NUL. */
static void base64(const uint8_t *in, size_t size, char *out)
{
    size_t i = 0;
    for (; i + 2 < size; i += 3) {
        uint32_t v = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            *out++ = alphabet[v >> shift & 63];
    }
    if (i < size) {
        uint32_t v = (uint32_t)in[i] << 16 | (i + 1 < size ? (uint32_t)in[i + 1] << 8 : 0);
        *out++ = alphabet[v >> 18 & 63];
        *out++ = alphabet[v >> 12 & 63];
        *out++ = i + 1 < size ? alphabet[v >> 6 & 63] : '=';
        *out++ = '=';
    }
    *out = 0;
}

const char *ws_protocol_name(enum ws_protocol protocol)
{
    switch (protocol) {
    case WS_PROTOCOL_PROTO:
        return "weft.v1.proto";
    case WS_PROTOCOL_JSON:
        return "weft.v1.json";
    default:
        return NULL;
    }
}

static enum ws_protocol protocol_of(struct slice name)
{
    if (slice_equal(name, slice_str(ws_protocol_name(WS_PROTOCOL_PROTO))))
        return WS_PROTOCOL_PROTO;
    if (slice_equal(name, slice_str(ws_protocol_name(WS_PROTOCOL_JSON))))
        return WS_PROTOCOL_JSON;
    return WS_PROTOCOL_NONE;
}

/* Takes the next element of a comma-separated list, blanks around it stripped. */
static bool take_element(struct slice *list, struct slice *ret)
{
    if (list->size == 0)
        return false;
    const uint8_t *comma = memchr(list->data, ',', list->size);
    size_t size = comma ? (size_t)(comma - list->data) : list->size;
    struct slice e = slice_of(list->data, size);
    size_t step = comma ? size + 1 : size;
    *list = slice_of(list->data + step, list->size - step);
    while (e.size && (e.data[0] == ' ' || e.data[0] == '\t'))
        e = slice_of(e.data + 1, e.size - 1);
    while (e.size && (e.data[e.size - 1] == ' ' || e.data[e.size - 1] == '\t'))
        e.size--;
    *ret = e;
    return true;
}

static bool list_has(struct slice list, const char *lower)
{
    struct slice e;
    while (take_element(&list, &e)) {
        if (slice_equal_fold(e, lower))
            return true;
    }
    return false;
}

bool ws_accept_of(struct slice key, ws_sha1_fn *sha1, char ret_accept[WS_ACCEPT_SIZE + 1])
{
    uint8_t text[WS_KEY_SIZE + sizeof GUID - 1];
    uint8_t digest[20];
    MUST(key.size == WS_KEY_SIZE);
    memcpy(text, key.data, WS_KEY_SIZE);
    memcpy(text + WS_KEY_SIZE, GUID, sizeof GUID - 1);
    if (!sha1(slice_of(text, sizeof text), digest))
        return false;
    base64(digest, sizeof digest, ret_accept);
    return true;
}

void ws_upgrade_init(struct ws_upgrade *u)
{
    *u = (struct ws_upgrade){0};
}

static void count(uint8_t *counter)
{
    if (*counter < 2)
        ++*counter;
}

static void take_offers(struct ws_upgrade *u, struct slice value)
{
    struct slice e;
    while (take_element(&value, &e)) {
        if (e.size == 0)
            continue;
        u->offered = true;
        if (u->protocol == WS_PROTOCOL_NONE)
            u->protocol = protocol_of(e);
    }
}

void ws_upgrade_field(struct ws_upgrade *u, struct slice name, struct slice value)
{
    if (slice_equal_fold(name, "upgrade")) {
        u->upgrade_websocket |= list_has(value, "websocket");
    } else if (slice_equal_fold(name, "connection")) {
        u->connection_upgrade |= list_has(value, "upgrade");
    } else if (slice_equal_fold(name, "sec-websocket-key")) {
        u->key = value;
        count(&u->keys);
    } else if (slice_equal_fold(name, "sec-websocket-version")) {
        /* "13" alone: a list of versions is for servers. */
        u->version_13 = !u->version_seen && slice_equal(value, slice_str("13"));
        u->version_seen = true;
    } else if (slice_equal_fold(name, "sec-websocket-protocol")) {
        take_offers(u, value);
    } else if (slice_equal_fold(name, "origin")) {
        u->origin = value;
        count(&u->origins);
    }
}

/* "a base64-encoded value that, when decoded, is 16 bytes in length" (4.2.1) */
static bool key_valid(struct slice key)
{
    if (key.size != WS_KEY_SIZE || memcmp(key.data + 22, "==", 2) != 0)
        return false;
    for (size_t i = 0; i < 22; i++) {
        if (key.data[i] == 0 || !strchr(alphabet, key.data[i]))
            return false;
    }
    return true;
}

enum ws_upgrade_outcome ws_upgrade_check(const struct ws_upgrade *u, bool get_http11)
{
    if (!u->upgrade_websocket)
        return WS_UPGRADE_NONE;
    if (!get_http11 || !u->connection_upgrade)
        return WS_UPGRADE_BAD;
    if (!u->version_13)
        return WS_UPGRADE_VERSION;
    if (u->keys != 1 || !key_valid(u->key) || u->origins > 1)
        return WS_UPGRADE_BAD;
    if (u->offered && u->protocol == WS_PROTOCOL_NONE)
        return WS_UPGRADE_PROTOCOL;
    return WS_UPGRADE_OK;
}

bool ws_upgrade_accept(struct bytes *out, const struct ws_upgrade *u, ws_sha1_fn *sha1)
{
    char accept[WS_ACCEPT_SIZE + 1];
    if (!ws_accept_of(u->key, sha1, accept))
        return false;
    bytes_printf(out,
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
                 accept);
    if (u->protocol != WS_PROTOCOL_NONE)
        bytes_printf(out, "Sec-WebSocket-Protocol: %s\r\n", ws_protocol_name(u->protocol));
    bytes_append_str(out, "\r\n");
    return true;
}

void ws_upgrade_refuse(struct bytes *out, enum ws_upgrade_outcome outcome)
{
    const char *status = "400 Bad Request", *extra = "";
    const char *words = "a WebSocket upgrade is a GET of HTTP/1.1 with Connection: Upgrade and one "
                        "Sec-WebSocket-Key, base64 of 16 bytes\n";
    MUST(outcome >= WS_UPGRADE_BAD);
    if (outcome == WS_UPGRADE_VERSION) {
        status = "426 Upgrade Required";
        extra = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
        words = "WebSocket version 13 only\n";
    } else if (outcome == WS_UPGRADE_PROTOCOL) {
        words = "subprotocols: weft.v1.proto, weft.v1.json\n";
    }
    bytes_printf(out,
                 "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%s"
                 "Connection: close\r\n\r\n%s",
                 status, strlen(words), extra, words);
}

void ws_key_of(const uint8_t random[16], char ret_key[WS_KEY_SIZE + 1])
{
    base64(random, 16, ret_key);
}

void ws_client_request(struct bytes *out, const char *host, const char *target, const char *key,
                       enum ws_protocol protocol)
{
    bytes_printf(out,
                 "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n",
                 target, host, key);
    if (protocol != WS_PROTOCOL_NONE)
        bytes_printf(out, "Sec-WebSocket-Protocol: %s\r\n", ws_protocol_name(protocol));
    bytes_append_str(out, "\r\n");
}

void ws_answer_init(struct ws_answer *a, const char *accept_expected, enum ws_protocol asked)
{
    *a = (struct ws_answer){.accept_expected = accept_expected, .protocol_asked = asked};
}

void ws_answer_field(struct ws_answer *a, struct slice name, struct slice value)
{
    if (slice_equal_fold(name, "upgrade")) {
        a->upgrade_websocket |= slice_equal_fold(value, "websocket");
    } else if (slice_equal_fold(name, "connection")) {
        a->connection_upgrade |= list_has(value, "upgrade");
    } else if (slice_equal_fold(name, "sec-websocket-accept")) {
        a->accept_ok = slice_equal(value, slice_str(a->accept_expected));
        count(&a->accepts);
    } else if (slice_equal_fold(name, "sec-websocket-protocol")) {
        a->protocol_ok = protocol_of(value) == a->protocol_asked;
        count(&a->protocols);
    } else if (slice_equal_fold(name, "sec-websocket-extensions")) {
        a->extension = true;
    }
}

const char *ws_answer_check(const struct ws_answer *a, int status)
{
    if (status != 101)
        return "status is not 101";
    if (!a->upgrade_websocket || !a->connection_upgrade)
        return "no upgrade to websocket";
    if (a->accepts != 1 || !a->accept_ok)
        return "wrong Sec-WebSocket-Accept";
    if (a->extension)
        return "extension that was not offered";
    if (a->protocol_asked == WS_PROTOCOL_NONE ? a->protocols != 0
                                              : a->protocols != 1 || !a->protocol_ok)
        return "another subprotocol than asked for";
    return NULL;
}
