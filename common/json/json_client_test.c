#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "json_client.h"
#include "json_delta.h"
#include "ot_codec.h"
#include "support_seed.h"
#include "wire_random.h"

static struct arena mem;
static struct bytes out;
static struct json_error error;

static void setup(void)
{
    arena_init(&mem, 64 << 20);
}

static void teardown(void)
{
    arena_fini(&mem);
    bytes_fini(&out);
}

static const char *text_of(void)
{
    ck_assert(!out.failed);
    bytes_append_u8(&out, 0);
    return (const char *)out.data;
}

/* Read, then written again: the same. */
static struct wire_client_frame same(const char *text)
{
    struct wire_client_frame frame;
    int rc = json_client_frame_read(&mem, slice_str(text), &frame, &error);

    ck_assert_msg(rc == 0, "%s: %s", text, error.text);
    bytes_reset(&out);
    ck_assert_int_eq(json_client_frame_write(&mem, &frame, &out), 0);
    ck_assert_str_eq(text_of(), text);
    return frame;
}

static void refused_as(enum json_outcome outcome, const char *text, const char *why)
{
    struct wire_client_frame frame;

    memset(&error, 0, sizeof error);
    int rc = json_client_frame_read(&mem, slice_str(text), &frame, &error);
    ck_assert_msg(rc == (int)outcome, "%d: %s", rc, text);
    ck_assert_msg(strstr(error.text, why), "%s: \"%s\" does not say \"%s\"", text, error.text, why);
}

static void refused(const char *text, const char *why)
{
    refused_as(JSON_BAD, text, why);
}

#define HASH "000102030405060708090a0b0c0d0e0f"

START_TEST(test_client_messages)
{
    struct wire_client_frame f;

    f = same("{\"type\":\"hello\",\"version\":1,\"features\":0,\"token\":\"t\"}");
    ck_assert_int_eq(f.type, WIRE_UP_HELLO);
    same("{\"type\":\"open\",\"doc\":\"d\"}");
    f = same("{\"type\":\"open\",\"doc\":\"d\",\"session\":\"" HASH
             "\",\"attempt\":7,\"position\":{\"rev\":3,\"hash\":\"" HASH
             "\"},\"create\":{\"kind\":\"rich\",\"content\":[{\"insert\":\"\\n\"}]}}");
    ck_assert(f.open.has_session && f.open.has_position && f.open.has_create);
    ck_assert_uint_eq(f.open.session.id[15], 15);
    ck_assert_uint_eq(f.open.attempt, 7);
    f = same("{\"type\":\"submit\",\"doc\":\"d\",\"seq\":2,\"base\":{\"rev\":3,\"hash\":\"" HASH
             "\"},\"op\":[{\"retain\":1},{\"insert\":\"x\"}]}");
    struct ot_op op;
    ck_assert_int_eq(f.submit.kind, WIRE_KIND_EDIT);
    ck_assert_int_eq(ot_decode(&mem, f.submit.body, &ot_limits_submit, &op), 0);
    ck_assert_uint_eq(op.count, 2);
    same("{\"type\":\"submit\",\"doc\":\"d\",\"seq\":2,\"base\":{\"rev\":3,\"hash\":\"" HASH
         "\"},\"title\":\"T\"}");
    same("{\"type\":\"submit\",\"doc\":\"d\",\"seq\":2,\"base\":{\"rev\":3,\"hash\":\"" HASH
         "\"},\"permission\":{\"subject\":\"s\",\"role\":\"write\"}}");
    same("{\"type\":\"submit\",\"doc\":\"d\",\"seq\":2,\"base\":{\"rev\":3,\"hash\":\"" HASH
         "\"},\"permission\":{\"subject\":\"s\",\"role\":\"none\"}}");
    same("{\"type\":\"close\",\"doc\":\"d\"}");
    same("{\"type\":\"presence\",\"doc\":\"d\",\"rev\":3,\"data\":{\"at\":[1,2]}}");
    same("{\"type\":\"presence\",\"doc\":\"d\",\"rev\":3,\"data_base64\":\"_w\"}");
    same("{\"type\":\"presence\",\"doc\":\"d\",\"rev\":3,\"gone\":true}");
    same("{\"type\":\"ping\",\"nonce\":9007199254740992}");
}
END_TEST

