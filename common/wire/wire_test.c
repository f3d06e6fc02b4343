#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support_seed.h"
#include "wire_judge.h"
#include "wire_random.h"

#define ROUNDS 600

static struct arena mem, judge_mem;
static struct rng rng;
static uint64_t seed; /* of this run: printed by main, given again by WEFT_SEED */

static void setup(void)
{
    rng_init(&rng, seed);
    arena_init(&mem, 64u << 20);
    arena_init(&judge_mem, 64u << 20);
}

static void teardown(void)
{
    arena_fini(&mem);
    arena_fini(&judge_mem);
}

/* Decodes a copy of exactly this size on the heap, so that reading past it is seen. */
static int decode_exact(const struct wire_subject *s, struct slice in, bool *ret_judge_accepts)
{
    union wire_any any;
    uint8_t *copy = malloc(in.size + !in.size);
    ck_assert_ptr_nonnull(copy);
    if (in.size)
        memcpy(copy, in.data, in.size);
    int rc = s->decode(&mem, slice_of(copy, in.size), &any);
    if (rc == 0) {
        struct slice body = slice_of(copy, in.size);
        uint64_t length;
        if (s->framed && !varint_take(&body, &length))
            *ret_judge_accepts = true; /* a padded length: the judge has no say in it */
        else
            *ret_judge_accepts = s->judge_accepts(body);
        /* What was taken can be written again. */
        struct bytes out = BYTES_INIT;
        if (!s->typed || wire_any_type(&any))
            s->judge_encode(&any, &judge_mem, &out);
        bytes_fini(&out);
    }
    free(copy);
    return rc;
}

/* Ours and the generated code write the same bytes, and ours reads them back to the same. */
START_TEST(bytes_are_those_of_protobuf)
{
    const struct wire_subject *s = &wire_subjects[_i];
    for (int round = 0; round < ROUNDS; round++) {
        arena_reset(&mem);
        arena_reset(&judge_mem);
        struct bytes ours = BYTES_INIT, judges = BYTES_INIT, again = BYTES_INIT;
        union wire_any any = {0}, back = {0};
        s->random(&rng, &mem, &any);
        s->encode(&any, &ours);
        s->judge_encode(&any, &judge_mem, &judges);
        ck_assert_msg(slice_equal(bytes_slice(&ours), bytes_slice(&judges)), "%s", s->name);
        ck_assert_int_eq(s->decode(&mem, bytes_slice(&judges), &back), 0);
        s->judge_encode(&back, &judge_mem, &again);
        ck_assert_msg(slice_equal(bytes_slice(&again), bytes_slice(&judges)), "%s", s->name);
        bytes_fini(&ours);
        bytes_fini(&judges);
        bytes_fini(&again);
    }
}
END_TEST

START_TEST(every_truncation)
{
    const struct wire_subject *s = &wire_subjects[_i];
    for (int round = 0; round < 12; round++) {
        struct bytes whole = BYTES_INIT;
        union wire_any any = {0};
        arena_reset(&mem);
        s->random(&rng, &mem, &any);
        s->encode(&any, &whole);
        for (size_t size = 0; size < whole.size && size < 2000; size++) {
            bool judge_accepts = true;
            int rc = decode_exact(s, slice_of(whole.data, size), &judge_accepts);
            ck_assert(rc == 0 || rc == WIRE_BAD);
            ck_assert(judge_accepts);
            ck_assert(!s->framed || rc == WIRE_BAD);
        }
        bytes_fini(&whole);
    }
}
END_TEST

static void damage(struct bytes *b)
{
    for (uint64_t n = rng_between(&rng, 1, 4); n > 0 && b->size; n--) {
        size_t at = rng_below(&rng, b->size);
        if (rng_percent(&rng, 50))
            b->data[at] = (uint8_t)rng_u64(&rng);
        else if (rng_percent(&rng, 50))
            b->data[at] ^= (uint8_t)(1u << rng_below(&rng, 8));
        else
            b->size = at;
    }
}

