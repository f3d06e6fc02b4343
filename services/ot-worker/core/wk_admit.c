/*
 * Admission of one submit into the entry that is being made: named and not seen before (I5), based
 * on a position of this history (I3), transformed over all that came since, and fitting.
 *
 * A refusal that the log does not make final by itself is told only after a record that closes the
 * session is durable: a copy of the op, still on its way from another gateway, must not be admitted
 * later. So such a refusal puts a CLOSE in the place of the op. It needs none where the bytes alone
 * are refused (too many components, a title that is none): no copy of them fits anywhere, ever,
 * as long as no release raises that bound (OT_SUBMIT_COUNT_MAX).
 */
#include <assert.h>
#include <errno.h>

#include "wk_doc.h"

static_assert(OT_SUBMIT_COUNT_MAX == WIRE_OP_COMPONENTS_MAX, "what clients are told");

/* How far back PostgreSQL is asked for an old seq. */
#define SEQ_SEARCH_REVS 10000

static void answer(struct wk_doc *d, const struct wk_submit *s, uint32_t code, uint64_t detail)
{
    wk_refuse(d->core, s->gateway_boot, s->attachment, s->seq, code, detail);
}

static void accepted(struct wk_doc *d, const struct wk_submit *s, uint64_t rev)
{
    struct wire_to_gateway item = {
        .type = WIRE_TO_GATEWAY_ACCEPTED,
        .accepted = {.attachment = s->attachment, .seq = s->seq, .rev = rev}};

    d->core->counters.repeats++;
    wk_item_send(d->core, s->gateway_boot, &item);
}

/* The CLOSE takes the submit's place in the entry; s->code is told when it is durable. */
static enum wk_admit close_instead(struct wk_doc *d, struct wk_submit *s, uint32_t code,
                                   uint64_t detail)
{
    struct wire_record record = {.session = s->session, .kind = WIRE_KIND_CLOSE};
    int r = doc_draft_add(d->doc, &record);

    if (r == -ENOMEM)
        return WK_ADMIT_NOMEM;
    if (r) {
        /* No document to close it in: then there is nothing that a copy could get into. But another
         * worker may have created it since we looked (I3). */
        if (!s->confirmed)
            return WK_ADMIT_CHECK;
        if (code)
            answer(d, s, code, detail);
        return WK_ADMIT_ANSWERED;
    }
    s->code = code;
    s->detail = detail;
    return WK_ADMIT_IN;
}

static uint32_t code_of_outcome(int outcome)
{
    switch (outcome) {
    case OT_TOO_LARGE:
        return WIRE_E_OP_GROWS;
    case OT_TOO_LONG:
        return WIRE_E_OP_TOO_LONG;
    case OT_CUTS_PAIR:
        return WIRE_E_CUTS_PAIR;
    case OT_BREAKS_NEWLINE:
        return WIRE_E_BREAKS_NEWLINE;
    case OT_NOT_DOCUMENT:
        return WIRE_E_BAD_CREATE;
    case DOC_TOO_LARGE:
        return WIRE_E_DOCUMENT_TOO_LARGE;
    case DOC_NOT_CREATED:
        return WIRE_E_NO_SUCH_DOCUMENT;
    default:
        return WIRE_E_BAD_OP;
    }
}

static uint64_t detail_of_code(const struct wk_doc *d, uint32_t code)
{
    switch (code) {
    case WIRE_E_TOO_MANY_COMPONENTS:
        return OT_SUBMIT_COUNT_MAX;
    case WIRE_E_OP_GROWS:
        return WK_ENTRY_BYTES_MAX;
    case WIRE_E_OP_TOO_LONG:
        return ot_rope_units(doc_rope(d->doc));
    case WIRE_E_DOCUMENT_TOO_LARGE:
        return WIRE_DOCUMENT_BYTES_MAX;
    case WIRE_E_BAD_TITLE:
        return WIRE_TITLE_BYTES_MAX;
    default:
        return 0;
    }
}

