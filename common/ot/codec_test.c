/* The binary form, attribute lists and their table. (The laws test round trips ops.) */
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
    {"018a006109", OT_BAD_FORM},           /* varint not minimal, and more behind it */
    {"018a80006109", OT_BAD_FORM},         /* the same, of 3 bytes */
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

/* A refusal says where, and of what there is too much. */
static const struct {
    const char *hex, *text;
} faults[] = {
    {"02", "bad-form at byte 0: the bytes are not an op in binary form"},
    {"0109080a", "bad-form at byte 4: the bytes are not an op in binary form"},
    {"01088a01", "bad-form at byte 4: the bytes are not an op in binary form"},
    {"010922f09f92", "bad-form at byte 3: the bytes are not an op in binary form"},
    {"0109226162c061", "bad-utf8 at byte 5: text is not UTF-8, or holds half of a surrogate pair"},
    {"010c0701620474727565010c0701620474727a650962",
     "bad-form at byte 10: the bytes are not an op in binary form"},
    {"010c0701620474727a6509", "bad-attributes at byte 6: attributes are not sorted, occur twice, "
                               "are not canonical JSON, or are null on an insert"},
    {"010c0801630131016201310a61",
     "bad-attributes at byte 7: attributes are not sorted, occur twice, "
     "are not canonical JSON, or are null on an insert"},
    {"010a610b5b", "bad-embed at byte 4: an embed's value is not a canonical JSON object"},
    {"01237b226122", "bad-embed at byte 6: an embed's value is not a canonical JSON object"},
    {"01090909", "not-normal at byte 2: the op is not in normal form: neighbours that belong "
                 "together, or a retain at the end that changes nothing"},
    {"010a6108", "not-normal at byte 3: the op is not in normal form: neighbours that belong "
                 "together, or a retain at the end that changes nothing"},
    {"018980808040", "too-large at byte 1: 2147483649 units of one component, the limit is "
                     "2147483648"},
    {"01818080804008090a61", "too-large at byte 8: 2147483650 units before the op, the limit is "
                             "2147483648"},
    {"010a610901", "too-large at byte 4: 3 components, the limit is 2"},
    {"010a61090a61090a", "too-large at byte 0: 8 bytes, the limit is 7"},
};

START_TEST(test_faults)
{
    const struct ot_limits limits = {.size_max = 7, .count_max = 2};
    struct arena mem;
    struct bytes text = BYTES_INIT;

    arena_init(&mem, 1 << 20);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        bool tight = i + 2 >= sizeof faults / sizeof faults[0];
        struct ot_fault fault = {0};
        struct ot_op op;
        int r = ot_decode_explain(&mem, from_hex(&mem, faults[i].hex),
                                  tight ? &limits : &ot_limits_submit, &op, &fault);
        bytes_reset(&text);
        ot_fault_print(&fault, &text);
        bytes_append_u8(&text, 0);
        ck_assert_str_eq((const char *)text.data, faults[i].text);
        ck_assert_int_eq(r, fault.outcome);
    }
    bytes_fini(&text);
    arena_fini(&mem);
}
END_TEST

static bool comp_equal(const struct ot_comp *a, const struct ot_comp *b)
{
    return a->kind == b->kind && a->length == b->length && slice_equal(a->content, b->content) &&
           slice_equal(a->attrs, b->attrs);
}

/* Walked, it is the same op, or refused as well. op NULL: decoding has refused it. */
static void walk_check(struct slice in, const struct ot_limits *limits, const struct ot_op *op)
{
    struct ot_walk walk;
    const struct ot_comp *comp;

    ot_walk_begin(&walk, in, limits);
    while (ot_walk_next(&walk, &comp))
        ck_assert(!op || (walk.count <= op->count && comp_equal(comp, &op->comps[walk.count - 1])));
    ck_assert_int_eq(walk.fault.outcome == 0, op != NULL);
    ck_assert(!op || walk.count == op->count);
    ck_assert(!ot_walk_next(&walk, &comp)); /* and it stays at its end */
}

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
        walk_check(bytes, &ot_limits_submit, r ? NULL : &op);
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
    walk_check(from_hex(&mem, "010a610909"), &limits, NULL);
    walk_check(from_hex(&mem, "012261626364"), &limits, NULL);
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
            bool good = ot_decode(&mem, in, &ot_limits_submit, &op) == 0;
            walk_check(in, &ot_limits_submit, good ? &op : NULL);
            if (good) {
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
    tcase_add_test(tcase, test_faults);
    tcase_add_test(tcase, test_limits);
    tcase_add_test(tcase, test_cut_and_changed);
    tcase_add_test(tcase, test_attrs_table);
    tcase_add_test(tcase, test_outcome_names);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
