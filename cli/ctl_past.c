#include "ctl_past.h"

#include "arena.h"
#include "ctl_progress.h"

struct past {
    struct ctl *ctl;
    const struct ctl_past_visitor *visitor;
    struct ctl_replay replay;
    struct ctl_progress progress;
    struct arena mem; /* of the entry under way */
    uint64_t from;
    bool begun, inside, enough; /* inside: `from` is */
};

#define REV(n) ((unsigned long long)(n))

static enum ctl_exit no(struct ctl *ctl, const char *what)
{
    fprintf(ctl->err, "weftctl: document '%s': %s\n", ctl->args.doc, what);
    return CTL_NO;
}

static enum ctl_exit inside(const struct past *p, uint64_t rev)
{
    uint64_t first = doc_entry_first_rev(p->replay.doc), last = doc_position(p->replay.doc).rev;
    char what[256];

    snprintf(what, sizeof what,
             "revision %llu lies inside the entry of revisions %llu to %llu, which took effect "
             "together: ask for %llu or %llu",
             REV(rev), REV(first), REV(last), REV(first - 1), REV(last));
    return no(p->ctl, what);
}

static enum ctl_exit not_yet(const struct past *p, uint64_t rev)
{
    char what[128];

    snprintf(what, sizeof what, "has no revision %llu yet, its last is %llu", REV(rev),
             REV(doc_position(p->replay.doc).rev));
    return no(p->ctl, what);
}

static void begin(struct past *p)
{
    p->begun = true;
    if (p->visitor->begin)
        p->visitor->begin(p->visitor->arg, p->replay.doc);
}

static void entry_show(struct past *p)
{
    struct wire_entry entry;

    arena_reset(&p->mem);
    /* It was applied, so it can be decoded. */
    MUST(wire_entry_decode(&p->mem, p->replay.payload, &entry) == 0);
    if (p->visitor->entry(p->visitor->arg, p->replay.doc, &entry, p->replay.payload.size))
        return;
    p->enough = true;
    p->replay.end = CTL_REPLAY_STOPPED;
}

static void on_entry(void *arg, struct ctl_replay *r)
{
    struct past *p = arg;
    uint64_t rev = doc_position(r->doc).rev;

    ctl_progress_show(&p->progress, rev, r->stop_rev != CTL_PAST_HEAD ? r->stop_rev : r->head.rev,
                      "revisions");
    if (p->from == CTL_PAST_HEAD)
        return;
    if (p->begun) {
        if (p->visitor->entry)
            entry_show(p);
    } else if (rev == p->from) {
        begin(p);
    } else if (rev > p->from && p->visitor->inside_too) {
        p->begun = true;
        entry_show(p);
    } else if (rev > p->from) {
        p->inside = true;
        r->end = CTL_REPLAY_INSIDE;
    }
}

static void load_take(void *arg, const struct pg_load_reply *reply)
{
    struct ctl_replay *r = arg;

    if (reply->has_snapshot && !ctl_replay_snapshot(r, reply))
        MUST(r->end == CTL_REPLAY_FAULT);
}

static enum ctl_exit answer(const struct past *p)
{
    const struct ctl_replay *r = &p->replay;

    if (p->inside)
        return inside(p, p->from);
    switch (r->end) {
    case CTL_REPLAY_UNREACHABLE:
        return CTL_UNREACHABLE;
    case CTL_REPLAY_FAULT:
        return no(p->ctl, r->fault);
    case CTL_REPLAY_INSIDE:
        if (!p->visitor->inside_too)
            return inside(p, r->stop_rev);
        break;
    default:
        break;
    }
    if (doc_position(r->doc).rev == 0)
        return no(p->ctl, "there is none");
    if (p->from != CTL_PAST_HEAD && !p->begun)
        return not_yet(p, p->from);
    if (r->stop_rev != CTL_PAST_HEAD && r->end == CTL_REPLAY_HEAD)
        return not_yet(p, r->stop_rev);
    return p->visitor->end ? p->visitor->end(p->visitor->arg, r->doc) : CTL_YES;
}

static enum ctl_exit walk(struct past *p, struct ctl_servers *servers)
{
    struct ctl_replay *r = &p->replay;
    enum ctl_exit status = CTL_YES;

    if (p->from > 0)
        status = ctl_ask_load(servers, r->id, p->from, load_take, r);
    if (status == CTL_NO)
        return no(p->ctl, ctl_servers_refusal(servers));
    if (status != CTL_YES)
        return status;
    if (r->end == CTL_REPLAY_GOING) {
        uint64_t rev = doc_position(r->doc).rev;
        if (rev == p->from)
            begin(p);
        if (rev == r->stop_rev)
            r->end = CTL_REPLAY_STOPPED;
        (void)ctl_replay_run(r);
    }
    ctl_progress_end(&p->progress);
    return answer(p);
}

enum ctl_exit ctl_past_walk(struct ctl *ctl, struct ctl_servers *servers, uint64_t from,
                            uint64_t to, const struct ctl_past_visitor *visitor)
{
    struct past p = {.ctl = ctl, .visitor = visitor, .from = from};
    struct ot_attrs_table *table = ot_attrs_table_new(CTL_ATTRS_BYTES_MAX);

    MUST(table);
    ctl_progress_init(&p.progress, ctl);
    arena_init(&p.mem, SIZE_MAX);
    ctl_replay_init(&p.replay, servers, slice_str(ctl->args.doc), table);
    p.replay.stop_rev = to;
    p.replay.on_entry = on_entry;
    p.replay.arg = &p;
    enum ctl_exit status = walk(&p, servers);
    if (visitor->leave)
        visitor->leave(visitor->arg);
    ctl_replay_fini(&p.replay);
    arena_fini(&p.mem);
    ot_attrs_table_free(table);
    return status;
}
