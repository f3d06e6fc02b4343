/*
 * Looks at one lane after the other for documents that are due, works on up to jobs_max of them at
 * once, and lets slow sweeps repair dirty marks and compare heads (ar_heads.c). One claim is under
 * way at a time; after a whole round of lanes without work it waits poll_ms.
 */
#include "ar_core.h"

#include <stdlib.h>

#include "ar_core_private.h"

/* Attribute sets interned for all cached documents together. */
#define ATTRS_BYTES_MAX (64u << 20)
#define SWEEP_COUNT 1000
/* The first claim waits this long for the connection. */
#define CONNECT_MS 5000

OBS_STATS_TABLE(ar_counters, AR_COUNTERS)
OBS_STATS_TABLE(ar_gauges, AR_GAUGES)

static uint64_t now_ms(const struct ar_core *core)
{
    return core->io.now_ms(core->io.ctx);
}

struct ar_core *ar_core_new(const struct ar_config *config, const struct ar_io *io)
{
    struct ar_core *core = calloc(1, sizeof *core);

    if (!core)
        return NULL;
    *core = (struct ar_core){.config = *config, .io = *io};
    list_init(&core->jobs);
    list_init(&core->cached);
    ar_heads_init(core);
    core->attrs = ot_attrs_table_new(ATTRS_BYTES_MAX);
    if (!core->attrs) {
        free(core);
        return NULL;
    }
    return core;
}

struct ar_core *ar_core_free(struct ar_core *core)
{
    if (!core)
        return NULL;
    struct ar_job *job;
    while ((job = list_first(&core->jobs, struct ar_job, link)))
        ar_job_free(job);
    ar_cache_clear(core);
    ar_heads_fini(core);
    ot_attrs_table_free(core->attrs);
    free(core);
    return NULL;
}

void ar_core_start(struct ar_core *core)
{
    core->started = true;
    /* Archivers start at lanes of their own, so that several do not crowd on the same one. */
    core->claim_lane = (uint32_t)(core->io.random(core->io.ctx) % CLUSTER_LANE_COUNT);
    core->sweep_lane = core->claim_lane;
    core->claim_due_ms = now_ms(core) + CONNECT_MS;
    core->sweep_due_ms = now_ms(core) + core->config.sweep_ms;
    core->heads.due_ms = core->sweep_due_ms;
}

void ar_core_storage_reconnected(struct ar_core *core)
{
    core->claim_due_ms = now_ms(core);
}

void ar_core_drain(struct ar_core *core)
{
    core->draining = true;
}

bool ar_core_drained(const struct ar_core *core)
{
    return core->draining && core->job_count == 0 && !core->claim.kind && !core->sweep.kind &&
           !core->heads.call.kind;
}

static void claim_begin(struct ar_core *core)
{
    core->claim = (struct storage_call){.kind = STORAGE_CLAIM,
                                        .owner = &core->claim,
                                        .lane = core->claim_lane,
                                        .lease_ms = core->config.lease_ms,
                                        .count_max = core->config.jobs_max - core->job_count};
    core->io.storage.call(core->io.storage.ctx, &core->claim);
}

static void sweep_begin(struct ar_core *core)
{
    core->sweep = (struct storage_call){.kind = STORAGE_REMARK,
                                        .owner = &core->sweep,
                                        .lane = core->sweep_lane,
                                        .cursor = core->sweep_cursor,
                                        .count_max = SWEEP_COUNT};
    core->io.storage.call(core->io.storage.ctx, &core->sweep);
}

static void failing(struct ar_core *core)
{
    core->counters.failed++;
    core->failed_ms = now_ms(core);
    if (!core->failing_since_ms)
        core->failing_since_ms = core->failed_ms;
}

/* What failed here would have come back by now: another archiver has done it. */
static void nothing_found(struct ar_core *core)
{
    if (now_ms(core) - core->failed_ms > core->config.lease_ms + core->config.poll_ms)
        core->failing_since_ms = 0;
}

static void job_finish(struct ar_core *core, struct ar_job *job)
{
    struct doc *doc = job->doc;
    struct doc_stored_size since = job->since;
    /* Ahead of PostgreSQL only while a commit is made; such a document must not be kept. */
    bool keep = doc && job->call.kind == STORAGE_TRIM;

    /* Of damage it is told by itself; the server has answered. */
    if (job->call.result >= STORAGE_UNKNOWN && job->call.result != STORAGE_DAMAGED)
        failing(core);
    else
        core->failing_since_ms = 0;

    if (keep) {
        job->doc = NULL;
        ar_cache_put(core, doc, since);
    }
    ar_job_free(job);
    core->job_count--;
    if (core->job_count == 0)
        core->lag_ms = 0;
}

static bool job_running(struct ar_core *core, struct slice id)
{
    list_for_each (node, &core->jobs) {
        struct ar_job *job = list_entry(node, struct ar_job, link);
        if (slice_equal(bytes_slice(&job->id), id))
            return true;
    }
    return false;
}

