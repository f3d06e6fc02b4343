#include <check.h>
#include <stdlib.h>

#include "archive_segment.h"
#include "rng.h"

START_TEST(entries_come_back_as_they_went_in)
{
    struct rng rng;
    rng_init(&rng, 3);
    for (int round = 0; round < 200; round++) {
        struct archive_writer w;
        struct bytes segment = BYTES_INIT, all = BYTES_INIT, back = BYTES_INIT;
        archive_writer_init(&w);
        uint64_t count = rng_between(&rng, 1, 30);
        for (uint64_t i = 0; i < count; i++) {
            uint8_t payload[300];
            size_t size = rng_between(&rng, 1, sizeof payload);
            for (size_t k = 0; k < size; k++)
                payload[k] = (uint8_t)rng_below(&rng, 7);
            archive_writer_add(&w, slice_of(payload, size));
            bytes_append(&all, payload, size);
        }
        ck_assert_int_eq(archive_writer_finish(&w, &segment), 0);
        struct archive_reader r;
        struct slice payload;
        ck_assert_int_eq(archive_reader_init(&r, bytes_slice(&segment)), 0);
        uint64_t seen = 0;
        while (archive_reader_next(&r, &payload) == 0 && payload.data) {
            bytes_append_slice(&back, payload);
            seen++;
        }
        ck_assert_uint_eq(seen, count);
        ck_assert(slice_equal(bytes_slice(&back), bytes_slice(&all)));
        archive_reader_fini(&r);
        archive_writer_fini(&w);
        bytes_fini(&segment);
        bytes_fini(&all);
        bytes_fini(&back);
    }
}
END_TEST

START_TEST(damage_is_told_not_followed)
{
    struct archive_writer w;
    struct bytes segment = BYTES_INIT;
    archive_writer_init(&w);
    for (int i = 0; i < 20; i++)
        archive_writer_add(&w, slice_str("an entry that repeats, an entry that repeats"));
    ck_assert_int_eq(archive_writer_finish(&w, &segment), 0);
    for (size_t i = 0; i < segment.size * 8; i++) {
        segment.data[i / 8] ^= (uint8_t)(1 << i % 8);
        struct archive_reader r;
        struct slice payload = {0};
        if (archive_reader_init(&r, bytes_slice(&segment)) == 0)
            while (archive_reader_next(&r, &payload) == 0 && payload.data)
                ck_assert_uint_gt(payload.size, 0);
        archive_reader_fini(&r);
        segment.data[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t size = 0; size < segment.size; size++) {
        struct archive_reader r;
        ck_assert_int_ne(archive_reader_init(&r, slice_of(segment.data, size)), 0);
        archive_reader_fini(&r);
    }
    archive_writer_fini(&w);
    bytes_fini(&segment);
}
END_TEST

/* Text that does not shrink stands in a frame as it is: a bit of it could turn unnoticed. */
START_TEST(a_turned_bit_never_changes_a_message)
{
    const struct slice message = slice_str("Sphinx of black quartz, judge my vow");
    struct bytes packed = BYTES_INIT, back = BYTES_INIT;

    ck_assert_int_eq(archive_compress(message, &packed), 0);
    for (size_t i = 0; i < packed.size * 8; i++) {
        packed.data[i / 8] ^= (uint8_t)(1 << i % 8);
        bytes_reset(&back);
        if (archive_decompress(bytes_slice(&packed), &back) == 0)
            ck_assert(slice_equal(bytes_slice(&back), message));
        packed.data[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    bytes_fini(&packed);
    bytes_fini(&back);
}
END_TEST

/* As every release before checksums wrote it. */
START_TEST(a_message_without_a_checksum_is_read)
{
    static const uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x02, 0x11, 0x00, 0x00, 'o', 'k'};
    struct bytes back = BYTES_INIT;

    ck_assert_int_eq(archive_decompress(slice_of(frame, sizeof frame), &back), 0);
    ck_assert(slice_equal(bytes_slice(&back), slice_str("ok")));
    bytes_fini(&back);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("archive");
    TCase *tc = tcase_create("archive");
    tcase_add_test(tc, entries_come_back_as_they_went_in);
    tcase_add_test(tc, damage_is_told_not_followed);
    tcase_add_test(tc, a_turned_bit_never_changes_a_message);
    tcase_add_test(tc, a_message_without_a_checksum_is_read);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
