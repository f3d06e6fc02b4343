#include <check.h>
#include <signal.h>
#include <stdlib.h>

#include "arena.h"
#include "bytes.h"
#include "codec_text.h"
#include "list.h"
#include "refbuf.h"
#include "rng.h"

START_TEST(varint_round_trip)
{
    struct rng rng;
    rng_init(&rng, 1);
    for (int i = 0; i < 100000; i++) {
        uint64_t v = rng_u64(&rng) >> rng_below(&rng, 64), back;
        uint8_t buffer[VARINT_SIZE_MAX];
        size_t size = varint_put(buffer, v);
        ck_assert_uint_eq(size, varint_size(v));
        for (size_t cut = 0; cut < size; cut++) {
            struct slice part = slice_of(buffer, cut);
            ck_assert(!varint_take(&part, &back));
        }
        struct slice in = slice_of(buffer, size);
        ck_assert(varint_take(&in, &back));
        ck_assert_uint_eq(back, v);
        ck_assert_uint_eq(in.size, 0);
    }
}
END_TEST

START_TEST(varint_refuses_other_forms)
{
    static const uint8_t padded[] = {0x80, 0x00};
    static const uint8_t wide[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    uint64_t v;
    struct slice in = slice_of(padded, sizeof padded);
    ck_assert(!varint_take(&in, &v));
    in = slice_of(wide, sizeof wide);
    ck_assert(!varint_take(&in, &v));
}
END_TEST

START_TEST(names_are_equal_but_for_the_case_of_letters)
{
    static const char at[] = {'A' - 1, 'A', 'Z', 'Z' + 1};

    ck_assert(slice_equal_fold(slice_str("Sec-WebSocket-KEY"), "sec-websocket-key"));
    ck_assert(slice_equal_fold(slice_of("", 0), ""));
    ck_assert(!slice_equal_fold(slice_str("upgrad"), "upgrade"));
    ck_assert(!slice_equal_fold(slice_str("upgraded"), "upgrade"));
    ck_assert(slice_equal_fold(slice_of(at, 4), "@az["));
    ck_assert(!slice_equal_fold(slice_of(at, 4), "`az{"));
}
END_TEST

START_TEST(bytes_latch_at_their_bound)
{
    struct bytes b;
    bytes_init(&b, 10);
    bytes_append_str(&b, "123456789");
    ck_assert(!b.failed);
    bytes_append_str(&b, "ab");
    ck_assert(b.failed && b.full);
    bytes_append_u8(&b, 'x');
    ck_assert_uint_eq(b.size, 9);
    bytes_reset(&b);
    bytes_append_be64(&b, 0x0102030405060708);
    ck_assert(!b.failed && !b.full && b.data[0] == 1 && b.data[7] == 8);
    bytes_consume(&b, 6);
    ck_assert(b.size == 2 && b.data[0] == 7);
    bytes_fini(&b);
}
END_TEST

START_TEST(arena_gives_back_the_end)
{
    struct arena a;

    arena_init(&a, 1000);
    ck_assert_ptr_nonnull(arena_alloc(&a, 0));
    unsigned char *first = arena_alloc(&a, 900);
    ck_assert_ptr_null(arena_alloc(&a, 500));
    arena_trim(&a, 900, 17);
    ck_assert_uint_eq(a.used, 32);
    ck_assert_ptr_eq(arena_alloc(&a, 500), first + 32);
    arena_trim(&a, 500, 0);
    ck_assert_ptr_eq(arena_alloc(&a, 1), first + 32);
    arena_fini(&a);
    ck_assert_ptr_nonnull(arena_alloc(&a, 0));
    arena_fini(&a);
}
END_TEST

START_TEST(arena_stops_at_its_bound)
{
    struct arena a;
    arena_init(&a, 10000);
    for (int round = 0; round < 3; round++) {
        size_t sum = 0;
        uint8_t *p;
        while ((p = arena_alloc(&a, 100))) {
            ck_assert_uint_eq((uintptr_t)p % 16, 0);
            memset(p, 0xaa, 100);
            sum += 100;
        }
        ck_assert_uint_ge(sum, 8000);
        ck_assert_uint_le(sum, 10000);
        ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX));
        arena_reset(&a);
    }
    arena_fini(&a);
}
END_TEST

