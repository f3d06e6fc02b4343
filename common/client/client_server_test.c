/* The server of client_world_test.h. */
#include <stdlib.h>

#include "client_world_test.h"
#include "ot_codec.h"
#include "wire_error.h"

static struct slice body_copy(struct slice body)
{
    uint8_t *copy = malloc(body.size + 1);
    MUST(copy);
    memcpy(copy, body.data, body.size);
    return slice_of(copy, body.size);
}

/* --- the history --- */

static void revisions_add(struct world *w, const struct wire_record *record)
{
    if (w->revision_count == w->revision_capacity) {
        w->revision_capacity = w->revision_capacity ? 2 * w->revision_capacity : 64;
        w->revisions = realloc(w->revisions, w->revision_capacity * sizeof *w->revisions);
        MUST(w->revisions);
    }
    struct revision *r = &w->revisions[w->revision_count++];
    *r = (struct revision){.record = *record};
    r->record.body = body_copy(record->body);
}

/* Is this a position of the history? */
static bool position_known(const struct world *w, const struct chain_position *p)
{
    if (p->rev == 0 || p->rev > w->revision_count)
        return false;
    const struct revision *r = &w->revisions[p->rev - 1];
    return r->boundary && memcmp(r->hash, p->hash, CHAIN_HASH_SIZE) == 0;
}

static void entry_finish(struct world *w)
{
    struct bytes payload = BYTES_INIT;

    MUST(doc_draft_finish(w->doc, w->now_ms++, &payload) == 0);
    struct chain_position at = doc_position(w->doc);
    MUST(at.rev == w->revision_count);
    w->revisions[at.rev - 1].boundary = true;
    memcpy(w->revisions[at.rev - 1].hash, at.hash, CHAIN_HASH_SIZE);
    w->entries++;
    bytes_fini(&payload);
}

static void create(struct world *w, const struct wire_session *session, enum wire_doc_kind kind,
                   struct slice content)
{
    struct wire_record record = {
        .session = *session, .kind = WIRE_KIND_CREATE, .doc_kind = kind, .body = content};

    crypto_digest8(content, record.digest);
    doc_draft_begin(w->doc);
    MUST(doc_draft_add(w->doc, &record) == 0);
    revisions_add(w, &record);
    entry_finish(w);
}

void world_create(struct world *w)
{
    struct wire_session nobody = world_session(w);
    struct bytes content = BYTES_INIT;
    struct ot_builder builder;
    struct ot_op op;
    struct arena mem;

    arena_init(&mem, 1u << 16);
    ot_builder_init(&builder, &mem);
    ot_builder_insert(&builder, slice_str("\n"), 1, (struct slice){0});
    MUST(ot_builder_finish(&builder, &op) == 0);
    ot_encode(&op, &content);
    create(w, &nobody, WIRE_DOC_RICH, bytes_slice(&content));
    bytes_fini(&content);
    arena_fini(&mem);
}

/* --- answers --- */

void world_send(struct world_client *c, const struct wire_server_frame *frame)
{
    if (c->connected)
        wire_server_frame_encode(frame, &c->down.bytes);
    MUST(!c->down.bytes.failed);
}

static void send_error(struct world_client *c, uint32_t code, uint64_t seq, uint64_t detail)
{
    struct wire_server_frame frame;
    struct bytes text = BYTES_INIT;

    wire_error_frame(code, detail, c->world->id, seq, &text, &frame);
    world_send(c, &frame);
    if (frame.error.scope == WIRE_SCOPE_DOC)
        c->attached = false;
    bytes_fini(&text);
}

static struct wire_client_record shown(const struct world *w, uint64_t rev)
{
    const struct wire_record *record = &w->revisions[rev - 1].record;
    struct wire_client_record r = {.has_author = true,
                                   .seq = record->seq,
                                   .kind = record->kind,
                                   .body = record->body,
                                   .count = 1};

    crypto_author_id(w->id, record->session.id, r.author);
    return r;
}

static bool is_own(const struct world_client *c, uint64_t rev)
{
    return c->attached_has_session && memcmp(&c->world->revisions[rev - 1].record.session,
                                             &c->attached_session, sizeof c->attached_session) == 0;
}

