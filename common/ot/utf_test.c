/* UTF-8: valid or not, counted and addressed; wide registers against characters one by one. */
#include <check.h>

#include "ot_attrs.h"
#include "rng.h"
#include "utf_private.h"

static size_t encode_char(uint32_t c, uint8_t out[4])
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, c >>= 6)
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)((0xf00 >> size) | c);
    return size;
}

START_TEST(test_utf_all_characters)
{
    for (uint32_t c = 0; c < 0x120000; c++) {
        uint8_t bytes[4];
        size_t size = encode_char(c, bytes);
        uint64_t units = 0;
        bool valid = c < 0x110000 && (c < 0xd800 || c >= 0xe000);
        if (ot_utf_units(slice_of(bytes, size), &units) != valid ||
            (valid && units != (c < 0x10000 ? 1u : 2u)))
            ck_abort_msg("U+%04X", c);
        for (size_t cut = 1; cut < size; cut++) {
            if (ot_utf_units(slice_of(bytes, cut), &units))
                ck_abort_msg("U+%04X cut to %zu", c, cut);
        }
    }
}
END_TEST

/* All sequences of two bytes, and of three behind each lead: valid only as the encoder writes them.
 */
START_TEST(test_utf_other_sequences)
{
    uint64_t units;

    for (uint32_t v = 0; v < 1 << 24; v += v >= 0xe00000 ? 1 : v >= 0xc00000 ? 7 : 251) {
        uint8_t bytes[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v}, again[12];
        if (!ot_utf_units(slice_of(bytes, 3), &units))
            continue;
        size_t size = 0;
        for (size_t i = 0; i < 3;) {
            size_t length = ot_utf_char(bytes + i, bytes + 3);
            uint32_t c = length == 1 ? bytes[i] : bytes[i] & (0x7fu >> length);
            for (size_t k = 1; k < length; k++)
                c = c << 6 | (bytes[i + k] & 0x3f);
            size += encode_char(c, again + size);
            i += length;
        }
        if (size != 3 || memcmp(again, bytes, 3) != 0)
            ck_abort_msg("%06x", v);
    }
}
END_TEST

START_TEST(test_utf_offset)
{
    static const uint32_t pool[] = {'a', 'b', 0, 0xe9, 0x301, 0x20ac, 0xffff, 0x10000, 0x1f4a9};
    struct rng rng;

    rng_init(&rng, 5);
    for (int round = 0; round < 3000; round++) {
        uint8_t text[200];
        size_t size = 0, offsets[101];
        unsigned units = 0, count = (unsigned)rng_below(&rng, 40);
        uint64_t counted = 0;
        while (count--) {
            uint32_t c = pool[rng_below(&rng, round % 2 ? 9 : 3)];
            offsets[units++] = size;
            if (c >= 0x10000)
                offsets[units++] = SIZE_MAX;
            size += encode_char(c, text + size);
        }
        offsets[units] = size;
        ck_assert(ot_utf_units(slice_of(text, size), &counted) && counted == units);
        for (unsigned i = 0; i <= units + 1; i++) {
            size_t offset = SIZE_MAX;
            bool found = ot_utf_offset(slice_of(text, size), i, &offset);
            if (found != (i <= units && offsets[i] != SIZE_MAX) || (found && offset != offsets[i]))
                ck_abort_msg("round %d unit %u", round, i);
        }
    }
}
END_TEST

START_TEST(test_utf_order)
{
    /* As JavaScript sorts: U+10000 is d800 dc00, which is less than U+E000. */
    static const char *const sorted[] = {"",
                                         "a",
                                         "ab",
                                         "b",
                                         "\xc3\xa9",
                                         "\xed\x9f\xbf",
                                         "\xf0\x90\x80\x80",
                                         "\xf4\x8f\xbf\xbf",
                                         "\xee\x80\x80",
                                         "\xef\xbf\xbf"};
    int count = sizeof sorted / sizeof sorted[0];

    for (int i = 0; i < count; i++) {
        for (int k = 0; k < count; k++) {
            int order = ot_attrs_key_compare(slice_str(sorted[i]), slice_str(sorted[k]));
            ck_assert_int_eq((order > 0) - (order < 0), (i > k) - (i < k));
        }
    }
}
END_TEST

/* --- wide registers --- */

/* What a text is by both; they must agree. */
static bool valid_by_both(const uint8_t *text, size_t size)
{
    uint64_t wide = 0, narrow = 0;
    bool valid = utf_units_scalar(slice_of(text, size), &narrow);

    if (ot_utf_units(slice_of(text, size), &wide) != valid || wide != narrow)
        ck_abort_msg("%zu bytes: %s, %lu and %lu units", size, valid ? "valid" : "not valid", wide,
                     narrow);
    ck_assert(valid == (ot_utf_valid(slice_of(text, size)) == size));
    return valid;
}

/* All pairs of bytes, and all that decides behind them, across the border of two blocks. */
START_TEST(test_wide_pairs)
{
    static const uint8_t behind[] = {'a', 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc3};
    size_t count = 0, valid = 0;
    uint8_t text[96];

    for (unsigned pair = 0; pair < 65536; pair++) {
        for (size_t i = 0; i < sizeof behind * sizeof behind; i += pair < 0xc000 ? 63 : 5) {
            size_t at = 28 + (pair + i) % 6;
            memset(text, 'x', sizeof text);
            text[at] = (uint8_t)(pair >> 8);
            text[at + 1] = (uint8_t)pair;
            text[at + 2] = behind[i / sizeof behind];
            text[at + 3] = behind[i % sizeof behind];
            valid += valid_by_both(text, sizeof text);
            count++;
        }
    }
    ck_assert_uint_gt(valid, 1000);
    ck_assert_uint_gt(count, 250000);
}
END_TEST

START_TEST(test_wide_random)
{
    struct rng rng;
    size_t valid = 0;

    rng_init(&rng, 7);
    for (int round = 0; round < 8000; round++) {
        uint8_t text[400];
        size_t size = 0, size_max = rng_below(&rng, sizeof text - 4);
        unsigned ascii = (unsigned)rng_below(&rng, 101);
        while (size < size_max) {
            uint32_t c = (uint32_t)rng_below(&rng, rng_percent(&rng, 50) ? 0x800 : 0x110000);
            if (rng_percent(&rng, ascii))
                c &= 0x7f;
            if (c < 0xd800 || c >= 0xe000)
                size += encode_char(c, text + size);
        }
        valid += valid_by_both(text, size);
        /* Cut anywhere, and with a byte that is another. */
        valid_by_both(text, size ? rng_below(&rng, size) : 0);
        if (size)
            text[rng_below(&rng, size)] = (uint8_t)rng_u64(&rng);
        valid_by_both(text, size);
    }
    ck_assert_uint_eq(valid, 8000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("utf");
    TCase *tcase = tcase_create("utf");
    SRunner *runner = srunner_create(suite);

    tcase_add_test(tcase, test_utf_all_characters);
    tcase_add_test(tcase, test_utf_other_sequences);
    tcase_add_test(tcase, test_utf_offset);
    tcase_add_test(tcase, test_utf_order);
    tcase_add_test(tcase, test_wide_pairs);
    tcase_add_test(tcase, test_wide_random);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
