/*
 * The laws of docs/algebra.md on random documents and ops. Every case has a seed of its own; a
 * failure prints it, and WEFT_SEED=<seed> WEFT_CASES=1 replays it. WEFT_SWEEP=n runs n times as
 * many.
 */
#include <check.h>
#include <stdio.h>

#include "ot_codec.h"
#include "ot_naive.h"
#include "seed_test.h"

/* Six laws, so this is over a million cases; under sanitizers 180,000. A few seconds each. */
#ifdef WEFT_MUST_SLOW
#define CASES 30000
#else
#define CASES 180000
#endif
#define SEED_DEFAULT 20240601

/* Check's own assertions write to a pipe each time they hold, which is most of the time here. */
#define HOLDS(f, cond, ...)                                                                        \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "seed %lu: ", (f)->seed);                                              \
            ck_abort_msg(__VA_ARGS__);                                                             \
        }                                                                                          \
    } while (0)

struct fixture {
    struct arena mem;
    struct rng rng;
    uint64_t seed;
    struct naive_mix mix;
    struct naive doc;
    struct bytes bytes;
};

static void case_begin(struct fixture *f)
{
    struct ot_op content;

    arena_reset(&f->mem);
    rng_init(&f->rng, f->seed);
    f->mix = (struct naive_mix){.comps_max = (unsigned)rng_between(&f->rng, 1, 8),
                                .length_max = (unsigned)rng_between(&f->rng, 1, 5),
                                .attrs = rng_percent(&f->rng, 60),
                                .embeds = rng_percent(&f->rng, 50)};
    naive_random_document(&f->rng, &f->mem, (unsigned)rng_below(&f->rng, 9), &f->mix, &content);
    f->doc = (struct naive){0};
    MUST(naive_apply(&f->doc, &content) == 0);
}

static void random_op(struct fixture *f, const struct naive *doc, struct ot_op *ret)
{
    naive_random_op(&f->rng, &f->mem, doc, &f->mix, ret);
}

static void random_op_then(struct fixture *f, struct naive *doc, struct ot_op *ret)
{
    random_op(f, doc, ret);
    MUST(naive_apply(doc, ret) == 0);
}

/* Is it in normal form? The decoder knows, and the round trip must give the same op and sums. */
static void check_form(struct fixture *f, const struct ot_op *op)
{
    struct ot_op again;

    bytes_reset(&f->bytes);
    ot_encode(op, &f->bytes);
    HOLDS(f, !f->bytes.failed, "memory");
    int r = ot_decode(&f->mem, bytes_slice(&f->bytes), &ot_limits_submit, &again);
    HOLDS(f, r == 0, "%s: %s", ot_outcome_name(r), naive_describe(op));
    HOLDS(f, ot_op_equal(op, &again), "round trip of %s", naive_describe(op));
    HOLDS(f, op->units_in == again.units_in && op->units_out == again.units_out, "sums of %s",
          naive_describe(op));
}

static void compose(struct fixture *f, const struct ot_op *a, const struct ot_op *b,
                    struct ot_op *ret)
{
    HOLDS(f, ot_compose(&f->mem, a, b, ret) == 0, "compose refuses");
    check_form(f, ret);
}

static void transform(struct fixture *f, const struct ot_op *a, const struct ot_op *b, bool first,
                      struct ot_op *ret)
{
    HOLDS(f, ot_transform(&f->mem, a, b, first, ret) == 0, "transform refuses");
    check_form(f, ret);
}

static void same_op(struct fixture *f, const struct ot_op *x, const struct ot_op *y)
{
    HOLDS(f, ot_op_equal(x, y), "\n  %s\n  %s", naive_describe(x), naive_describe(y));
}

static void same_document(struct fixture *f, const struct naive *x, const struct naive *y)
{
    HOLDS(f, naive_equal(x, y), "documents of %zu and %zu units differ", x->count, y->count);
}

/* apply(apply(d, a), b) */
static void apply_two(struct fixture *f, const struct ot_op *a, const struct ot_op *b,
                      struct naive *ret)
{
    naive_copy(ret, &f->doc);
    HOLDS(f, naive_apply(ret, a) == 0, "first op refused");
    int r = naive_apply(ret, b);
    HOLDS(f, r == 0, "%s: %s\n behind %s", ot_outcome_name(r), naive_describe(b),
          naive_describe(a));
}

