/*
 * UTF-8 checked and counted 32 bytes at a time (AVX2, asked for at run time) and skipped 16 bytes
 * at a time (SSE2, which every x86-64 has). Elsewhere these functions say that there is nothing,
 * and ot_utf.c does the work in words.
 *
 * The check is that of J. Keiser and D. Lemire, "Validating UTF-8 in less than one instruction per
 * byte" (2021): three tables of 16, looked up by the high half and the low half of a byte and by
 * the high half of the next, have a bit for each way in which two neighbours are wrong; a fourth
 * rule says where the second and third continuation of a lead must stand.
 */
#include "utf_private.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define BLOCK 32

enum {
    TOO_SHORT = 1 << 0,      /* a lead that no continuation follows */
    TOO_LONG = 1 << 1,       /* a continuation behind an ASCII character */
    OVERLONG_3 = 1 << 2,     /* 1110_0000 100_ */
    TOO_LARGE = 1 << 3,      /* 1111_0100 above 1000_: beyond U+10FFFF */
    SURROGATE = 1 << 4,      /* 1110_1101 101_ */
    OVERLONG_2 = 1 << 5,     /* 1100_000_ */
    TOO_LARGE_1000 = 1 << 6, /* 1111_0101 and more, 1000_ */
    OVERLONG_4 = 1 << 6,     /* 1111_0000 1000_ */
    TWO_CONTS = 1 << 7,      /* two continuations: wrong unless the fourth rule wants the second */
    CARRY = TOO_SHORT | TOO_LONG | TWO_CONTS, /* whatever the low half is */
};

#define AVX2 __attribute__((target("avx2,popcnt")))

static AVX2 __m256i table(const uint8_t *of_16)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)of_16));
}

static AVX2 __m256i high_half(__m256i v)
{
    return _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(0x0f));
}

/* Bits of how each byte and the one before it are wrong together; TWO_CONTS may be right. */
static AVX2 __m256i pair_faults(__m256i block, __m256i before)
{
    static const uint8_t first_high[16] = {
        TOO_LONG,
        TOO_LONG,
        TOO_LONG,
        TOO_LONG,
        TOO_LONG,
        TOO_LONG,
        TOO_LONG,
        TOO_LONG,
        TWO_CONTS,
        TWO_CONTS,
        TWO_CONTS,
        TWO_CONTS,
        TOO_SHORT | OVERLONG_2,
        TOO_SHORT,
        TOO_SHORT | OVERLONG_3 | SURROGATE,
        TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4,
    };
    static const uint8_t first_low[16] = {
        CARRY | OVERLONG_2 | OVERLONG_3 | OVERLONG_4,
        CARRY | OVERLONG_2,
        CARRY,
        CARRY,
        CARRY | TOO_LARGE,
        CARRY | TOO_LARGE | TOO_LARGE_1000,
        CARRY | TOO_LARGE | TOO_LARGE_1000,
        CARRY | TOO_LARGE | TOO_LARGE_1000,
        CARRY | TOO_LARGE | TOO_LARGE_1000,
        CARRY | TOO_LARGE | TOO_LARGE_1000,
        CARRY | TOO_LARGE | TOO_LARGE_1000,
        CARRY | TOO_LARGE | TOO_LARGE_1000,
        CARRY | TOO_LARGE | TOO_LARGE_1000,
        CARRY | TOO_LARGE | TOO_LARGE_1000 | SURROGATE,
        CARRY | TOO_LARGE | TOO_LARGE_1000,
        CARRY | TOO_LARGE | TOO_LARGE_1000,
    };
    static const uint8_t second_high[16] = {
        TOO_SHORT,
        TOO_SHORT,
        TOO_SHORT,
        TOO_SHORT,
        TOO_SHORT,
        TOO_SHORT,
        TOO_SHORT,
        TOO_SHORT,
        TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4,
        TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE,
        TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
        TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
        TOO_SHORT,
        TOO_SHORT,
        TOO_SHORT,
        TOO_SHORT,
    };
    __m256i low = _mm256_and_si256(before, _mm256_set1_epi8(0x0f));

    return _mm256_and_si256(
        _mm256_shuffle_epi8(table(first_high), high_half(before)),
        _mm256_and_si256(_mm256_shuffle_epi8(table(first_low), low),
                         _mm256_shuffle_epi8(table(second_high), high_half(block))));
}

