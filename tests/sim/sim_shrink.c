#include "sim_shrink.h"

#include <stdio.h>
#include <stdlib.h>

struct shrinker {
    uint64_t seed;
    enum sim_oracle oracle;
    struct sim_schedule *best;
    unsigned runs;
};

/* --- schedules --- */

static void schedule_set(struct sim_schedule *s, struct sim_hit *hits, size_t count)
{
    free(s->hits);
    s->hits = hits;
    s->limits.only = hits;
    s->limits.only_count = count;
    s->limits.has_only = true;
    qsort(hits, count, sizeof *hits, sim_hit_compare);
}

int sim_schedule_read(struct sim_schedule *schedule, const char *text)
{
    size_t count = 0;
    struct sim_hit *hits = calloc(strlen(text) + 1, sizeof *hits);

    MUST(hits);
    while (*text) {
        size_t size = strcspn(text, ":,");
        enum sim_fault kind = sim_fault_named(text, size);
        char *end;
        if (kind == SIM_FAULT_COUNT || text[size] != ':') {
            free(hits);
            return -1;
        }
        hits[count++] = (struct sim_hit){.kind = kind, .key = strtoull(text + size + 1, &end, 10)};
        text = *end == ',' ? end + 1 : end;
    }
    schedule_set(schedule, hits, count);
    return 0;
}

void sim_schedule_fini(struct sim_schedule *schedule)
{
    free(schedule->hits);
}

void sim_schedule_print(const struct sim_schedule *schedule, uint64_t seed)
{
    const struct sim_limits *limits = &schedule->limits;

    printf("replay: weft-sim --seed %llu", (unsigned long long)seed);
    if (limits->clients_max)
        printf(" --clients %u", limits->clients_max);
    if (limits->docs_max)
        printf(" --docs %u", limits->docs_max);
    if (limits->edits_max)
        printf(" --edits %u", limits->edits_max);
    if (limits->has_only)
        printf(" --only '");
    for (size_t i = 0; i < limits->only_count; i++)
        printf("%s%s:%llu", i ? "," : "", sim_fault_name(limits->only[i].kind),
               (unsigned long long)limits->only[i].key);
    puts(limits->has_only ? "' --trace" : " --trace");
}

/* --- shrinking --- */

/* Does it still break the same promise? Then it may go on with the faults that it really met. */
static bool fails(struct shrinker *s, const struct sim_limits *limits, struct sim_hit **ret_hits,
                  size_t *ret_count)
{
    struct sim_world *world = malloc(sizeof *world);

    MUST(world);
    s->runs++;
    sim_world_init(world, s->seed, limits, false);
    sim_world_run(world);
    bool same = sim_violated(world) && world->violation.oracle == s->oracle;
    if (same && ret_hits) {
        *ret_hits = calloc(world->hit_count + 1, sizeof **ret_hits);
        MUST(*ret_hits);
        for (size_t i = 0; i < world->hit_count; i++)
            (*ret_hits)[i] = world->hits[i];
        *ret_count = world->hit_count;
    }
    sim_world_fini(world);
    free(world);
    return same;
}

static bool accept(struct shrinker *s, const struct sim_limits *limits)
{
    struct sim_hit *hits;
    size_t count;

    if (!fails(s, limits, &hits, &count))
        return false;
    struct sim_limits kept = *limits;
    schedule_set(s->best, hits, count);
    kept.only = s->best->limits.only;
    kept.only_count = s->best->limits.only_count;
    kept.has_only = true;
    s->best->limits = kept;
    return true;
}

/* Without the faults from `at` on, so many of them. */
static bool accept_without(struct shrinker *s, size_t at, size_t size)
{
    struct sim_limits limits = s->best->limits;
    struct sim_hit *fewer = calloc(limits.only_count + 1, sizeof *fewer);
    size_t count = 0;

    MUST(fewer);
    for (size_t i = 0; i < limits.only_count; i++)
        if (i < at || i >= at + size)
            fewer[count++] = limits.only[i];
    limits.only = fewer;
    limits.only_count = count;
    bool accepted = accept(s, &limits);
    free(fewer);
    return accepted;
}

static void kinds_drop(struct shrinker *s)
{
    for (int kind = 0; kind < SIM_FAULT_COUNT; kind++) {
        const struct sim_limits *limits = &s->best->limits;
        size_t first = 0, size = 0;
        while (first < limits->only_count && (int)limits->only[first].kind != kind)
            first++;
        while (first + size < limits->only_count && (int)limits->only[first + size].kind == kind)
            size++;
        if (size)
            accept_without(s, first, size);
    }
}

static void faults_drop(struct shrinker *s)
{
    for (size_t size = s->best->limits.only_count / 2 + 1; size > 0; size /= 2)
        for (size_t at = 0; at < s->best->limits.only_count;)
            if (!accept_without(s, at, size))
                at += size;
}

/* The least that still fails, by halves and then one by one. */
static void number_drop(struct shrinker *s, size_t offset, unsigned from)
{
    for (unsigned step = from / 2 + 1; step > 0; step /= 2)
        for (;;) {
            struct sim_limits limits = s->best->limits;
            unsigned *number = (unsigned *)((char *)&limits + offset);
            unsigned now = *number ? *number : from;
            if (now <= step)
                break;
            *number = now - step;
            if (!accept(s, &limits))
                break;
        }
}

void sim_shrink(uint64_t seed, struct sim_schedule *schedule)
{
    struct sim_totals totals = {0};
    struct sim_failure failure;
    struct shrinker s = {.seed = seed, .best = schedule};

    if (sim_seed_run(seed, &schedule->limits, false, &totals, &failure)) {
        puts("it keeps all promises: nothing to shrink");
        return;
    }
    s.oracle = failure.oracle;
    struct sim_limits limits = schedule->limits;
    MUST(accept(&s, &limits));
    size_t before = schedule->limits.only_count, last;
    do {
        last = schedule->limits.only_count;
        kinds_drop(&s);
        faults_drop(&s);
        number_drop(&s, offsetof(struct sim_limits, edits_max), 400);
        number_drop(&s, offsetof(struct sim_limits, clients_max), SIM_CLIENTS_MAX);
        number_drop(&s, offsetof(struct sim_limits, docs_max), SIM_DOCS_MAX);
    } while (schedule->limits.only_count < last);
    printf("%s still, with %zu of %zu faults, after %u runs\n", sim_oracle_name(s.oracle),
           schedule->limits.only_count, before, s.runs);
}
