#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "codec_text.h"
#include "crypto_chain.h"
#include "crypto_hash.h"
#include "crypto_random.h"

static void expect_hex(const uint8_t *data, size_t size, const char *hex)
{
    struct bytes text = BYTES_INIT;
    hex_append(&text, slice_of(data, size));
    bytes_append_u8(&text, 0);
    ck_assert_str_eq((const char *)text.data, hex);
    bytes_fini(&text);
}

/* Expected values from sha256sum and sha1sum. */
START_TEST(digests_match_other_tools)
{
    uint8_t sha1[CRYPTO_SHA1_SIZE], sha256[CRYPTO_SHA256_SIZE], eight[8];
    crypto_sha1(slice_str("dGhlIHNhbXBsZSBub25jZQ=="),
                slice_str("258EAFA5-E914-47DA-95CA-C5AB0DC85B11"), sha1);
    expect_hex(sha1, sizeof sha1, "b37a4f2cc0624f1690f64606cf385945b2bec4ea"); /* RFC 6455 1.3 */
    crypto_sha256(slice_str("ab"), slice_str("c"), sha256);
    expect_hex(sha256, sizeof sha256,
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    crypto_sha256(slice_of(NULL, 0), slice_of(NULL, 0), sha256);
    expect_hex(sha256, sizeof sha256,
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    crypto_digest8(slice_str("abc"), eight);
    expect_hex(eight, sizeof eight, "ba7816bf8f01cfea");
    uint8_t session[CRYPTO_SESSION_ID_SIZE];
    memset(session, 'x', sizeof session);
    crypto_author_id(slice_str("doc"), session, eight);
    expect_hex(eight, sizeof eight, "67f1cdca451d8d79");
}
END_TEST

START_TEST(the_chain_covers_everything_before)
{
    uint8_t whole[CRYPTO_SHA256_SIZE];
    struct chain_position zero = chain_position_start(slice_str("abc"));
    ck_assert_uint_eq(zero.rev, 0);
    expect_hex(zero.hash, sizeof zero.hash, "ba7816bf8f01cfea414140de5dae2223");

    struct chain_position one = chain_position_after(&zero, 3, slice_str("payload"));
    ck_assert_uint_eq(one.rev, 3);
    crypto_sha256(slice_of(zero.hash, sizeof zero.hash), slice_str("payload"), whole);
    ck_assert_mem_eq(one.hash, whole, sizeof one.hash);

    struct chain_position other = chain_position_start(slice_str("abd"));
    struct chain_position other_one = chain_position_after(&other, 3, slice_str("payload"));
    ck_assert(!chain_position_equal(&one, &other_one));
    chain_hash(zero.hash, slice_str("payload"), zero.hash);
    ck_assert_mem_eq(zero.hash, one.hash, sizeof one.hash);
}
END_TEST

START_TEST(positions_round_trip)
{
    struct chain_position p = chain_position_start(slice_str("d")), back;
    p.rev = 0x0102030405060708;
    uint8_t out[CHAIN_POSITION_SIZE + 1];
    chain_position_put(out, &p);
    ck_assert(out[0] == 1 && out[7] == 8 && out[8] == p.hash[0]);
    ck_assert(chain_position_decode(slice_of(out, CHAIN_POSITION_SIZE), &back));
    ck_assert(chain_position_equal(&p, &back));
    back.rev++;
    ck_assert(!chain_position_equal(&p, &back));
    ck_assert(!chain_position_decode(slice_of(out, CHAIN_POSITION_SIZE - 1), &back));
    ck_assert(!chain_position_decode(slice_of(out, CHAIN_POSITION_SIZE + 1), &back));
}
END_TEST

static void *hash_in_thread(void *arg)
{
    uint8_t *ret = arg;
    for (int i = 0; i < 1000; i++)
        chain_hash(ret, slice_str("p"), ret);
    return NULL;
}

START_TEST(threads_do_not_share_a_context)
{
    uint8_t hashes[4][CHAIN_HASH_SIZE] = {{0}};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, hash_in_thread, hashes[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 1; i < 4; i++)
        ck_assert_mem_eq(hashes[0], hashes[i], CHAIN_HASH_SIZE);
}
END_TEST

START_TEST(random_bytes_fill_all)
{
    uint8_t a[1000] = {0}, b[1000] = {0};
    crypto_random(a, sizeof a);
    crypto_random(b, sizeof b);
    ck_assert_mem_ne(a, b, sizeof a);
    size_t zeros = 0;
    for (size_t i = 0; i < sizeof a; i++)
        zeros += a[i] == 0;
    ck_assert_uint_lt(zeros, 50); /* 4 expected; 50 happens less than once in 10^35 */
    crypto_random(a, 0);
}
END_TEST

/* Prints what one link of the chain costs; run by hand: WEFT_BENCH=1 crypto_test. */
START_TEST(cost_of_one_link)
{
    if (!getenv("WEFT_BENCH"))
        return;
    uint8_t hash[CHAIN_HASH_SIZE] = {0}, payload[40] = {0};
    struct timespec from, to;
    const int count = 1000000;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < count; i++)
        chain_hash(hash, slice_of(payload, sizeof payload), hash);
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("chain_hash: %.0f ns\n",
           ((to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec)) / count);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crypto");
    TCase *tcase = tcase_create("crypto");
    tcase_add_test(tcase, digests_match_other_tools);
    tcase_add_test(tcase, the_chain_covers_everything_before);
    tcase_add_test(tcase, positions_round_trip);
    tcase_add_test(tcase, threads_do_not_share_a_context);
    tcase_add_test(tcase, random_bytes_fill_all);
    tcase_add_test(tcase, cost_of_one_link);
    suite_add_tcase(suite, tcase);
    if (crypto_init() != 0)
        return EXIT_FAILURE;
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
