/*
 * A document at this gateway: who looks at it, and whose stream it follows. It holds no text.
 *
 * One subscription serves all viewers: an entry comes once, is encoded once per variant, and every
 * viewer's socket gets a reference to the same bytes. The order of the worker's stream is all that
 * keeps viewers consistent, so each entry must start where the last one ended; where it does not,
 * and where a heartbeat says twice that the head is elsewhere, all viewers open again.
 */
#include <errno.h>

#include "gw_internal.h"

struct gw_doc *gw_doc_find(struct gw_core *core, struct slice id)
{
    struct gw_doc *doc;

    HASH_FIND(hh, core->docs, id.data, id.size, doc);
    return doc;
}

struct gw_doc *gw_doc_get(struct gw_core *core, struct slice id)
{
    struct gw_doc *doc = gw_doc_find(core, id);

    if (doc)
        return doc;
    doc = calloc(1, sizeof *doc + id.size);
    if (!doc)
        return NULL;
    list_init(&doc->atts);
    list_init(&doc->worker_link);
    doc->shard = cluster_shard_of(id);
    doc->id_size = (uint8_t)id.size;
    memcpy(doc->id, id.data, id.size);
    HASH_ADD_KEYPTR(hh, core->docs, doc->id, doc->id_size, doc);
    if (!doc->hh.tbl) {
        free(doc);
        return NULL;
    }
    return doc;
}

struct gw_doc *gw_doc_free(struct gw_core *core, struct gw_doc *doc)
{
    MUST(list_empty(&doc->atts));
    list_remove(&doc->worker_link);
    HASH_DEL(core->docs, doc);
    free(doc);
    return NULL;
}

void gw_doc_gap(struct gw_core *core, struct gw_doc *doc)
{
    core->counters.gaps++;
    doc->has_position = doc->head_differs = false;
    list_for_each (node, &doc->atts)
        att_gap(list_entry(node, struct gw_att, doc_link));
}

/* --- fan-out --- */

/* One frame in as many forms as anybody wants, each made when first wanted. */
struct fan {
    struct gw_core *core;
    const struct wire_server_frame *frame;
    struct slice encoded;
    struct refbuf *forms[GW_VARIANT_COUNT]; /* owned */
};

static struct refbuf *fan_form(struct fan *fan, unsigned variant)
{
    if (!fan->forms[variant]) {
        fan->core->counters.encodes++;
        fan->forms[variant] =
            fan->core->io.encode(fan->core->io.ctx, variant, fan->frame, fan->encoded);
    }
    return fan->forms[variant];
}

static void fan_fini(struct fan *fan)
{
    for (size_t i = 0; i < GW_VARIANT_COUNT; i++)
        refbuf_unref(fan->forms[i]);
}

/* --- entries --- */

/* An own op among the records is the client's ack, whether or not we have had its Submit. */
static void entry_acks(struct gw_att *att, const struct wire_client_entry *entry, uint64_t viewers)
{
    for (size_t i = 0; i < entry->count; i++) {
        const struct wire_client_record *record = &entry->records[i];
        if (!record->has_author || record->seq <= att->seen_seq ||
            memcmp(record->author, att->author, WIRE_AUTHOR_SIZE) != 0)
            continue;
        att->seen_seq = record->seq;
        if (att->unacked && att->unacked->seq == record->seq)
            att_submit_acked(att, viewers - 1);
    }
}

static bool entry_give(struct fan *fan, struct gw_att *att, const struct chain_position *after)
{
    if (att->conn->high) {
        att_lag(att);
        return false;
    }
    struct refbuf *form = fan_form(fan, att->conn->variant);
    if (!form) {
        att_gap(att); /* no memory: once there is, from where it was */
        return false;
    }
    if (!conn_send(att->conn, form))
        return false;
    att->position = *after;
    return true;
}

/* To all who follow; then what it means to its authors, of whom each counts the others. */
static void entry_fan_out(struct fan *fan, struct gw_doc *doc, const struct chain_position *after)
{
    uint64_t viewers = 0;

    list_for_each (node, &doc->atts) {
        struct gw_att *att = list_entry(node, struct gw_att, doc_link);
        if (att->state == ATT_JOINED && conn_live(att->conn))
            viewers += entry_give(fan, att, after);
    }
    list_for_each (node, &doc->atts) {
        struct gw_att *att = list_entry(node, struct gw_att, doc_link);
        if (att->has_session && att->state == ATT_JOINED && conn_live(att->conn))
            entry_acks(att, &fan->frame->entry, viewers);
    }
}

int gw_doc_entry(struct gw_core *core, struct gw_worker *worker, const struct wire_link_entry *e)
{
    struct gw_doc *doc = gw_doc_find(core, e->doc);
    struct wire_server_frame frame = {.type = WIRE_DOWN_ENTRY};
    struct fan fan = {.core = core, .frame = &frame, .encoded = e->entry};

    if (!doc || doc->worker != worker || !doc->has_position || e->after.rev <= doc->position.rev)
        return 0;
    core->counters.entries++;
    uint64_t began_us = core->io.clock_us(core->io.ctx);
    if (!chain_position_equal(&e->before, &doc->position)) {
        gw_doc_gap(core, doc);
        return 0;
    }
    int rc = wire_client_entry_decode(&core->mem, e->entry, &frame.entry);
    if (rc)
        return rc;
    doc->position = e->after;
    doc->head_differs = false;
    entry_fan_out(&fan, doc, &e->after);
    fan_fini(&fan);
    obs_hist_add(&core->counters.fan_out_us, core->io.clock_us(core->io.ctx) - began_us);
    return 0;
}

/* --- presence --- */

void gw_doc_presence(struct gw_core *core, struct gw_worker *worker, const struct wire_presence *p)
{
    struct gw_doc *doc = gw_doc_find(core, p->doc);
    struct wire_server_frame frame = {.type = WIRE_DOWN_PRESENCE, .presence = *p};
    struct fan fan = {.core = core, .frame = &frame};

    if (!doc || doc->worker != worker)
        return;
    list_for_each (node, &doc->atts) {
        struct gw_att *att = list_entry(node, struct gw_att, doc_link);
        if (att->state != ATT_JOINED || !conn_live(att->conn))
            continue;
        if (p->has_author && att->has_session &&
            memcmp(p->author, att->author, WIRE_AUTHOR_SIZE) == 0)
            continue;
        struct refbuf *form = att->conn->high ? NULL : fan_form(&fan, att->conn->variant);
        if (!form)
            core->counters.presence_dropped++;
        else
            conn_send(att->conn, form);
    }
    fan_fini(&fan);
}

/* --- heartbeats --- */

static bool anybody_joined(const struct gw_doc *doc)
{
    list_for_each (node, &doc->atts)
        if (list_entry(node, struct gw_att, doc_link)->state == ATT_JOINED)
            return true;
    return false;
}

/*
 * Twice in a row, with no entry between: the heartbeat is made beside the queue of items, so one
 * may name a head whose entry is still on its way.
 */
void gw_doc_head(struct gw_core *core, struct gw_worker *worker, const struct wire_head *head)
{
    struct gw_doc *doc = gw_doc_find(core, head->doc);

    if (!doc || doc->worker != worker || !doc->has_position || !anybody_joined(doc))
        return;
    if (chain_position_equal(&doc->position, &head->position))
        doc->head_differs = false;
    else if (doc->head_differs)
        gw_doc_gap(core, doc);
    else
        doc->head_differs = true;
}
