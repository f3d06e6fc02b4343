/*
 * Admission of one submit into the entry that is being made: named and not seen before (I5), based
 * on a position of this history (I3), transformed over all that came since, and fitting.
 *
 * A refusal that the log does not make final by itself is told only after a record that closes the
 * session is durable: a copy of the op, still on its way from another gateway, must not be admitted
 * later. So such a refusal puts a CLOSE in the place of the op.
 */
#include <errno.h>

#include "wk_doc.h"

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
        /* No document to close it in: then there is nothing that a copy could get into. */
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
        return WIRE_E_OP_TOO_LARGE;
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
    case WIRE_E_OP_TOO_LARGE:
        return WIRE_OP_BYTES_MAX;
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

/* Rewrites *op over one body of the history. */
static int over(struct arena *mem, struct slice body, struct ot_op *op)
{
    struct ot_op theirs, after;
    int r = ot_decode(mem, body, &ot_limits_stored, &theirs);

    if (!r)
        r = ot_transform(mem, &theirs, op, true, &after);
    if (!r)
        *op = after;
    return r;
}

static int transform(struct wk_doc *d, struct wk_submit *s, struct list *first, struct ot_op *op,
                     struct arena *mem)
{
    bool met = false;
    int r = 0;

    for (struct list *node = first; node != &d->ring && !r; node = node->next) {
        struct wk_entry *e = list_entry(node, struct wk_entry, link);
        for (size_t i = 0; i < e->count && !r; i++) {
            if (e->records[i].kind != WIRE_KIND_EDIT)
                continue;
            met = true;
            r = over(mem, e->records[i].body, op);
        }
    }
    for (struct list *node = d->flight.next; node != &d->flight && !r; node = node->next) {
        struct wk_submit *earlier = list_entry(node, struct wk_submit, link);
        if (earlier->kind != WIRE_KIND_EDIT || earlier->code)
            continue;
        met = true;
        r = over(mem, bytes_slice(&earlier->stored), op);
    }
    d->core->counters.transformed += met;
    return r;
}

static int edit_prepare(struct wk_doc *d, struct wk_submit *s, struct list *first)
{
    struct ot_op op;
    struct arena mem;

    arena_init(&mem, SIZE_MAX);
    int r = ot_decode(&mem, bytes_slice(&s->body), &ot_limits_submit, &op);
    if (!r)
        r = transform(d, s, first, &op, &mem);
    if (!r) {
        bytes_reset(&s->stored);
        ot_encode(&op, &s->stored);
        r = s->stored.failed ? -ENOMEM : 0;
    }
    arena_fini(&mem);
    return r;
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
    int r = doc_draft_add(d->doc, &record);

    if (r == 0)
        return WK_ADMIT_IN;
    if (r == -ENOMEM)
        return WK_ADMIT_NOMEM;
    if (s->kind == WIRE_KIND_CREATE) {
        /* Somebody else was first, or the content is bad; its opener is still waiting. */
        if (r != DOC_EXISTS)
            answer(d, s, WIRE_E_BAD_CREATE, 0);
        return WK_ADMIT_ANSWERED;
    }
    uint32_t code = r != DOC_BAD_RECORD          ? code_of_outcome(r)
                    : s->kind == WIRE_KIND_TITLE ? WIRE_E_BAD_TITLE
                                                 : WIRE_E_BAD_PERMISSION;
    return close_instead(d, s, code, detail_of_code(d, code));
}

/* Named and new? WK_ADMIT_IN: goes on; or a CLOSE took its place, and s->code is set. */
static enum wk_admit name_check(struct wk_doc *d, struct wk_submit *s)
{
    static const uint32_t codes[] = {
        [DOC_SEQ_OLD] = WIRE_E_SEQ_OLD,
        [DOC_SEQ_REUSED] = WIRE_E_SEQ_REUSED,
        [DOC_SESSION_CLOSED] = WIRE_E_SESSION_CLOSED,
        [DOC_SESSION_EXPIRED] = WIRE_E_SESSION_EXPIRED,
        [DOC_CLOCK_SKEW] = WIRE_E_CLOCK_SKEW,
    };
    uint64_t detail;
    enum doc_admission admission =
        doc_admit(d->doc, &s->session, s->seq, s->digest, wk_time_ms(d->core), &detail);

    if (admission == DOC_ADMIT)
        return WK_ADMIT_IN;
    if (admission == DOC_REPEAT && detail > doc_position(d->doc).rev)
        return WK_ADMIT_LATER;
    if (admission == DOC_SEQ_GAP)
        return close_instead(d, s, WIRE_E_SEQ_GAP, detail);
    if (admission == DOC_REPEAT)
        accepted(d, s, detail);
    else
        answer(d, s, codes[admission], detail);
    return WK_ADMIT_ANSWERED;
}

static bool role_allows(struct wk_doc *d, const struct wk_submit *s)
{
    enum wire_role everybody = doc_role(d->doc, (struct slice){0});
    enum wire_role role = s->role < everybody ? s->role : everybody;

    return role >= (s->kind == WIRE_KIND_PERMISSION ? WIRE_ROLE_OWN : WIRE_ROLE_WRITE);
}

enum wk_admit wk_submit_admit(struct wk_doc *d, struct wk_submit *s)
{
    struct list *first;

    if (s->kind == WIRE_KIND_CREATE)
        return record_add(d, s);
    if (s->kind == WIRE_KIND_CLOSE) {
        /* Closed already, by an earlier refusal or another worker: log it once. */
        uint64_t last;
        if (doc_session_open(d->doc, &s->session, 0, &last) != DOC_SESSION_CLOSED)
            return close_instead(d, s, 0, 0);
        return WK_ADMIT_ANSWERED;
    }
    enum wk_admit named = name_check(d, s);
    if (named != WK_ADMIT_IN || s->code)
        return named;
    if (!role_allows(d, s))
        return close_instead(d, s, WIRE_E_DENIED, 0);
    if (s->kind != WIRE_KIND_EDIT)
        return record_add(d, s);
    struct chain_position at = doc_position(d->doc);
    switch (wk_position_find(d, &s->base, &first)) {
    case WK_BEFORE_RING:
        return WK_ADMIT_HISTORY;
    case WK_NOT_THERE:
        if (!s->confirmed)
            return WK_ADMIT_CHECK;
        return close_instead(d, s, WIRE_E_BAD_BASE, at.rev);
    default:
        break;
    }
    int r = edit_prepare(d, s, first);
    if (r == -ENOMEM)
        return WK_ADMIT_NOMEM;
    if (r)
        return close_instead(d, s, code_of_outcome(r), detail_of_code(d, code_of_outcome(r)));
    return record_add(d, s);
}
