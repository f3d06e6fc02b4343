/*
 * Everything a worker's core reaches beyond its own memory. It reads no clock, draws no randomness
 * and sends nothing except through this table, so that a whole cluster runs in one process from a
 * seed (tests/sim).
 */
#ifndef WEFT_WK_IO_H
#define WEFT_WK_IO_H

#include "storage_call.h"

/* What an operator wants to know; the shell logs and counts it. */
enum wk_event {
    WK_EVENT_LOADED = 1, /* detail: revision */
    WK_EVENT_EVICTED,
    WK_EVENT_CREATED,
    WK_EVENT_APPEND_REFUSED, /* detail: our expected revision */
    WK_EVENT_APPEND_UNKNOWN,
    WK_EVENT_TAIL_REAPPENDED, /* detail: entries */
    WK_EVENT_TAIL_SUPERSEDED, /* detail: ops put back to pending */
    WK_EVENT_REBASED,         /* PostgreSQL was ahead of or beside Redis; detail: its revision */
    WK_EVENT_RESYNC,          /* a client's position is not in the history */
    WK_EVENT_NEWER,           /* a newer release wrote it: waits for being replaced too */
    WK_EVENT_QUARANTINED,     /* detail: 0 refusals without news, 1 damaged log */
    WK_EVENT_RELEASED,        /* an operator ended a quarantine */
    WK_EVENT_HANDOFF,         /* moved to the next owner */
    WK_EVENT_TAIL_LET_GO,     /* a tail of a document handed over, for want of memory; to detail */
    WK_EVENT_VIEW,            /* detail: number; doc empty */
    WK_EVENT_STALE,           /* no successful beat: admission stops; doc empty */
    WK_EVENT_COUNT,
};

struct wk_io {
    void *ctx;
    /* Monotonic, microseconds; the same within one event. */
    uint64_t (*now_us)(void *ctx);
    /* The same clock, read anew: what an event itself takes. Decides nothing. */
    uint64_t (*clock_us)(void *ctx);
    uint64_t (*random)(void *ctx);
    /* Completed through wk_core_storage_done(), later. */
    struct storage_io storage;
    /* Queues one encoded ToGateway item; order per gateway is kept or the link is reset. */
    void (*send)(void *ctx, uint64_t gateway_boot, struct slice item);
    void (*event)(void *ctx, enum wk_event event, struct slice doc, uint64_t detail);
};

#endif
