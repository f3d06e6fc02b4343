/*
 * A document made again from what is stored: PostgreSQL's segments, then the stream in Redis, entry
 * by entry, the chain computed and compared with everything that is said about it (I3).
 *
 * PostgreSQL is read before Redis, page by page, so that memory is bounded by the document and not
 * by its history. What is archived and trimmed between the two shows as a gap; then PostgreSQL is
 * asked again, and if it still has nothing, the gap is one in the history: an entry leaves the
 * stream only when its segment is committed (I7).
 */
#ifndef WEFT_CTL_REPLAY_H
#define WEFT_CTL_REPLAY_H

#include "ctl_servers.h"
#include "doc.h"

enum ctl_replay_end {
    CTL_REPLAY_GOING = 0,
    CTL_REPLAY_HEAD,        /* all that is stored is applied */
    CTL_REPLAY_STOPPED,     /* at stop_rev */
    CTL_REPLAY_INSIDE,      /* stop_rev lies inside the entry that was applied last */
    CTL_REPLAY_FAULT,       /* the history is damaged: `fault` says how and where */
    CTL_REPLAY_UNREACHABLE, /* said so */
};

struct ctl_replay {
    struct ctl_servers *servers; /* borrowed */
    struct slice id;             /* borrowed */
    struct doc *doc;             /* owned */
    /* Set before the run. */
    uint64_t stop_rev; /* UINT64_MAX: the head */
    bool whole;        /* also compare what is in the stream still though it is archived */
    void (*on_entry)(void *arg, struct ctl_replay *replay); /* NULL, or after each entry */
    /* NULL, or before each page of segments. May ask, may set page_end (above where the document
       stands) and, if it cannot go on, `end`. */
    void (*on_page)(void *arg, struct ctl_replay *replay);
    void *arg;
    uint64_t page_end; /* the page ends with the segment of this revision; UINT64_MAX: nowhere */
    /* Set by the run. */
    enum ctl_replay_end end;
    uint64_t entries;     /* applied */
    struct slice payload; /* of the entry applied last; lent during on_entry */
    bool has_head;        /* in Redis, when it was read last */
    struct chain_position head;
    char fault[400];
    /* Private. */
    bool progress, gap, gapped;
    uint64_t gapped_rev;  /* where the run stood when the gap before was met */
    uint64_t read_from;   /* next revision to ask Redis for */
    uint64_t stream_from; /* first revision in the stream; 0: it was empty */
    bool has_base, has_link;
    struct chain_position base; /* of the entry at stream_from, as replayed */
    struct chain_position link; /* behind the last entry that was compared */
};

/* Attributes that one document may use: as much as the services' own bound for all. */
#define CTL_ATTRS_BYTES_MAX ((size_t)256 << 20)

/* At revision 0. Borrows all it is given. */
void ctl_replay_init(struct ctl_replay *replay, struct ctl_servers *servers, struct slice id,
                     struct ot_attrs_table *table);
void ctl_replay_fini(struct ctl_replay *replay);

/* Begins at a snapshot instead; sets `fault` and returns false if it cannot be read. */
MUST_CHECK bool ctl_replay_snapshot(struct ctl_replay *replay, const struct pg_load_reply *load);

enum ctl_replay_end ctl_replay_run(struct ctl_replay *replay);

/* A hash as people read it: its first 12 digits. */
#define CTL_HASH_TEXT 13
const char *ctl_hash_text(const struct chain_position *at, char text[CTL_HASH_TEXT]);

#endif