/* Puts the revision behind the run that ends at *last. */
static void run_extend(struct arena *mem, struct wire_client_record *last, struct slice body)
{
    struct ot_op a, b, both;
    struct bytes encoded = BYTES_INIT;

    MUST(ot_decode(mem, last->body, &ot_limits_stored, &a) == 0);
    MUST(ot_decode(mem, body, &ot_limits_stored, &b) == 0);
    MUST(ot_compose(mem, &a, &b, &both) == 0);
    ot_encode(&both, &encoded);
    last->body = slice_of(arena_copy(mem, encoded.data, encoded.size), encoded.size);
    MUST(last->body.data);
    last->has_author = false;
    last->seq = 0;
    last->count++;
    bytes_fini(&encoded);
}

/* Revisions first to last for this client: in runs here and there, cut at its own ops. */
static struct wire_ops ops_for(struct world_client *c, struct arena *mem, uint64_t first,
                               uint64_t last)
{
    struct world *w = c->world;
    struct wire_ops ops = {.records = arena_alloc(mem, (last - first + 1) * sizeof *ops.records)};
    bool extends = false; /* the last record is an edit by another */

    MUST(ops.records);
    for (uint64_t rev = first; rev <= last; rev++) {
        struct wire_client_record r = shown(w, rev);
        bool foreign = !is_own(c, rev) && r.kind == WIRE_KIND_EDIT;
        if (foreign && extends && rng_percent(&w->rng, w->run_percent)) {
            run_extend(mem, &ops.records[ops.count - 1], r.body);
            w->runs++;
        } else {
            ops.records[ops.count++] = r;
        }
        extends = foreign;
    }
    return ops;
}

static void send_chunks(struct world_client *c, struct wire_server_frame *opened)
{
    struct slice payload = opened->opened.payload;
    size_t at = rng_below(&c->world->rng, payload.size);

    opened->opened.payload.size = at;
    world_send(c, opened);
    while (at < payload.size) {
        size_t size = rng_between(&c->world->rng, 1, payload.size - at);
        struct wire_server_frame chunk = {.type = WIRE_DOWN_CHUNK,
                                          .chunk = {.doc = c->world->id,
                                                    .offset = at,
                                                    .data = slice_of(payload.data + at, size)}};
        world_send(c, &chunk);
        at += size;
        c->world->chunks++;
    }
}

static void send_opened(struct world_client *c, enum wire_opened_outcome outcome,
                        struct slice payload, uint64_t last_seq)
{
    struct world *w = c->world;
    struct wire_server_frame frame = {.type = WIRE_DOWN_OPENED,
                                      .opened = {.doc = w->id,
                                                 .outcome = outcome,
                                                 .position = doc_position(w->doc),
                                                 .last_seq = last_seq,
                                                 .doc_kind = doc_kind(w->doc),
                                                 .payload_bytes = payload.size,
                                                 .payload = payload}};

    c->given = frame.opened.position;
    c->lagging = false;
    if (payload.size && rng_percent(&w->rng, 30))
        send_chunks(c, &frame);
    else
        world_send(c, &frame);
}

static void open_content(struct world_client *c, enum wire_opened_outcome outcome,
                         uint64_t last_seq)
{
    struct bytes content = BYTES_INIT, payload = BYTES_INIT;
    struct ot_op op;
    struct arena mem;

    arena_init(&mem, SIZE_MAX);
    MUST(ot_rope_to_op(doc_rope(c->world->doc), &mem, &op) == 0);
    ot_encode(&op, &content);
    struct wire_content message = {.content = bytes_slice(&content),
                                   .title = doc_title(c->world->doc)};
    wire_content_encode(&message, &payload);
    send_opened(c, outcome, bytes_slice(&payload), last_seq);
    bytes_fini(&content);
    bytes_fini(&payload);
    arena_fini(&mem);
}

static void open_ops(struct world_client *c, uint64_t rev, uint64_t last_seq)
{
    struct bytes payload = BYTES_INIT;
    struct arena mem;

    if (rev == c->world->revision_count) {
        send_opened(c, WIRE_OPENED_UP_TO_DATE, (struct slice){0}, last_seq);
        return;
    }
    arena_init(&mem, SIZE_MAX);
    struct wire_ops ops = ops_for(c, &mem, rev + 1, c->world->revision_count);
    wire_ops_encode(&ops, &payload);
    send_opened(c, WIRE_OPENED_OPS, bytes_slice(&payload), last_seq);
    c->world->ops_answers++;
    bytes_fini(&payload);
    arena_fini(&mem);
}

