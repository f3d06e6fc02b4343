/* RFC 8785: what is canonical, and numbers. */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ot_json.h"
#include "rng.h"

static const char *const canonical[] = {
    "null",
    "true",
    "false",
    "0",
    "-1",
    "10",
    "0.5",
    "1e+21",
    "\"\"",
    "\"a/b\"",
    "\"\\\"\\\\\\b\\t\\n\\f\\r\\u0000\\u001f\"",
    "\"\x7f\xe2\x80\xa8\xf0\x9f\x92\xa9\"",
    "[]",
    "[1,[],{}]",
    "{}",
    "{\"\":1,\"a\":2}",
    "{\"\\n\":1,\"\\r\":2,\"1\":3,\"a\":{\"a\":[]}}",
    "{\"\xf0\x9f\x98\x80\":1,\"\xef\xac\xb3\":2}", /* RFC 8785, 3.2.3: 1F600 before FB33 */
    "{\"A\\u0001\":1,\"A!\":2}",
};

static const char *const others[] = {
    "",
    " ",
    "nul",
    "nulll",
    "True",
    " 1",
    "1 ",
    "1,",
    "[1, 2]",
    "[1,]",
    "[,1]",
    "[1",
    "]",
    "{",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,}",
    "{a:1}",
    "{\"a\" :1}",
    "{\"b\":1,\"a\":2}",
    "{\"a\":1,\"a\":1}",
    "{\"\xef\xac\xb3\":1,\"\xf0\x9f\x98\x80\":2}",
    "{\"a\\n\":1,\"a\\t\":2}",
    /* strings */
    "\"",
    "\"a",
    "\"\\\"",
    "\"\\/\"",
    "\"\\u0041\"",
    "\"\\u000a\"",
    "\"\\u001F\"",
    "\"\\u0020\"",
    "\"\\u007f\"",
    "\"\\ud83d\\ude00\"",
    "\"\\x\"",
    "\"\\u00\"",
    "\"\n\"",
    "\"\x1f\"",
    "\"\xff\"",
    "\"\xed\xa0\x80\"",
    "\"\\u000g\"",
    "\"\\u0008\"",
    /* numbers */
    "-",
    "-0",
    "00",
    "01",
    "1.0",
    "1.",
    ".5",
    "+1",
    "1e5",
    "1E21",
    "1e21",
    "1e+20",
    "1e+021",
    "1.0e+21",
    "10e+21",
    "1e-6",
    "0.0000001",
    "1e+309",
    "-1e+309",
    "1e-400",
    "0e+1",
    "0.0",
    "--1",
    "1-",
    "1e",
    "1e+",
    "1e+2147483648",
    "123456789012345678",
    "9007199254740993",
    "0.30000000000000001",
    "1000000000000000000000",
    "NaN",
    "Infinity",
    "0x10",
    "1..2",
    "1e+1e+1",
    "1.7976931348623158e+308",
    "1.7976931348623159e+308",
    "4e-324",
    "4.94e-324",
    "1.7976931348623157e+309",
};

