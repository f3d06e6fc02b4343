/*
 * weft-bench-ot [--trace FILE] [PART…]: prints figures of the algebra (bench_ot.h).
 *
 *     weft-bench-ot                       what needs no recorded session
 *     weft-bench-ot --trace FILE          that, and what the session shows
 *     weft-bench-ot --trace FILE --share N replay
 *                                         replays the first N-th of the session once and prints
 *                                         how many edits it has: for `valgrind --tool=callgrind
 *                                         --toggle-collect=bench_session_replay`
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_ot.h"

#define ROUNDS_NS 400000000ull
#define ROUNDS_MIN 3

void bench_figure(const char *name, uint64_t size, double value, const char *unit)
{
    printf("{\"figure\": \"%s\", \"size\": %lu, \"value\": %.6g, \"unit\": \"%s\"}\n", name, size,
           value, unit);
    fflush(stdout);
}

uint64_t bench_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double bench_best_ns(void (*work)(void *), void *arg, uint64_t count)
{
    uint64_t begin = bench_now_ns(), best = UINT64_MAX;

    for (unsigned round = 0; round < ROUNDS_MIN || bench_now_ns() - begin < ROUNDS_NS; round++) {
        uint64_t at = bench_now_ns();
        work(arg);
        uint64_t took = bench_now_ns() - at;
        best = took < best ? took : best;
    }
    return (double)best / (double)count;
}

struct ot_attrs_table *bench_attrs_new(void)
{
    struct ot_attrs_table *table = ot_attrs_table_new(64u << 20);

    MUST(table);
    return table;
}

struct ot_rope *bench_rope_new(struct ot_attrs_table *table)
{
    struct ot_rope *rope = ot_rope_new(table);

    MUST(rope);
    return rope;
}

void bench_text(struct arena *mem, uint64_t units, struct ot_op *ret)
{
    struct ot_builder b;
    char *text = arena_alloc(mem, units + 1);

    MUST(text);
    for (uint64_t i = 0; i < units; i++)
        text[i] = i % 80 == 79 ? '\n' : (char)('a' + i % 23);
    ot_builder_init(&b, mem);
    ot_builder_insert(&b, slice_of(text, units), (uint32_t)units, (struct slice){0});
    MUST(ot_builder_finish(&b, ret) == 0);
}

void bench_random_op(struct rng *rng, struct arena *mem, uint64_t units, uint32_t count,
                     struct ot_op *ret)
{
    static const uint8_t bold[] = {1, 'b', 4, 't', 'r', 'u', 'e'};
    uint64_t left = units, step = 2 * units / count + 1;
    struct ot_builder b;

    ot_builder_init(&b, mem);
    while (b.count < count) {
        uint64_t n = 1 + rng_below(rng, step);
        n = n < left ? n : left;
        switch (rng_below(rng, 8)) {
        case 0:
            ot_builder_delete(&b, n);
            left -= n;
            break;
        case 1:
            ot_builder_retain(&b, n, slice_of(bold, sizeof bold));
            left -= n;
            break;
        case 2:
        case 3:
        case 4:
            ot_builder_insert(&b, slice_str("word"), 4, (struct slice){0});
            break;
        default:
            ot_builder_retain(&b, n, (struct slice){0});
            left -= n;
        }
        if (left == 0)
            break;
    }
    MUST(ot_builder_finish(&b, ret) == 0);
}

static bool session_open(const char *path, struct trace *trace, struct bench_session *session)
{
    struct bytes error = BYTES_INIT;
    bool read = trace_read(path, trace, &error);

    if (!read)
        fprintf(stderr, "weft-bench-ot: %s: %.*s\n", path, (int)error.size, error.data);
    else
        bench_session_init(session, trace);
    bytes_fini(&error);
    return read;
}

static int replay(const struct bench_session *session, size_t share)
{
    size_t count = session->count / share;
    struct ot_attrs_table *table = bench_attrs_new();
    struct ot_rope *rope = bench_rope_new(table);

    bench_session_replay(session, rope, 0, count);
    printf("%zu\n", count);
    ot_rope_free(rope);
    ot_attrs_table_free(table);
    return 0;
}

static bool wanted(int argc, char **argv, const char *part)
{
    for (int i = optind; i < argc; i++)
        if (strcmp(argv[i], part) == 0)
            return true;
    return optind == argc;
}

static int usage(void)
{
    fputs("usage: weft-bench-ot [--trace FILE] [trace|pairs|documents|history]… | --trace FILE "
          "[--share N] replay\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"trace", required_argument, NULL, 't'}, {"share", required_argument, NULL, 's'}, {0}};
    struct trace trace = {0};
    struct bench_session session = {0};
    const char *path = NULL;
    size_t share = 1;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 't')
            path = optarg;
        else if (c != 's' || !(share = strtoul(optarg, NULL, 10)))
            return usage();
    }
    bool once = argc == optind + 1 && strcmp(argv[optind], "replay") == 0;
    if ((once && !path) || (path && !session_open(path, &trace, &session)))
        return usage();
    if (once) {
        replay(&session, share);
    } else {
        if (path && wanted(argc, argv, "trace"))
            bench_trace(&session);
        if (wanted(argc, argv, "pairs"))
            bench_pairs();
        if (wanted(argc, argv, "documents"))
            bench_documents();
        if (wanted(argc, argv, "history"))
            bench_history(path ? &session : NULL);
    }
    bench_session_fini(&session);
    trace_fini(&trace);
    return 0;
}