START_TEST(test_refused)
{
    refused("", "not JSON");
    refused("[]", "object");
    refused("{}", "type");
    refused("{\"type\":7}", "string");
    refused_as(JSON_UNKNOWN_TYPE, "{\"type\":\"hullo\"}", "names");
    refused_as(JSON_UNKNOWN_TYPE, "{\"type\":\"none\"}", "names");
    refused("{\"type\":\"ping\",\"nonce\":-1}", "whole");
    refused("{\"type\":\"ping\",\"nonce\":1e300}", "whole");
    refused("{\"type\":\"ping\",\"nounce\":1}", "not known");
    refused("{\"type\":\"open\"}", "doc");
    refused("{\"type\":\"open\",\"doc\":1}", "string");
    refused("{\"type\":\"open\",\"doc\":\"d\",\"session\":\"00\"}", "hex");
    refused("{\"type\":\"open\",\"doc\":\"d\",\"session\":\"" HASH "00\"}", "hex");
    refused("{\"type\":\"open\",\"doc\":\"d\",\"position\":3}", "object");
    refused("{\"type\":\"open\",\"doc\":\"d\",\"position\":{\"rev\":3}}", "hash");
    refused("{\"type\":\"open\",\"doc\":\"d\",\"position\":{\"rev\":3,\"hash\":\"" HASH
            "\",\"x\":1}}",
            "not known");
    refused("{\"type\":\"open\",\"doc\":\"d\",\"create\":{\"kind\":\"rich\"}}", "content");
    refused("{\"type\":\"open\",\"doc\":\"d\",\"create\":{\"kind\":\"r\",\"content\":[]}}",
            "names");
    refused("{\"type\":\"submit\",\"doc\":\"d\",\"seq\":1}", "op");
    refused("{\"type\":\"submit\",\"doc\":\"d\",\"seq\":1,\"op\":[],\"title\":\"\"}", "op");
    refused("{\"type\":\"submit\",\"doc\":\"d\",\"seq\":1,\"title\":1}", "string");
    refused("{\"type\":\"submit\",\"doc\":\"d\",\"seq\":1,\"op\":[{\"insert\":\"\\ud800\"}]}",
            "surrogate");
    refused("{\"type\":\"submit\",\"doc\":\"d\",\"seq\":1,\"permission\":{\"role\":\"god\"}}",
            "names");
    refused("{\"type\":\"presence\",\"doc\":\"d\",\"data_base64\":\"*\"}", "base64url");
    refused("{\"type\":\"presence\",\"doc\":\"d\",\"data\":1,\"data_base64\":\"\"}", "beside");
    refused("{\"type\":\"ping\",\"type\":\"ping\"}", "duplicate");
}
END_TEST

static void writes(const struct wire_server_frame *frame, const char *expected)
{
    bytes_reset(&out);
    ck_assert_int_eq(json_server_frame_write(&mem, frame, &out), 0);
    ck_assert_str_eq(text_of(), expected);
}

static struct slice op_of(const char *delta)
{
    static struct bytes op;
    struct ot_op o;

    bytes_reset(&op);
    ck_assert_int_eq(json_delta_read(&mem, slice_str(delta), &o, NULL), 0);
    ot_encode(&o, &op);
    return slice_of(arena_copy(&mem, op.data, op.size), op.size);
}

