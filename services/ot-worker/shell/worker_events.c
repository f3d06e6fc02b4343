/* What the core wants an operator to know: one row per event, counted and logged. */
#include <assert.h>

#include "worker.h"

struct event_row {
    enum obs_level level;
    const char *code;
    const char *detail; /* key of the detail; NULL: it has none */
    const char *words;  /* what happens next */
};

static const struct event_row rows[] = {
    [WK_EVENT_LOADED] = {OBS_DEBUG, "doc-loaded", "revision", "serving it"},
    [WK_EVENT_EVICTED] = {OBS_DEBUG, "doc-evicted", NULL, "loaded again when somebody opens it"},
    [WK_EVENT_CREATED] = {OBS_DEBUG, "doc-created", NULL, "serving it"},
    [WK_EVENT_APPEND_REFUSED] = {OBS_WARN, "append-refused", "expected",
                                 "another worker appended; loading again"},
    [WK_EVENT_APPEND_UNKNOWN] = {OBS_WARN, "append-unknown", NULL,
                                 "the answer was lost; loading again"},
    [WK_EVENT_TAIL_REAPPENDED] = {OBS_WARN, "tail-reappended", "entries",
                                  "Redis had lost them; they are back"},
    [WK_EVENT_TAIL_SUPERSEDED] = {OBS_WARN, "tail-superseded", "ops",
                                  "the history went on without them; they are admitted anew"},
    [WK_EVENT_REBASED] = {OBS_WARN, "doc-rebased", "revision",
                          "PostgreSQL's head was another than Redis'; going on from it"},
    [WK_EVENT_RESYNC] = {OBS_WARN, "client-resync", NULL,
                         "a position is not in the history; its holder gets the document anew"},
    [WK_EVENT_NEWER] = {OBS_WARN, "doc-newer", NULL,
                        "a newer release wrote it; this one cannot read it and tries again"},
    [WK_EVENT_QUARANTINED] =
        {OBS_ERROR, "doc-quarantined", "damage",
         "nobody can open it until an operator has looked (weftctl verify) and "
         "ends this (weftctl release)"},
    [WK_EVENT_RELEASED] = {OBS_INFO, "doc-released", NULL,
                           "an operator ended its quarantine; loading it anew"},
    [WK_EVENT_HANDOFF] = {OBS_DEBUG, "doc-handed-over", NULL, "its next owner serves it"},
    [WK_EVENT_TAIL_LET_GO] = {OBS_WARN, "tail-let-go", "revision",
                              "no memory to keep it until it is archived; Redis alone holds it"},
    [WK_EVENT_VIEW] = {OBS_INFO, "view", "view", "following it"},
    [WK_EVENT_STALE] = {OBS_WARN, "beat-stale", NULL,
                        "no answer from Redis for 2 s; ops wait until it answers"},
};
static_assert(sizeof rows / sizeof *rows == WK_EVENT_COUNT, "an event without a row");

void worker_event(void *ctx, enum wk_event event, struct slice doc, uint64_t detail)
{
    struct worker *w = ctx;
    const struct event_row *row = &rows[event];
    struct obs_field fields[4];
    size_t count = 0;

    w->events[event]++;
    if (event == WK_EVENT_VIEW)
        w->view = detail;
    if (doc.size) {
        fields[count++] = obs_doc("doc", doc);
        fields[count++] = obs_u64("shard", cluster_shard_of(doc));
        fields[count++] = obs_u64("view", w->view);
    }
    if (row->detail)
        fields[count++] = obs_u64(row->detail, detail);
    obs_log_event(&w->shell.log, row->level, row->code, fields, count, "%s", row->words);
}
