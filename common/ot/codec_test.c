/* The binary form, attribute lists and their table, UTF-8. (The laws test round trips ops.) */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec_text.h"
#include "ot_attrs.h"
#include "ot_codec.h"
#include "ot_naive.h"
#include "ot_utf.h"

static struct slice from_hex(struct arena *mem, const char *hex)
{
    size_t size = strlen(hex) / 2;
    uint8_t *bytes = arena_alloc(mem, size);

    ck_assert(bytes && hex_decode(slice_str(hex), bytes));
    return slice_of(bytes, size);
}

static const struct {
    const char *hex;
    int outcome;
} forms[] = {
    {"01", 0},                             /* identity */
    {"0128126869", 0},                     /* retain 5, insert "hi" */
    {"010922f09f92a9", 0},                 /* delete 1, insert U+1F4A9 */
    {"010c0701620474727565", 0},           /* retain 1 {b: true} */
    {"010c070162046e756c6c", 0},           /* retain 1 {b: null} */
    {"010a00", 0},                         /* insert U+0000 */
    {"010a61090a62", 0},                   /* insert a, delete 1, insert b: gaps are faithful */
    {"01137b7d137b7d", 0},                 /* two embeds never merge */
    {"010e0701620474727565610a61", 0},     /* insert a {b: true}, insert a */
    {"", OT_BAD_FORM},                     /* no version */
    {"02", OT_BAD_FORM},                   /* another version */
    {"0108", OT_BAD_NORMAL},               /* retain at the end */
    {"0102", OT_BAD_FORM},                 /* insert of length 0 */
    {"0101", OT_BAD_FORM},                 /* delete of length 0 */
    {"010a", OT_BAD_FORM},                 /* content missing */
    {"0112", OT_BAD_FORM},                 /* content cut short */
    {"011261", OT_BAD_FORM},               /* content cut short */
    {"01898000", OT_BAD_FORM},             /* varint not minimal */
    {"0189", OT_BAD_FORM},                 /* varint cut short */
    {"010d0701620474727565", OT_BAD_FORM}, /* delete with attributes */
    {"010c00", OT_BAD_FORM},               /* empty list */
    {"010c08016204747275", OT_BAD_FORM},   /* list cut short */
    {"010a610a62", OT_BAD_NORMAL},         /* insert, insert */
    {"010909", OT_BAD_NORMAL},             /* delete, delete */
    {"01081009", OT_BAD_NORMAL},           /* retain, retain */
    {"010c07016204747275650c0701620474727565", OT_BAD_NORMAL},
    {"010a80", OT_BAD_UTF8},                      /* lone continuation */
    {"0112c0af", OT_BAD_UTF8},                    /* overlong */
    {"011aeda080", OT_BAD_UTF8},                  /* surrogate */
    {"0122f4908080", OT_BAD_UTF8},                /* above U+10FFFF */
    {"010e070162046e756c6c61", OT_BAD_ATTRS},     /* null on an insert */
    {"01170701620474727565", OT_BAD_FORM},        /* embed with list, content missing */
    {"011707016204747275657b7d", 0},              /* embed {b: true} */
    {"0117070162046e756c6c7b7d", OT_BAD_ATTRS},   /* null on an embed */
    {"010c0601620374727565", OT_BAD_FORM},        /* list ends in the next component */
    {"010c0701620574727565", OT_BAD_ATTRS},       /* value longer than the list */
    {"010c0701800474727565", OT_BAD_ATTRS},       /* key not UTF-8 */
    {"010c060162037472750a61", OT_BAD_ATTRS},     /* tru */
    {"010c0801620131016201310a61", OT_BAD_ATTRS}, /* key twice */
    {"010c0801630131016201310a61", OT_BAD_ATTRS}, /* out of order */
    {"010c0400023130", 0},                        /* empty key, 10 */
    {"010c040002303109", OT_BAD_ATTRS},           /* 01 */
    {"010b5b", OT_BAD_EMBED},
    {"01135b5d", OT_BAD_EMBED},     /* an array */
    {"011b7b207d", OT_BAD_EMBED},   /* white space */
    {"018180808040", 0},            /* delete 2^31 */
    {"018980808040", OT_TOO_LARGE}, /* delete 2^31 + 1 */
    {"01818080804009", OT_BAD_NORMAL},
    {"01818080804008090a61", OT_TOO_LARGE}, /* delete 2^31, retain 1: more before than allowed */
    {"01f9ffffffffffffffff01", OT_TOO_LARGE},
    {"0181808080808080808002", OT_BAD_FORM}, /* beyond 64 bits */
};

START_TEST(test_forms)
{
    struct arena mem;

    arena_init(&mem, 1 << 20);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct ot_op op = {.count = 77};
        struct bytes again = BYTES_INIT;
        struct slice bytes = from_hex(&mem, forms[i].hex);
        int r = ot_decode(&mem, bytes, &ot_limits_submit, &op);
        ck_assert_msg(r == forms[i].outcome, "%s: %s", forms[i].hex, ot_outcome_name(r));
        if (r) {
            ck_assert_uint_eq(op.count, 77); /* outputs are untouched on failure */
            continue;
        }
        ot_encode(&op, &again);
        ck_assert(slice_equal(bytes, bytes_slice(&again)));
        bytes_fini(&again);
    }
    arena_fini(&mem);
}
END_TEST

