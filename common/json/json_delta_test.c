#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "json_delta.h"
#include "ot_codec.h"
#include "ot_json.h"
#include "ot_naive.h"
#include "support_seed.h"

static struct arena mem;
static struct bytes out;
static struct json_error error;

static void setup(void)
{
    arena_init(&mem, 64 << 20);
    bytes_init(&out, 0);
}

static void teardown(void)
{
    arena_fini(&mem);
    bytes_fini(&out);
}

static int read_text(struct slice text, struct ot_op *ret)
{
    memset(&error, 0, sizeof error);
    return json_delta_read(&mem, text, ret, &error);
}

/* What reading and writing again makes of `in`. */
static void reads_as(const char *in, const char *expected)
{
    struct ot_op op;

    int rc = read_text(slice_str(in), &op);
    ck_assert_msg(rc == 0, "%s: %s", in, error.text);
    bytes_reset(&out);
    json_delta_write(&op, &out);
    bytes_append_u8(&out, 0);
    ck_assert_str_eq((char *)out.data, expected);

    /* What comes out is in normal form: the strict decoder takes it. */
    struct bytes binary = BYTES_INIT;
    struct ot_op again;
    ot_encode(&op, &binary);
    ck_assert_int_eq(ot_decode(&mem, bytes_slice(&binary), &ot_limits_stored, &again), 0);
    ck_assert(ot_op_equal(&op, &again));
    bytes_fini(&binary);
}

static void refused(const char *in, const char *why)
{
    struct ot_op op;

    ck_assert_msg(read_text(slice_str(in), &op) == JSON_BAD, "taken: %s", in);
    ck_assert_msg(strstr(error.text, why), "%s: \"%s\" does not say \"%s\"", in, error.text, why);
}

START_TEST(test_components)
{
    reads_as("[]", "[]");
    reads_as("{\"ops\":[{\"delete\":2}]}", "[{\"delete\":2}]");
    reads_as(" [ {\"retain\" : 5.0}, {\"insert\":\"hi\"} ] ",
             "[{\"retain\":5},{\"insert\":\"hi\"}]");
    reads_as("[{\"insert\":{\"image\":\"x\",\"alt\":null}}]",
             "[{\"insert\":{\"alt\":null,\"image\":\"x\"}}]");
    reads_as("[{\"insert\":\"a\",\"attributes\":{\"z\":1,\"b\":true}}]",
             "[{\"insert\":\"a\",\"attributes\":{\"b\":true,\"z\":1}}]");
    reads_as("[{\"retain\":1,\"attributes\":{\"b\":null}}]",
             "[{\"retain\":1,\"attributes\":{\"b\":null}}]");
    /* gap-faithful */
    reads_as("[{\"delete\":1},{\"insert\":\"x\"}]", "[{\"delete\":1},{\"insert\":\"x\"}]");
}
END_TEST

START_TEST(test_normalises)
{
    reads_as("[{\"insert\":\"\"},{\"retain\":0},{\"delete\":0}]", "[]");
    reads_as("[{\"insert\":\"a\",\"attributes\":{\"b\":null}},{\"insert\":\"b\"}]",
             "[{\"insert\":\"ab\"}]");
    reads_as("[{\"insert\":\"a\",\"attributes\":{}},{\"insert\":\"b\",\"attributes\":null}]",
             "[{\"insert\":\"ab\"}]");
    reads_as("[{\"insert\":\"a\",\"attributes\":{\"x\":1,\"y\":2}},"
             "{\"insert\":\"b\",\"attributes\":{\"y\":2,\"x\":1.0}}]",
             "[{\"insert\":\"ab\",\"attributes\":{\"x\":1,\"y\":2}}]");
    reads_as("[{\"delete\":1},{\"delete\":2},{\"retain\":9}]", "[{\"delete\":3}]");
    reads_as("[{\"insert\":\"a\"},{\"insert\":\"\",\"attributes\":{\"b\":1}},{\"insert\":\"b\"}]",
             "[{\"insert\":\"ab\"}]");
}
END_TEST