/* Any bit set: not UTF-8. `last` is the block before. */
static AVX2 __m256i block_faults(__m256i block, __m256i last)
{
    __m256i joint = _mm256_permute2x128_si256(last, block, 0x21);
    __m256i before1 = _mm256_alignr_epi8(block, joint, 15);
    __m256i before2 = _mm256_alignr_epi8(block, joint, 14);
    __m256i before3 = _mm256_alignr_epi8(block, joint, 13);
    /* The highest bit where a lead of three or more stands two before, of four three before. */
    __m256i third = _mm256_subs_epu8(before2, _mm256_set1_epi8(0xe0 - 0x80));
    __m256i fourth = _mm256_subs_epu8(before3, _mm256_set1_epi8(0xf0 - 0x80));
    __m256i wanted = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));

    return _mm256_xor_si256(wanted, pair_faults(block, before1));
}

static AVX2 unsigned block_units(__m256i block)
{
    /* As signed numbers continuations are -128 to -65. */
    __m256i begins = _mm256_cmpgt_epi8(block, _mm256_set1_epi8(-65));
    __m256i lead4 = _mm256_cmpeq_epi8(_mm256_max_epu8(block, _mm256_set1_epi8((char)0xf0)), block);

    return (unsigned)__builtin_popcount((unsigned)_mm256_movemask_epi8(begins)) +
           (unsigned)__builtin_popcount((unsigned)_mm256_movemask_epi8(lead4));
}

bool utf_has_simd(size_t size)
{
    return size >= 2 * BLOCK && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
}

AVX2 bool utf_units_simd(struct slice text, uint64_t *ret)
{
    __m256i last = _mm256_setzero_si256(), faults = last;
    uint8_t tail[BLOCK] = {0}; /* the zeros end a character that is cut short */
    size_t whole = text.size - text.size % BLOCK;
    uint64_t units = 0;

    for (size_t i = 0; i < whole; i += BLOCK) {
        __m256i block = _mm256_loadu_si256((const __m256i *)(text.data + i));
        if (_mm256_movemask_epi8(_mm256_or_si256(block, last)) == 0) {
            units += BLOCK;
            continue;
        }
        faults = _mm256_or_si256(faults, block_faults(block, last));
        units += block_units(block);
        last = block;
    }
    if (text.size > whole)
        memcpy(tail, text.data + whole, text.size - whole);
    __m256i block = _mm256_loadu_si256((const __m256i *)tail);
    faults = _mm256_or_si256(faults, block_faults(block, last));
    units += block_units(block) - (BLOCK - (text.size - whole));
    if (!_mm256_testz_si256(faults, faults))
        return false;
    *ret = units;
    return true;
}

/* At most 17 units begin in 16 bytes: 15 characters and a pair whose lead is the last byte. */
size_t utf_skip_simd(struct slice text, uint64_t *units)
{
    const __m128i zero = _mm_setzero_si128(), conts = _mm_set1_epi8(-65);
    const __m128i lead4 = _mm_set1_epi8((char)0xf0);
    size_t at = 0;

    while (*units >= 17 && text.size - at >= 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(text.data + at));
        __m128i minus = _mm_add_epi8(_mm_cmpgt_epi8(block, conts),
                                     _mm_cmpeq_epi8(_mm_max_epu8(block, lead4), block));
        __m128i sums = _mm_sad_epu8(_mm_sub_epi8(zero, minus), zero);
        *units -= (uint64_t)_mm_cvtsi128_si64(sums) +
                  (uint64_t)_mm_cvtsi128_si64(_mm_srli_si128(sums, 8));
        at += 16;
    }
    return at;
}

#else

bool utf_has_simd(size_t size)
{
    return false;
}

bool utf_units_simd(struct slice text, uint64_t *ret)
{
    return utf_units_scalar(text, ret);
}

size_t utf_skip_simd(struct slice text, uint64_t *units)
{
    return 0;
}

#endif
