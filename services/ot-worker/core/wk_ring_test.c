/*
 * Finding a place in the ring, against a walk over all entries: while entries come and go at both
 * ends, and in how many steps.
 */
#include <check.h>
#include <stdlib.h>

#include "rng.h"
#include "wk_doc.h"

struct world {
    struct wk_core core;
    struct wk_doc d;
    struct rng rng;
    uint64_t rev; /* where the ring ends */
};

static void world_begin(struct world *w)
{
    *w = (struct world){.rev = 1000000};
    w->d.core = &w->core;
    list_init(&w->d.ring);
    rng_init(&w->rng, 1);
}

static void world_end(struct world *w)
{
    wk_entries_free(&w->d.ring);
}

static struct wk_entry *entry_new(uint64_t before, size_t count)
{
    struct wk_entry *e = calloc(1, sizeof *e);

    ck_assert_ptr_nonnull(e);
    list_init(&e->link);
    list_init(&e->submits);
    e->before.rev = before;
    e->count = count;
    return e;
}

static void push(struct world *w)
{
    size_t count = rng_between(&w->rng, 1, 3);

    wk_ring_push(&w->d, entry_new(w->rev, count));
    w->rev += count;
}

static void take_last(struct world *w)
{
    struct wk_entry *last = wk_ring_last(&w->d);

    if (!last)
        return;
    w->rev = last->before.rev;
    wk_ring_take(&w->d, last);
    wk_entry_free(last);
}

static void take_first(struct world *w)
{
    struct wk_entry *first = wk_ring_first(&w->d);

    if (!first)
        return;
    wk_ring_take(&w->d, first);
    wk_entry_free(first);
}

static void prepend(struct world *w)
{
    struct wk_entry *first = wk_ring_first(&w->d);
    uint64_t count = rng_between(&w->rng, 1, 40),
             rev = (first ? first->before.rev : w->rev) - count;
    struct list found;

    list_init(&found);
    for (uint64_t i = 0; i < count; i++)
        list_push_back(&found, &entry_new(rev + i, 1)->link);
    wk_ring_prepend(&w->d, &found);
}

static void find_each(struct world *w)
{
    struct wk_entry *first = wk_ring_first(&w->d);
    uint64_t rev = first ? first->before.rev : w->rev;
    struct list *node = w->d.ring.next;

    ck_assert_ptr_null(wk_ring_from(&w->d, &(struct chain_position){.rev = rev - 1}));
    for (; node != &w->d.ring; node = node->next) {
        struct wk_entry *e = list_entry(node, struct wk_entry, link);
        for (uint64_t at = e->before.rev; at < e->before.rev + e->count; at++) {
            struct wk_entry *found = wk_ring_from(&w->d, &(struct chain_position){.rev = at});
            if (found != (at == e->before.rev ? e : NULL))
                ck_abort_msg("revision %lu is not found", at);
        }
    }
}

START_TEST(test_finds_what_a_walk_finds)
{
    struct world w;

    world_begin(&w);
    for (unsigned round = 0; round < 3000; round++) {
        unsigned what = (unsigned)rng_below(&w.rng, 100);
        for (uint64_t n = rng_below(&w.rng, 12); n > 0; n--) {
            if (what < 50)
                push(&w);
            else if (what < 70)
                take_last(&w);
            else if (what < 98)
                take_first(&w);
        }
        if (what >= 98)
            prepend(&w);
        find_each(&w);
    }
    world_end(&w);
}
END_TEST

static unsigned steps_to(struct world *w, uint64_t rev)
{
    struct wk_entry *e = wk_ring_last(&w->d);
    unsigned steps = 0;

    for (; e->before.rev > rev; steps++)
        e = wk_ring_step(&w->d, e, rev);
    return steps;
}

/* 100,000 entries of which the first third has left: log² 17 / 2 at most, and near the end few. */
START_TEST(test_few_steps_anywhere)
{
    struct world w;
    unsigned most = 0;

    world_begin(&w);
    for (unsigned i = 0; i < 100000; i++)
        push(&w);
    for (unsigned i = 0; i < 33333; i++)
        take_first(&w);
    uint64_t first = wk_ring_first(&w.d)->before.rev;
    for (uint64_t rev = first; rev < w.rev; rev += 97) {
        unsigned steps = steps_to(&w, rev);
        most = steps > most ? steps : most;
    }
    ck_assert_uint_lt(most, 153);
    for (unsigned back = 0; back < 8; back++)
        ck_assert_uint_le(steps_to(&w, w.rev - 1 - back), back + 1);
    world_end(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ring");
    TCase *tcase = tcase_create("ring");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, test_finds_what_a_walk_finds);
    tcase_add_test(tcase, test_few_steps_anywhere);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