START_TEST(test_strings)
{
    reads_as("[{\"insert\":\"\\u0000\\u0001\\b\\t\\n\\f\\r\\u001f\\\"\\\\\\/\\u007f\"}]",
             "[{\"insert\":\"\\u0000\\u0001\\b\\t\\n\\f\\r\\u001f\\\"\\\\/\x7f\"}]");
    reads_as("[{\"insert\":\"\\ud83d\\ude00\\u20ac\"}]",
             "[{\"insert\":\"\xf0\x9f\x98\x80\xe2\x82\xac\"}]");
    struct ot_op op;
    ck_assert_int_eq(read_text(slice_str("[{\"insert\":\"\\ud83d\\ude00\\u20ac\"}]"), &op), 0);
    ck_assert_uint_eq(op.comps[0].length, 3);
    refused("[{\"insert\":\"\\ud83d\"}]", "surrogate");
    refused("[{\"insert\":\"\\ude00\\ud83d\"}]", "surrogate");
    refused("[{\"insert\":\"\xed\xa0\xbd\"}]", "not JSON");     /* a surrogate as UTF-8 */
    refused("[{\"insert\":\"\xc0\x80\"}]", "not JSON");         /* overlong */
    refused("[{\"insert\":\"\xf4\x90\x80\x80\"}]", "not JSON"); /* above U+10FFFF */
    refused("[{\"insert\":\"a\nb\"}]", "not JSON");
    refused("[{\"insert\":\"a\",\"attributes\":{\"\\u0000\":1}}]", "NUL");
}
END_TEST

START_TEST(test_canonical)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"1.0", "1"},
        {"-0", "0"},
        {"1E2", "100"},
        {"1e21", "1e+21"},
        {"0.000001", "0.000001"},
        {"0.0000001", "1e-7"},
        {"9007199254740993", "9007199254740992"},
        {"123456789012345678901234567890", "1.2345678901234568e+29"},
        {"5e-324", "5e-324"},
        {"1e-400", "0"},
        {"true", "true"},
        {"null", "null"},
        {"\"\\u20ac\"", "\"\xe2\x82\xac\""},
        {"[3, {\"b\":1,\"a\":[ ]}]", "[3,{\"a\":[],\"b\":1}]"},
        /* RFC 8785, section 3.2.3: sorting by UTF-16 units */
        {"{\"\\u20ac\":1,\"\\r\":2,\"\\ufb33\":3,\"1\":4,\"\\ud83d\\ude00\":5,\"\\u0080\":6,"
         "\"\\u00f6\":7}",
         "{\"\\r\":2,\"1\":4,\"\xc2\x80\":6,\"\xc3\xb6\":7,\"\xe2\x82\xac\":1,"
         "\"\xf0\x9f\x98\x80\":5,\"\xef\xac\xb3\":3}"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bytes_reset(&out);
        ck_assert_int_eq(json_canonical_write(&mem, slice_str(cases[i].in), &out, &error), 0);
        ck_assert(ot_json_canonical(bytes_slice(&out), false));
        bytes_append_u8(&out, 0);
        ck_assert_str_eq((char *)out.data, cases[i].out);
    }
    ck_assert_int_eq(json_canonical_write(&mem, slice_str("1e999"), &out, &error), JSON_BAD);
}
END_TEST

START_TEST(test_refused)
{
    refused("", "not JSON");
    refused("[", "not JSON");
    refused("[] x", "not JSON");
    refused("{}", "array");
    refused("7", "array");
    refused("[7]", "object");
    refused("[{}]", "one of");
    refused("[{\"insert\":\"a\",\"delete\":1}]", "one of");
    refused("[{\"insert\":\"a\",\"x\":1}]", "not known");
    refused("[{\"insert\":7}]", "text or an object");
    refused("[{\"insert\":[]}]", "text or an object");
    refused("[{\"retain\":-1}]", "whole number");
    refused("[{\"retain\":1.5}]", "whole number");
    refused("[{\"retain\":{\"image\":{}}}]", "whole number");
    refused("[{\"retain\":1e300}]", "whole number");
    refused("[{\"delete\":\"1\"}]", "whole number");
    refused("[{\"delete\":1,\"attributes\":{}}]", "no attributes");
    refused("[{\"insert\":\"a\",\"attributes\":[]}]", "must be an object");
    refused("[{\"insert\":\"a\",\"insert\":\"b\"}]", "duplicate");
    refused("[{\"retain\":2147483648},{\"retain\":1,\"attributes\":{\"b\":1}}]",
            "more units than the limit of 2147483648");
}
END_TEST

/* Found by tests/fuzz/json_ot_fuzz.c: the library's sentence held half a character of the text. */
START_TEST(test_sentences_quote_nothing)
{
    refused("[{\"insert\":\"secret\xc3", "not JSON: ");
    ck_assert_msg(!strstr(error.text, "secret"), "%s", error.text);
    refused("[{\"insert\":\"secret\\u00\xe2\x82\xac\"}]", "not JSON: invalid escape at byte ");
    ck_assert_msg(!strchr(error.text, '\xe2'), "%s", error.text);
    refused("[secret\xe2\x82\xac]", "not JSON: invalid token at byte ");
    refused("[", "near end of file at byte 1");
}
END_TEST