static bool bytes_alone_are_refused(uint32_t code)
{
    return code == WIRE_E_TOO_MANY_COMPONENTS || code == WIRE_E_BAD_TITLE;
}

static enum wk_admit refuse(struct wk_doc *d, struct wk_submit *s, uint32_t code)
{
    if (!bytes_alone_are_refused(code))
        return close_instead(d, s, code, detail_of_code(d, code));
    answer(d, s, code, detail_of_code(d, code));
    return WK_ADMIT_ANSWERED;
}

/* Over what came since its base: the history, then what stands in this very entry before it. */
static int transform(struct wk_doc *d, struct list *first, struct ot_op *op, struct arena *mem,
                     bool *ret_met)
{
    int r = wk_ops_transform(d, first, op, mem, ret_met);

    for (struct list *node = d->forming.next; node != &d->forming && !r; node = node->next) {
        struct wk_submit *earlier = list_entry(node, struct wk_submit, link);
        struct ot_op theirs, after;
        if (earlier->kind != WIRE_KIND_EDIT || earlier->code)
            continue;
        *ret_met = true;
        r = ot_decode(mem, bytes_slice(&earlier->stored), &ot_limits_stored, &theirs);
        if (!r)
            r = ot_transform(mem, &theirs, op, true, &after);
        if (!r)
            *op = after;
    }
    return r;
}

/* A format repeats its attributes on each side of every insert that it is transformed over: what
 * an op may become is bounded, or a small one could fill the memory of everybody. */
static int stored_encode(struct wk_submit *s, const struct ot_op *op)
{
    bytes_fini(&s->stored);
    bytes_init(&s->stored, WK_ENTRY_BYTES_MAX);
    ot_encode(op, &s->stored);
    return s->stored.full ? OT_TOO_LARGE : s->stored.failed ? -ENOMEM : 0;
}

/* What is decoded without regard to the document; *ret_code is the error for what does not fit. */
static int edit_decode(struct wk_doc *d, const struct wk_submit *s, struct arena *mem,
                       struct ot_op *ret, uint32_t *ret_code)
{
    struct ot_fault fault;
    int r = ot_decode_explain(mem, bytes_slice(&s->body), &ot_limits_submit, ret, &fault);

    if (r != OT_TOO_LARGE)
        return r;
    /* Gateways have looked at the size; units are more than any document has. */
    bool many = fault.limit == OT_SUBMIT_COUNT_MAX;
    d->core->counters.limit_op_components += many;
    *ret_code = many ? WIRE_E_TOO_MANY_COMPONENTS : WIRE_E_OP_TOO_LONG;
    return r;
}

static int edit_prepare(struct wk_doc *d, struct wk_submit *s, struct list *first,
                        uint32_t *ret_code)
{
    struct ot_op op;
    struct arena mem;
    bool met = false;

    arena_init(&mem, SIZE_MAX);
    int r = edit_decode(d, s, &mem, &op, ret_code);
    if (!r)
        r = transform(d, first, &op, &mem, &met);
    if (!r) {
        r = stored_encode(s, &op);
        d->core->counters.limit_entry_bytes += r == OT_TOO_LARGE;
    }
    if (r > 0 && !*ret_code)
        *ret_code = code_of_outcome(r);
    arena_fini(&mem);
    if (!r)
        d->core->counters.transformed += met;
    return r;
}

/* Is it for the permission itself that it does not fit? Then it is also counted which limit it was.
 */
static bool permission_is_bad(struct wk_doc *d, const struct wk_submit *s, int outcome)
{
    struct wire_permission permission;
    struct arena mem;

    if (outcome != DOC_BAD_RECORD) {
        d->core->counters.limit_permissions += outcome == DOC_TOO_LARGE;
        return outcome == DOC_TOO_LARGE;
    }
    arena_init(&mem, SIZE_MAX);
    if (wire_permission_decode(&mem, bytes_slice(&s->body), &permission) == 0)
        d->core->counters.limit_subject += permission.subject.size > WIRE_SUBJECT_BYTES_MAX;
    arena_fini(&mem);
    return true;
}

