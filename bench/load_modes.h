/* The modes, each in a file of its own, and what they keep beside the world (its mode_data). */
#ifndef WEFT_LOAD_MODES_H
#define WEFT_LOAD_MODES_H

#include "load_trace.h"
#include "load_world.h"

/* Every editor types as soon as its last op was acknowledged. */
extern const struct load_mode load_closed;

/* The first editor of the one document types a recorded session. */
struct load_replay {
    struct trace trace; /* owned by the caller */
    size_t next;        /* patch */
};
extern const struct load_mode load_replay;

/* So many edits per second, by editors chosen at random. */
struct load_rate {
    struct ev_timer *timer; /* owned */
    int64_t start_us;
    uint64_t done; /* edits that were due */
    bool (*edit)(struct load_editor *e, int64_t us);
};
extern const struct load_mode load_rate;
/* Starts and ends the edits; for modes that are rate and more. */
void load_rate_begin(struct load_world *w, struct load_rate *rate);
void load_rate_end(struct load_rate *rate);

/* The same with tokens, told what to do on standard input. */
struct load_chaos {
    struct load_rate rate;
    struct ev_watch *input; /* owned */
    struct bytes line;      /* of the input, incomplete */
    bool ready;
    uint64_t mark; /* the last one */
    bool marked;   /* not recovered since */
    int64_t mark_us;
    size_t docs_edited, docs_recovered;
    uint64_t acked; /* tokens */
};
extern const struct load_mode load_chaos;
/* The last event, after the comparison. */
void load_chaos_print_end(const struct load_chaos *chaos, const struct load_tally *tally);

#endif