START_TEST(damaged_messages)
{
    const struct wire_subject *s = &wire_subjects[_i];
    int taken = 0, refused = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct bytes b = BYTES_INIT;
        union wire_any any = {0};
        bool judge_accepts = true;
        arena_reset(&mem);
        arena_reset(&judge_mem);
        s->random(&rng, &mem, &any);
        s->encode(&any, &b);
        damage(&b);
        int rc = decode_exact(s, bytes_slice(&b), &judge_accepts);
        ck_assert(rc == 0 || rc == WIRE_BAD || rc == WIRE_NEWER);
        ck_assert_msg(judge_accepts, "%s: taken, but not protobuf", s->name);
        taken += rc == 0;
        refused += rc != 0;
        bytes_fini(&b);
    }
    ck_assert(taken > 0 && refused > 0);
}
END_TEST

START_TEST(garbage)
{
    const struct wire_subject *s = &wire_subjects[_i];
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t data[64];
        size_t size = rng_below(&rng, sizeof data + 1);
        bool judge_accepts = true;
        arena_reset(&mem);
        arena_reset(&judge_mem);
        for (size_t i = 0; i < size; i++)
            data[i] = rng_percent(&rng, 50) ? (uint8_t)rng_below(&rng, 32) : (uint8_t)rng_u64(&rng);
        int rc = decode_exact(s, slice_of(data, size), &judge_accepts);
        ck_assert(rc == 0 || rc == WIRE_BAD || rc == WIRE_NEWER);
        ck_assert_msg(judge_accepts, "%s: taken, but not protobuf", s->name);
    }
}
END_TEST

/* A full `bytes` latches, whatever field it happens at. */
START_TEST(a_bound_on_the_output_latches)
{
    const struct wire_subject *s = &wire_subjects[_i];
    union wire_any any = {0};
    struct bytes whole = BYTES_INIT;
    while (whole.size == 0) {
        s->random(&rng, &mem, &any);
        s->encode(&any, &whole);
    }
    for (size_t bound = 1; bound < whole.size && bound < 500; bound++) {
        struct bytes out;
        bytes_init(&out, bound);
        s->encode(&any, &out);
        ck_assert(out.failed);
        ck_assert_uint_le(out.size, bound);
        bytes_fini(&out);
    }
    bytes_fini(&whole);
}
END_TEST

/* --- what only one kind of message has --- */

static int entry_of(const char *record, struct wire_entry *ret)
{
    struct bytes b = BYTES_INIT;
    bytes_append_str(&b, "\x08\x01\x10\x05"); /* version 1, first_rev 5 */
    bytes_append_u8(&b, 4 << 3 | 2);
    bytes_append_varint(&b, 28 + strlen(record));
    bytes_append_str(&b, "\x0a\x10ssssssssssssssss\x1a\x08"
                         "dddddddd");
    bytes_append_str(&b, record);
    int rc = wire_entry_decode(&mem, bytes_slice(&b), ret);
    bytes_fini(&b);
    return rc;
}

START_TEST(a_record_has_the_fields_of_its_kind)
{
    struct wire_entry e;
    ck_assert_int_eq(entry_of("\x20\x02\x10\x07", &e), 0); /* edit, seq 7 */
    ck_assert(e.first_rev == 5 && e.count == 1 && e.records[0].seq == 7);
    ck_assert_int_eq(entry_of("\x20\x02", &e), WIRE_BAD);                 /* edit without seq */
    ck_assert_int_eq(entry_of("\x20\x05", &e), 0);                        /* close */
    ck_assert_int_eq(entry_of("\x20\x05\x10\x07", &e), WIRE_BAD);         /* close with seq */
    ck_assert_int_eq(entry_of("\x20\x01\x30\x01", &e), 0);                /* create, rich */
    ck_assert_int_eq(entry_of("\x20\x01", &e), WIRE_BAD);                 /* create of no kind */
    ck_assert_int_eq(entry_of("\x20\x01\x30\x03", &e), WIRE_BAD);         /* of an unknown kind */
    ck_assert_int_eq(entry_of("\x20\x02\x10\x07\x30\x01", &e), WIRE_BAD); /* edit with kind */
    ck_assert_int_eq(entry_of("\x20\x06\x10\x07", &e), WIRE_BAD);         /* unknown kind */
    ck_assert_int_eq(entry_of("\x10\x07", &e), WIRE_BAD);                 /* no kind */
    ck_assert_int_eq(entry_of("\x20\x02\x10\x07\x38\x01", &e), WIRE_BAD); /* unknown field */
}
END_TEST

