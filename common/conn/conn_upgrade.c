/*
 * From HTTP to WebSocket: the request, and the gateway's answer, which may come in any pieces. What
 * comes behind it is frames already.
 */
#include <errno.h>
#include <string.h>

#include "conn_private.h"
#include "crypto_hash.h"
#include "crypto_random.h"
#include "http1_head.h"

/* Of our protocol, in the Hello. */
#define PROTOCOL_VERSION 1

static bool sha1(struct slice in, uint8_t ret_digest[20])
{
    crypto_sha1(in, slice_of(NULL, 0), ret_digest);
    return true;
}

void conn_request_send(struct conn *c, const struct conn_url *url)
{
    char authority[CONN_AUTHORITY_MAX + 1], key[WS_KEY_SIZE + 1];
    struct bytes request = BYTES_INIT;
    uint8_t random[16];

    crypto_random(random, sizeof random);
    ws_key_of(random, key);
    conn_url_authority(url, authority);
    ws_client_request(&request, authority, url->target, key, WS_PROTOCOL_PROTO);
    if (!ws_accept_of(slice_str(key), sha1, c->accept) || request.failed)
        conn_fail(c, -ENOMEM, WS_CLOSE_NONE, "no memory for the request");
    else
        conn_raw_send(c, bytes_slice(&request));
    bytes_fini(&request);
}

static void greet(struct conn *c)
{
    struct wire_client_frame hello = {.type = WIRE_UP_HELLO,
                                      .hello = {.version = PROTOCOL_VERSION, .token = c->token}};

    conn_state_set(c, CONN_GREETING);
    conn_frame_queue(c, &hello);
}

static void answer_check(struct conn *c, const struct http1_response *response)
{
    struct ws_answer answer;

    ws_answer_init(&answer, c->accept, WS_PROTOCOL_PROTO);
    for (size_t i = 0; i < response->fields.count; i++)
        ws_answer_field(&answer, response->fields.at[i].name, response->fields.at[i].value);
    const char *wrong = ws_answer_check(&answer, response->status);
    if (wrong)
        conn_fail(c, -EPROTO, WS_CLOSE_NONE, "upgrading to WebSocket: %s (it is %d)", wrong,
                  response->status);
    else
        greet(c);
}

void conn_answer_read(struct conn *c, struct slice in)
{
    struct http1_response response;
    size_t taken = in.size, room = HTTP1_HEAD_SIZE_MAX - c->head.size;

    if (taken > room)
        taken = room;
    bytes_append(&c->head, in.data, taken);
    if (c->head.failed) {
        conn_fail(c, -ENOMEM, WS_CLOSE_NONE, "no memory for the head of an answer");
        return;
    }
    switch (http1_response_parse(bytes_slice(&c->head), &response)) {
    case HTTP1_MORE:
        return;
    case HTTP1_OK:
        break;
    default:
        conn_fail(c, -EPROTO, WS_CLOSE_NONE, "the answer to the upgrade is not HTTP/1.1");
        return;
    }
    /* What is behind the head came in this piece: an earlier one did not end it. */
    size_t behind = c->head.size - response.size;
    answer_check(c, &response);
    bytes_fini(&c->head);
    if (c->state == CONN_GREETING)
        conn_read(c, slice_of(in.data + taken - behind, in.size - taken + behind));
}
