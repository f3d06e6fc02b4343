/*
 * Every case is run whole, cut in two at every place, byte by byte and at random places; each piece
 * ends at a guard page. What came out is written down as text that does not depend on the cuts:
 *     T(hello) B(..) text and binary message, i(..) o(..) ping and pong, C1000(bye) close, X1002
 * bad
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec_text.h"
#include "guard_page.h"
#include "rng.h"
#include "ws_decoder.h"
#include "ws_encoder.h"

#define SIZE_MAX_HERE 200000

static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};
static struct guard_page guard;

static void setup(void)
{
    guard_page_init(&guard, 300000);
}

static void teardown(void)
{
    guard_page_fini(&guard);
}

struct run {
    struct ws_decoder decoder;
    struct ws_collector collector;
    struct bytes transcript;
    unsigned parts;  /* data events of the current message */
    unsigned copies; /* messages that were not lent from the input */
};

static void run_init(struct run *run, enum ws_role role)
{
    *run = (struct run){0};
    ws_decoder_init(&run->decoder, role, SIZE_MAX_HERE);
    ws_collector_init(&run->collector);
}

static void run_fini(struct run *run)
{
    ws_decoder_fini(&run->decoder);
    ws_collector_fini(&run->collector);
    bytes_fini(&run->transcript);
}

static void note(struct run *run, const char *what, struct slice data)
{
    bytes_append_str(&run->transcript, what);
    bytes_append_str(&run->transcript, "(");
    bytes_append_slice(&run->transcript, data);
    bytes_append_str(&run->transcript, ")");
}

static void note_data(struct run *run, const struct ws_event *e)
{
    struct slice message = {0};
    ck_assert(e->begin == (run->parts == 0));
    ck_assert(e->begin || e->end || e->data.size > 0);
    int r = ws_collector_add(&run->collector, e, &message);
    ck_assert_int_eq(r, e->end);
    run->parts = e->end ? 0 : run->parts + 1;
    if (!e->end)
        return;
    run->copies += message.data != e->data.data;
    note(run, e->text ? "T" : "B", message);
}

static void feed(struct run *run, const uint8_t *data, size_t size)
{
    struct ws_input in = {guard_page_put(&guard, data, size), size};
    struct ws_event e;
    int r;
    while ((r = ws_decoder_next(&run->decoder, &in, &e)) > 0) {
        char head[16];
        if (r == WS_DATA) {
            note_data(run, &e);
        } else if (r == WS_PINGED || r == WS_PONGED) {
            note(run, r == WS_PINGED ? "i" : "o", e.data);
        } else {
            snprintf(head, sizeof head, "%c%d", r == WS_CLOSED ? 'C' : 'X', e.code);
            ck_assert((r == WS_BAD) == (e.reason != NULL));
            if (r == WS_CLOSED)
                note(run, head, e.data);
            else
                bytes_append_str(&run->transcript, head);
        }
    }
    ck_assert_int_eq(r, WS_NEED_MORE);
    ck_assert_uint_eq(in.size, 0);
}

static void expect_same(struct run *run, const char *expected, size_t size, const char *how)
{
    if (!slice_equal(bytes_slice(&run->transcript), slice_of(expected, size)))
        ck_abort_msg("%s: got %.*s instead of %.*s", how, (int)run->transcript.size,
                     (const char *)run->transcript.data, (int)size, expected);
    run_fini(run);
}

static void feed_randomly(struct run *run, struct slice wire, struct rng *rng)
{
    for (size_t at = 0; at < wire.size;) {
        size_t size = rng_between(rng, 0, wire.size - at < 40 ? wire.size - at : 40);
        if (rng_percent(rng, 20))
            size = rng_between(rng, 0, wire.size - at);
        feed(run, wire.data + at, size);
        at += size;
    }
}

static void check_role(struct slice wire, const char *expected, size_t size, enum ws_role role)
{
    struct run run;
    char how[64];
    run_init(&run, role);
    feed(&run, wire.data, wire.size);
    expect_same(&run, expected, size, "whole");

    size_t step = wire.size > 1000 ? wire.size / 37 : 1;
    for (size_t cut = 0; cut <= wire.size; cut += step) {
        snprintf(how, sizeof how, "cut at %zu", cut);
        run_init(&run, role);
        feed(&run, wire.data, cut);
        feed(&run, wire.data + cut, wire.size - cut);
        expect_same(&run, expected, size, how);
    }
    if (wire.size <= 4000) {
        run_init(&run, role);
        for (size_t i = 0; i < wire.size; i++)
            feed(&run, wire.data + i, 1);
        expect_same(&run, expected, size, "byte by byte");
    }
    uint64_t seeds = wire.size > 4000 ? 3 : 20;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct rng rng;
        rng_init(&rng, seed);
        snprintf(how, sizeof how, "random cuts, seed %d", (int)seed);
        run_init(&run, role);
        feed_randomly(&run, wire, &rng);
        expect_same(&run, expected, size, how);
    }
}

