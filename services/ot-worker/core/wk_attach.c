/* Gateways and their attachments: who is told what. */
#include <stdlib.h>

#include "wk_doc.h"

/* Where memory is out there is room here for a small answer all the same: who asked would wait for
 * ever. If the link has none for it either it is reset, and he asks again. Of entries that are
 * missing the gateway finds the gap by the heads (I4). */
bool wk_item_send(struct wk_core *core, uint64_t gateway_boot, const struct wire_to_gateway *item)
{
    struct bytes out = BYTES_INIT, *sent = &out;

    wire_to_gateway_encode(item, &out);
    if (out.failed) {
        sent = &core->spare;
        bytes_reset(sent);
        wire_to_gateway_encode(item, sent);
    }
    bool fits = !sent->failed;
    if (fits)
        core->io.send(core->io.ctx, gateway_boot, bytes_slice(sent));
    bytes_fini(&out);
    return fits;
}

void wk_refuse(struct wk_core *core, uint64_t gateway_boot, uint64_t attachment, uint64_t seq,
               uint32_t code, uint64_t detail)
{
    struct wire_to_gateway item = {
        .type = WIRE_TO_GATEWAY_REFUSED,
        .refused = {.attachment = attachment, .seq = seq, .code = code, .detail = detail}};

    core->counters.refused++;
    wk_item_send(core, gateway_boot, &item);
}

void wk_session_count(struct wk_core *core, const struct wire_session *session, uint32_t code)
{
    if (code == WIRE_E_CLOCK_SKEW)
        core->counters.limit_clock_skew++;
    if (code != WIRE_E_SESSION_EXPIRED)
        return;
    if (wire_session_created_ms(session) + DOC_SESSION_KEEP_MS < wk_time_ms(core))
        core->counters.limit_session_age++;
    else
        core->counters.limit_session_results++;
}

struct wk_gateway *wk_gateway_find(struct wk_core *core, uint64_t boot)
{
    struct wk_gateway *gateway;

    HASH_FIND(hh, core->gateways, &boot, sizeof boot, gateway);
    return gateway;
}

struct wk_attachment *wk_attachment_find(struct wk_core *core, uint64_t gateway_boot,
                                         uint64_t number)
{
    struct wk_gateway *gateway = wk_gateway_find(core, gateway_boot);
    struct wk_attachment *a = NULL;

    if (gateway)
        HASH_FIND(hh, gateway->attachments, &number, sizeof number, a);
    return a;
}

void wk_attachment_end(struct wk_attachment *a)
{
    HASH_DEL(a->gateway->attachments, a);
    a->doc->core->attachment_count--;
    list_remove(&a->in_doc);
    free(a);
}

void wk_detached_send(struct wk_core *core, uint64_t gateway_boot, uint64_t attachment)
{
    struct wire_to_gateway item = {.type = WIRE_TO_GATEWAY_DETACHED,
                                   .detached_attachment = attachment};

    wk_item_send(core, gateway_boot, &item);
}

void wk_attachments_detach(struct wk_doc *d)
{
    list_for_each_safe (node, &d->attachments) {
        struct wk_attachment *a = list_entry(node, struct wk_attachment, in_doc);
        if (!a->joined)
            continue; /* its open is still waiting for the answer */
        wk_detached_send(d->core, a->gateway->boot, a->number);
        wk_attachment_end(a);
    }
}

void wk_gateway_free(struct wk_core *core, struct wk_gateway *gateway)
{
    struct wk_attachment *a, *next;

    HASH_ITER(hh, gateway->attachments, a, next)
    {
        wk_attachment_end(a);
    }
    HASH_DEL(core->gateways, gateway);
    free(gateway);
}

static struct wk_gateway *gateway_get(struct wk_core *core, uint64_t boot)
{
    struct wk_gateway *gateway = wk_gateway_find(core, boot);

    if (gateway)
        return gateway;
    gateway = calloc(1, sizeof *gateway);
    if (!gateway)
        return NULL;
    gateway->boot = boot;
    HASH_ADD(hh, core->gateways, boot, sizeof boot, gateway);
    if (gateway->hh.tbl)
        return gateway;
    free(gateway);
    return NULL;
}

/* Beside others of its gateway, so that a broadcast meets each gateway once. */
static void attachment_list(struct wk_doc *d, struct wk_attachment *a)
{
    list_for_each (node, &d->attachments) {
        if (list_entry(node, struct wk_attachment, in_doc)->gateway == a->gateway) {
            list_insert_before(node, &a->in_doc);
            return;
        }
    }
    list_push_back(&d->attachments, &a->in_doc);
}

struct wk_attachment *wk_attachment_new(struct wk_core *core, struct wk_doc *d,
                                        uint64_t gateway_boot, const struct wire_link_open *open)
{
    struct wk_gateway *gateway = gateway_get(core, gateway_boot);
    struct wk_attachment *a = gateway ? calloc(1, sizeof *a) : NULL;

    if (!a)
        return NULL;
    a->doc = d;
    a->gateway = gateway;
    a->number = open->attachment;
    a->has_session = open->open.has_session;
    a->session = open->open.session;
    a->attempt = open->open.attempt;
    a->role = open->role;
    crypto_author_id(bytes_slice(&d->id), a->session.id, a->author);
    HASH_ADD(hh, gateway->attachments, number, sizeof a->number, a);
    if (!a->hh.tbl) {
        free(a);
        return NULL;
    }
    attachment_list(d, a);
    core->attachment_count++;
    return a;
}
