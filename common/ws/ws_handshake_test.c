#include <check.h>
#include <stdlib.h>

#include "ws_handshake.h"

/* RFC 3174, as short as can be: this folder has no door to a crypto library. */
static bool sha1(struct slice in, uint8_t ret[20])
{
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    uint8_t block[128] = {0};
    ck_assert_uint_lt(in.size, 64);
    memcpy(block, in.data, in.size);
    block[in.size] = 0x80;
    size_t size = in.size < 56 ? 64 : 128;
    store_be64(block + size - 8, in.size * 8);
    for (const uint8_t *p = block; p < block + size; p += 64) {
        uint32_t w[80], v[5];
        for (int i = 0; i < 16; i++)
            w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
                   (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
        for (int i = 16; i < 80; i++) {
            uint32_t x = w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16];
            w[i] = x << 1 | x >> 31;
        }
        memcpy(v, h, sizeof v);
        for (int i = 0; i < 80; i++) {
            static const uint32_t k[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
            uint32_t f = i < 20   ? (v[1] & v[2]) | (~v[1] & v[3])
                         : i < 40 ? v[1] ^ v[2] ^ v[3]
                         : i < 60 ? (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3])
                                  : v[1] ^ v[2] ^ v[3];
            uint32_t t = (v[0] << 5 | v[0] >> 27) + f + v[4] + k[i / 20] + w[i];
            v[4] = v[3];
            v[3] = v[2];
            v[2] = v[1] << 30 | v[1] >> 2;
            v[1] = v[0];
            v[0] = t;
        }
        for (int i = 0; i < 5; i++)
            h[i] += v[i];
    }
    for (int i = 0; i < 20; i++)
        ret[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
    return true;
}

static bool broken_digest(struct slice in, uint8_t ret[20])
{
    return false;
}

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define FINE "Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Version: 13"
#define WHOLE FINE "|Sec-WebSocket-Key: " KEY

/* Calls field for each "name: value" of fields separated by '|'. */
static void each_field(const char *fields, void (*field)(void *, struct slice, struct slice),
                       void *to)
{
    while (*fields) {
        size_t size = strcspn(fields, "|"), name = strcspn(fields, ":");
        ck_assert(name + 2 <= size);
        field(to, slice_of(fields, name), slice_of(fields + name + 2, size - name - 2));
        fields += size;
        fields += *fields == '|';
    }
}

static void to_upgrade(void *to, struct slice name, struct slice value)
{
    ws_upgrade_field(to, name, value);
}

static void to_answer(void *to, struct slice name, struct slice value)
{
    ws_answer_field(to, name, value);
}

static struct ws_upgrade upgrade_of(const char *fields)
{
    struct ws_upgrade u;
    ws_upgrade_init(&u);
    each_field(fields, to_upgrade, &u);
    return u;
}

START_TEST(requests_are_judged)
{
    static const struct {
        const char *fields;
        enum ws_upgrade_outcome outcome;
        enum ws_protocol protocol;
    } cases[] = {
        {WHOLE, WS_UPGRADE_OK, 0},
        {"upgrade: WebSocket|CONNECTION: keep-alive, upgrade|sec-websocket-version: 13|"
         "Sec-WebSocket-KEY: " KEY,
         WS_UPGRADE_OK, 0},
        {WHOLE "|Upgrade: h2c|Connection: close", WS_UPGRADE_OK, 0},
        {WHOLE "|Sec-WebSocket-Protocol: weft.v1.proto", WS_UPGRADE_OK, WS_PROTOCOL_PROTO},
        {WHOLE "|Sec-WebSocket-Protocol: chat,weft.v1.json , weft.v1.proto", WS_UPGRADE_OK,
         WS_PROTOCOL_JSON},
        {WHOLE "|Sec-WebSocket-Protocol: chat|Sec-WebSocket-Protocol: ,\tweft.v1.proto",
         WS_UPGRADE_OK, WS_PROTOCOL_PROTO},
        {WHOLE "|Sec-WebSocket-Protocol: chat, WEFT.v1.json", WS_UPGRADE_PROTOCOL, 0},
        {WHOLE "|Sec-WebSocket-Protocol: , ,", WS_UPGRADE_OK, 0},
        {WHOLE "|Sec-WebSocket-Extensions: permessage-deflate", WS_UPGRADE_OK, 0},
        {"Host: x", WS_UPGRADE_NONE, 0},
        {"Upgrade: h2c|Connection: Upgrade", WS_UPGRADE_NONE, 0},
        {"Upgrade: websockets|Connection: Upgrade", WS_UPGRADE_NONE, 0},
        {"Upgrade: websocket|Sec-WebSocket-Version: 13|Sec-WebSocket-Key: " KEY, WS_UPGRADE_BAD, 0},
        {"Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Key: " KEY, WS_UPGRADE_VERSION, 0},
        {"Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Version: 8|Sec-WebSocket-Key: " KEY,
         WS_UPGRADE_VERSION, 0},
        {WHOLE "|Sec-WebSocket-Version: 13", WS_UPGRADE_VERSION, 0},
        {FINE, WS_UPGRADE_BAD, 0},
        {FINE "|Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=", WS_UPGRADE_BAD, 0},
        {FINE "|Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ===", WS_UPGRADE_BAD, 0},
        {FINE "|Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA", WS_UPGRADE_BAD, 0},
        {FINE "|Sec-WebSocket-Key: dGhlIHNhbXBsZSBub2-jZQ==", WS_UPGRADE_BAD, 0},
        {WHOLE "|Sec-WebSocket-Key: " KEY, WS_UPGRADE_BAD, 0},
        {WHOLE "|Origin: https://a|Origin: https://b", WS_UPGRADE_BAD, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ws_upgrade u = upgrade_of(cases[i].fields);
        ck_assert_msg(ws_upgrade_check(&u, true) == cases[i].outcome, "%s", cases[i].fields);
        ck_assert_msg(u.protocol == cases[i].protocol, "%s", cases[i].fields);
    }
    struct ws_upgrade u = upgrade_of(WHOLE "|Origin: https://a.example");
    ck_assert(slice_equal(u.origin, slice_str("https://a.example")));
    ck_assert_int_eq(ws_upgrade_check(&u, false), WS_UPGRADE_BAD);
    u = upgrade_of("Host: x");
    ck_assert_int_eq(ws_upgrade_check(&u, false), WS_UPGRADE_NONE);
    /* Names with a NUL are no names of ours, and are not read past their end. */
    ws_upgrade_init(&u);
    ws_upgrade_field(&u, slice_of("upgrade\0\0\0", 10), slice_str("websocket"));
    ck_assert_int_eq(ws_upgrade_check(&u, true), WS_UPGRADE_NONE);
}
END_TEST

static void expect_bytes(struct bytes *got, const char *expected)
{
    ck_assert_msg(slice_equal(bytes_slice(got), slice_str(expected)), "%.*s", (int)got->size,
                  (char *)got->data);
    bytes_fini(got);
}

START_TEST(responses_are_exact)
{
    struct bytes out = BYTES_INIT;
    struct ws_upgrade u = upgrade_of(WHOLE "|Sec-WebSocket-Protocol: weft.v1.json");
    ck_assert(ws_upgrade_accept(&out, &u, sha1));
    expect_bytes(&out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n"
                       "Sec-WebSocket-Protocol: weft.v1.json\r\n\r\n");
    u = upgrade_of(WHOLE);
    ck_assert(ws_upgrade_accept(&out, &u, sha1));
    expect_bytes(&out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n");
    ck_assert(!ws_upgrade_accept(&out, &u, broken_digest));
    ck_assert_uint_eq(out.size, 0);

    ws_upgrade_refuse(&out, WS_UPGRADE_VERSION);
    expect_bytes(&out, "HTTP/1.1 426 Upgrade Required\r\nContent-Type: text/plain\r\n"
                       "Content-Length: 26\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                       "Connection: close\r\n\r\nWebSocket version 13 only\n");
    ws_upgrade_refuse(&out, WS_UPGRADE_BAD);
    expect_bytes(&out, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
                       "Content-Length: 112\r\nConnection: close\r\n\r\n"
                       "a WebSocket upgrade is a GET of HTTP/1.1 with Connection: Upgrade and one "
                       "Sec-WebSocket-Key, base64 of 16 bytes\n");
    ws_upgrade_refuse(&out, WS_UPGRADE_PROTOCOL);
    ck_assert(memmem(out.data, out.size, "400 Bad", 7) && memmem(out.data, out.size, "weft.v1", 7));
    bytes_fini(&out);
}
END_TEST

START_TEST(requests_are_exact)
{
    struct bytes out = BYTES_INIT;
    char key[WS_KEY_SIZE + 1];
    ws_key_of((const uint8_t *)"the sample nonce", key);
    ck_assert_str_eq(key, KEY);
    ws_client_request(&out, "weft.example:8080", "/ws", key, WS_PROTOCOL_PROTO);
    expect_bytes(&out, "GET /ws HTTP/1.1\r\nHost: weft.example:8080\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Key: " KEY "\r\n"
                       "Sec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Protocol: weft.v1.proto\r\n\r\n");
}
END_TEST

START_TEST(answers_are_judged)
{
#define UP "Upgrade: WebSocket|Connection: upgrade"
    static const struct {
        int status;
        const char *fields;
        enum ws_protocol asked;
        bool good;
    } cases[] = {
        {101, UP "|Sec-WebSocket-Accept: " ACCEPT, 0, true},
        {101, UP "|Sec-WebSocket-Accept: " ACCEPT "|Sec-WebSocket-Protocol: weft.v1.json", 2, true},
        {200, UP "|Sec-WebSocket-Accept: " ACCEPT, 0, false},
        {101, "Connection: upgrade|Sec-WebSocket-Accept: " ACCEPT, 0, false},
        {101, "Upgrade: websocket|Sec-WebSocket-Accept: " ACCEPT, 0, false},
        {101, UP, 0, false},
        {101, UP "|Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 0, false},
        {101, UP "|Sec-WebSocket-Accept: x|Sec-WebSocket-Accept: " ACCEPT, 0, false},
        {101, UP "|Sec-WebSocket-Accept: " ACCEPT "|Sec-WebSocket-Extensions: x", 0, false},
        {101, UP "|Sec-WebSocket-Accept: " ACCEPT "|Sec-WebSocket-Protocol: weft.v1.json", 0,
         false},
        {101, UP "|Sec-WebSocket-Accept: " ACCEPT "|Sec-WebSocket-Protocol: weft.v1.json", 1,
         false},
        {101, UP "|Sec-WebSocket-Accept: " ACCEPT "|Sec-WebSocket-Protocol: chat", 0, false},
        {101, UP "|Sec-WebSocket-Accept: " ACCEPT, 1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ws_answer a;
        char accept[WS_ACCEPT_SIZE + 1];
        ck_assert(ws_accept_of(slice_str(KEY), sha1, accept));
        ck_assert_str_eq(accept, ACCEPT);
        ws_answer_init(&a, accept, cases[i].asked);
        each_field(cases[i].fields, to_answer, &a);
        ck_assert_msg((ws_answer_check(&a, cases[i].status) == NULL) == cases[i].good, "%d %s",
                      cases[i].status, cases[i].fields);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ws handshake");
    TCase *tc = tcase_create("handshake");
    tcase_set_timeout(tc, 60); /* a busy machine and sanitizers */
    tcase_add_test(tc, requests_are_judged);
    tcase_add_test(tc, responses_are_exact);
    tcase_add_test(tc, requests_are_exact);
    tcase_add_test(tc, answers_are_judged);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