START_TEST(arena_keeps_little)
{
    struct arena a;

    arena_init(&a, 1 << 20);
    arena_release(&a, 8192); /* of nothing */
    ck_assert_ptr_nonnull(arena_alloc(&a, 100));
    struct arena_block *small = a.first;
    ck_assert_ptr_nonnull(arena_alloc(&a, 100000));
    arena_release(&a, 8192);
    ck_assert_ptr_eq(a.first, small);
    ck_assert_ptr_null(small->next);
    arena_fini(&a);
    ck_assert_ptr_nonnull(arena_alloc(&a, 100000)); /* the first block is the large one */
    arena_release(&a, 8192);
    ck_assert_ptr_null(a.first);
    ck_assert_uint_eq(a.used, 0);
    arena_fini(&a);
}
END_TEST

START_TEST(text_codecs_round_trip)
{
    struct rng rng;
    rng_init(&rng, 7);
    for (int i = 0; i < 2000; i++) {
        uint8_t in[40], out[40];
        size_t size = rng_below(&rng, sizeof in);
        for (size_t k = 0; k < size; k++)
            in[k] = (uint8_t)rng_u64(&rng);
        struct bytes text = BYTES_INIT, back = BYTES_INIT;
        hex_append(&text, slice_of(in, size));
        ck_assert(hex_decode(bytes_slice(&text), out) && (!size || memcmp(in, out, size) == 0));
        bytes_reset(&text);
        base64url_append(&text, slice_of(in, size));
        ck_assert(base64url_decode(&back, bytes_slice(&text)));
        ck_assert(slice_equal(bytes_slice(&back), slice_of(in, size)));
        bytes_fini(&text);
        bytes_fini(&back);
    }
    struct bytes back = BYTES_INIT;
    ck_assert(!base64url_decode(&back, slice_str("A")));
    ck_assert(!base64url_decode(&back, slice_str("AB")));
    ck_assert(!base64url_decode(&back, slice_str("A+AA")));
    bytes_fini(&back);
}
END_TEST

struct item {
    int value;
    struct list link;
};

START_TEST(lists_keep_order)
{
    struct list a, b;
    struct item items[4] = {{1}, {2}, {3}, {4}};
    list_init(&a);
    list_init(&b);
    list_push_back(&a, &items[1].link);
    list_push_front(&a, &items[0].link);
    list_push_back(&b, &items[2].link);
    list_push_back(&b, &items[3].link);
    list_splice_back(&a, &b);
    ck_assert(list_empty(&b));
    int expect = 1;
    list_for_each_safe (node, &a) {
        ck_assert_int_eq(list_entry(node, struct item, link)->value, expect++);
        list_remove(node);
    }
    ck_assert(list_empty(&a) && expect == 5);
}
END_TEST

#ifdef WEFT_MUST_SLOW
/* Written over after it was given away: noticed by who meets it next, and not carried on. */
START_TEST(a_broken_list_stops)
{
    struct list head, one, two;

    list_init(&head);
    list_push_back(&head, &one);
    list_push_back(&head, &two);
    list_init(&one);
    if (_i)
        list_remove(&two);
    else
        ck_assert(list_empty(&head));
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("base");
    TCase *tc = tcase_create("base");
    tcase_set_timeout(tc, 60); /* a busy machine and sanitizers */
    tcase_add_test(tc, varint_round_trip);
    tcase_add_test(tc, varint_refuses_other_forms);
    tcase_add_test(tc, names_are_equal_but_for_the_case_of_letters);
    tcase_add_test(tc, bytes_latch_at_their_bound);
    tcase_add_test(tc, arena_stops_at_its_bound);
    tcase_add_test(tc, arena_keeps_little);
    tcase_add_test(tc, arena_gives_back_the_end);
    tcase_add_test(tc, text_codecs_round_trip);
    tcase_add_test(tc, lists_keep_order);
#ifdef WEFT_MUST_SLOW
    tcase_add_loop_test_raise_signal(tc, a_broken_list_stops, SIGABRT, 0, 2);
#endif
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