START_TEST(test_canonical)
{
    for (size_t i = 0; i < sizeof canonical / sizeof canonical[0]; i++) {
        struct slice s = slice_str(canonical[i]);
        ck_assert_msg(ot_json_canonical(s, false), "%s", canonical[i]);
        ck_assert(ot_json_canonical(s, true) == (canonical[i][0] == '{'));
        /* No proper front of a value is one, but for numbers. */
        for (size_t size = 0; size < s.size; size++) {
            uint8_t *exact = malloc(size + 1);
            memcpy(exact, s.data, size);
            exact = realloc(exact, size + !size);
            bool number = strchr("-0123456789", s.data[0]);
            ck_assert(number || !ot_json_canonical(slice_of(exact, size), false));
            free(exact);
        }
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        ck_assert_msg(!ot_json_canonical(slice_str(others[i]), false), "%s", others[i]);
    ck_assert(!ot_json_canonical(slice_of("1\0", 2), false));
    ck_assert(!ot_json_canonical(slice_of("\"\0\"", 3), false));
}
END_TEST

static bool nested(unsigned depth, bool objects)
{
    char text[6 * 70];
    size_t at = 0;

    for (unsigned i = 0; i < depth; i++)
        at += (size_t)sprintf(text + at, objects && i + 1 < depth ? "{\"\":" : objects ? "{" : "[");
    for (unsigned i = 0; i < depth; i++)
        text[at++] = objects ? '}' : ']';
    return ot_json_canonical(slice_of(text, at), false);
}

START_TEST(test_depth)
{
    ck_assert(nested(OT_JSON_DEPTH_MAX, false) && nested(OT_JSON_DEPTH_MAX, true));
    ck_assert(!nested(OT_JSON_DEPTH_MAX + 1, false) && !nested(OT_JSON_DEPTH_MAX + 1, true));
}
END_TEST

static bool writes(double v, const char *text)
{
    char out[OT_JSON_NUMBER_SIZE_MAX];
    size_t size = ot_json_number_write(v, out);

    return slice_equal(slice_of(out, size), slice_str(text)) &&
           ot_json_number_canonical(slice_str(text));
}

static double of_bits(uint64_t bits)
{
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

/* RFC 8785, appendix B, and what is hard: powers of two and the ends of the range. */
START_TEST(test_numbers)
{
    static const struct {
        uint64_t bits;
        const char *text;
    } numbers[] = {
        {0x0000000000000000, "0"},
        {0x0000000000000001, "5e-324"},
        {0x8000000000000001, "-5e-324"},
        {0x7fefffffffffffff, "1.7976931348623157e+308"},
        {0xffefffffffffffff, "-1.7976931348623157e+308"},
        {0x4340000000000000, "9007199254740992"},
        {0xc340000000000000, "-9007199254740992"},
        {0x4430000000000000, "295147905179352830000"},
        {0x44b52d02c7e14af5, "9.999999999999997e+22"},
        {0x44b52d02c7e14af6, "1e+23"},
        {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
        {0x444b1ae4d6e2ef4e, "999999999999999700000"},
        {0x444b1ae4d6e2ef4f, "999999999999999900000"},
        {0x444b1ae4d6e2ef50, "1e+21"},
        {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
        {0x3eb0c6f7a0b5ed8d, "0.000001"},
        {0x41b3de4355555553, "333333333.3333332"},
        {0x41b3de4355555554, "333333333.33333325"},
        {0x41b3de4355555555, "333333333.3333333"},
        {0x41b3de4355555556, "333333333.3333334"},
        {0x41b3de4355555557, "333333333.33333343"},
        {0xbecbf647612f3696, "-0.0000033333333333333333"},
        {0x43143ff3c1cb0959, "1424953923781206.2"},
        {0x3d30000000000000, "5.684341886080802e-14"},
        {0x0010000000000000, "2.2250738585072014e-308"},
        {0x000fffffffffffff, "2.225073858507201e-308"},
    };

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        ck_assert_msg(writes(of_bits(numbers[i].bits), numbers[i].text), "%s", numbers[i].text);
    ck_assert(writes(of_bits(0x8000000000000000), "0")); /* -0 */
}
END_TEST

/*
 * Any double: what is written reads back, is canonical, and has no shorter form; and whatever
 * printf makes of it with other precisions is canonical only if it is the same.
 */
START_TEST(test_numbers_random)
{
    struct rng rng;
    char out[OT_JSON_NUMBER_SIZE_MAX + 1], other[64];

    rng_init(&rng, 99);
    for (int i = 0; i < 40000; i++) {
        double v = of_bits(rng_u64(&rng));
        if (i % 4 == 0)
            v = ldexp(1, (int)rng_between(&rng, 0, 2097) - 1074);
        if (i % 4 == 1)
            v = (double)rng_below(&rng, 100000) / 1000;
        if (!isfinite(v))
            continue;
        size_t size = ot_json_number_write(v, out);
        out[size] = 0;
        if (strtod(out, NULL) != v || !ot_json_number_canonical(slice_of(out, size)))
            ck_abort_msg("%s", out);
        for (int precision = 14; precision <= 18; precision++) {
            snprintf(other, sizeof other, "%.*g", precision, v);
            if (strcmp(other, out) != 0 && strtod(other, NULL) == v &&
                ot_json_number_canonical(slice_str(other)))
                ck_abort_msg("%s and %s", out, other);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json");
    TCase *tcase = tcase_create("json");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_canonical);
    tcase_add_test(tcase, test_depth);
    tcase_add_test(tcase, test_numbers);
    tcase_add_test(tcase, test_numbers_random);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
