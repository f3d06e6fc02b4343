/*
 * Everything an archiver's core reaches beyond its own memory (see wk_io.h for why).
 */
#ifndef WEFT_AR_IO_H
#define WEFT_AR_IO_H

#include "storage_call.h"

enum ar_event {
    AR_EVENT_COMMITTED = 1, /* detail: last revision of the segment */
    AR_EVENT_LOST,          /* another archiver was first */
    AR_EVENT_UNKNOWN,       /* the COMMIT's answer was lost: read again */
    AR_EVENT_REBASED,       /* PostgreSQL was ahead of or beside Redis */
    AR_EVENT_DAMAGED,       /* the chain does not hold: left as it is, an alarm; detail: revision */
    AR_EVENT_NEWER,         /* a newer release wrote it: left for one to come; detail: revision */
    AR_EVENT_SNAPSHOT,
    AR_EVENT_TRIMMED, /* detail: entries left */
    AR_EVENT_COUNT,
};

struct ar_io {
    void *ctx;
    uint64_t (*now_ms)(void *ctx);  /* monotonic */
    uint64_t (*wall_ms)(void *ctx); /* Unix time: only to tell how far behind we are */
    uint64_t (*random)(void *ctx);
    struct storage_io storage;
    void (*event)(void *ctx, enum ar_event event, struct slice doc, uint64_t detail);
};

#endif
