/*
 * For the tests of this folder: a shell made of plain memory, two gateways, and the store of
 * support_store.h. Time stands until it is moved. Storage calls wait until the test carries them
 * out, and whatever the core sends is kept, in order, and judged on the spot:
 *
 *   I4  an Entry or Opened names only what is durable
 *   I5  a permanent refusal of an op, which the log does not make final by itself, is told only
 *       when the log holds the end of the session; Accepted names the record's revision
 */
#ifndef WEFT_WK_FAKE_TEST_H
#define WEFT_WK_FAKE_TEST_H

#include "refbuf.h"
#include "rng.h"
#include "support_store.h"
#include "wk_core.h"

#define FAKE_SELF 1 /* our boot id and number in the view */
#define FAKE_MEMBERS 3
#define FAKE_ITEMS_MAX 16384
#define FAKE_CALLS_MAX 64
#define FAKE_ATTS_MAX 4096
#define FAKE_GATEWAYS 2
#define FAKE_DOC slice_str("doc")
#define FAKE_EPOCH_MS 1700000000000ull /* Redis' time when ours is 0 */

struct fake_item {
    uint64_t boot;
    struct refbuf *bytes;
};

struct fake_att {
    uint64_t boot;
    struct wire_session session;
    bool has_session;
    struct slice doc;
};

struct fake {
    struct wk_core *core;
    struct wk_config config;
    struct store store;
    uint64_t now_ms;
    uint64_t redis_behind_ms; /* its clock has gone back by this much */
    struct rng rng;
    struct storage_call *beat; /* waits for an answer */
    bool beats_lost;           /* they are answered: down */
    struct storage_call *calls[FAKE_CALLS_MAX];
    size_t call_count;
    bool calls_held; /* fake_run() leaves them alone */
    bool redis_down, postgres_down;
    struct fake_item items[FAKE_ITEMS_MAX];
    size_t item_count, item_seen[FAKE_GATEWAYS + 1];
    struct fake_att atts[FAKE_ATTS_MAX]; /* by number */
    uint64_t att_count;
    struct arena mem;
    uint64_t view_number;
    unsigned live, leaving; /* bit n: member n is in the view; says that it leaves */
    bool self_leaves;       /* as we say in the beat */
    bool self_gone;
    uint64_t events[32], event_detail[32];
};

/* Only we are in the view. `edit` may change the config. */
void fake_start(struct fake *f, void (*edit)(struct wk_config *config));
/* Gateways go, everything is archived, documents become idle; asserts that nothing is left. */
void fake_stop(struct fake *f);
/* The core has left: whatever it still holds goes with it. */
void fake_stop_left(struct fake *f);
void fake_view(struct fake *f, unsigned live);
/* Beats and calls are answered until none waits. */
void fake_settle(struct fake *f);
/* Moves time in steps of 10 ms, and settles. */
void fake_run(struct fake *f, uint64_t ms);
/* Without settling: only ticks. */
void fake_pass(struct fake *f, uint64_t ms);
void fake_beats(struct fake *f);
/* An id whose owner and runner-up by the view are these members; runner_up 0: any. */
struct slice fake_doc_of(struct fake *f, unsigned owner, unsigned runner_up);

/* --- storage, one call at a time --- */

/* The oldest call that waits; it must be of this kind. */
struct storage_call *fake_call(struct fake *f, enum storage_kind kind);
void fake_no_call(struct fake *f);
/* Carried out and answered. */
void fake_land(struct fake *f, enum storage_kind kind);
/* Answered so, without having been carried out. */
void fake_fail(struct fake *f, enum storage_kind kind, enum storage_result result);
/* Carried out now, answered later. */
struct storage_call *fake_carry_out(struct fake *f, enum storage_kind kind);
void fake_answer(struct fake *f, struct storage_call *call);
/* Carried out; the answer is lost. */
void fake_land_lost(struct fake *f, enum storage_kind kind);

/* --- gateways --- */

/* By number: the same number is the same session. Created a second ago. */
struct wire_session fake_session(struct fake *f, uint64_t number);
struct wire_session fake_session_of(uint64_t created_ms, uint64_t number);
struct wire_link_open fake_open_of(struct slice doc, uint64_t session_number);
/* Sends it under a new attachment number, unless it has one; returns the number. */
uint64_t fake_open(struct fake *f, uint64_t boot, struct wire_link_open open);
struct fake_att *fake_att_of(struct fake *f, uint64_t number);
void fake_detach(struct fake *f, uint64_t attachment);
void fake_submit(struct fake *f, uint64_t attachment, uint64_t seq, struct chain_position base,
                 enum wire_kind kind, struct slice body);
/* Inserts text at `at`, based on the head of Redis. */
void fake_type(struct fake *f, uint64_t attachment, uint64_t seq, uint64_t at, const char *text);

/* The next item to this gateway, or NULL. */
const struct wire_to_gateway *fake_next(struct fake *f, uint64_t boot);
const struct wire_to_gateway *fake_expect(struct fake *f, uint64_t boot,
                                          enum wire_to_gateway_type type);
const struct wire_opened *fake_expect_opened(struct fake *f, uint64_t attachment,
                                             enum wire_opened_outcome outcome);
/* Returns the detail. */
uint64_t fake_expect_refused(struct fake *f, uint64_t attachment, uint64_t seq, uint32_t code);
uint64_t fake_expect_accepted(struct fake *f, uint64_t attachment, uint64_t seq);
struct wire_client_entry fake_expect_entry(struct fake *f, uint64_t boot);
/* Neither gateway has anything unread. */
void fake_expect_none(struct fake *f);
void fake_skip(struct fake *f);

/* --- shorthand --- */

/* Opens with create "\n" of kind rich, settles; the attachment. */
uint64_t fake_create(struct fake *f, uint64_t boot, struct slice doc, uint64_t session_number);
/* Opens, settles, expects Opened; the attachment. */
uint64_t fake_join(struct fake *f, uint64_t boot, struct slice doc, uint64_t session_number);
struct chain_position fake_head(struct fake *f, struct slice doc);
/* The text by the stores alone; lent until the next call. */
const char *fake_text(struct fake *f, struct slice doc);
/* Ops, in the fake's arena. */
struct slice fake_insert(struct fake *f, uint64_t at, const char *text);
struct slice fake_delete(struct fake *f, uint64_t at, uint64_t count);
/* Another worker appends one op of this session. */
void fake_other(struct fake *f, struct slice doc, uint64_t session_number, uint64_t seq,
                struct slice op);
/* Another worker creates it, by session 2, with "\n". */
void fake_other_create(struct fake *f, struct slice doc);
bool fake_closed(struct fake *f, struct slice doc, const struct wire_session *session);

#endif
