/*
 * Everything a gateway's core reaches beyond its own memory (see wk_io.h for why).
 */
#ifndef WEFT_GW_IO_H
#define WEFT_GW_IO_H

#include "refbuf.h"
#include "storage_call.h"
#include "wire_client.h"

enum gw_variant { GW_PROTO = 0, GW_JSON, GW_VARIANT_COUNT };

enum gw_send { GW_SENT = 0, GW_SEND_HIGH, GW_SEND_FULL };

/* What a client was told about a document, for the log. */
struct gw_told {
    uint32_t code;
    uint16_t shard;
    uint64_t view, seq;
    struct slice doc;
    const uint8_t *author; /* NULL: no session */
};

struct gw_io {
    void *ctx;
    /* Monotonic, microseconds; the same within one event. */
    uint64_t (*now_us)(void *ctx);
    /* The same clock, read anew: what an event itself takes. Decides nothing. */
    uint64_t (*clock_us)(void *ctx);
    uint64_t (*random)(void *ctx);
    /* BEAT only; completed through gw_core_storage_done(). */
    struct storage_io storage;

    /* --- connections; `conn` is the shell's pointer given to gw_conn_new --- */

    /* One frame as it goes on the wire of this variant, transport header included; one reference
     * for the caller. NULL: no memory. An ENTRY frame may come with `encoded` (client.Entry bytes).
     */
    struct refbuf *(*encode)(void *ctx, enum gw_variant variant,
                             const struct wire_server_frame *frame, struct slice encoded);
    /* Appends the payload of an Opened as the Chunks of this variant carry it, UTF-8 for GW_JSON.
     * False: it is damaged, or out has failed. NULL instead of a function: as it is. Not called for
     * GW_PROTO, which carries it as it is. */
    bool (*payload)(void *ctx, enum gw_variant variant, const struct wire_opened *opened,
                    struct bytes *out);
    /* Takes its own reference. HIGH: gw_conn_drained() will follow. FULL: not queued. */
    enum gw_send (*send)(void *ctx, void *conn, struct refbuf *frame);
    /* Ends the connection after what is queued; `code` is the WIRE_E_ reason, 0: as asked.
     * gw_conn_gone() follows. */
    void (*close)(void *ctx, void *conn, uint32_t code);
    /* An error of scope document or op was sent. NULL: nobody wants to know. */
    void (*told)(void *ctx, void *conn, const struct gw_told *told);

    /* --- links --- */

    /* Opens the way to a worker (idempotent). */
    void (*link_open)(void *ctx, const struct cluster_member *worker);
    void (*link_close)(void *ctx, uint64_t worker_boot);
    /* Queues one encoded ToWorker item; false: no way there (gw_core_worker_gone has come or will).
     */
    bool (*link_send)(void *ctx, uint64_t worker_boot, struct slice item);
};

#endif
