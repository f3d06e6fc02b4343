#include "load_report.h"

#include <math.h>
#include <stdio.h>

#include "json_delta.h"

/* ---- progress ------------------------------------------------------------------------------- */

static const char *const phase_names[] = {
    [LOAD_OPENING] = "opening",   [LOAD_WARMING] = "warming up", [LOAD_MEASURING] = "typing",
    [LOAD_SETTLING] = "settling", [LOAD_READING] = "reading",    [LOAD_DONE] = "done",
};

static double ms(const struct obs_hist *h, double quantile)
{
    return (double)obs_hist_quantile(h, quantile) / 1000;
}

/* Of the values that came between. */
static struct obs_hist since(const struct obs_hist *now, const struct obs_hist *before)
{
    struct obs_hist h = *now;

    h.count -= before->count;
    h.sum -= before->sum;
    for (size_t i = 0; i < OBS_HIST_BUCKETS; i++)
        h.buckets[i] -= before->buckets[i];
    return h;
}

void load_progress_print(struct load_world *w, const struct load_tally *before, double seconds)
{
    struct obs_hist ack = since(&w->tally.ack_us, &before->ack_us);
    struct obs_hist seen = since(&w->tally.seen_us, &before->seen_us);
    struct bytes more = BYTES_INIT;

    if (w->mode->progress)
        w->mode->progress(w, &more);
    fprintf(stderr,
            "weft-load: %-10s %9.0f ops/s  ack p50 %.1f p99 %.1f ms  seen p50 %.1f p99 %.1f ms"
            "  errors %llu%.*s\n",
            phase_names[w->phase], (double)(w->tally.ops - before->ops) / seconds, ms(&ack, 0.5),
            ms(&ack, 0.99), ms(&seen, 0.5), ms(&seen, 0.99), (unsigned long long)w->tally.errors,
            (int)more.size, (const char *)more.data);
    bytes_fini(&more);
}

/* ---- the result ----------------------------------------------------------------------------- */

bool load_result_good(const struct load_result *r)
{
    return !r->tally.errors && !r->tally.lost && !r->tally.doubled && !r->tally.diverged;
}

/* A share of nothing is not known. */
static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : NAN;
}

static double cpu_per_op(const struct load_result *r, int tier)
{
    return r->usage.known ? ratio((double)r->usage.cpu_us[tier], (double)r->tally.ops) : NAN;
}

/* All tiers and Redis. PostgreSQL's work comes later, in batches, and is told by itself. */
static double server_cpu_per_op(const struct load_result *r)
{
    return cpu_per_op(r, TIER_GATEWAY) + cpu_per_op(r, TIER_WORKER) + cpu_per_op(r, TIER_ARCHIVER) +
           cpu_per_op(r, TIER_REDIS);
}

static void put_whole(struct bytes *out, const char *key, uint64_t value)
{
    bytes_printf(out, ",\"%s\":%llu", key, (unsigned long long)value);
}

static void put_number(struct bytes *out, const char *key, double value)
{
    if (isnan(value))
        bytes_printf(out, ",\"%s\":null", key);
    else
        bytes_printf(out, ",\"%s\":%.3f", key, value);
}

static void put_text(struct bytes *out, const char *key, struct slice text)
{
    bytes_printf(out, ",\"%s\":", key);
    json_string_write(text, out);
}

static void put_options(struct bytes *out, const struct load_options *o)
{
    bytes_printf(out, "{\"mode\":\"%s\"", load_mode_names[o->mode]);
    put_whole(out, "docs", (uint64_t)o->docs);
    put_whole(out, "editors", (uint64_t)o->editors);
    put_whole(out, "connections", (uint64_t)o->connections);
    if (o->mode == LOAD_RATE)
        put_whole(out, "rate", (uint64_t)o->rate);
    if (o->mode == LOAD_TRACE)
        put_whole(out, "compose", (uint64_t)o->compose);
}

