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

START_TEST(test_encode_payload)
{
    struct wire_content content = {.content = slice_str("broken"), .title = slice_str("T")};
    struct bytes payload = BYTES_INIT;

    wire_content_encode(&content, &payload);
    struct wire_opened opened = {.outcome = WIRE_OPENED_SNAPSHOT, .payload = bytes_slice(&payload)};
    ck_assert(!gw_encode_payload(&encoder, GW_JSON, &opened));
    struct refbuf *same = gw_encode_payload(&encoder, GW_PROTO, &opened);
    ck_assert(slice_equal(refbuf_slice(same), opened.payload));
    refbuf_unref(same);
    bytes_reset(&payload);
    content.content = (struct slice){0};
    wire_content_encode(&content, &payload);
    opened.payload = bytes_slice(&payload);
    struct refbuf *text = gw_encode_payload(&encoder, GW_JSON, &opened);
    if (text)
        ck_assert(slice_equal(refbuf_slice(text), slice_str("{\"content\":[],\"title\":\"T\"}")));
    refbuf_unref(text);
    bytes_fini(&payload);
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
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