static enum wk_admit record_add(struct wk_doc *d, struct wk_submit *s)
{
    struct wire_record record = {
        .session = s->session,
        .seq = s->seq,
        .kind = s->kind,
        .doc_kind = s->doc_kind,
        .body = bytes_slice(s->kind == WIRE_KIND_EDIT ? &s->stored : &s->body)};
    memcpy(record.digest, s->digest, WIRE_DIGEST_SIZE);
    if (doc_draft_count(d->doc) &&
        doc_draft_bytes(d->doc) + record.body.size > WK_ENTRY_BYTES_MAX) {
        d->core->counters.limit_entry_bytes++;
        return WK_ADMIT_LATER;
    }
    int r = doc_draft_add(d->doc, &record);

    if (r == 0)
        return WK_ADMIT_IN;
    if (r == -ENOMEM)
        return WK_ADMIT_NOMEM;
    if (s->kind == WIRE_KIND_CREATE) {
        /* Somebody else was first, and its opener gets that document; or it is none. */
        if (r != DOC_EXISTS)
            wk_create_refuse(d, s);
        return WK_ADMIT_ANSWERED;
    }
    uint32_t code = s->kind == WIRE_KIND_PERMISSION && permission_is_bad(d, s, r)
                        ? WIRE_E_BAD_PERMISSION
                    : r == DOC_BAD_RECORD ? WIRE_E_BAD_TITLE
                                          : code_of_outcome(r);
    return refuse(d, s, code);
}

/* Where this seq of the session stands in what we hold: its revision, or 0. */
static uint64_t seq_find(struct wk_doc *d, const struct wk_submit *s, bool *ret_same)
{
    for (struct list *node = d->ring.prev; node != &d->ring; node = node->prev) {
        struct wk_entry *e = list_entry(node, struct wk_entry, link);
        for (size_t i = e->count; i-- > 0;) {
            const struct wire_record *record = &e->records[i];
            if (record->seq != s->seq ||
                memcmp(&record->session, &s->session, sizeof s->session) != 0)
                continue;
            *ret_same = memcmp(record->digest, s->digest, WIRE_DIGEST_SIZE) == 0;
            return e->before.rev + 1 + i;
        }
    }
    return 0;
}

/* Older than the last: answered with its revision if the log still tells. PostgreSQL is asked once,
 * for what a copy on its way for a day may have missed; the whole history would be too much work
 * for an answer that hardly anybody waits for. */
static enum wk_admit old_answer(struct wk_doc *d, struct wk_submit *s, uint64_t last,
                                uint64_t *ret_from_rev)
{
    struct wk_entry *first = wk_ring_first(d);
    uint64_t start = first ? first->before.rev : doc_position(d->doc).rev;
    bool same = false;
    uint64_t rev = seq_find(d, s, &same);

    if (!rev && start > 0 && !d->ring_is_all && !s->searched) {
        s->searched = true;
        *ret_from_rev = start > SEQ_SEARCH_REVS ? start - SEQ_SEARCH_REVS + 1 : 1;
        return WK_ADMIT_HISTORY;
    }
    if (!rev)
        answer(d, s, WIRE_E_SEQ_OLD, last);
    else if (same)
        accepted(d, s, rev);
    else
        answer(d, s, WIRE_E_SEQ_REUSED, 0);
    return WK_ADMIT_ANSWERED;
}

/* Named and new? WK_ADMIT_IN: goes on; or a CLOSE took its place, and s->code is set. */
static enum wk_admit name_check(struct wk_doc *d, struct wk_submit *s, uint64_t *ret_from_rev)
{
    uint64_t detail;
    enum doc_admission admission =
        doc_admit(d->doc, &s->session, s->seq, s->digest, wk_time_ms(d->core), &detail);