START_TEST(test_server_messages)
{
    struct wire_server_frame f = {.type = WIRE_DOWN_ENTRY};
    struct wire_client_record record = {.has_author = true,
                                        .author = {0xff},
                                        .seq = 2,
                                        .kind = WIRE_KIND_EDIT,
                                        .body = op_of("[{\"insert\":\"x\"}]"),
                                        .count = 1};

    f.entry = (struct wire_client_entry){.doc = slice_str("d"),
                                         .first_rev = 4,
                                         .last_rev = 4,
                                         .time_ms = 5,
                                         .records = &record,
                                         .count = 1};
    writes(&f, "{\"type\":\"entry\",\"doc\":\"d\",\"first_rev\":4,\"last_rev\":4,"
               "\"hash_before\":\"00000000000000000000000000000000\","
               "\"hash_after\":\"00000000000000000000000000000000\",\"time\":5,"
               "\"records\":[{\"author\":\"ff00000000000000\",\"seq\":2,\"kind\":\"edit\","
               "\"op\":[{\"insert\":\"x\"}]}]}");

    struct bytes payload = BYTES_INIT;
    wire_content_encode(&(struct wire_content){record.body, slice_str("T")}, &payload);
    f = (struct wire_server_frame){.type = WIRE_DOWN_OPENED};
    f.opened = (struct wire_opened){.doc = slice_str("d"),
                                    .outcome = WIRE_OPENED_SNAPSHOT,
                                    .position = {.rev = 4},
                                    .doc_kind = WIRE_DOC_TEXT,
                                    .payload_bytes = payload.size,
                                    .payload = bytes_slice(&payload)};
    writes(&f, "{\"type\":\"opened\",\"doc\":\"d\",\"outcome\":\"snapshot\","
               "\"position\":{\"rev\":4,\"hash\":\"00000000000000000000000000000000\"},"
               "\"last_seq\":0,\"kind\":\"text\",\"content\":[{\"insert\":\"x\"}],"
               "\"title\":\"T\"}");
    bytes_reset(&out);
    ck_assert_int_eq(json_payload_write(&mem, &f.opened, &out), 0);
    ck_assert_str_eq(text_of(), "{\"content\":[{\"insert\":\"x\"}],\"title\":\"T\"}");
    bytes_fini(&payload);
    record.has_author = false;
    record.count = 7;
    wire_ops_encode(&(struct wire_ops){&record, 1}, &payload);
    f.opened.outcome = WIRE_OPENED_OPS;
    f.opened.payload = bytes_slice(&payload);
    bytes_reset(&out);
    ck_assert_int_eq(json_payload_write(&mem, &f.opened, &out), 0);
    ck_assert_str_eq(text_of(),
                     "{\"records\":[{\"count\":7,\"kind\":\"edit\",\"op\":[{\"insert\":\"x\"}]}]}");
    /* What is no payload is no message. */
    f.opened.payload = slice_str("\xff");
    bytes_reset(&out);
    ck_assert_int_eq(json_server_frame_write(&mem, &f, &out), JSON_BAD);
    bytes_fini(&payload);

    struct bytes text = BYTES_INIT;
    wire_error_frame(WIRE_E_SEQ_GAP, 4, slice_str("d"), 9, &text, &f);
    writes(&f, "{\"type\":\"error\",\"code\":57,\"name\":\"seq-gap\",\"scope\":\"op\","
               "\"permanent\":true,\"doc\":\"d\",\"seq\":9,"
               "\"message\":\"the next seq of this session is 4\",\"detail\":4}");
    bytes_fini(&text);
}
END_TEST

/* Whatever a frame holds, what is written is one JSON text or nothing. */
START_TEST(test_random_frames)
{
    unsigned written = 0;
    struct rng rng;

    rng_init(&rng, support_seed());
    for (int i = 0; i < 5000; i++) {
        struct wire_server_frame down;
        struct wire_client_frame up;
        struct bytes canonical = BYTES_INIT;
        arena_reset(&mem);
        wire_random_server_frame(&rng, &mem, &down);
        bytes_reset(&out);
        if (json_server_frame_write(&mem, &down, &out) == 0) {
            written++;
            ck_assert_int_eq(json_canonical_write(&mem, bytes_slice(&out), &canonical, &error), 0);
        }
        bytes_fini(&canonical);
        wire_random_client_frame(&rng, &mem, &up);
        bytes_reset(&out);
        if (json_client_frame_write(&mem, &up, &out) == 0 && out.size) {
            out.data[rng_below(&rng, out.size)] ^= (uint8_t)(1u << rng_below(&rng, 8));
            (void)!json_client_frame_read(&mem, bytes_slice(&out), &up, &error);
        }
    }
    ck_assert_uint_gt(written, 1000);
}
END_TEST

START_TEST(test_memory)
{
    struct slice text = slice_str("{\"type\":\"open\",\"doc\":\"d\",\"session\":\"" HASH
                                  "\",\"create\":{\"kind\":\"rich\",\"content\":[{\"insert\":"
                                  "\"\\n\",\"attributes\":{\"b\":true}}]}}");
    int rc = -ENOMEM;

    for (size_t size = 0; rc == -ENOMEM; size += 16) {
        struct wire_client_frame frame;
        struct arena small;
        arena_init(&small, size);
        rc = json_client_frame_read(&small, text, &frame, NULL);
        arena_fini(&small);
        ck_assert(rc == 0 || rc == -ENOMEM);
        ck_assert_uint_lt(size, 1 << 20);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json client");
    TCase *tc = tcase_create("client");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_client_messages);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_server_messages);
    tcase_add_test(tc, test_random_frames);
    tcase_add_test(tc, test_memory);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