static uint32_t refusal_of(enum doc_admission admission)
{
    switch (admission) {
    case DOC_SEQ_OLD:
        return WIRE_E_SEQ_OLD;
    case DOC_SEQ_GAP:
        return WIRE_E_SEQ_GAP;
    case DOC_SEQ_REUSED:
        return WIRE_E_SEQ_REUSED;
    case DOC_SESSION_EXPIRED:
        return WIRE_E_SESSION_EXPIRED;
    case DOC_CLOCK_SKEW:
        return WIRE_E_CLOCK_SKEW;
    default:
        return WIRE_E_SESSION_CLOSED;
    }
}

static void open_take(struct world_client *c, const struct wire_open *open)
{
    struct world *w = c->world;
    uint64_t last_seq = 0, rev = 0;

    if (c->attached) {
        send_error(c, WIRE_E_ALREADY_OPEN, 0, 0);
        return;
    }
    if (w->revision_count == 0 && !open->has_create) {
        send_error(c, WIRE_E_NO_SUCH_DOCUMENT, 0, 0);
        return;
    }
    if (open->has_session) {
        enum doc_admission admission =
            doc_session_open(w->doc, &open->session, w->now_ms, &last_seq);
        if (admission) {
            send_error(c, refusal_of(admission), 0, last_seq);
            return;
        }
    }
    if (w->revision_count == 0)
        create(w, &open->session, open->create_kind, open->create_content);
    c->attached = true;
    c->attached_session = open->session;
    c->attached_has_session = open->has_session;
    if (open->has_position)
        rev = open->position.rev;
    else if (open->has_create && open->has_session &&
             memcmp(doc_creator(w->doc), &open->session, sizeof open->session) == 0)
        rev = 1;
    if (open->has_position && !position_known(w, &open->position))
        open_content(c, WIRE_OPENED_RESYNC, last_seq);
    else if (rev == 0 || rng_percent(&w->rng, w->snapshot_percent))
        open_content(c, WIRE_OPENED_SNAPSHOT, last_seq);
    else
        open_ops(c, rev, last_seq);
}

void world_open_unasked(struct world_client *c)
{
    uint64_t last_seq = 0;

    if (!c->attached)
        return;
    c->world->unasked++;
    if (c->attached_has_session)
        (void)doc_session_open(c->world->doc, &c->attached_session, c->world->now_ms, &last_seq);
    open_ops(c, c->given.rev, last_seq);
}

/* --- submits and entries --- */

/* Rewrites the op to apply to the text of now. */
static void transform_to_head(struct world *w, struct arena *mem, const struct wire_submit *s,
                              struct bytes *ret)
{
    struct ot_op op, before, after;

    MUST(ot_decode(mem, s->body, &ot_limits_submit, &op) == 0);
    for (uint64_t rev = s->base.rev + 1; rev <= w->revision_count; rev++) {
        const struct wire_record *record = &w->revisions[rev - 1].record;
        if (record->kind != WIRE_KIND_EDIT)
            continue;
        MUST(ot_decode(mem, record->body, &ot_limits_stored, &before) == 0);
        MUST(ot_transform(mem, &before, &op, true, &after) == 0);
        op = after;
    }
    ot_encode(&op, ret);
}

static void commit_one(struct world *w, const struct world_submit *s)
{
    struct wire_record record = {
        .session = s->session, .seq = s->submit.seq, .kind = s->submit.kind};
    struct bytes body = BYTES_INIT;
    struct arena mem;

    arena_init(&mem, SIZE_MAX);
    crypto_digest8(s->submit.body, record.digest);
    if (s->submit.kind == WIRE_KIND_EDIT)
        transform_to_head(w, &mem, &s->submit, &body);
    else
        bytes_append_slice(&body, s->submit.body);
    record.body = bytes_slice(&body);
    MUST(doc_draft_add(w->doc, &record) == 0); /* clients here send what fits */
    revisions_add(w, &record);
    bytes_fini(&body);
    arena_fini(&mem);
}

