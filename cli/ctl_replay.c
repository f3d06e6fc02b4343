#include "ctl_replay.h"

#include <stdarg.h>
#include <string.h>

#include "archive_segment.h"
#include "doc_stored.h"

#define REV(n) ((unsigned long long)(n))

const char *ctl_hash_text(const struct chain_position *at, char text[CTL_HASH_TEXT])
{
    for (int i = 0; i < (CTL_HASH_TEXT - 1) / 2; i++)
        snprintf(text + 2 * i, 3, "%02x", at->hash[i]);
    return text;
}

__attribute__((format(printf, 2, 3))) static void fault(struct ctl_replay *r, const char *format,
                                                        ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(r->fault, sizeof r->fault, format, args);
    va_end(args);
    r->end = CTL_REPLAY_FAULT;
}

static const char *words_of(int outcome)
{
    switch (outcome) {
    case DOC_BAD_CHAIN:
        return "its hash does not follow from the history before it and its bytes";
    case DOC_NEWER:
        return "it was written by a newer build than this one";
    case DOC_BAD_ENTRY:
        return "it is damaged: malformed, or a record in it does not fit";
    default:
        return "there is not enough memory for it";
    }
}

static const char *archive_words_of(int outcome)
{
    switch (outcome) {
    case ARCHIVE_NEWER:
        return "it was written by a newer build than this one";
    case ARCHIVE_TOO_LARGE:
        return "it is damaged: larger than anything that is ever stored";
    case ARCHIVE_DAMAGED:
        return "it is damaged: not what was compressed";
    default:
        return "there is not enough memory for it";
    }
}

static uint64_t rev_of(const struct ctl_replay *r)
{
    return doc_position(r->doc).rev;
}

void ctl_replay_init(struct ctl_replay *r, struct ctl_servers *servers, struct slice id,
                     struct ot_attrs_table *table)
{
    *r = (struct ctl_replay){.servers = servers,
                             .id = id,
                             .doc = doc_new(id, table),
                             .stop_rev = UINT64_MAX,
                             .page_end = UINT64_MAX};
    MUST(r->doc);
}

void ctl_replay_fini(struct ctl_replay *r)
{
    r->doc = doc_free(r->doc);
}

bool ctl_replay_snapshot(struct ctl_replay *r, const struct pg_load_reply *load)
{
    int rc = doc_stored_load(r->doc, load->snapshot, NULL, 0, NULL);
    struct chain_position at = doc_position(r->doc);

    if (rc)
        fault(r, "PostgreSQL's snapshot of revision %llu: %s", REV(load->snapshot_at.rev),
              words_of(rc));
    else if (!chain_position_equal(&at, &load->snapshot_at))
        fault(r, "PostgreSQL's snapshot of revision %llu: its row says another position",
              REV(load->snapshot_at.rev));
    return r->end == CTL_REPLAY_GOING;
}

/* ---- entries ---- */

/* The entry is applied: what follows from where the document stands now? */
static void entry_applied(struct ctl_replay *r, struct slice payload)
{
    uint64_t rev = rev_of(r);

    r->payload = payload;
    r->entries++;
    r->progress = true;
    if (rev + 1 == r->stream_from) {
        r->base = doc_position(r->doc);
        r->has_base = true;
    }
    if (r->on_entry)
        r->on_entry(r->arg, r);
    r->payload = (struct slice){0};
    if (rev >= r->stop_rev)
        r->end = rev == r->stop_rev ? CTL_REPLAY_STOPPED : CTL_REPLAY_INSIDE;
}

static void segment_entries_apply(struct ctl_replay *r, const struct pg_segment *segment,
                                  struct archive_reader *reader)
{
    struct slice payload;

    while (r->end == CTL_REPLAY_GOING) {
        int rc = archive_reader_next(reader, &payload);
        if (rc) {
            fault(r, "PostgreSQL's segment of revisions %llu to %llu: behind revision %llu %s",
                  REV(segment->first_rev), REV(segment->last.rev), REV(rev_of(r)),
                  archive_words_of(rc));
            return;
        }
        if (!payload.data)
            return;
        rc = doc_entry_apply(r->doc, payload, NULL);
        if (rc)
            fault(r, "PostgreSQL's segment of revisions %llu to %llu: entry at revision %llu: %s",
                  REV(segment->first_rev), REV(segment->last.rev), REV(rev_of(r) + 1),
                  words_of(rc));
        else
            entry_applied(r, payload);
    }
}

/* The row says where the segment ends, and so does what is in it. */
static void segment_end_compare(struct ctl_replay *r, const struct pg_segment *segment)
{
    struct chain_position at = doc_position(r->doc);
    char there[CTL_HASH_TEXT], here[CTL_HASH_TEXT];

    if (at.rev != segment->last.rev)
        fault(r, "PostgreSQL's segment of revisions %llu to %llu: its entries end at revision %llu",
              REV(segment->first_rev), REV(segment->last.rev), REV(at.rev));
    else if (!chain_position_equal(&at, &segment->last))
        fault(r,
              "PostgreSQL's segment of revisions %llu to %llu: its bytes lead to hash %s, its row "
              "says %s: one of them was changed",
              REV(segment->first_rev), REV(segment->last.rev), ctl_hash_text(&at, here),
              ctl_hash_text(&segment->last, there));
}

static void segment_apply(struct ctl_replay *r, const struct pg_segment *segment)
{
    struct archive_reader reader;

    if (segment->first_rev > rev_of(r) + 1) {
        fault(r, "PostgreSQL has no segment of revisions %llu to %llu", REV(rev_of(r) + 1),
              REV(segment->first_rev - 1));
        return;
    }
    int rc = archive_reader_init(&reader, segment->bytes);
    if (rc)
        fault(r, "PostgreSQL's segment of revisions %llu to %llu: %s", REV(segment->first_rev),
              REV(segment->last.rev), archive_words_of(rc));
    else
        segment_entries_apply(r, segment, &reader);
    archive_reader_fini(&reader);
    if (r->end == CTL_REPLAY_GOING)
        segment_end_compare(r, segment);
}

