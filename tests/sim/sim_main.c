/*
 * weft-sim: runs seeds, adds up what happened, fails on the first broken promise or when a run of
 * many seeds did not exercise what it should.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "mutant.h"
#include "sim_world.h"

enum mutant mutant_active;

/*
 * What each deliberate bug is meant to break. Another broken promise does not count as a catch:
 * most bugs sooner or later stop a client or two, which would prove little about the oracles.
 */
static const unsigned mutant_oracles[MUTANT_COUNT] = {
    [MUTANT_BARE_XADD] = 1u << SIM_HISTORY | 1u << SIM_APPEND,
    [MUTANT_ACK_BEFORE_APPEND] = 1u << SIM_DURABLE,
    [MUTANT_NO_DEDUPE] = 1u << SIM_ONCE,
    [MUTANT_TRIM_BEFORE_COMMIT] = 1u << SIM_TRIM,
    [MUTANT_NO_GAP_CHECK] = 1u << SIM_STREAM,
};

static uint64_t current_seed;

/* A MUST or a sanitizer stopped us: the seed is what matters. */
static void on_abort(int signal_number)
{
    char text[80];
    int size = snprintf(text, sizeof text, "replay: weft-sim --seed %llu --trace\n",
                        (unsigned long long)current_seed);

    if (write(STDERR_FILENO, text, (size_t)size) < 0)
        _exit(2);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

struct options {
    uint64_t from, seeds;
    bool trace, json, floors, expect_violation;
};

/* A thousand seeds reach about twice this; scaled for other numbers. Beneath it the oracles sleep.
 */
#define FLOORS(X)                                                                                  \
    X(edits, 100000)                                                                               \
    X(acks, 50000)                                                                                 \
    X(transformed, 30000)                                                                          \
    X(refused, 2000)                                                                               \
    X(appends_refused, 600)                                                                        \
    X(unknown, 1000)                                                                               \
    X(reappended, 4500)                                                                            \
    X(repeats, 150)                                                                                \
    X(crashes, 4000)                                                                               \
    X(drains, 300)                                                                                 \
    X(pauses, 500)                                                                                 \
    X(resyncs, 50)                                                                                 \
    X(renewals, 60)                                                                                \
    X(resets, 7500)                                                                                \
    X(disconnects, 3000)                                                                           \
    X(offline, 300)                                                                                \
    X(reloads, 2500)                                                                               \
    X(lost_tails, 350)                                                                             \
    X(restores, 250)                                                                               \
    X(rebases, 60)                                                                                 \
    X(adopted, 1100)                                                                               \
    X(lost_locks, 50)                                                                              \
    X(commits, 11000)                                                                              \
    X(handoffs, 450)                                                                               \
    X(histories, 250)                                                                              \
    X(lagging, 4500)                                                                               \
    X(ghosts, 350)

#define TOTALS(X)                                                                                  \
    X(events)                                                                                      \
    X(edits)                                                                                       \
    X(acks)                                                                                        \
    X(submits)                                                                                     \
    X(ops)                                                                                         \
    X(entries)                                                                                     \
    X(transformed)                                                                                 \
    X(refused)                                                                                     \
    X(unknown)                                                                                     \
    X(appends_refused)                                                                             \
    X(reappended)                                                                                  \
    X(repeats)                                                                                     \
    X(crashes)                                                                                     \
    X(resyncs)                                                                                     \
    X(resets)                                                                                      \
    X(disconnects)                                                                                 \
    X(reloads)                                                                                     \
    X(lost_tails)                                                                                  \
    X(rebases)                                                                                     \
    X(commits)                                                                                     \
    X(renewals)                                                                                    \
    X(handoffs)                                                                                    \
    X(gaps)                                                                                        \
    X(lagging)                                                                                     \
    X(drains)                                                                                      \
    X(pauses)                                                                                      \
    X(restores)                                                                                    \
    X(lost_locks)                                                                                  \
    X(lossy)                                                                                       \
    X(ghosts)                                                                                      \
    X(histories)                                                                                   \
    X(adopted)                                                                                     \
    X(offline)                                                                                     \
    X(simulated_ms)

static void totals_add(struct sim_totals *sum, const struct sim_totals *one)
{
#define X(name) sum->name += one->name;
    TOTALS(X)
#undef X
}

static void totals_print(const struct sim_totals *totals, uint64_t seeds, bool json)
{
    printf(json ? "{\"seeds\":%llu" : "seeds %llu", (unsigned long long)seeds);
#define X(name)                                                                                    \
    printf(json ? ",\"" #name "\":%llu" : "  " #name " %llu", (unsigned long long)totals->name);
    TOTALS(X)
#undef X
    puts(json ? "}" : "");
}

static bool floors_reached(const struct sim_totals *totals, uint64_t seeds)
{
    bool reached = true;

#define X(name, floor)                                                                             \
    if (totals->name * 1000 < (uint64_t)(floor)*seeds) {                                           \
        fprintf(stderr, "weft-sim: only %llu " #name " in %llu seeds, at least %llu expected\n",   \
                (unsigned long long)totals->name, (unsigned long long)seeds,                       \
                (unsigned long long)((floor)*seeds / 1000));                                       \
        reached = false;                                                                           \
    }
    FLOORS(X)
#undef X
    return reached;
}

const char *sim_oracle_name(enum sim_oracle oracle)
{
    static const char *const names[] = {
#define X(constant, name, text) name,
        SIM_ORACLES(X)
#undef X
    };

    return names[oracle];
}

static void usage(FILE *out)
{
    fputs("usage: weft-sim [--seeds N] [--from S] [--seed S] [--trace] [--json] [--no-floors]\n"
          "                [--mutant NAME]\n\n"
          "Runs the real cores as a simulated cluster, one seed after the other, and checks the\n"
          "invariants after each. --seed S replays one seed; with --trace line by line.\n"
          "--mutant switches on a deliberate bug, and then it is a failure if no seed finds it:\n",
          out);
#define X(name, text) fprintf(out, "    %s\n", text);
    MUTANTS(X)
#undef X
    fputs("\nexit status: 0 all promises held (or the mutant was caught), 1 not, 2 usage\n", out);
}

static bool mutant_set(const char *name)
{
    static const char *const texts[] = {
#define X(constant, text) text,
        MUTANTS(X)
#undef X
    };

    for (int i = 0; i < MUTANT_COUNT; i++) {
        size_t size = strcspn(texts[i], ":");
        if (strlen(name) == size && strncmp(texts[i], name, size) == 0) {
            mutant_active = (enum mutant)i;
            return true;
        }
    }
    return false;
}

static bool options_parse(int argc, char **argv, struct options *o)
{
    static const struct option names[] = {
        {"seeds", required_argument, NULL, 'n'},
        {"from", required_argument, NULL, 'f'},
        {"seed", required_argument, NULL, 's'},
        {"trace", no_argument, NULL, 't'},
        {"json", no_argument, NULL, 'j'},
        {"no-floors", no_argument, NULL, 'l'},
        {"mutant", required_argument, NULL, 'm'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int c;

    *o = (struct options){.from = 1, .seeds = 1000, .floors = true};
    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (c) {
        case 'n':
            o->seeds = strtoull(optarg, NULL, 10);
            break;
        case 'f':
            o->from = strtoull(optarg, NULL, 10);
            break;
        case 's':
            o->from = strtoull(optarg, NULL, 10);
            o->seeds = 1;
            o->floors = false;
            break;
        case 't':
            o->trace = true;
            break;
        case 'j':
            o->json = true;
            break;
        case 'l':
            o->floors = false;
            break;
        case 'm':
            if (!mutant_set(optarg))
                return false;
            o->expect_violation = true;
            o->floors = false;
            break;
        case 'h':
            usage(stdout);
            exit(0);
        default:
            return false;
        }
    }
    return optind == argc && o->seeds > 0;
}

enum result { HELD, BROKEN, CAUGHT };

static enum result seed_run(const struct options *options, uint64_t seed, struct sim_totals *totals)
{
    struct sim_world *world = malloc(sizeof *world);
    enum result result = HELD;

    MUST(world);
    current_seed = seed;
    sim_world_init(world, seed, options->trace);
    sim_world_run(world);
    if (sim_violated(world)) {
        bool meant = mutant_oracles[mutant_active] & 1u << world->violation.oracle;
        result = meant ? CAUGHT : BROKEN;
        if (meant || !options->expect_violation || options->trace)
            fprintf(stderr, "seed %llu: %s: %.*s\n", (unsigned long long)seed,
                    sim_oracle_name(world->violation.oracle), (int)world->violation.text.size,
                    (const char *)world->violation.text.data);
    }
    sim_world_fini(world);
    totals_add(totals, &world->totals);
    free(world);
    return result;
}

/* With a deliberate bug: until a seed breaks what it is meant to break. */
static int hunt(const struct options *options)
{
    struct sim_totals totals = {0};
    uint64_t others = 0;

    for (uint64_t seed = options->from; seed < options->from + options->seeds; seed++) {
        enum result result = seed_run(options, seed, &totals);
        others += result == BROKEN;
        if (result != CAUGHT)
            continue;
        printf("caught by seed %llu, after %llu seeds, of which %llu broke something else\n",
               (unsigned long long)seed, (unsigned long long)(seed - options->from + 1),
               (unsigned long long)others);
        return 0;
    }
    fprintf(stderr,
            "weft-sim: no seed has broken what the deliberate bug is meant to break (%llu broke "
            "something else)\n",
            (unsigned long long)others);
    return 1;
}

int main(int argc, char **argv)
{
    struct options options;
    struct sim_totals totals = {0};

    if (!options_parse(argc, argv, &options)) {
        usage(stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGABRT, on_abort);
    MUST(crypto_init() == 0);
    if (options.expect_violation)
        return hunt(&options);
    for (uint64_t seed = options.from; seed < options.from + options.seeds; seed++) {
        if (seed_run(&options, seed, &totals) == HELD)
            continue;
        fprintf(stderr, "replay: weft-sim --seed %llu --trace\n", (unsigned long long)seed);
        return 1;
    }
    totals_print(&totals, options.seeds, options.json);
    return options.floors && !floors_reached(&totals, options.seeds);
}