static void law_tp1(struct fixture *f)
{
    struct ot_op a, b, a2, b2;
    struct naive x, y;

    random_op(f, &f->doc, &a);
    random_op(f, &f->doc, &b);
    for (int first = 0; first <= 1; first++) {
        transform(f, &a, &b, first, &b2);
        transform(f, &b, &a, !first, &a2);
        apply_two(f, &a, &b2, &x);
        apply_two(f, &b, &a2, &y);
        same_document(f, &x, &y);
        naive_fini(&x);
        naive_fini(&y);
    }
}

static void law_compose_applies(struct fixture *f)
{
    struct ot_op a, b, ab;
    struct naive x, y;

    naive_copy(&x, &f->doc);
    naive_copy(&y, &f->doc);
    random_op_then(f, &x, &a);
    random_op_then(f, &x, &b);
    compose(f, &a, &b, &ab);
    HOLDS(f, naive_apply(&y, &ab) == 0, "composed op refused");
    same_document(f, &x, &y);
    naive_fini(&x);
    naive_fini(&y);
}

static void law_associative(struct fixture *f)
{
    struct ot_op a, b, c, ab, bc, left, right;
    struct naive doc;

    naive_copy(&doc, &f->doc);
    random_op_then(f, &doc, &a);
    random_op_then(f, &doc, &b);
    random_op_then(f, &doc, &c);
    compose(f, &a, &b, &ab);
    compose(f, &ab, &c, &left);
    compose(f, &b, &c, &bc);
    compose(f, &a, &bc, &right);
    same_op(f, &left, &right);
    naive_fini(&doc);
}

static void law_composition(struct fixture *f)
{
    struct ot_op a, b, c, ab, step, one, two;
    struct naive doc;

    naive_copy(&doc, &f->doc);
    random_op_then(f, &doc, &a);
    random_op_then(f, &doc, &b);
    random_op(f, &f->doc, &c);
    compose(f, &a, &b, &ab);
    transform(f, &ab, &c, true, &one);
    transform(f, &a, &c, true, &step);
    transform(f, &b, &step, true, &two);
    same_op(f, &one, &two);
    naive_fini(&doc);
}

/* Identity is neutral everywhere. */
static void law_identity(struct fixture *f)
{
    struct ot_op a, r;
    const struct ot_op id = OT_IDENTITY;

    random_op(f, &f->doc, &a);
    compose(f, &a, &id, &r);
    same_op(f, &a, &r);
    compose(f, &id, &a, &r);
    same_op(f, &a, &r);
    transform(f, &id, &a, true, &r);
    same_op(f, &a, &r);
    transform(f, &a, &id, true, &r);
    same_op(f, &id, &r);
}

/* A cursor is where text inserted at it would land, and follows a composed run as its steps. */
static void law_cursor(struct fixture *f)
{
    struct ot_op a, at, moved;
    struct ot_builder b;

    random_op(f, &f->doc, &a);
    for (size_t i = 0; i <= f->doc.count; i++) {
        for (int sticks = 0; sticks <= 1; sticks++) {
            ot_builder_init(&b, &f->mem);
            ot_builder_retain(&b, i, (struct slice){0});
            ot_builder_insert(&b, slice_str("|"), 1, (struct slice){0});
            MUST(ot_builder_finish(&b, &at) == 0);
            transform(f, &a, &at, !sticks, &moved);
            uint64_t lands = moved.comps[0].kind == OT_RETAIN ? moved.comps[0].length : 0;
            HOLDS(f, ot_cursor_transform(&a, i, sticks) == lands, "cursor %zu over %s", i,
                  naive_describe(&a));
        }
    }
}

static void run(const char *name, void (*law)(struct fixture *))
{
    uint64_t seed = env_number("WEFT_SEED", SEED_DEFAULT);
    uint64_t cases = env_number("WEFT_CASES", CASES * env_number("WEFT_SWEEP", 1));
    struct fixture f = {0};

    printf("%s: %lu cases from seed %lu\n", name, cases, seed);
    arena_init(&f.mem, 1 << 24);
    MUST(arena_alloc(&f.mem, 1 << 18)); /* one block for all cases: reset keeps the first */
    for (uint64_t i = 0; i < cases; i++) {
        f.seed = seed + i;
        case_begin(&f);
        law(&f);
        naive_fini(&f.doc);
    }
    bytes_fini(&f.bytes);
    arena_fini(&f.mem);
}