static void history_take(void *arg, const struct pg_history_reply *reply)
{
    struct ctl_replay *r = arg;

    for (size_t i = 0; i < reply->count && r->end == CTL_REPLAY_GOING; i++)
        segment_apply(r, &reply->segments[i]);
}

/*
 * An entry that is archived and still in the stream: it must be the same one. What it rests on is
 * known if the run passed it (base); else the first one is taken at its word, and the chain from it
 * still has to lead to where the run stands.
 */
static void entry_compare(struct ctl_replay *r, const struct redis_entry *e)
{
    struct chain_position at = doc_position(r->doc);

    if (!r->has_link && r->has_base && r->base.rev + 1 == e->first_rev) {
        r->link = r->base;
        r->has_link = true;
    }
    if (r->has_link) {
        uint64_t count = e->after.rev - e->first_rev + 1;
        struct chain_position after = chain_position_after(&r->link, count, e->payload);
        if (r->link.rev + 1 != e->first_rev || !chain_position_equal(&after, &e->after)) {
            fault(r, "Redis' stream: entry of revisions %llu to %llu (archived): %s",
                  REV(e->first_rev), REV(e->after.rev), words_of(DOC_BAD_CHAIN));
            return;
        }
    }
    r->link = e->after;
    r->has_link = true;
    if (e->after.rev >= at.rev && !chain_position_equal(&e->after, &at))
        fault(r,
              "Redis' stream: entry of revisions %llu to %llu is another one than PostgreSQL has "
              "at revision %llu",
              REV(e->first_rev), REV(e->after.rev), REV(at.rev));
}

static void stream_entry_take(struct ctl_replay *r, const struct redis_entry *e)
{
    if (e->first_rev <= rev_of(r)) {
        if (r->whole)
            entry_compare(r, e);
    } else if (e->first_rev > rev_of(r) + 1) {
        r->gap = true;
    } else {
        int rc = doc_entry_apply(r->doc, e->payload, &e->after);
        if (rc)
            fault(r, "Redis' stream: entry of revisions %llu to %llu: %s", REV(e->first_rev),
                  REV(e->after.rev), words_of(rc));
        else
            entry_applied(r, e->payload);
    }
}

static void read_take(void *arg, const struct redis_read_reply *reply)
{
    struct ctl_replay *r = arg;

    r->has_head = reply->has_head;
    r->head = reply->head;
    for (size_t i = 0; i < reply->count && !r->gap && r->end == CTL_REPLAY_GOING; i++) {
        stream_entry_take(r, &reply->entries[i]);
        r->read_from = reply->entries[i].after.rev + 1;
    }
    r->progress = reply->count > 0;
    if (!r->progress && r->has_head && r->head.rev > rev_of(r))
        r->gap = true; /* archived and trimmed since PostgreSQL was asked, or lost */
}

static void stream_begin_take(void *arg, const struct redis_read_reply *reply)
{
    struct ctl_replay *r = arg;

    r->stream_from = reply->count ? reply->entries[0].first_rev : 0;
    if (r->stream_from == rev_of(r) + 1) {
        r->base = doc_position(r->doc);
        r->has_base = true;
    }
}

/* ---- the run ---- */

/* A refusal is what the client library says about an answer that cannot be. */
static void asked(struct ctl_replay *r, enum ctl_exit status, const char *what)
{
    if (status == CTL_UNREACHABLE)
        r->end = CTL_REPLAY_UNREACHABLE;
    else if (status != CTL_YES)
        fault(r, "%s behind revision %llu: %s", what, REV(rev_of(r)),
              ctl_servers_refusal(r->servers));
}

static void archived_apply(struct ctl_replay *r)
{
    do {
        r->progress = false;
        if (r->on_page)
            r->on_page(r->arg, r);
        if (r->end != CTL_REPLAY_GOING)
            return;
        asked(r, ctl_ask_history(r->servers, r->id, rev_of(r) + 1, r->page_end, history_take, r),
              "PostgreSQL's segments (is one missing?)");
    } while (r->progress && r->end == CTL_REPLAY_GOING);
}

static void stream_apply(struct ctl_replay *r)
{
    r->gap = r->has_link = false;
    r->read_from = r->whole ? 1 : rev_of(r) + 1;
    do {
        r->progress = false;
        asked(r, ctl_ask_read(r->servers, r->id, r->read_from, read_take, r), "Redis' stream");
    } while (r->progress && !r->gap && r->end == CTL_REPLAY_GOING);
}

static void gap_consider(struct ctl_replay *r)
{
    if (r->gapped && r->gapped_rev == rev_of(r))
        fault(r,
              "revisions from %llu are lost: PostgreSQL ends before them, Redis' head is at "
              "revision %llu and its stream does not have them",
              REV(rev_of(r) + 1), REV(r->head.rev));
    r->gapped = true;
    r->gapped_rev = rev_of(r);
}

enum ctl_replay_end ctl_replay_run(struct ctl_replay *r)
{
    if (r->whole)
        asked(r, ctl_ask_read(r->servers, r->id, 1, stream_begin_take, r), "Redis' stream");
    while (r->end == CTL_REPLAY_GOING) {
        archived_apply(r);
        if (r->end != CTL_REPLAY_GOING)
            break;
        stream_apply(r);
        if (r->end != CTL_REPLAY_GOING)
            break;
        if (r->gap)
            gap_consider(r);
        else
            r->end = CTL_REPLAY_HEAD;
    }
    return r->end;
}