static void frame(struct bytes *out, uint8_t first, const void *data, size_t size,
                  const uint8_t *mask)
{
    uint8_t header[WS_HEADER_SIZE_MAX];
    size_t n = ws_encode_header(header, WS_BINARY, true, size, mask);
    header[0] = first; /* may be against the rules, which the encoder would not write */
    bytes_append(out, header, n);
    bytes_append(out, data, size);
    if (mask && size)
        ws_mask(out->data + out->size - size, size, mask, 0);
}

/* `script`: frames as "first byte in hex, payload" separated by '|'. Played in both directions. */
static void check_script(const char *script, const char *expected)
{
    for (int role = WS_SERVER; role <= WS_CLIENT; role++) {
        struct bytes wire = BYTES_INIT;
        const char *at = script;
        while (*at) {
            uint8_t first;
            ck_assert(hex_decode(slice_of(at, 2), &first));
            size_t size = strcspn(at + 2, "|");
            frame(&wire, first, at + 2, size, role == WS_SERVER ? key : NULL);
            at += 2 + size;
            at += *at == '|';
        }
        check_role(bytes_slice(&wire), expected, strlen(expected), role);
        bytes_fini(&wire);
    }
}

static void check_hex(const char *hex, const char *expected, enum ws_role role)
{
    uint8_t raw[512];
    struct slice text = slice_str(hex);
    ck_assert(text.size <= 2 * sizeof raw && hex_decode(text, raw));
    check_role(slice_of(raw, text.size / 2), expected, strlen(expected), role);
}

/* RFC 6455, 5.7. */
START_TEST(the_examples_of_the_rfc)
{
    check_hex("810548656c6c6f", "T(Hello)", WS_CLIENT);
    check_hex("818537fa213d7f9f4d5158", "T(Hello)", WS_SERVER);
    check_hex("010348656c80026c6f", "T(Hello)", WS_CLIENT);
    check_hex("890548656c6c6f", "i(Hello)", WS_CLIENT);
    check_hex("8a8537fa213d7f9f4d5158", "o(Hello)", WS_SERVER);
}
END_TEST