static void entry_broadcast(struct world *w, const struct chain_position *before)
{
    struct chain_position after = doc_position(w->doc);
    struct arena mem;

    for (size_t i = 0; i < w->client_count; i++) {
        struct world_client *c = w->clients[i];
        if (!c->attached || c->lagging)
            continue;
        arena_init(&mem, SIZE_MAX);
        struct wire_ops ops = ops_for(c, &mem, before->rev + 1, after.rev);
        struct wire_server_frame frame = {.type = WIRE_DOWN_ENTRY,
                                          .entry = {.doc = w->id,
                                                    .first_rev = before->rev + 1,
                                                    .last_rev = after.rev,
                                                    .time_ms = doc_time_ms(w->doc),
                                                    .records = ops.records,
                                                    .count = ops.count}};
        memcpy(frame.entry.hash_before, before->hash, CHAIN_HASH_SIZE);
        memcpy(frame.entry.hash_after, after.hash, CHAIN_HASH_SIZE);
        world_send(c, &frame);
        c->given = after;
        arena_fini(&mem);
    }
}

void world_commit(struct world *w)
{
    struct chain_position before = doc_position(w->doc);

    if (w->pending_count == 0)
        return;
    doc_draft_begin(w->doc);
    for (size_t i = 0; i < w->pending_count; i++) {
        commit_one(w, &w->pending[i]);
        free((void *)w->pending[i].submit.body.data);
    }
    w->pending_count = 0;
    entry_finish(w);
    entry_broadcast(w, &before);
}

static bool is_pending(const struct world *w, const struct wire_session *session, uint64_t seq)
{
    for (size_t i = 0; i < w->pending_count; i++)
        if (memcmp(&w->pending[i].session, session, sizeof *session) == 0)
            return w->pending[i].submit.seq == seq;
    return false;
}

/* `c` is NULL for what comes from a connection that is gone: nobody hears the answer. */
static void submit_take(struct world *w, struct world_client *c, const struct wire_session *session,
                        const struct wire_submit *s)
{
    uint8_t digest[WIRE_DIGEST_SIZE];
    uint64_t detail;

    if (is_pending(w, session, s->seq)) {
        w->resends++;
        return;
    }
    crypto_digest8(s->body, digest);
    enum doc_admission admission = doc_admit(w->doc, session, s->seq, digest, w->now_ms, &detail);
    if (admission == DOC_REPEAT) {
        struct wire_server_frame frame = {.type = WIRE_DOWN_ACCEPTED,
                                          .accepted = {.doc = w->id, .seq = s->seq, .rev = detail}};
        w->repeats++;
        if (c)
            world_send(c, &frame);
        return;
    }
    if (admission != DOC_ADMIT) {
        MUST(!c || admission != DOC_SEQ_REUSED); /* resent, but not the same bytes */
        if (c)
            send_error(c, refusal_of(admission), s->seq, detail);
        return;
    }
    MUST(position_known(w, &s->base)); /* no client here has another */
    MUST(w->pending_count < sizeof w->pending / sizeof w->pending[0]);
    struct world_submit *kept = &w->pending[w->pending_count++];
    *kept = (struct world_submit){.session = *session, .submit = *s};
    kept->submit.body = body_copy(s->body);
}

void world_submit_late(struct world *w, const struct wire_session *session,
                       const struct wire_submit *submit)
{
    submit_take(w, NULL, session, submit);
}

void world_take(struct world_client *c, const struct wire_client_frame *frame)
{
    struct wire_server_frame closed = {.type = WIRE_DOWN_CLOSED, .closed_doc = c->world->id};

    switch (frame->type) {
    case WIRE_UP_OPEN:
        open_take(c, &frame->open);
        break;
    case WIRE_UP_SUBMIT:
        if (c->attached)
            submit_take(c->world, c, &c->attached_session, &frame->submit);
        else
            send_error(c, WIRE_E_NOT_OPEN, frame->submit.seq, 0);
        break;
    case WIRE_UP_CLOSE:
        if (c->attached)
            world_send(c, &closed);
        else
            send_error(c, WIRE_E_NOT_OPEN, 0, 0);
        c->attached = false;
        break;
    default:
        MUST(!"a client_doc sends nothing else");
    }
}
