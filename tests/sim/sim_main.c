/* weft-sim: the command line. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim_shrink.h"

struct options {
    uint64_t from, seeds;
    unsigned jobs;
    bool one, trace, json, floors, shrink;
    unsigned expect; /* bits of enum sim_oracle; 0: none is to be broken */
    struct sim_schedule schedule;
};

static void usage(FILE *out)
{
    fputs(
        "usage: weft-sim [--seeds N] [--from S] [--jobs N] [--json] [--no-floors]\n"
        "       weft-sim --seed S [--trace] [--shrink] [--only FAULT:KEY,...] [--clients N]\n"
        "                [--docs N] [--edits N]\n"
        "       weft-sim --expect PROMISE,... [--seeds N] [--from S]\n\n"
        "Runs the real cores as a simulated cluster, one seed after the other on all processors,\n"
        "and checks every promise at every step (docs/simulation.md). --seed replays one seed,\n"
        "with --trace line by line; --shrink looks for the shortest schedule that fails as it\n"
        "does and prints the command that replays that. --expect stops at the first seed that\n"
        "breaks one of these promises, and it is a failure if none does: for deliberate bugs\n"
        "(scripts/mutate sim). The promises:\n",
        out);
#define X(constant, name, text) fprintf(out, "    %-9s %s\n", name, text);
    SIM_ORACLES(X)
#undef X
    fputs("\nexit status: 0 all promises held (or what was expected broke), 1 not, 2 usage\n", out);
}

static const struct option names[] = {
    {"seeds", required_argument, NULL, 'n'},
    {"from", required_argument, NULL, 'f'},
    {"jobs", required_argument, NULL, 'J'},
    {"seed", required_argument, NULL, 's'},
    {"trace", no_argument, NULL, 't'},
    {"json", no_argument, NULL, 'j'},
    {"shrink", no_argument, NULL, 'S'},
    {"only", required_argument, NULL, 'o'},
    {"clients", required_argument, NULL, 'c'},
    {"docs", required_argument, NULL, 'd'},
    {"edits", required_argument, NULL, 'e'},
    {"no-floors", no_argument, NULL, 'l'},
    {"expect", required_argument, NULL, 'x'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static unsigned processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);

    return count > 0 ? (unsigned)count : 1;
}

static bool expect_read(const char *text, unsigned *ret_expect)
{
    while (*text) {
        size_t size = strcspn(text, ",");
        unsigned before = *ret_expect;
        for (int i = 0; i < SIM_ORACLE_COUNT; i++)
            if (strlen(sim_oracle_name(i)) == size && strncmp(sim_oracle_name(i), text, size) == 0)
                *ret_expect |= 1u << i;
        if (*ret_expect == before)
            return false;
        text += size + (text[size] == ',');
    }
    return *ret_expect != 0;
}

/* False: there is no such option, or it means nothing. */
static bool option_take(struct options *o, int c)
{
    struct sim_limits *limits = &o->schedule.limits;
    uint64_t number = optarg ? strtoull(optarg, NULL, 10) : 0;

    switch (c) {
    case 'n':
        o->seeds = number;
        return number > 0;
    case 's':
        o->one = true;
        o->from = number;
        return true;
    case 'f':
        o->from = number;
        return true;
    case 'J':
        o->jobs = (unsigned)number;
        return number > 0;
    case 't':
        return o->trace = true;
    case 'j':
        return o->json = true;
    case 'l':
        o->floors = false;
        return true;
    case 'S':
        return o->shrink = true;
    case 'o':
        return sim_schedule_read(&o->schedule, optarg) == 0;
    case 'c':
        limits->clients_max = (unsigned)number;
        return number > 0;
    case 'd':
        limits->docs_max = (unsigned)number;
        return number > 0;
    case 'e':
        limits->edits_max = (unsigned)number;
        return number > 0;
    case 'x':
        return expect_read(optarg, &o->expect);
    default:
        return false;
    }
}

static bool options_parse(int argc, char **argv, struct options *o)
{
    int c;

    *o = (struct options){.from = 1, .seeds = 1000, .floors = true, .jobs = processors()};
    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (c == 'h') {
            usage(stdout);
            exit(0);
        }
        if (!option_take(o, c))
            return false;
    }
    return optind == argc;
}

static void failure_print(const struct sim_failure *failure)
{
    fprintf(stderr, "seed %llu: %s: %s\n", (unsigned long long)failure->seed,
            failure->died ? "died" : sim_oracle_name(failure->oracle), failure->text);
}

static int one(struct options *o)
{
    struct sim_totals totals = {0};
    struct sim_failure failure;

    if (o->shrink)
        sim_shrink(o->from, &o->schedule);
    bool held = sim_seed_run(o->from, &o->schedule.limits, o->trace, &totals, &failure);
    if (!held)
        failure_print(&failure);
    if (o->shrink)
        sim_schedule_print(&o->schedule, o->from);
    return !held;
}

static int many(const struct options *o)
{
    struct sim_result r;

    sim_seeds_run(o->from, o->seeds, o->jobs, &r);
    for (uint64_t i = 0; i < r.failed && i < SIM_FAILURES_MAX; i++) {
        failure_print(&r.failures[i]);
        fprintf(stderr, "replay: weft-sim --seed %llu --trace\n",
                (unsigned long long)r.failures[i].seed);
    }
    double minutes_s = (double)r.totals.simulated_ms / 60000 / (r.seconds + 0.001);
    printf(o->json ? "{\"seeds\":%llu,\"failed\":%llu,\"seconds\":%.1f,\"minutes_per_s\":%.1f,"
                     "\"memory_kb\":%ld"
                   : "seeds %llu  failed %llu  seconds %.1f  simulated minutes per second %.1f  "
                     "memory %ld kB",
           (unsigned long long)r.seeds, (unsigned long long)r.failed, r.seconds, minutes_s,
           r.memory_kb);
    sim_totals_print(&r.totals, o->json);
    puts(o->json ? "}" : "");
    return r.failed || (o->floors && !sim_totals_enough(&r.totals, r.seeds));
}

/* Until a seed breaks what a deliberate bug is meant to break: most sooner or later stop a client
 * or two, which would prove little about the oracles. */
static int hunt(const struct options *o)
{
    struct sim_totals totals = {0};
    struct sim_failure failure;
    uint64_t others = 0;

    for (uint64_t seed = o->from; seed < o->from + o->seeds; seed++) {
        if (sim_seed_run(seed, &o->schedule.limits, false, &totals, &failure))
            continue;
        if (!(o->expect & 1u << failure.oracle)) {
            others++;
            continue;
        }
        failure_print(&failure);
        printf("caught by seed %llu (%s), after %llu seeds, of which %llu broke something else\n",
               (unsigned long long)seed, sim_oracle_name(failure.oracle),
               (unsigned long long)(seed - o->from + 1), (unsigned long long)others);
        return 0;
    }
    fprintf(stderr, "weft-sim: no seed has broken what was expected (%llu broke something else)\n",
            (unsigned long long)others);
    return 1;
}

int main(int argc, char **argv)
{
    struct options o;

    if (!options_parse(argc, argv, &o)) {
        usage(stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    MUST(crypto_init() == 0);
    int status = o.one ? one(&o) : o.expect ? hunt(&o) : many(&o);
    sim_schedule_fini(&o.schedule);
    return status;
}
