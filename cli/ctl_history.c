/* weftctl history: who changed a document, when, and by how much. */
#include "ctl_args.h"
#include "ctl_past.h"
#include "ctl_record.h"
#include "ctl_time.h"

struct history {
    struct ctl *ctl;
    uint64_t from, to;
    uint64_t at_ms; /* UINT64_MAX: not asked for */
    /* The last entry at or before at_ms; its records are printed when the next one is later. */
    uint64_t at_rev, at_time_ms;
};

static void records_print(const struct history *h, const struct doc *doc,
                          const struct wire_entry *entry)
{
    for (size_t i = 0; i < entry->count; i++) {
        struct ctl_record record = ctl_record_stored(doc_id(doc), entry, i);
        if (record.rev >= h->from && record.rev <= h->to)
            ctl_record_print(h->ctl, &record, h->ctl->args.ops);
    }
}

static bool on_entry(void *arg, const struct doc *doc, const struct wire_entry *entry, size_t bytes)
{
    struct history *h = arg;

    if (h->at_ms == UINT64_MAX) {
        records_print(h, doc, entry);
        return true;
    }
    if (entry->time_ms > h->at_ms)
        return false;
    h->at_rev = entry->first_rev + entry->count - 1;
    h->at_time_ms = entry->time_ms;
    return true;
}

static enum ctl_exit on_end(void *arg, const struct doc *doc)
{
    struct history *h = arg;
    char time[CTL_TIME_TEXT];

    if (h->at_ms == UINT64_MAX)
        return CTL_YES;
    if (!h->at_rev) {
        fprintf(h->ctl->err, "weftctl: document '%s': was not there at %s\n", h->ctl->args.doc,
                ctl_time_text(h->at_ms, time));
        return CTL_NO;
    }
    fprintf(h->ctl->out, h->ctl->args.json ? "{\"rev\":%llu,\"time\":\"%s\"}\n" : "%llu  %s\n",
            (unsigned long long)h->at_rev, ctl_time_text(h->at_time_ms, time));
    return CTL_YES;
}

static enum ctl_exit history(struct ctl *ctl, struct ctl_servers *servers, void *arg)
{
    struct history h = {.ctl = ctl, .from = 1, .to = CTL_PAST_HEAD, .at_ms = UINT64_MAX};
    const struct ctl_past_visitor visitor = {
        .entry = on_entry, .end = on_end, .arg = &h, .inside_too = true};

    if (!ctl_args_rev(ctl, "--from", ctl->args.from, &h.from) ||
        !ctl_args_rev(ctl, "--to", ctl->args.to, &h.to))
        return CTL_USAGE;
    if (ctl->args.at && !ctl_time_parse(ctl->args.at, ctl_time_now_ms(), &h.at_ms)) {
        fprintf(ctl->err,
                "weftctl: --at is a time in UTC (2026-11-24T13:45:00Z) or how long ago (90s, 10m, "
                "2h, 3d), not '%.40s'\n",
                ctl->args.at);
        return CTL_USAGE;
    }
    return ctl_past_walk(ctl, servers, h.from - 1, h.to, &visitor);
}

static enum ctl_exit run(struct ctl *ctl)
{
    return ctl_args_doc(ctl) ? ctl_servers_with(ctl, history, NULL) : CTL_USAGE;
}

static const struct ctl_option options[] = {
    {"from", "REV", offsetof(struct ctl_args, from), "From this revision on (1)."},
    {"to", "REV", offsetof(struct ctl_args, to), "Up to this revision (the last)."},
    {"at", "TIME", offsetof(struct ctl_args, at),
     "Only which revision was the last at this time: UTC, or how long ago (90s, 10m, 2h, 3d)."},
    {"ops", NULL, offsetof(struct ctl_args, ops), "Also what each change is, as a Delta."},
    {"json", NULL, offsetof(struct ctl_args, json), "One object a line, for programs."},
    CTL_WHERE_OPTIONS,
};

const struct ctl_verb ctl_verb_history = {
    .name = "history",
    .operand = "DOC",
    .summary = "tells who changed a document, when, and how much",
    .more =
        "One line for each revision: its number, the time, the author (as other clients see it;\n"
        "one for each session), what it is, UTF-16 units inserted and deleted, bytes stored.\n"
        "\n"
        "  weftctl history 5f0c --from 100 --to 120\n"
        "  weftctl get 5f0c --rev \"$(weftctl history 5f0c --at 10m | cut -d' ' -f1)\"\n"
        "  weftctl history 5f0c --json | grep -c '\"kind\":\"edit\"'\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
