#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "gw_encode.h"

static struct gw_encoder encoder;

static void setup(void)
{
    gw_encoder_init(&encoder);
}

static void teardown(void)
{
    gw_encoder_fini(&encoder);
}

START_TEST(test_encode_entry)
{
    struct wire_client_record record = {
        .has_author = true, .seq = 3, .kind = WIRE_KIND_TITLE, .body = slice_str("T"), .count = 1};
    struct wire_server_frame frame = {.type = WIRE_DOWN_ENTRY};
    struct bytes encoded = BYTES_INIT;

    frame.entry = (struct wire_client_entry){
        .doc = slice_str("d"), .first_rev = 4, .last_rev = 4, .records = &record, .count = 1};
    wire_client_entry_encode(&frame.entry, &encoded);
    for (unsigned v = 0; v < GW_VARIANT_COUNT; v++) {
        struct wire_server_frame empty = {.type = WIRE_DOWN_ENTRY};
        struct refbuf *whole = gw_encode_frame(&encoder, v, &frame, (struct slice){0});
        struct refbuf *shared = gw_encode_frame(&encoder, v, &empty, bytes_slice(&encoded));
        ck_assert(whole && shared && slice_equal(refbuf_slice(whole), refbuf_slice(shared)));
        ck_assert_uint_eq(whole->data[0], v == GW_JSON ? 0x81 : 0x82);
        refbuf_unref(whole);
        refbuf_unref(shared);
    }
    encoded.data[0] ^= 1;
    ck_assert(!gw_encode_frame(&encoder, GW_JSON, &frame, bytes_slice(&encoded)));
    ck_assert_uint_eq(encoder.failed, 1);
    bytes_fini(&encoded);
}
END_TEST

/* What a snapshot of this content comes to; the caller frees. size_max 0: no bound. */
static bool payload_of(enum gw_variant variant, struct slice content, size_t size_max,
                       struct bytes *ret)
{
    struct wire_content snapshot = {.content = content, .title = slice_str("T")};
    struct bytes payload = BYTES_INIT;

    wire_content_encode(&snapshot, &payload);
    struct wire_opened opened = {.outcome = WIRE_OPENED_SNAPSHOT, .payload = bytes_slice(&payload)};
    bytes_init(ret, size_max);
    bool good = gw_encode_payload(&encoder, variant, &opened, ret);
    ck_assert(variant == GW_JSON || slice_equal(bytes_slice(ret), opened.payload));
    bytes_fini(&payload);
    return good;
}

START_TEST(test_encode_payload)
{
    struct bytes out;

    ck_assert(!payload_of(GW_JSON, slice_str("broken"), 0, &out));
    bytes_fini(&out);
    ck_assert_uint_eq(encoder.failed, 1);
    ck_assert(payload_of(GW_PROTO, slice_str("broken"), 0, &out));
    bytes_fini(&out);
    ck_assert(payload_of(GW_JSON, slice_str("\x01\x12hi"), 0, &out));
    ck_assert(slice_equal(bytes_slice(&out),
                          slice_str("{\"content\":[{\"insert\":\"hi\"}],\"title\":\"T\"}")));
    bytes_fini(&out);
    ck_assert_uint_eq(encoder.failed, 1);
}
END_TEST

/* A document of a million pieces, each a letter with attributes or without: what it takes is its
 * JSON, of which no more is made than there is room for. */
START_TEST(test_payload_takes_no_more_than_there_is_room)
{
    static const char pair[] = "\x0e\x07\x01"
                               "b\x04"
                               "truex\x0ay";
    struct bytes content = BYTES_INIT, out;

    bytes_append_u8(&content, 1);
    for (int i = 0; i < 500000; i++)
        bytes_append_str(&content, pair);
    encoder.mem.size_max = 64 << 10;
    ck_assert(payload_of(GW_JSON, bytes_slice(&content), 0, &out));
    size_t whole = out.size;
    ck_assert_uint_gt(whole, 4 * content.size);
    bytes_fini(&out);
    ck_assert(!payload_of(GW_JSON, bytes_slice(&content), whole - 1, &out));
    ck_assert(out.full);
    ck_assert_uint_lt(out.size, whole);
    bytes_fini(&out);
    ck_assert_uint_eq(encoder.failed, 0);
    bytes_fini(&content);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("gateway encoding");
    TCase *t = tcase_create("all");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_encode_entry);
    tcase_add_test(t, test_encode_payload);
    tcase_add_test(t, test_payload_takes_no_more_than_there_is_room);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
