/*
 * A document as everybody holds it: text, title, session results, permissions, position. Its state
 * is a function of the log (I6): the worker, the archiver and the tools all change it through
 * doc_entry_apply() or, when they make the entry, through the doc_draft_* functions, which go
 * through the same code record by record.
 *
 * Pure: no I/O, no clock. One thread. A document borrows the attribute table that it was made with.
 */
#ifndef WEFT_DOC_H
#define WEFT_DOC_H

#include "ot_rope.h"
#include "wire_record.h"

/* I5: how long and how many results of sessions are kept; whichever bites first. */
#define DOC_SESSION_KEEP_MS (90ull * 24 * 3600 * 1000)
#define DOC_SESSION_COUNT_MAX 10000
/* How far a session's creation time may be ahead of the entry time. */
#define DOC_CLOCK_SKEW_MS (60ull * 1000)

enum doc_outcome {
    DOC_BAD_ENTRY = 100, /* malformed, or a record that does not fit: a damaged log */
    DOC_BAD_CHAIN,       /* does not follow the position: first revision or hash differ */
    DOC_NEWER,           /* written by a newer build, and not damaged as far as can be told */
    DOC_TOO_LARGE,       /* the text would pass WIRE_DOCUMENT_BYTES_MAX */
    DOC_EXISTS,          /* create on a document that has revisions */
    DOC_NOT_CREATED,     /* anything else on one that has none */
    DOC_BAD_RECORD,      /* title, permission or create content not well-formed; or a record without
                            the fields of its kind (seq 0, a document kind on an edit) */
};
/* ot_outcome values (below 100) are passed on from doc_draft_add. */

struct doc;

/* At revision 0. Copies id. NULL: no memory. */
struct doc *doc_new(struct slice id, struct ot_attrs_table *table);
struct doc *doc_free(struct doc *doc);

struct slice doc_id(const struct doc *doc);
struct chain_position doc_position(const struct doc *doc);
/* First revision of the entry that ends at the position; 0 before the first. */
uint64_t doc_entry_first_rev(const struct doc *doc);
uint64_t doc_time_ms(const struct doc *doc);        /* of the last entry */
enum wire_doc_kind doc_kind(const struct doc *doc); /* NONE before revision 1 */
const struct ot_rope *doc_rope(const struct doc *doc);
/* The content as it is now, for a reader while the log goes on (ot_rope_snapshot); released before
 * the document is freed. NULL: no memory. */
const struct ot_rope *doc_rope_snapshot(struct doc *doc);
struct slice doc_title(const struct doc *doc);
const struct wire_session *doc_creator(const struct doc *doc);
size_t doc_memory(const struct doc *doc); /* bytes held, to charge */

/* --- reading the log --- */

/*
 * Applies one stored entry, whose hash after is computed and, if `expect` is given, compared.
 * Untouched on DOC_BAD_CHAIN, DOC_NEWER and malformed payloads; after any other failure the
 * document MUST be thrown away (half an entry is applied).
 */
MUST_CHECK int doc_entry_apply(struct doc *doc, struct slice payload,
                               const struct chain_position *expect);

/* --- making an entry (worker) --- */

/*
 * begin, then any number of adds, then finish or nothing at all: a draft that is not finished, or
 * whose append does not win, leaves a document that MUST be thrown away and loaded again.
 */
void doc_draft_begin(struct doc *doc);
/* Applies the record if it fits. On an outcome the record is not in and the draft goes on. */
MUST_CHECK int doc_draft_add(struct doc *doc, const struct wire_record *record);
uint64_t doc_draft_count(const struct doc *doc);
size_t doc_draft_bytes(const struct doc *doc);
/*
 * Encodes the entry with time max(doc_time_ms, now_ms), moves the position. Appends the payload.
 * The draft MUST hold at least one record.
 */
MUST_CHECK int doc_draft_finish(struct doc *doc, uint64_t now_ms, struct bytes *ret_payload);

/* --- sessions (I5) --- */

enum doc_admission {
    DOC_ADMIT = 0,  /* the next seq of a known session, or seq 1 of a new one */
    DOC_REPEAT,     /* the last accepted op again: ret_detail is its revision */
    DOC_SEQ_OLD,    /* or 0; ret_detail: last accepted seq */
    DOC_SEQ_GAP,    /* ret_detail: expected seq */
    DOC_SEQ_REUSED, /* same seq, another digest */
    DOC_SESSION_CLOSED,
    DOC_SESSION_EXPIRED, /* unknown, and too old to be told from an evicted one */
    DOC_CLOCK_SKEW,      /* unknown, and created after now_ms + DOC_CLOCK_SKEW_MS */
};

/* Considers the draft's records too. `now_ms`: Redis' time as the caller knows it. */
enum doc_admission doc_admit(const struct doc *doc, const struct wire_session *session,
                             uint64_t seq, const uint8_t digest[WIRE_DIGEST_SIZE], uint64_t now_ms,
                             uint64_t *ret_detail);
/* For Open: DOC_ADMIT with ret_last_seq (0: new), or CLOSED, EXPIRED, CLOCK_SKEW. */
enum doc_admission doc_session_open(const struct doc *doc, const struct wire_session *session,
                                    uint64_t now_ms, uint64_t *ret_last_seq);

/* --- permissions --- */

/* What everybody may do: OWN until a permission record for the empty subject says otherwise. */
enum wire_role doc_role(const struct doc *doc, struct slice subject);

/* --- snapshots --- */

/* Appends wire_snapshot bytes. No draft may be open. */
MUST_CHECK int doc_snapshot_save(const struct doc *doc, struct bytes *out);
/* Replaces what doc_new made. DOC_BAD_ENTRY, DOC_NEWER, -ENOMEM; then throw the document away. */
MUST_CHECK int doc_snapshot_load(struct doc *doc, struct slice snapshot);

/* Same state in all that the log determines? For verification. */
bool doc_equal(const struct doc *a, const struct doc *b);

#endif
