/* What the core wants an operator to know: one row per event. */
#include <assert.h>

#include "archiver.h"

struct event_row {
    enum obs_level level;
    const char *code;
    const char *detail; /* key of the detail; NULL: it has none */
    const char *words;  /* what happens next */
};

static const struct event_row rows[] = {
    [AR_EVENT_COMMITTED] = {OBS_DEBUG, "segment-committed", "revision", "trimming behind it"},
    [AR_EVENT_LOST] = {OBS_INFO, "commit-lost", NULL,
                       "another archiver had done it; reading again"},
    [AR_EVENT_UNKNOWN] = {OBS_WARN, "commit-unknown", NULL,
                          "the answer was lost; reading PostgreSQL's head before anything else"},
    [AR_EVENT_REBASED] = {OBS_WARN, "doc-rebased", "revision",
                          "PostgreSQL's head was another than Redis'; Redis follows it"},
    [AR_EVENT_DAMAGED] = {OBS_ERROR, "doc-damaged", "revision",
                          "the chain does not hold; left as it is until an operator has looked"},
    [AR_EVENT_NEWER] = {OBS_WARN, "doc-newer", "revision",
                        "a newer release wrote it; it stays in Redis, and is tried again"},
    [AR_EVENT_SNAPSHOT] = {OBS_DEBUG, "snapshot-written", "revision", "loads begin here"},
    [AR_EVENT_TRIMMED] = {OBS_DEBUG, "stream-trimmed", "entries_left", "done with this claim"},
};
static_assert(sizeof rows / sizeof *rows == AR_EVENT_COUNT, "an event without a row");

void archiver_event(void *ctx, enum ar_event event, struct slice doc, uint64_t detail)
{
    struct archiver *a = ctx;
    const struct event_row *row = &rows[event];
    struct obs_field fields[3] = {obs_doc("doc", doc), obs_u64("shard", cluster_shard_of(doc))};
    size_t count = 2;

    if (row->detail)
        fields[count++] = obs_u64(row->detail, detail);
    obs_log_event(&a->shell.log, row->level, row->code, fields, count, "%s", row->words);
}
