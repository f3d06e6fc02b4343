/*
 * Latency counts from when the first edit of an op was typed, or was to be typed, so that an edit
 * which had to wait behind another op in flight shows the wait.
 */
#include "load_editor.h"

#include <errno.h>
#include <time.h>

#include "crypto_random.h"
#include "ev_timer.h"
#include "load_link.h"

/* ---- session -------------------------------------------------------------------------------- */

static struct wire_session session_new(const struct load_world *w)
{
    struct wire_session session;
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    int64_t ms = now.tv_sec * 1000 + now.tv_nsec / 1000000 + w->clock_ahead_ms;
    crypto_random(session.id, sizeof session.id);
    store_be64(session.id, (uint64_t)ms << 16 | (load_be64(session.id) & 0xffff));
    return session;
}

/* So that others find by whom an op is. */
static void author_set(struct load_editor *e)
{
    uint8_t author[WIRE_AUTHOR_SIZE];

    if (e->author)
        HASH_DELETE(in_doc, e->doc->authors, e);
    client_doc_author(e->client, author);
    e->author = load_be64(author);
    HASH_ADD(in_doc, e->doc->authors, author, sizeof e->author, e);
}

/* ---- what the client tells ------------------------------------------------------------------ */

static void on_changed(void *ctx, const struct ot_op *op)
{
    struct load_editor *e = ctx;

    e->world->mode->changed(e, op);
}

static void on_acked(void *ctx, uint64_t seq, uint64_t rev)
{
    struct load_editor *e = ctx;
    struct load_tally *tally = &e->world->tally;
    uint64_t first = e->flight_first, end = e->edits_sent;

    e->flight_first = e->edits_sent;
    e->doc->acked++;
    tally->ops++;
    tally->patches += end - first;
    tally->transformed += client_doc_transforms(e->client) != e->flight_transforms;
    obs_hist_add(&tally->ack_us, (uint64_t)(ev_clock_us() - e->recent[seq % LOAD_RECENT].us));
    if (e->world->mode->acked)
        e->world->mode->acked(e, first, end, e->launched_us);
}

static void on_replaced(void *ctx, struct slice draft)
{
    struct load_editor *e = ctx;
    uint64_t first = e->flight_first, end = e->edits;

    e->flight_first = e->edits_sent = e->edits;
    if (!e->live_once)
        return; /* the first text */
    e->world->tally.errors++;
    if (e->world->mode->dropped)
        e->world->mode->dropped(e, first, end);
}

/* ---- life ----------------------------------------------------------------------------------- */

int load_editor_init(struct load_editor *e, struct load_doc *doc, struct load_link *link,
                     bool reader)
{
    struct load_world *w = doc->world;
    struct client_events events = {.ctx = e, .acked = on_acked, .replaced = on_replaced};

    *e = (struct load_editor){
        .world = w, .doc = doc, .link = link, .doc_index = doc->index, .reader = reader};
    list_init(&e->waiting);
    typing_init(&e->typing, rng_u64(&w->rng));
    if (w->mode->changed && !reader)
        events.changed = on_changed;
    e->session = session_new(w);
    e->client =
        client_doc_new(bytes_slice(&doc->id), reader ? NULL : &e->session, w->attrs, events);
    if (!e->client)
        return -ENOMEM;
    if (!reader)
        author_set(e);
    HASH_ADD(in_link, link->editors, doc_index, sizeof e->doc_index, e);
    return e->in_link.tbl && (reader || e->in_doc.tbl) ? 0 : -ENOMEM;
}

void load_editor_fini(struct load_editor *e)
{
    e->client = client_doc_free(e->client);
}

int load_editor_create(struct load_editor *e, enum wire_doc_kind kind, const struct ot_op *content)
{
    int r = client_doc_create(e->client, kind, content);

    if (!r)
        load_editor_open(e);
    return r;
}

void load_editor_open(struct load_editor *e)
{
    client_doc_open(e->client);
    load_editor_pump(e);
}

void load_editor_disconnected(struct load_editor *e)
{
    list_remove(&e->waiting);
    client_doc_disconnected(e->client);
}

void load_editor_retry(struct load_editor *e)
{
    list_remove(&e->waiting);
    client_doc_retry(e->client);
    load_editor_pump(e);
}

bool load_editor_idle(const struct load_editor *e)
{
    return client_doc_state(e->client) == CLIENT_LIVE && client_doc_saved(e->client);
}

/* ---- out ------------------------------------------------------------------------------------ */

/* A new op takes off with all edits that had not. */
static void launched(struct load_editor *e, uint64_t seq)
{
    e->flight_seq = seq;
    e->flight_first = e->edits_sent;
    e->edits_sent = e->edits;
    e->flight_transforms = client_doc_transforms(e->client);
    e->launched_us = ev_clock_us();
    e->recent[seq % LOAD_RECENT].seq = seq;
    e->recent[seq % LOAD_RECENT].us = e->buffer_us;
}

