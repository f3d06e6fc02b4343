/*
 * Seeds share nothing, so each job is a process of its own that takes the next seed from a counter
 * in shared memory. One that dies (a MUST, a sanitizer) has failed its seed; another goes on.
 */
#include "sim_run.h"
#include "sim_alloc.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX 64
#define PROGRESS_MS 200

struct job {
    _Atomic uint64_t seed; /* being run; 0: none */
    struct sim_totals totals;
    pid_t pid;
};

struct shared {
    _Atomic uint64_t next, done, failed;
    uint64_t from, end;
    struct job jobs[JOBS_MAX];
    struct sim_failure failures[SIM_FAILURES_MAX];
};

bool sim_seed_run(uint64_t seed, const struct sim_limits *limits, bool trace,
                  struct sim_totals *totals, struct sim_failure *failure)
{
    size_t live = sim_alloc_live();
    struct sim_world *world = malloc(sizeof *world);

    MUST(world);
    sim_world_init(world, seed, limits, trace);
    sim_world_run(world);
    bool held = !sim_violated(world);
    *failure = (struct sim_failure){.seed = seed, .oracle = world->violation.oracle};
    snprintf(failure->text, sizeof failure->text, "%.*s", (int)world->violation.text.size,
             held ? "" : (const char *)world->violation.text.data);
    sim_world_fini(world);
    sim_totals_add(totals, &world->totals);
    free(world);
    if (held && sim_alloc_live() != live) {
        failure->oracle = SIM_LIVE;
        snprintf(failure->text, sizeof failure->text, "%zd objects are left",
                 (ssize_t)(sim_alloc_live() - live));
        held = false;
    }
    return held;
}

static void failure_put(struct shared *shared, const struct sim_failure *failure)
{
    uint64_t i = atomic_fetch_add(&shared->failed, 1);

    if (i < SIM_FAILURES_MAX)
        shared->failures[i] = *failure;
}

static void job_run(struct shared *shared, struct job *job)
{
    const struct sim_limits none = {0};
    struct sim_failure failure;

    while (atomic_load(&shared->failed) < SIM_FAILURES_MAX) {
        uint64_t seed = atomic_fetch_add(&shared->next, 1);
        if (seed >= shared->end)
            break;
        atomic_store(&job->seed, seed);
        if (!sim_seed_run(seed, &none, false, &job->totals, &failure))
            failure_put(shared, &failure);
        atomic_fetch_add(&shared->done, 1);
        atomic_store(&job->seed, 0);
    }
}

static void job_start(struct shared *shared, struct job *job)
{
    fflush(NULL);
    job->pid = fork();
    MUST(job->pid >= 0);
    if (job->pid)
        return;
    job_run(shared, job);
    exit(0);
}

/* True: it goes on with another seed. */
static bool job_ended(struct shared *shared, struct job *job, int status)
{
    struct sim_failure failure = {.seed = atomic_exchange(&job->seed, 0),
                                  .oracle = SIM_FORM,
                                  .died = WIFSIGNALED(status) ? WTERMSIG(status) : -1};

    job->pid = 0;
    if (status == 0)
        return false;
    snprintf(failure.text, sizeof failure.text, "the program died");
    failure_put(shared, &failure);
    atomic_fetch_add(&shared->done, 1);
    return atomic_load(&shared->failed) < SIM_FAILURES_MAX;
}

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void progress(const struct shared *shared, double began_s, bool last)
{
    uint64_t done = atomic_load(&shared->done);

    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%llu of %llu seeds, %llu failed, %.0f seeds/s   %s",
                (unsigned long long)done, (unsigned long long)(shared->end - shared->from),
                (unsigned long long)atomic_load(&shared->failed),
                (double)done / (now_s() - began_s + 0.001), last ? "\n" : "");
}

/* Until no job is left. */
static void jobs_wait(struct shared *shared, double began_s)
{
    const struct timespec pause = {.tv_nsec = PROGRESS_MS * 1000000};
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, isatty(STDERR_FILENO) ? WNOHANG : 0)) >= 0) {
        for (unsigned i = 0; i < JOBS_MAX && pid > 0; i++)
            if (shared->jobs[i].pid == pid && job_ended(shared, &shared->jobs[i], status))
                job_start(shared, &shared->jobs[i]);
        progress(shared, began_s, false);
        if (pid == 0)
            nanosleep(&pause, NULL);
    }
    progress(shared, began_s, true);
}

void sim_seeds_run(uint64_t from, uint64_t seeds, unsigned jobs, struct sim_result *result)
{
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    double began_s = now_s();
    struct rusage usage;

    MUST(shared != MAP_FAILED);
    shared->next = shared->from = from;
    shared->end = from + seeds;
    for (unsigned i = 0; i < jobs && i < JOBS_MAX; i++)
        job_start(shared, &shared->jobs[i]);
    jobs_wait(shared, began_s);
    getrusage(RUSAGE_CHILDREN, &usage);
    *result = (struct sim_result){.seeds = atomic_load(&shared->done),
                                  .failed = atomic_load(&shared->failed),
                                  .seconds = now_s() - began_s,
                                  .memory_kb = usage.ru_maxrss};
    for (unsigned i = 0; i < JOBS_MAX; i++)
        sim_totals_add(&result->totals, &shared->jobs[i].totals);
    memcpy(result->failures, shared->failures, sizeof result->failures);
    munmap(shared, sizeof *shared);
}