bool ar_core_job_begin(struct ar_core *core, uint32_t lane, struct slice id)
{
    struct doc_stored_size since = {0};

    if (job_running(core, id))
        return false; /* it outlived its own claim */
    struct doc *doc = ar_cache_take(core, id, &since);
    struct ar_job *job = ar_job_new(core, lane, id, doc, since);
    if (!job)
        return false;
    core->job_count++;
    core->counters.limit_jobs += core->job_count == core->config.jobs_max;
    list_push_back(&core->jobs, &job->link);
    ar_job_start(job);
    return true;
}

static void claim_done(struct ar_core *core)
{
    struct storage_call call = core->claim;

    core->claim.kind = 0;
    size_t count = call.result == STORAGE_OK ? call.doc_count : 0;
    for (size_t i = 0; i < count; i++)
        core->counters.claims += ar_core_job_begin(core, call.lane, call.docs[i]);
    core->claim_lane = (core->claim_lane + 1) % CLUSTER_LANE_COUNT;
    core->claim_misses = count ? 0 : core->claim_misses + 1;
    core->claim_due_ms = now_ms(core);
    if (call.result == STORAGE_OK)
        core->claimless_since_ms = 0;
    else if (!core->claimless_since_ms)
        core->claimless_since_ms = now_ms(core);
    if (core->claim_misses >= CLUSTER_LANE_COUNT)
        nothing_found(core);
    if (call.result != STORAGE_OK || core->claim_misses >= CLUSTER_LANE_COUNT) {
        core->claim_misses = 0;
        core->claim_due_ms += core->config.poll_ms;
    }
}

static void sweep_done(struct ar_core *core)
{
    struct storage_call call = core->sweep;

    core->sweep.kind = 0;
    core->sweep_due_ms = now_ms(core) + core->config.sweep_ms;
    if (call.result != STORAGE_OK)
        return;
    core->counters.remarked += call.count;
    core->sweep_cursor = call.cursor;
    if (call.cursor == 0)
        core->sweep_lane = (core->sweep_lane + 1) % CLUSTER_LANE_COUNT;
}

void ar_core_storage_done(struct ar_core *core, struct storage_call *call)
{
    if (call == &core->claim) {
        claim_done(core);
    } else if (call == &core->sweep) {
        sweep_done(core);
    } else if (call == &core->heads.call) {
        ar_heads_storage_done(core);
    } else {
        struct ar_job *job = call->owner;
        ar_job_storage_done(job);
        if (job->state == AR_DONE)
            job_finish(core, job);
    }
    ar_core_tick(core);
}

void ar_core_tick(struct ar_core *core)
{
    uint64_t now = now_ms(core);

    if (!core->started || core->draining)
        return;
    if (!core->claim.kind && core->job_count < core->config.jobs_max && now >= core->claim_due_ms)
        claim_begin(core);
    if (!core->sweep.kind && now >= core->sweep_due_ms)
        sweep_begin(core);
    if (!core->heads.call.kind && now >= core->heads.due_ms)
        ar_heads_begin(core);
}

uint64_t ar_core_due_ms(const struct ar_core *core)
{
    uint64_t due = core->sweep.kind ? UINT64_MAX : core->sweep_due_ms;

    if (!core->heads.call.kind && core->heads.due_ms < due)
        due = core->heads.due_ms;
    if (!core->claim.kind && core->job_count < core->config.jobs_max && core->claim_due_ms < due)
        due = core->claim_due_ms;
    return core->started && !core->draining ? due : UINT64_MAX;
}

const struct ar_counters *ar_core_counters(const struct ar_core *core)
{
    return &core->counters;
}

static uint64_t longer(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t since_ms(const struct ar_core *core, uint64_t at_ms)
{
    return at_ms ? now_ms(core) - at_ms : 0;
}

/* Of the oldest entry that a job under way has read, or since when nothing succeeds. */
static uint64_t oldest_ms(const struct ar_core *core)
{
    uint64_t wall_ms = core->io.wall_ms(core->io.ctx), age_ms = core->lag_ms;

    list_for_each (node, &core->jobs) {
        const struct ar_job *job = list_entry(node, struct ar_job, link);
        if (job->time_ms && wall_ms > job->time_ms + age_ms)
            age_ms = wall_ms - job->time_ms;
    }
    return longer(longer(age_ms, since_ms(core, core->failing_since_ms)),
                  since_ms(core, core->claimless_since_ms));
}

static uint64_t lag_revs(const struct ar_core *core)
{
    uint64_t revs = 0;

    list_for_each (node, &core->jobs) {
        const struct ar_job *job = list_entry(node, struct ar_job, link);
        if (job->redis_head.rev > job->base.rev)
            revs += job->redis_head.rev - job->base.rev;
    }
    return revs;
}

struct ar_gauges ar_core_gauges(const struct ar_core *core)
{
    return (struct ar_gauges){.jobs = core->job_count,
                              .jobs_max = core->config.jobs_max,
                              .lag_us = (int64_t)oldest_ms(core) * 1000,
                              .lag_revs = (int64_t)lag_revs(core),
                              .cache_bytes = (int64_t)core->cache_bytes,
                              .cache_bytes_max = (int64_t)core->config.cache_bytes_max};
}
