/* What the files of common/doc share. */
#ifndef WEFT_DOC_PRIVATE_H
#define WEFT_DOC_PRIVATE_H

#include "doc.h"
#include "hash.h"
#include "list.h"
#include "wire_error.h"

struct doc_session {
    UT_hash_handle hh; /* by result.session */
    struct list link;  /* in doc.recent */
    struct wire_session_result result;
    uint64_t last_rev; /* of its last record in the entry being worked through; result.rev is the
                          last op's: a repeat of that is answered so after a close too */
};

struct doc_permission {
    struct bytes subject; /* owned */
    enum wire_role role;
};

struct doc {
    struct bytes id;              /* owned */
    struct ot_attrs_table *table; /* borrowed */
    struct ot_rope *rope;         /* owned */
    enum wire_doc_kind kind;
    struct bytes title; /* owned */
    struct wire_session creator;
    struct chain_position position;
    uint64_t entry_first_rev, time_ms;
    struct doc_session *sessions; /* owned; hash table */
    struct list recent;           /* the same, in order of their last entry, oldest first */
    uint64_t evicted_created_ms;
    struct doc_permission *permissions; /* owned */
    size_t permission_count;
    /* the entry being made; while it is read or made, draft_count of its records are applied */
    struct arena draft_mem;
    struct wire_record *draft; /* owned; bodies in draft_mem */
    size_t draft_count, draft_capacity, draft_bytes;
};

struct doc_session *doc_session_find(const struct doc *doc, const struct wire_session *id);
/* At the end of the order. NULL: no memory. */
struct doc_session *doc_session_add(struct doc *doc, const struct wire_session *id);
int doc_permission_set(struct doc *doc, struct slice subject, enum wire_role role);

#endif