START_TEST(good_frames)
{
    static const struct {
        const char *script, *expected;
    } cases[] = {
        {"81", "T()"},
        {"82", "B()"},
        {"82a|81b", "B(a)T(b)"},
        {"01a|00b|80c", "T(abc)"},
        {"01|00|80", "T()"},
        {"01|00a|00|80", "T(a)"},
        {"02a|89x|00b|8ay|80c|89", "i(x)o(y)B(abc)i()"},
        {"01\xe2|89x|00\x82|80\xac|81y", "i(x)T(\xe2\x82\xac)T(y)"},
        {"88", "C1005()"},
        {"88\x03\xe8", "C1000()"},
        {"88\x03\xe8"
         "bye \xe2\x82\xac",
         "C1000(bye \xe2\x82\xac)"},
        {"02a|88\x03\xe9|80b", "C1001()"},
        {"88\x0f\xa0|89nothing more|83", "C4000()"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_script(cases[i].script, cases[i].expected);
}
END_TEST

START_TEST(bad_frames)
{
    static const struct {
        const char *script, *expected;
    } cases[] = {
        /* reserved bits, one at a time, in data and control frames */
        {"c1a", "X1002"},
        {"a1a", "X1002"},
        {"91a", "X1002"},
        {"c9a", "X1002"},
        {"01a|c0b", "X1002"},
        /* reserved opcodes */
        {"83", "X1002"},
        {"84a", "X1002"},
        {"85", "X1002"},
        {"86", "X1002"},
        {"87a", "X1002"},
        {"8b", "X1002"},
        {"8ca", "X1002"},
        {"8d", "X1002"},
        {"8e", "X1002"},
        {"8f", "X1002"},
        {"81a|8fb|81c", "T(a)X1002"},
        /* fragmentation */
        {"80a", "X1002"},
        {"00a", "X1002"},
        {"81a|80b", "T(a)X1002"},
        {"01a|81b", "X1002"},
        {"01a|02b", "X1002"},
        {"01|81", "X1002"},
        {"02a|09x|80b", "X1002"},
        {"08", "X1002"},
        {"0a", "X1002"},
        /* text */
        {"81\xff", "X1007"},
        {"81\xc0\xaf", "X1007"},
        {"81\xed\xa0\x80", "X1007"},
        {"81\xf4\x90\x80\x80", "X1007"},
        {"81\xe2\x82", "X1007"},
        {"01\xe2|80\x82", "X1007"},
        {"01\xe2|80", "X1007"},
        {"01\xe2|00x", "X1007"},
        {"01a|89x|00\x80", "i(x)X1007"},
        {"82\xff|81\xff", "B(\xff)X1007"},
        /* close */
        {"88\x03", "X1002"},
        {"88\x03\xe8\xff", "X1007"},
        {"88\x03\xe8\xe2\x82", "X1007"},
        {"88\x03\xe7", "X1002"}, /* 999 */
        {"88\x03\xec", "X1002"}, /* 1004 */
        {"88\x03\xed", "X1002"}, /* 1005 */
        {"88\x03\xee", "X1002"}, /* 1006 */
        {"88\x03\xf7", "X1002"}, /* 1015 */
        {"88\x03\xf8", "X1002"}, /* 1016 */
        {"88\x07\xd0", "X1002"}, /* 2000 */
        {"88\x0b\xb7", "X1002"}, /* 2999 */
        {"88\x13\x88", "X1002"}, /* 5000 */
        {"88\xff\xff", "X1002"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_script(cases[i].script, cases[i].expected);
}
END_TEST

START_TEST(bad_headers)
{
    check_hex("810548656c6c6f", "X1002", WS_SERVER);         /* no mask from a client */
    check_hex("818537fa213d7f9f4d5158", "X1002", WS_CLIENT); /* a mask from a server */
    check_hex("827e007d", "X1002", WS_CLIENT);               /* 125 in two bytes */
    check_hex("827f000000000000ffff", "X1002", WS_CLIENT);   /* 65535 in eight */
    check_hex("827f8000000000000000", "X1002", WS_CLIENT);   /* the highest bit */
    check_hex("82fe007d37fa213d", "X1002", WS_SERVER);
    check_hex("897e007e", "X1002", WS_CLIENT); /* ping of 126 bytes */
    check_hex("897f0000000000010000", "X1002", WS_CLIENT);
    check_hex("887e0000", "X1002", WS_CLIENT);
    check_hex("827f0000000000030d41", "X1009", WS_CLIENT); /* 200,001 bytes */
    check_hex("827f7fffffffffffffff", "X1009", WS_CLIENT);
    check_hex("0201aa007f7fffffffffffffff", "X1009", WS_CLIENT);
}
END_TEST

START_TEST(all_close_codes)
{
    for (unsigned code = 0; code < 6000; code++) {
        bool good = (code >= 1000 && code < 1004) || (code >= 1007 && code < 1015) ||
                    (code >= 3000 && code < 5000);
        uint8_t wire[] = {0x88, 2, (uint8_t)(code >> 8), (uint8_t)code};
        struct ws_decoder d;
        struct ws_event e;
        ws_decoder_init(&d, WS_CLIENT, 100);
        struct ws_input in = {wire, sizeof wire};
        ck_assert_int_eq(ws_decoder_next(&d, &in, &e), good ? WS_CLOSED : WS_BAD);
        ck_assert_uint_eq(e.code, good ? code : WS_CLOSE_PROTOCOL);
        ws_decoder_fini(&d);
    }
}
END_TEST

/* Lengths at which the header changes its form, and messages of many frames. */
START_TEST(all_sizes)
{
    static const size_t sizes[] = {0, 1, 7, 8, 9, 124, 125, 126, 127, 65535, 65536, SIZE_MAX_HERE};
    struct rng rng;
    rng_init(&rng, 42);
    uint8_t *payload = malloc(SIZE_MAX_HERE);
    ck_assert_ptr_nonnull(payload);
    for (size_t i = 0; i < SIZE_MAX_HERE; i++)
        payload[i] = (uint8_t)rng_u64(&rng);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct bytes wire = BYTES_INIT, expected = BYTES_INIT;
        bytes_append_str(&expected, "B(");
        bytes_append(&expected, payload, sizes[i]);
        bytes_append_str(&expected, ")");
        ws_encode_append(&wire, WS_BINARY, slice_of(payload, sizes[i]), key);
        check_role(bytes_slice(&wire), (char *)expected.data, expected.size, WS_SERVER);
        struct refbuf *shared = ws_encode_shared(WS_BINARY, slice_of(payload, sizes[i]));
        check_role(refbuf_slice(shared), (char *)expected.data, expected.size, WS_CLIENT);
        refbuf_unref(shared);
        bytes_fini(&wire);
        bytes_fini(&expected);
    }
    free(payload);
}
END_TEST

START_TEST(the_bound_counts_all_frames)
{
    uint8_t *half = calloc(1, SIZE_MAX_HERE / 2);
    for (int extra = 0; extra < 2; extra++) {
        struct bytes wire = BYTES_INIT;
        struct run run;
        frame(&wire, 0x02, half, SIZE_MAX_HERE / 2, key);
        frame(&wire, 0x00, half, SIZE_MAX_HERE / 2, key);
        frame(&wire, 0x80, half, extra, key);
        run_init(&run, WS_SERVER);
        feed(&run, wire.data, wire.size);
        if (extra)
            ck_assert(slice_equal(bytes_slice(&run.transcript), slice_str("X1009")));
        else
            ck_assert_uint_eq(run.transcript.size, SIZE_MAX_HERE + 3);
        run_fini(&run);
        bytes_fini(&wire);
    }
    free(half);
}
END_TEST

/* What lies whole in the input is neither copied nor delayed. */
START_TEST(whole_messages_are_lent)
{
    struct bytes wire = BYTES_INIT;
    struct run run;
    for (int i = 0; i < 50; i++)
        ws_encode_append(&wire, WS_TEXT, slice_str("a keystroke"), key);
    run_init(&run, WS_SERVER);
    feed(&run, wire.data, wire.size);
    ck_assert_uint_eq(run.copies, 0);
    ck_assert_ptr_null(run.collector.parts.data);
    ck_assert_ptr_null(run.decoder.control);
    ck_assert_uint_eq(run.transcript.size, 50 * 14);
    run_fini(&run);
    bytes_fini(&wire);
    ck_assert_uint_le(sizeof(struct ws_decoder), 80); /* one per idle connection */
}
END_TEST

/* One random message in random frames with control frames between them. */
static void random_message(struct rng *rng, const uint8_t *mask, struct bytes *wire,
                           struct bytes *expected)
{
    bool text = rng_percent(rng, 50);
    unsigned frames = (unsigned)rng_between(rng, 1, 4);
    struct bytes message = BYTES_INIT;
    for (unsigned f = 0; f < frames; f++) {
        uint8_t data[300];
        size_t size = rng_below(rng, sizeof data);
        for (size_t k = 0; k < size; k++)
            data[k] = (uint8_t)rng_u64(rng) & (text ? 0x7f : 0xff);
        if (rng_percent(rng, 30)) {
            ws_encode_append(wire, WS_PING, slice_str("between"), mask);
            bytes_append_str(expected, "i(between)");
        }
        frame(wire,
              (uint8_t)((f + 1 == frames ? 0x80 : 0) | (f      ? 0
                                                        : text ? 1
                                                               : 2)),
              data, size, mask);
        bytes_append(&message, data, size);
    }
    bytes_append_str(expected, text ? "T(" : "B(");
    bytes_append_slice(expected, bytes_slice(&message));
    bytes_append_str(expected, ")");
    bytes_fini(&message);
}

START_TEST(random_round_trips)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rng rng;
        struct bytes wire = BYTES_INIT, expected = BYTES_INIT;
        rng_init(&rng, seed);
        const uint8_t *mask = rng_percent(&rng, 50) ? key : NULL;
        for (int i = 0; i < 10; i++)
            random_message(&rng, mask, &wire, &expected);
        ws_encode_close(&wire, 1000, slice_str("bye"), mask);
        bytes_append_str(&expected, "C1000(bye)");
        check_role(bytes_slice(&wire), (char *)expected.data, expected.size,
                   mask ? WS_SERVER : WS_CLIENT);
        bytes_fini(&wire);
        bytes_fini(&expected);
    }
}
END_TEST

START_TEST(close_reasons_are_cut_between_characters)
{
    for (size_t shift = 0; shift < 4; shift++) {
        struct bytes wire = BYTES_INIT;
        char reason[200];
        struct run run;
        memset(reason, 'x', sizeof reason);
        for (size_t i = shift; i + 3 <= 198; i += 3)
            memcpy(reason + i, "\xe2\x82\xac", 3);
        ws_encode_close(&wire, 1001, slice_of(reason, 198), key);
        run_init(&run, WS_SERVER);
        feed(&run, wire.data, wire.size);
        size_t kept = shift + (123 - shift) / 3 * 3;
        ck_assert_uint_eq(run.transcript.size, strlen("C1001()") + kept);
        run_fini(&run);
        bytes_fini(&wire);
    }
    struct bytes wire = BYTES_INIT;
    ws_encode_close(&wire, WS_CLOSE_NONE, slice_str(""), NULL);
    ck_assert(slice_equal(bytes_slice(&wire), slice_of("\x88\x00", 2)));
    bytes_fini(&wire);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ws decoder");
    TCase *tc = tcase_create("decoder");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_examples_of_the_rfc);
    tcase_add_test(tc, good_frames);
    tcase_add_test(tc, bad_frames);
    tcase_add_test(tc, bad_headers);
    tcase_add_test(tc, all_close_codes);
    tcase_add_test(tc, all_sizes);
    tcase_add_test(tc, the_bound_counts_all_frames);
    tcase_add_test(tc, whole_messages_are_lent);
    tcase_add_test(tc, random_round_trips);
    tcase_add_test(tc, close_reasons_are_cut_between_characters);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