#define LAW(name)                                                                                  \
    START_TEST(test_##name)                                                                        \
    {                                                                                              \
        run(#name, name);                                                                          \
    }                                                                                              \
    END_TEST

LAW(law_tp1)
LAW(law_compose_applies)
LAW(law_associative)
LAW(law_composition)
LAW(law_identity)
LAW(law_cursor)

static void decode_hex(struct fixture *f, const char *hex, size_t size, struct ot_op *ret)
{
    uint8_t *bytes = arena_copy(&f->mem, hex, size);

    ck_assert_int_eq(ot_decode(&f->mem, slice_of(bytes, size), &ot_limits_submit, ret), 0);
}

/*
 * docs/algebra.md, "The laws": the mirrored law is false. If it ever held, the rule of one op in
 * flight could fall; as long as it does not, this test reminds why the rule is there.
 */
START_TEST(test_mirrored_law_is_false)
{
    struct fixture f = {0};
    struct ot_op a, b, c, ab, whole, ca, ac, cab, steps;

    arena_init(&f.mem, 1 << 20);
    decode_hex(&f, "\x01\x09", 2, &a);         /* delete 1 */
    decode_hex(&f, "\x01\x09\x0a\x45", 4, &b); /* delete 1, insert "E" */
    decode_hex(&f, "\x01\x08\x09", 3, &c);     /* retain 1, delete 1 */
    compose(&f, &a, &b, &ab);
    transform(&f, &c, &ab, true, &whole);
    transform(&f, &c, &a, true, &ca);
    transform(&f, &a, &c, false, &ac);
    transform(&f, &ac, &b, true, &cab);
    compose(&f, &ca, &cab, &steps);
    ck_assert(!ot_op_equal(&whole, &steps));
    bytes_fini(&f.bytes);
    arena_fini(&f.mem);
}
END_TEST

/*
 * Who comes first wins twice. TP1 and the composition law alone would hold as well if it lost: each
 * needs only that both sides decide alike.
 */
START_TEST(test_who_comes_first_wins)
{
    struct fixture f = {0};
    struct ot_op a, b, want, got;

    arena_init(&f.mem, 1 << 20);
    decode_hex(&f, "\x01\x0a\x58", 3, &a); /* insert "X" */
    decode_hex(&f, "\x01\x0a\x59", 3, &b); /* insert "Y" */
    decode_hex(&f, "\x01\x08\x0a\x59", 4, &want);
    transform(&f, &a, &b, true, &got); /* X stands left */
    same_op(&f, &got, &want);
    transform(&f, &a, &b, false, &got);
    same_op(&f, &got, &b);
    decode_hex(&f,
               "\x01\x0c\x04\1b\1"
               "1",
               7, &a); /* retain 1 {b: 1} */
    decode_hex(&f,
               "\x01\x0c\x08\1b\1"
               "2\1c\1"
               "3",
               11, &b); /* retain 1 {b: 2, c: 3} */
    decode_hex(&f,
               "\x01\x0c\x04\1c\1"
               "3",
               7, &want);              /* retain 1 {c: 3} */
    transform(&f, &a, &b, true, &got); /* b is a's */
    same_op(&f, &got, &want);
    transform(&f, &a, &b, false, &got);
    same_op(&f, &got, &b);
    bytes_fini(&f.bytes);
    arena_fini(&f.mem);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("laws");
    TCase *tcase = tcase_create("laws");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 0); /* WEFT_SWEEP decides how long it takes */
    tcase_add_test(tcase, test_law_tp1);
    tcase_add_test(tcase, test_law_compose_applies);
    tcase_add_test(tcase, test_law_associative);
    tcase_add_test(tcase, test_law_composition);
    tcase_add_test(tcase, test_law_identity);
    tcase_add_test(tcase, test_law_cursor);
    tcase_add_test(tcase, test_mirrored_law_is_false);
    tcase_add_test(tcase, test_who_comes_first_wins);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