void load_editor_pump(struct load_editor *e)
{
    struct wire_client_frame frame;

    while (e->link->state == LINK_OPEN && client_doc_pull(e->client, &e->world->mem, &frame)) {
        if (frame.type == WIRE_UP_SUBMIT && frame.submit.seq != e->flight_seq)
            launched(e, frame.submit.seq);
        if (!load_link_send(e->link, &frame))
            return;
    }
}

bool load_editor_type(struct load_editor *e, const struct ot_op *op, int64_t us)
{
    int r = client_doc_edit(e->client, op);

    if (r) {
        /* Read-only for now, or more unsent than an op may hold; anything else is our bug. */
        MUST(r == -EAGAIN || r == OT_TOO_LARGE || r == -ENOMEM);
        e->world->tally.held++;
        return false;
    }
    if (e->edits++ == e->edits_sent)
        e->buffer_us = us;
    return true;
}

bool load_editor_type_some(struct load_editor *e, int64_t us)
{
    struct arena *mem = &e->world->mem;
    uint64_t units = ot_rope_units(client_doc_rope(e->client));
    struct ot_op op;

    arena_reset(mem);
    MUST(typing_next(&e->typing, units ? units : 1, mem, &op) == 0);
    return load_editor_type(e, &op, us);
}

/* ---- in ------------------------------------------------------------------------------------- */

/* Who typed what comes here, and how long ago? */
static void seen(struct load_editor *e, const struct wire_client_record *record, int64_t now_us)
{
    uint64_t author = load_be64(record->author);
    struct load_editor *by;

    if (!record->has_author || author == e->author)
        return;
    HASH_FIND(in_doc, e->doc->authors, &author, sizeof author, by);
    if (by && by->recent[record->seq % LOAD_RECENT].seq == record->seq)
        obs_hist_add(&e->world->tally.seen_us,
                     (uint64_t)(now_us - by->recent[record->seq % LOAD_RECENT].us));
}

static void entry_measure(struct load_editor *e, const struct wire_client_entry *entry)
{
    int64_t now_us = ev_clock_us();

    for (size_t i = 0; i < entry->count; i++)
        seen(e, &entry->records[i], now_us);
    if (e != e->doc->editors)
        return;
    e->world->tally.entries++;
    e->world->tally.entry_ops += entry->count;
}

static void error_heard(struct load_editor *e, const struct wire_client_error *error)
{
    struct load_world *w = e->world;

    if (error->permanent) {
        w->tally.errors++;
        return;
    }
    w->tally.retries++;
    /* Everybody was told the same time: jitter keeps them from coming back at once. */
    uint64_t wait_ms = error->retry_after_ms + rng_below(&w->rng, error->retry_after_ms / 2 + 10);
    e->retry_ms = ev_loop_now_ms(w->loop) + (int64_t)wait_ms;
    list_remove(&e->waiting);
    list_push_back(&w->waiting, &e->waiting);
}

/* A session that has ended is not used again; what it had not sent is given up. */
static void renew(struct load_editor *e)
{
    if (e->reader || !e->live_once) {
        load_world_fail(e->world, "document %u cannot be opened: %s", e->doc->index,
                        wire_error_info(client_doc_error(e->client))
                            ? wire_error_info(client_doc_error(e->client))->word
                            : "an unknown error");
        return;
    }
    e->doc->session_ended = true;
    e->session = session_new(e->world);
    if (client_doc_renew(e->client, &e->session)) {
        load_world_fail(e->world, "no memory for a new session");
        return;
    }
    e->flight_seq = 0;
    author_set(e);
}

static void live(struct load_editor *e)
{
    if (!e->live_once) {
        e->live_once = true;
        e->world->live_count++;
    }
    if (e->world->typing && !e->reader && e->world->mode->turn)
        e->world->mode->turn(e);
}

void load_editor_frame(struct load_editor *e, const struct wire_server_frame *frame)
{
    if (frame->type == WIRE_DOWN_ENTRY)
        entry_measure(e, &frame->entry);
    else if (frame->type == WIRE_DOWN_ERROR)
        error_heard(e, &frame->error);
    int r = client_doc_frame(e->client, frame);
    if (r < 0)
        load_world_fail(e->world, "no memory for a frame of document %u", e->doc->index);
    else if (r)
        e->world->tally.errors++; /* CLIENT_DIVERGED: the text is taken again */
    if (client_doc_state(e->client) == CLIENT_STOPPED)
        renew(e);
    if (client_doc_state(e->client) == CLIENT_LIVE)
        live(e);
    load_editor_pump(e);
}