static void put_tally(struct bytes *out, const struct load_result *r)
{
    const struct load_tally *t = &r->tally;

    put_number(out, "seconds", r->seconds);
    put_whole(out, "ops", t->ops);
    put_whole(out, "patches", t->patches);
    put_number(out, "ops_s", ratio((double)t->ops, r->seconds));
    put_number(out, "ack_p50_ms", ms(&t->ack_us, 0.5));
    put_number(out, "ack_p99_ms", ms(&t->ack_us, 0.99));
    put_number(out, "seen_p50_ms", ms(&t->seen_us, 0.5));
    put_number(out, "seen_p99_ms", ms(&t->seen_us, 0.99));
    put_whole(out, "errors", t->errors);
    put_whole(out, "lost", t->lost);
    put_whole(out, "doubled", t->doubled);
    put_whole(out, "diverged", t->diverged);
    put_whole(out, "weftctl_compared", t->weftctl_asked);
    put_whole(out, "retries", t->retries);
    put_whole(out, "reconnects", t->reconnects);
    put_whole(out, "held", t->held);
    put_whole(out, "acked", r->acked);
}

static void put_costs(struct bytes *out, const struct load_result *r)
{
    const struct load_tally *t = &r->tally;
    const struct conn_counts *c = &r->counts;

    put_number(out, "server_cpu_us_per_op", server_cpu_per_op(r));
    for (int tier = 0; tier < LOAD_TIERS; tier++) {
        char key[64];
        snprintf(key, sizeof key, "%s_cpu_us_per_op", load_tier_names[tier]);
        put_number(out, key, cpu_per_op(r, tier));
    }
    put_number(out, "client_cpu_us_per_op", ratio((double)r->client_cpu_us, (double)t->ops));
    put_number(out, "frames_per_op", ratio((double)c->frames_in, (double)t->ops));
    put_number(out, "ops_per_entry", ratio((double)t->entry_ops, (double)t->entries));
    put_number(out, "transformed_share", ratio((double)t->transformed, (double)t->ops));
    put_number(out, "up_bytes", ratio((double)c->bytes_out, (double)c->messages_out));
    put_number(out, "down_bytes", ratio((double)c->bytes_in, (double)c->messages_in));
    put_number(out, "archiver_lag_s",
               r->archiver_lag_ms < 0 ? NAN : (double)r->archiver_lag_ms / 1000);
}

static void put_instance(struct bytes *out, const char *dir)
{
    struct bytes durability = BYTES_INIT;

    if (!load_setting(dir, "DURABILITY", &durability))
        bytes_append_str(&durability, "unknown");
    put_text(out, "durability", bytes_slice(&durability));
    put_text(out, "redis_dir_fs", slice_str(load_fs_name(dir)));
    bytes_fini(&durability);
}

static void print_words(const struct load_world *w, const struct load_result *r)
{
    const struct load_tally *t = &r->tally;

    printf("%llu ops (%llu patches) in %.1f s: %.0f ops/s\n", (unsigned long long)t->ops,
           (unsigned long long)t->patches, r->seconds, ratio((double)t->ops, r->seconds));
    printf("acknowledged p50 %.2f ms, p99 %.2f ms; seen by others p50 %.2f ms, p99 %.2f ms\n",
           ms(&t->ack_us, 0.5), ms(&t->ack_us, 0.99), ms(&t->seen_us, 0.5), ms(&t->seen_us, 0.99));
    if (r->usage.known)
        printf("CPU per op: servers %.1f us, this program %.1f us\n", server_cpu_per_op(r),
               ratio((double)r->client_cpu_us, (double)t->ops));
    else
        printf("CPU per op: this program %.1f us; the servers' is not known, since %s holds no "
               "instance of scripts/up (--dir)\n",
               ratio((double)r->client_cpu_us, (double)t->ops), w->options->dir);
    printf("ops per entry %.2f, frames per op %.2f, transformed over others' ops %.0f %%\n",
           ratio((double)t->entry_ops, (double)t->entries),
           ratio((double)r->counts.frames_in, (double)t->ops),
           100 * ratio((double)t->transformed, (double)t->ops));
    printf("%zu documents compared (%llu with weftctl): lost %llu, doubled %llu, diverged %llu, "
           "errors %llu\n",
           w->doc_count, (unsigned long long)t->weftctl_asked, (unsigned long long)t->lost,
           (unsigned long long)t->doubled, (unsigned long long)t->diverged,
           (unsigned long long)t->errors);
}

void load_result_print(const struct load_world *w, const struct load_result *result)
{
    struct bytes out = BYTES_INIT;

    if (!w->options->json)
        print_words(w, result);
    put_options(&out, w->options);
    put_tally(&out, result);
    put_costs(&out, result);
    put_instance(&out, w->options->dir);
    bytes_append_str(&out, "}");
    printf("%.*s\n", (int)out.size, (const char *)out.data);
    fflush(stdout);
    bytes_fini(&out);
}