START_TEST(test_limits)
{
    struct arena mem;
    struct ot_op op;
    struct ot_limits limits = {.size_max = 5, .count_max = 2};

    arena_init(&mem, 1 << 20);
    ck_assert_int_eq(ot_decode(&mem, from_hex(&mem, "010a610909"), &limits, &op), OT_TOO_LARGE);
    ck_assert_int_eq(ot_decode(&mem, from_hex(&mem, "010a610a"), &limits, &op), OT_BAD_FORM);
    ck_assert_int_eq(ot_decode(&mem, from_hex(&mem, "010a6109"), &limits, &op), 0);
    ck_assert_int_eq(ot_decode(&mem, from_hex(&mem, "011a616263"), &limits, &op), 0);
    ck_assert_int_eq(ot_decode(&mem, from_hex(&mem, "012261626364"), &limits, &op), OT_TOO_LARGE);
    arena_fini(&mem);
    arena_init(&mem, 64);
    ck_assert_int_eq(ot_decode(&mem, slice_of("\1\x0a\x61\x09", 4), &limits, &op), -ENOMEM);
    arena_fini(&mem);
}
END_TEST

/* Every cut of random ops, and every op with one byte changed: refused, or an op with this one
 * encoding. */
START_TEST(test_cut_and_changed)
{
    struct arena mem;
    struct rng rng;
    struct naive_mix mix = {.comps_max = 6, .length_max = 5, .attrs = true, .embeds = true};

    arena_init(&mem, 1 << 24);
    rng_init(&rng, 11);
    for (int round = 0; round < 300; round++) {
        struct naive doc = {0};
        struct ot_op op;
        struct bytes bytes = BYTES_INIT;

        arena_reset(&mem);
        naive_random_document(&rng, &mem, 10, &mix, &op);
        MUST(naive_apply(&doc, &op) == 0);
        naive_random_op(&rng, &mem, &doc, &mix, &op);
        ot_encode(&op, &bytes);
        for (size_t size = 0; size < 2 * bytes.size; size++) {
            struct bytes again = BYTES_INIT;
            bool cut = size < bytes.size;
            /* Its own allocation, so that reading past the end shows. */
            uint8_t *copy = malloc(bytes.size);
            memcpy(copy, bytes.data, bytes.size);
            if (!cut)
                copy[size - bytes.size] ^= (uint8_t)(1 + rng_below(&rng, 255));
            uint8_t *exact = realloc(copy, cut ? size + !size : bytes.size);
            struct slice in = slice_of(exact, cut ? size : bytes.size);
            if (ot_decode(&mem, in, &ot_limits_submit, &op) == 0) {
                ot_encode(&op, &again);
                if (!slice_equal(bytes_slice(&again), in))
                    ck_abort_msg("round %d size %zu", round, size);
            }
            bytes_fini(&again);
            free(exact);
        }
        bytes_fini(&bytes);
        naive_fini(&doc);
    }
    arena_fini(&mem);
}
END_TEST

START_TEST(test_attrs_table)
{
    struct ot_attrs_table *table = ot_attrs_table_new(300);
    struct bytes list = BYTES_INIT, long_list = BYTES_INIT;

    ck_assert_ptr_null(ot_attrs_intern(table, (struct slice){0}));
    ot_attrs_append(&list, slice_str("b"), slice_str("true"));
    ot_attrs_append(&list, slice_str("i"), slice_str("1"));
    ck_assert_int_eq(ot_attrs_check(bytes_slice(&list), false), 0);
    const struct ot_attrs *a = ot_attrs_intern(table, bytes_slice(&list));
    const struct ot_attrs *b = ot_attrs_intern(table, bytes_slice(&list));
    ck_assert(a && a == b);
    ck_assert(slice_equal(ot_attrs_list(a), bytes_slice(&list)));
    size_t held = ot_attrs_table_bytes(table);
    ck_assert_uint_gt(held, list.size);

    /* The bound: a list too many is refused, one that is there is found all the same. */
    for (int i = 0; i < 300; i++)
        bytes_append_u8(&long_list, 'x');
    ck_assert_ptr_null(ot_attrs_intern(table, bytes_slice(&long_list)));
    ck_assert(ot_attrs_intern(table, bytes_slice(&list)) == a);
    ck_assert_uint_eq(ot_attrs_table_bytes(table), held);

    for (int i = 0; i < 3; i++)
        ot_attrs_release(table, a);
    ck_assert_uint_eq(ot_attrs_table_bytes(table), 0);
    ck_assert_ptr_null(ot_attrs_table_free(table));
    bytes_fini(&list);
    bytes_fini(&long_list);
}
END_TEST

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

START_TEST(test_outcome_names)
{
    for (int i = OT_BAD_FORM; i <= OT_NOT_DOCUMENT; i++) {
        ck_assert_str_ne(ot_outcome_name(i), "internal");
        ck_assert_uint_gt(strlen(ot_outcome_text(i)), 10);
    }
    ck_assert_str_eq(ot_outcome_name(0), "ok");
    ck_assert_str_eq(ot_outcome_name(-ENOMEM), "internal");
    ck_assert_str_eq(ot_outcome_name(OT_NOT_DOCUMENT + 1), "internal");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("codec");
    TCase *tcase = tcase_create("codec");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_forms);
    tcase_add_test(tcase, test_limits);
    tcase_add_test(tcase, test_cut_and_changed);
    tcase_add_test(tcase, test_attrs_table);
    tcase_add_test(tcase, test_utf_all_characters);
    tcase_add_test(tcase, test_utf_other_sequences);
    tcase_add_test(tcase, test_utf_offset);
    tcase_add_test(tcase, test_utf_order);
    tcase_add_test(tcase, test_outcome_names);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
