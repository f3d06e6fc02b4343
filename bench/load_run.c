/*
 * The phases. A tick looks every few milliseconds whether the phase is over, so that no event has
 * to know what it may complete.
 */
#include "load_run.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ev_timer.h"
#include "load_check.h"
#include "load_editor.h"
#include "load_link.h"
#include "load_report.h"

#define TICK_MS 5
#define OPENING_MS_MAX 60000
#define READING_MS_MAX 30000
#define PROGRESS_MS 1000
/* Sockets that are opened in one tick: a listener's queue is finite. */
#define CONNECTS_PER_TICK 64

struct run {
    struct load_world *w;
    struct load_result *result;
    int64_t phase_ms, progress_ms; /* when they began */
    size_t started;                /* links */
    bool over;                     /* the mode has typed all */
    int64_t measure_us;
    struct load_usage usage;
    struct conn_counts counts;
    uint64_t client_cpu_us;
    struct load_tally shown; /* at the last progress line */
};

static uint64_t own_cpu_us(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void phase_set(struct run *run, enum load_phase phase)
{
    run->w->phase = phase;
    run->phase_ms = ev_loop_now_ms(run->w->loop);
}

static bool phase_lasted(const struct run *run, int64_t ms)
{
    return ev_loop_now_ms(run->w->loop) - run->phase_ms >= ms;
}

void load_run_over(struct load_world *w)
{
    ((struct run *)w->run)->over = true;
}

/* ---- measuring ------------------------------------------------------------------------------ */

static void measure_begin(struct run *run)
{
    struct load_world *w = run->w;

    phase_set(run, LOAD_MEASURING);
    w->tally = run->shown = (struct load_tally){.errors = w->tally.errors};
    run->counts = *conn_set_counts(w->conns);
    load_usage_read(w->options->dir, &run->usage);
    run->client_cpu_us = own_cpu_us();
    run->measure_us = ev_clock_us();
}

static void measure_end(struct run *run)
{
    struct load_world *w = run->w;
    struct load_result *result = run->result;
    const struct conn_counts *now = conn_set_counts(w->conns);
    struct load_usage usage;

    result->seconds = (double)(ev_clock_us() - run->measure_us) / 1e6;
    result->client_cpu_us = own_cpu_us() - run->client_cpu_us;
    load_usage_read(w->options->dir, &usage);
    result->usage = load_usage_between(&run->usage, &usage);
    result->counts = (struct conn_counts){
        .frames_out = now->frames_out - run->counts.frames_out,
        .frames_in = now->frames_in - run->counts.frames_in,
        .messages_out = now->messages_out - run->counts.messages_out,
        .messages_in = now->messages_in - run->counts.messages_in,
        .bytes_out = now->bytes_out - run->counts.bytes_out,
        .bytes_in = now->bytes_in - run->counts.bytes_in,
    };
    result->tally = w->tally;
    result->archiver_lag_ms = load_archiver_lag_ms(w->options->dir);
    w->typing = false;
    phase_set(run, LOAD_SETTLING);
}

/* ---- opening -------------------------------------------------------------------------------- */

static int doc_create(struct load_doc *d)
{
    struct load_world *w = d->world;
    const struct load_mode *mode = w->mode;
    struct ot_op content;

    arena_reset(&w->mem);
    int r = mode->content ? mode->content(w, &w->mem, &content)
                          : typing_content(&w->rng, TYPING_UNITS_MIN, &w->mem, &content);
    return r ? r : load_editor_create(d->editors, mode->kind, &content);
}

static void typing_begin(struct run *run)
{
    struct load_world *w = run->w;

    phase_set(run, LOAD_WARMING);
    if (w->options->warmup_s == 0)
        measure_begin(run);
    w->typing = true;
    if (w->mode->begin)
        w->mode->begin(w);
    for (size_t i = 0; i < w->editor_count && w->mode->turn; i++) {
        if (w->editors[i].reader)
            continue;
        w->mode->turn(&w->editors[i]);
        load_editor_pump(&w->editors[i]);
    }
}

/* The others of a document open it once it is there: asked before, it would be unknown. */
static void opening_tick(struct run *run)
{
    struct load_world *w = run->w;

    for (unsigned i = 0; i < CONNECTS_PER_TICK && run->started < w->typist_links; i++)
        load_link_start(&w->links[run->started++]);
    for (size_t d = 0; d < w->doc_count; d++) {
        struct load_editor *e = w->docs[d].editors;
        if (client_doc_state(e->client) == CLIENT_CLOSED && doc_create(&w->docs[d]))
            load_world_fail(w, "no memory for the documents");
        for (size_t i = 1; e->live_once && i < w->doc_editors; i++) {
            if (client_doc_state(e[i].client) == CLIENT_CLOSED)
                load_editor_open(&e[i]);
        }
    }
    if (w->live_count == w->doc_count * w->doc_editors) {
        typing_begin(run);
    } else if (phase_lasted(run, OPENING_MS_MAX)) {
        load_world_fail(w, "after %d s only %zu of %zu editors have their document",
                        OPENING_MS_MAX / 1000, w->live_count, w->doc_count * w->doc_editors);
    }
}

/* ---- the end -------------------------------------------------------------------------------- */

static bool settled(const struct load_world *w)
{
    for (size_t d = 0; d < w->doc_count; d++) {
        const struct load_editor *e = w->docs[d].editors;
        struct chain_position first = client_doc_position(e->client);
        for (size_t i = 0; i < w->doc_editors; i++) {
            struct chain_position at = client_doc_position(e[i].client);
            if (!load_editor_idle(&e[i]) || !chain_position_equal(&at, &first))
                return false;
        }
    }
    return true;
}

static void reading_begin(struct run *run)
{
    struct load_world *w = run->w;

    phase_set(run, LOAD_READING);
    w->live_count = 0;
    for (size_t i = w->typist_links; i < w->link_count; i++)
        load_link_start(&w->links[i]);
    for (size_t d = 0; d < w->doc_count; d++)
        load_editor_open(load_reader(&w->docs[d]));
}

static void tick_phase(struct run *run)
{
    struct load_world *w = run->w;
    const struct load_options *o = w->options;

    switch (w->phase) {
    case LOAD_OPENING:
        opening_tick(run);
        break;
    case LOAD_WARMING:
        if (phase_lasted(run, o->warmup_s * 1000))
            measure_begin(run);
        break;
    case LOAD_MEASURING:
        if (run->over || (o->seconds && !o->tokens && phase_lasted(run, o->seconds * 1000)))
            measure_end(run);
        break;
    case LOAD_SETTLING:
        if (settled(w) || phase_lasted(run, o->settle_s * 1000))
            reading_begin(run);
        break;
    case LOAD_READING:
        if (w->live_count == w->doc_count || phase_lasted(run, READING_MS_MAX)) {
            phase_set(run, LOAD_DONE);
            ev_loop_stop(w->loop);
        }
        break;
    case LOAD_DONE:
        break;
    }
}

static void retries_due(struct load_world *w)
{
    int64_t now_ms = ev_loop_now_ms(w->loop);

    list_for_each_safe (node, &w->waiting) {
        struct load_editor *e = list_entry(node, struct load_editor, waiting);
        if (e->retry_ms <= now_ms)
            load_editor_retry(e);
    }
}

static void on_tick(void *arg)
{
    struct run *run = arg;
    struct load_world *w = run->w;
    int64_t now_ms = ev_loop_now_ms(w->loop);

    retries_due(w);
    tick_phase(run);
    if (w->options->quiet || now_ms - run->progress_ms < PROGRESS_MS)
        return;
    load_progress_print(w, &run->shown, (double)(now_ms - run->progress_ms) / 1000);
    run->progress_ms = now_ms;
    run->shown = w->tally;
}

static bool links_idle(const struct load_world *w)
{
    for (size_t i = 0; i < w->link_count; i++) {
        if (w->links[i].state != LINK_IDLE)
            return false;
    }
    return true;
}

static void loop_run(struct run *run)
{
    struct load_world *w = run->w;
    struct ev_timer *tick = ev_timer_new(w->loop, on_tick, run);

    if (!tick) {
        load_world_fail(w, "no memory for a timer");
        return;
    }
    phase_set(run, LOAD_OPENING);
    ev_timer_start_every(tick, TICK_MS);
    ev_loop_run(w->loop);
    ev_timer_free(tick);
}

bool load_run(struct load_world *w, struct load_result *ret)
{
    struct run run = {.w = w, .result = ret, .progress_ms = ev_loop_now_ms(w->loop)};

    *ret = (struct load_result){.archiver_lag_ms = -1};
    w->run = &run;
    loop_run(&run);
    if (w->phase == LOAD_DONE) {
        ret->tally.errors = w->tally.errors;
        for (size_t d = 0; d < w->doc_count; d++)
            ret->acked += w->docs[d].acked;
        load_check(w, &ret->tally);
    }
    for (size_t i = 0; i < w->link_count; i++)
        load_link_stop(&w->links[i]);
    while (!links_idle(w))
        ev_loop_step(w->loop, 100);
    if (w->mode->end)
        w->mode->end(w);
    w->run = NULL;
    return w->failure.size == 0;
}