/* What is wrong stays wrong, whatever stands behind it: here a permission that breaks off, then the
 * version once more. */
START_TEST(a_version_again_heals_nothing)
{
    static const uint8_t bytes[] = {
        0x08, 0x01, 0x4a, 0x01, 0x4a, 0x08, 0x01, 0x1a, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0,    0,    0,    0x62, 0x10, 0,    0,    0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    struct wire_snapshot s;

    ck_assert_int_eq(wire_snapshot_decode(&mem, slice_of(bytes, sizeof bytes), &s), WIRE_BAD);
}
END_TEST

START_TEST(versions)
{
    struct wire_entry e;
    struct wire_snapshot s;
    ck_assert_int_eq(wire_entry_decode(&mem, slice_str("\x08\x02\xff\xff"), &e), WIRE_NEWER);
    ck_assert_int_eq(wire_entry_decode(&mem, slice_str("\x10\x01"), &e), WIRE_BAD);
    ck_assert_int_eq(wire_entry_decode(&mem, slice_str(""), &e), WIRE_BAD);
    ck_assert_int_eq(wire_entry_decode(&mem, slice_str("\x08\x01\x10\x01"), &e), WIRE_BAD);
    ck_assert_int_eq(wire_snapshot_decode(&mem, slice_str("\x08\x02\xff\xff"), &s), WIRE_NEWER);
    ck_assert_int_eq(wire_snapshot_decode(&mem, slice_str("\x10\x01"), &s), WIRE_BAD);
}
END_TEST

static int client_frame_of(const char *bytes, size_t size, struct wire_client_frame *ret)
{
    struct slice in = slice_of(bytes, size);
    return wire_client_frame_take(&mem, &in, ret);
}
#define CLIENT_FRAME(literal, ret) client_frame_of(literal, sizeof(literal) - 1, ret)

START_TEST(frames_of_another_release)
{
    struct wire_client_frame f;
    ck_assert_int_eq(CLIENT_FRAME("\x00", &f), 0); /* no message at all */
    ck_assert_int_eq(f.type, 0);
    ck_assert_int_eq(CLIENT_FRAME("\x03\x3a\x01x", &f), 0); /* field 7 */
    ck_assert_int_eq(f.type, 0);
    /* a Ping with an unknown field behind the nonce */
    ck_assert_int_eq(CLIENT_FRAME("\x07\x32\x05\x08\x05\x12\x01z", &f), 0);
    ck_assert(f.type == WIRE_UP_PING && f.ping_nonce == 5);
    /* Submit of an unknown kind: kind 0, to be refused as bad-kind */
    ck_assert_int_eq(CLIENT_FRAME("\x04\x1a\x02\x28\x63", &f), 0);
    ck_assert(f.type == WIRE_UP_SUBMIT && f.submit.kind == WIRE_KIND_NONE);
    /* Open that creates a document of an unknown kind */
    ck_assert_int_eq(CLIENT_FRAME("\x06\x12\x04\x2a\x02\x08\x09", &f), 0);
    ck_assert(f.open.has_create && f.open.create_kind == WIRE_DOC_NONE);
}
END_TEST

START_TEST(malformed_frames)
{
    struct wire_client_frame f;
    ck_assert_int_eq(CLIENT_FRAME("\x05\x32\x02\x08\x05", &f), WIRE_BAD);   /* cut */
    ck_assert_int_eq(CLIENT_FRAME("\x04\x32\x00\x32\x00", &f), WIRE_BAD);   /* two */
    ck_assert_int_eq(CLIENT_FRAME("\x02\x30\x05", &f), WIRE_BAD);           /* not a message */
    ck_assert_int_eq(CLIENT_FRAME("\x04\x32\x02\x0a\x00", &f), WIRE_BAD);   /* nonce as bytes */
    ck_assert_int_eq(CLIENT_FRAME("\x06\x12\x04\x22\x02hh", &f), WIRE_BAD); /* short hash */
    ck_assert_int_eq(CLIENT_FRAME("\x06\x12\x04\x12\x02ss", &f), WIRE_BAD); /* short session */
    ck_assert_int_eq(CLIENT_FRAME("\x06\x12\x04\x2a\x00\x2a\x00", &f), WIRE_BAD); /* two creates */
    ck_assert_int_eq(CLIENT_FRAME("\x02\x33\x34", &f), WIRE_BAD);                 /* a group */
    ck_assert_int_eq(CLIENT_FRAME("\x08\x0a\x06\x08\xff\xff\xff\xff\x7f", &f),
                     WIRE_BAD); /* a version of more than 32 bits */
    /* an unknown field's length, padded to 5 bytes and to 6 */
    ck_assert_int_eq(CLIENT_FRAME("\x06\x3a\x80\x80\x80\x80\x00", &f), 0);
    ck_assert_int_eq(CLIENT_FRAME("\x07\x3a\x80\x80\x80\x80\x80\x00", &f), WIRE_BAD);
    ck_assert_int_eq(CLIENT_FRAME("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", &f), WIRE_BAD);
}
END_TEST

START_TEST(frames_follow_each_other)
{
    struct bytes b = BYTES_INIT;
    for (uint64_t i = 0; i < 5; i++) {
        struct wire_client_frame f = {.type = WIRE_UP_PING, .ping_nonce = i};
        wire_client_frame_encode(&f, &b);
    }
    struct slice in = bytes_slice(&b);
    for (uint64_t i = 0; i < 5; i++) {
        struct wire_client_frame f;
        ck_assert_int_eq(wire_client_frame_take(&mem, &in, &f), 0);
        ck_assert(f.type == WIRE_UP_PING && f.ping_nonce == i);
    }
    ck_assert_uint_eq(in.size, 0);
    bytes_fini(&b);
}
END_TEST

/* What the gateway does with the link's entry gives the frame that encoding it would. */
START_TEST(an_encoded_entry_makes_a_frame)
{
    for (int round = 0; round < 500; round++) {
        struct bytes bare = BYTES_INIT, by_copy = BYTES_INIT, whole = BYTES_INIT;
        struct wire_server_frame f = {.type = WIRE_DOWN_ENTRY};
        wire_random_client_entry(&rng, &mem, &f.entry);
        wire_client_entry_encode(&f.entry, &bare);
        wire_server_entry_frame(bytes_slice(&bare), &by_copy);
        wire_server_frame_encode(&f, &whole);
        ck_assert(slice_equal(bytes_slice(&by_copy), bytes_slice(&whole)));
        bytes_fini(&bare);
        bytes_fini(&by_copy);
        bytes_fini(&whole);
    }
}
END_TEST

/* A run that says more or fewer revisions than the entry's range would shift everybody behind. */
START_TEST(an_entry_counts_its_revisions)
{
    struct wire_client_record records[2] = {{.count = 3}, {.count = 1}};
    struct wire_client_entry e = {.first_rev = 10, .last_rev = 13, .records = records, .count = 2};
    for (uint64_t last = 9; last < 16; last++) {
        struct bytes b = BYTES_INIT;
        struct wire_client_entry back;
        e.last_rev = last;
        wire_client_entry_encode(&e, &b);
        ck_assert_int_eq(wire_client_entry_decode(&mem, bytes_slice(&b), &back),
                         last == 13 ? 0 : WIRE_BAD);
        bytes_fini(&b);
    }
    records[0].count = UINT64_MAX;
    struct bytes b = BYTES_INIT;
    struct wire_client_entry back;
    wire_client_entry_encode(&e, &b);
    ck_assert_int_eq(wire_client_entry_decode(&mem, bytes_slice(&b), &back), WIRE_BAD);
    bytes_fini(&b);
}
END_TEST

START_TEST(too_many_addresses)
{
    struct slice addresses[WIRE_ADDRESSES_MAX + 1];
    for (size_t i = 0; i < WIRE_ADDRESSES_MAX + 1; i++)
        addresses[i] = slice_str(i % 2 ? "wss://b" : "");
    for (size_t count = WIRE_ADDRESSES_MAX; count <= WIRE_ADDRESSES_MAX + 1; count++) {
        struct wire_server_frame f = {.type = WIRE_DOWN_DRAIN,
                                      .drain = {.addresses = addresses, .count = count}},
                                 back;
        struct bytes b = BYTES_INIT;
        wire_server_frame_encode(&f, &b);
        struct slice in = bytes_slice(&b);
        ck_assert_int_eq(wire_server_frame_take(&mem, &in, &back),
                         count > WIRE_ADDRESSES_MAX ? WIRE_BAD : 0);
        bytes_fini(&b);
    }
}
END_TEST

START_TEST(document_ids)
{
    char long_id[130];
    memset(long_id, 'x', sizeof long_id);
    ck_assert(wire_doc_id_valid(slice_of(long_id, 128)));
    ck_assert(!wire_doc_id_valid(slice_of(long_id, 129)));
    const char *good[] = {"a", "notes/2024 \xc3\xa9", "\xf0\x9f\x92\xa9", "\xc2\xa0", "{x}:%"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert(wire_doc_id_valid(slice_str(good[i])));
    const char *bad[] = {"",
                         "a\nb",
                         "\x7f",
                         "\xc2\x85",             /* U+0085 */
                         "\xc0\xaf",             /* overlong */
                         "\xed\xa0\x80",         /* a surrogate */
                         "\xf4\x90\x80\x80",     /* beyond U+10FFFF */
                         "\xe2\x82",             /* cut */
                         "\x80",                 /* no lead */
                         "\xf8\x88\x80\x80\x80", /* five bytes */
                         "a\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!wire_doc_id_valid(slice_str(bad[i])), "bad[%zu]", i);
    ck_assert(!wire_doc_id_valid(slice_of("a\0b", 3)));
}
END_TEST

START_TEST(the_error_table)
{
    ck_assert_ptr_null(wire_error_info(0));
    ck_assert_ptr_null(wire_error_info(9999));
    int count = 0;
    for (uint32_t code = 0; code < 200; code++) {
        const struct wire_error_info *info = wire_error_info(code);
        if (!info)
            continue;
        count++;
        ck_assert_uint_eq(info->code, code);
        for (uint32_t other = 0; other < code; other++)
            ck_assert(!wire_error_info(other) ||
                      strcmp(wire_error_info(other)->word, info->word) != 0);
        /* Who may come back is told when: 0 only where reconnecting at once is right. */
        ck_assert(info->permanent ? info->retry_ms == 0 : true);
        ck_assert(info->scope >= WIRE_SCOPE_OP && info->scope <= WIRE_SCOPE_CONN);
        /* What the number in the sentence is, is said; and what the client should do. */
        ck_assert_msg(!strstr(info->sentence, "%llu") == !*info->detail, "%s", info->word);
        ck_assert(*info->client);
    }
#define X(...) count--;
    WIRE_ERRORS(X)
#undef X
    ck_assert_int_eq(count, 0); /* no number stands twice */

    struct bytes text = BYTES_INIT;
    struct wire_server_frame f;
    wire_error_frame(WIRE_E_SEQ_GAP, 18446744073709551615u, slice_str("doc"), 7, &text, &f);
    ck_assert(slice_equal(f.error.message,
                          slice_str("the next seq of this session is 18446744073709551615")));
    ck_assert(slice_equal(f.error.name, slice_str("seq-gap")));
    ck_assert(f.error.scope == WIRE_SCOPE_OP && f.error.permanent && f.error.seq == 7);
    wire_error_frame(WIRE_E_RETRY_LATER, 0, slice_str("doc"), 0, &text, &f);
    ck_assert(f.error.scope == WIRE_SCOPE_DOC && !f.error.permanent);
    ck_assert_uint_eq(f.error.retry_after_ms, 500);
    bytes_fini(&text);
}
END_TEST

/* Prints what one message costs; run by hand: WEFT_BENCH=1 wire_test. */
START_TEST(cost)
{
    const struct wire_subject *s = &wire_subjects[_i];
    if (!getenv("WEFT_BENCH"))
        return;
    union wire_any messages[64];
    struct bytes encoded[64] = {0}, out = BYTES_INIT;
    struct timespec t[4];
    const int rounds = 2000;
    size_t size = 0;
    rng_init(&rng, 1);
    for (int i = 0; i < 64; i++) {
        s->random(&rng, &mem, &messages[i]);
        s->encode(&messages[i], &encoded[i]);
        size += encoded[i].size;
    }
    clock_gettime(CLOCK_MONOTONIC, &t[0]);
    for (int i = 0; i < rounds * 64; i++) {
        bytes_reset(&out);
        s->encode(&messages[i % 64], &out);
    }
    clock_gettime(CLOCK_MONOTONIC, &t[1]);
    for (int i = 0; i < rounds * 64; i++) {
        union wire_any any;
        arena_reset(&judge_mem);
        MUST(s->decode(&judge_mem, bytes_slice(&encoded[i % 64]), &any) == 0);
    }
    clock_gettime(CLOCK_MONOTONIC, &t[2]);
    for (int i = 0; i < rounds * 64; i++) {
        struct slice in = bytes_slice(&encoded[i % 64]);
        uint64_t length;
        MUST(!s->framed || varint_take(&in, &length));
        MUST(s->judge_accepts(in)); /* (a ck_assert costs a system call) */
    }
    clock_gettime(CLOCK_MONOTONIC, &t[3]);
    double ns[3];
    for (int i = 0; i < 3; i++)
        ns[i] = ((double)(t[i + 1].tv_sec - t[i].tv_sec) * 1e9 +
                 (double)(t[i + 1].tv_nsec - t[i].tv_nsec)) /
                (rounds * 64);
    printf("%-12s %6zu bytes: encode %.0f ns, decode %.0f ns; protobuf-c unpacks in %.0f ns\n",
           s->name, size / 64, ns[0], ns[1], ns[2]);
    for (int i = 0; i < 64; i++)
        bytes_fini(&encoded[i]);
    bytes_fini(&out);
}
END_TEST

int main(void)
{
    seed = support_seed();

    Suite *suite = suite_create("wire");
    TCase *tcase = tcase_create("wire");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, bytes_are_those_of_protobuf, 0, WIRE_SUBJECT_COUNT);
    tcase_add_loop_test(tcase, every_truncation, 0, WIRE_SUBJECT_COUNT);
    tcase_add_loop_test(tcase, damaged_messages, 0, WIRE_SUBJECT_COUNT);
    tcase_add_loop_test(tcase, garbage, 0, WIRE_SUBJECT_COUNT);
    tcase_add_loop_test(tcase, a_bound_on_the_output_latches, 0, WIRE_SUBJECT_COUNT);
    tcase_add_test(tcase, a_record_has_the_fields_of_its_kind);
    tcase_add_test(tcase, a_version_again_heals_nothing);
    tcase_add_test(tcase, versions);
    tcase_add_test(tcase, frames_of_another_release);
    tcase_add_test(tcase, malformed_frames);
    tcase_add_test(tcase, frames_follow_each_other);
    tcase_add_test(tcase, an_encoded_entry_makes_a_frame);
    tcase_add_test(tcase, an_entry_counts_its_revisions);
    tcase_add_test(tcase, too_many_addresses);
    tcase_add_test(tcase, document_ids);
    tcase_add_test(tcase, the_error_table);
    tcase_add_loop_test(tcase, cost, 0, WIRE_SUBJECT_COUNT);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
