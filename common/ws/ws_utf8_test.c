#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "ws_utf8.h"

/* By definition: decodes and looks at the number. The oracle. */
static bool valid(const uint8_t *s, size_t size)
{
    for (size_t i = 0; i < size;) {
        unsigned n = s[i] < 0x80 ? 1 : s[i] >> 5 == 6 ? 2 : s[i] >> 4 == 14 ? 3 : 4;
        if (n == 4 && s[i] >> 3 != 30)
            return false;
        if (i + n > size)
            return false;
        uint32_t c = n == 1 ? s[i] : s[i] & (0xff >> (n + 1));
        for (unsigned k = 1; k < n; k++) {
            if (s[i + k] >> 6 != 2)
                return false;
            c = c << 6 | (s[i + k] & 63);
        }
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return false;
        i += n;
    }
    return true;
}

static bool fed_in_two(const uint8_t *s, size_t size, size_t cut)
{
    struct ws_utf8 u = {0};
    return ws_utf8_feed(&u, s, cut) && ws_utf8_feed(&u, s + cut, size - cut) &&
           ws_utf8_complete(&u);
}

/* All strings of up to four bytes over the bytes at which any rule changes. */
START_TEST(agrees_with_the_definition)
{
    static const uint8_t edges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
                                    0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0,
                                    0xf1, 0xf3, 0xf4, 0xf5, 0xf7, 0xf8, 0xfe, 0xff};
    const unsigned count = sizeof edges;
    unsigned good = 0;
    for (unsigned size = 0, all = 1; size <= 4; size++, all *= count) {
        for (unsigned n = 0; n < all; n++) {
            uint8_t s[4];
            for (unsigned i = 0, rest = n; i < size; i++, rest /= count)
                s[i] = edges[rest % count];
            bool expect = valid(s, size);
            good += expect;
            for (unsigned cut = 0; cut <= size; cut++) {
                if (fed_in_two(s, size, cut) != expect)
                    ck_abort_msg("%02x %02x %02x %02x, %u bytes cut at %u: not %d", s[0], s[1],
                                 s[2], s[3], size, cut, expect);
            }
        }
    }
    ck_assert_uint_gt(good, 1000);
}
END_TEST

START_TEST(refuses_at_the_first_bad_byte)
{
    struct ws_utf8 u = {0};
    ck_assert(ws_utf8_feed(&u, (const uint8_t *)"\xf4", 1));
    ck_assert(!ws_utf8_feed(&u, (const uint8_t *)"\x90", 1));
    u = (struct ws_utf8){0};
    ck_assert(ws_utf8_feed(&u, (const uint8_t *)"\xed", 1));
    ck_assert(!ws_utf8_feed(&u, (const uint8_t *)"\xa0", 1));
}
END_TEST

/* The fast path over ASCII: a bad byte at any place behind any number of good ones. */
START_TEST(finds_a_bad_byte_anywhere)
{
    uint8_t s[40];
    for (size_t size = 1; size <= sizeof s; size++) {
        for (size_t at = 0; at < size; at++) {
            memset(s, 'x', size);
            ck_assert(fed_in_two(s, size, at));
            s[at] = 0xff;
            ck_assert(!fed_in_two(s, size, 0) && !fed_in_two(s, size, at));
            s[at] = 0xc3;
            bool follows = at + 1 < size;
            if (follows)
                s[at + 1] = 0xa4;
            ck_assert(fed_in_two(s, size, 0) == follows);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ws utf8");
    TCase *tc = tcase_create("utf8");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, agrees_with_the_definition);
    tcase_add_test(tc, refuses_at_the_first_bad_byte);
    tcase_add_test(tc, finds_a_bad_byte_anywhere);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