/* n arrays within each other, as the value of an attribute or as a whole. */
static struct slice nested(size_t n, bool in_attribute)
{
    bytes_reset(&out);
    bytes_append_str(&out, in_attribute ? "[{\"insert\":\"a\",\"attributes\":{\"k\":" : "");
    for (size_t i = 0; i < n; i++)
        bytes_append_u8(&out, '[');
    for (size_t i = 0; i < n; i++)
        bytes_append_u8(&out, ']');
    bytes_append_str(&out, in_attribute ? "}}]" : "");
    return bytes_slice(&out);
}

/* Where, and what would have been allowed. */
START_TEST(test_refusals_name_the_limit)
{
    refused("[{\"insert\":\"a\"},{\"retain\":2147483649}]",
            "component 1: a length is a whole number from 0 to 2147483648");
    refused("[{\"retain\":2147483648},{\"delete\":1}]",
            "the Delta covers more units than the limit of 2147483648");
    refused("[{\"insert\":{\"a\":1e999}}]",
            "a number at byte 21 is beyond the limit of doubles, 1.79769");
    refused("[{\"insert\":\"a\",\"insert\":\"b\"}]", "duplicate object key at byte 23");
    refused("[{\"retain\":NaN}]", "not JSON: invalid token at byte 14");
    refused("[{\"insert\":\"a\"}", "not JSON: ']' expected near end of file at byte 15");
}
END_TEST

START_TEST(test_hostile)
{
    struct ot_op op;

    ck_assert_int_eq(read_text(nested(OT_JSON_DEPTH_MAX, true), &op), 0);
    ck_assert_int_eq(read_text(nested(OT_JSON_DEPTH_MAX + 1, true), &op), JSON_BAD);
    ck_assert_str_eq(error.text, "component 0: a value nests deeper than the limit of 64 levels");
    ck_assert_int_eq(read_text(nested(500000, false), &op), JSON_BAD);
    ck_assert_str_eq(error.text, "it nests deeper at byte 2049 than the limit of 2048 levels");

    /* Many small values: the arena is the bound. */
    struct arena small;
    arena_init(&small, 1 << 20);
    bytes_reset(&out);
    bytes_append_u8(&out, '[');
    for (size_t i = 0; i < 100000; i++)
        bytes_append_str(&out, i ? ",[]" : "[]");
    bytes_append_u8(&out, ']');
    ck_assert_int_eq(json_delta_read(&small, bytes_slice(&out), &op, NULL), -ENOMEM);
    arena_fini(&small);
}
END_TEST

/* Every arena bound up to success: memory that runs out is -ENOMEM, never anything else. */
START_TEST(test_memory)
{
    struct slice text =
        slice_str("[{\"insert\":\"a\",\"attributes\":{\"b\":{\"x\":[1,2]},\"c\":0}},"
                  "{\"retain\":3},{\"insert\":{\"i\":1}},{\"insert\":\"b\"}]");
    int rc = -ENOMEM;

    for (size_t size = 0; rc == -ENOMEM; size += 16) {
        struct arena small;
        struct ot_op op;
        arena_init(&small, size);
        rc = json_delta_read(&small, text, &op, NULL);
        arena_fini(&small);
        ck_assert(rc == 0 || rc == -ENOMEM);
        ck_assert_uint_lt(size, 1 << 20);
    }
}
END_TEST

START_TEST(test_random_round_trip)
{
    struct naive_mix mix = {.comps_max = 8, .length_max = 6, .attrs = true, .embeds = true};
    struct rng rng;

    rng_init(&rng, support_seed());
    for (int i = 0; i < 2000; i++) {
        struct ot_op op, again;
        arena_reset(&mem);
        naive_random_document(&rng, &mem, 40, &mix, &op);
        bytes_reset(&out);
        json_delta_write(&op, &out);
        ck_assert_int_eq(read_text(bytes_slice(&out), &again), 0);
        ck_assert(ot_op_equal(&op, &again));
        /* Cut anywhere it is an error, never a crash. */
        size_t cut = (size_t)rng_below(&rng, out.size);
        ck_assert_int_eq(read_text(slice_of(out.data, cut), &again), JSON_BAD);
        /* A flipped byte is anything but a crash or an op out of normal form. */
        out.data[rng_below(&rng, out.size)] ^= (uint8_t)(1u << rng_below(&rng, 8));
        (void)!read_text(bytes_slice(&out), &again);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json delta");
    TCase *tc = tcase_create("delta");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_components);
    tcase_add_test(tc, test_normalises);
    tcase_add_test(tc, test_strings);
    tcase_add_test(tc, test_canonical);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_sentences_quote_nothing);
    tcase_add_test(tc, test_refusals_name_the_limit);
    tcase_add_test(tc, test_hostile);
    tcase_add_test(tc, test_memory);
    tcase_add_test(tc, test_random_round_trip);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