    if (admission == DOC_ADMIT)
        return WK_ADMIT_IN;
    if (admission == DOC_SEQ_GAP)
        return close_instead(d, s, WIRE_E_SEQ_GAP, detail);
    /* What only this very entry makes so is not so yet. */
    if (doc_draft_count(d->doc))
        return WK_ADMIT_LATER;
    switch (admission) {
    case DOC_REPEAT:
        accepted(d, s, detail);
        break;
    case DOC_SEQ_OLD:
        return old_answer(d, s, detail, ret_from_rev);
    case DOC_SEQ_REUSED:
        answer(d, s, WIRE_E_SEQ_REUSED, 0);
        break;
    case DOC_SESSION_EXPIRED:
        /* Another worker may know it (I3). Then its result is in the log; if not, no copy of the op
         * can be admitted any more: an append needs the head, and what is expired there stays so.
         */
        if (!s->confirmed)
            return WK_ADMIT_CHECK;
        wk_session_count(d->core, &s->session, WIRE_E_SESSION_EXPIRED);
        answer(d, s, WIRE_E_SESSION_EXPIRED, 0);
        break;
    case DOC_CLOCK_SKEW:
        /* It was opened, so it is our clock that has gone back, and a copy could be admitted when
         * it has caught up: nothing permanent can be said. Nor may it be closed in the log: there
         * it would count as created when it says, and its eviction make everybody's session old. */
        answer(d, s, WIRE_E_RETRY_LATER, 0);
        break;
    default:
        answer(d, s, WIRE_E_SESSION_CLOSED, 0);
    }
    return WK_ADMIT_ANSWERED;
}

static bool role_allows(struct wk_doc *d, const struct wk_submit *s)
{
    enum wire_role everybody = doc_role(d->doc, (struct slice){0});
    enum wire_role role = s->role < everybody ? s->role : everybody;

    return role >= (s->kind == WIRE_KIND_PERMISSION ? WIRE_ROLE_OWN : WIRE_ROLE_WRITE);
}

/* Closed already, by an earlier refusal or another worker: log it once. */
static enum wk_admit close_admit(struct wk_doc *d, struct wk_submit *s)
{
    uint64_t detail;

    if (doc_session_open(d->doc, &s->session, wk_time_ms(d->core), &detail) != DOC_ADMIT)
        return WK_ADMIT_ANSWERED;
    return close_instead(d, s, 0, 0);
}

static enum wk_admit edit_admit(struct wk_doc *d, struct wk_submit *s, uint64_t *ret_from_rev)
{
    struct list *first;
    enum wk_where where = wk_position_find(d, &s->base, &first);

    /* Before revision 1 there is no text that an op could apply to. */
    if (s->base.rev == 0)
        where = WK_NOT_THERE;
    if (where == WK_BEFORE_RING && wk_history_reaches(d, s->base.rev + 1)) {
        *ret_from_rev = s->base.rev + 1;
        return WK_ADMIT_HISTORY;
    }
    if (where == WK_NOT_THERE && !s->confirmed)
        return WK_ADMIT_CHECK;
    if (where == WK_NOT_THERE || where == WK_BEFORE_RING)
        return close_instead(d, s, WIRE_E_BAD_BASE, doc_position(d->doc).rev);
    uint32_t code = WIRE_OK;
    int r = edit_prepare(d, s, first, &code);
    if (r == -ENOMEM)
        return WK_ADMIT_NOMEM;
    if (r)
        return refuse(d, s, code);
    return record_add(d, s);
}

enum wk_admit wk_submit_admit(struct wk_doc *d, struct wk_submit *s, uint64_t *ret_from_rev)
{
    if (s->kind == WIRE_KIND_CREATE)
        return record_add(d, s);
    if (s->kind == WIRE_KIND_CLOSE)
        return wk_close_wanted(d, s) ? close_admit(d, s) : WK_ADMIT_ANSWERED;
    enum wk_admit named = name_check(d, s, ret_from_rev);
    if (named != WK_ADMIT_IN || s->code)
        return named;
    if (!role_allows(d, s))
        return close_instead(d, s, WIRE_E_DENIED, 0);
    if (s->kind != WIRE_KIND_EDIT)
        return record_add(d, s);
    return edit_admit(d, s, ret_from_rev);
}
