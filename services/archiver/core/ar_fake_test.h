/*
 * For the tests of this folder: a shell whose time stands until it is moved, and stores that are
 * plain data (support_store.h). Calls are carried out in order; what is to go wrong is said before.
 */
#ifndef WEFT_AR_FAKE_TEST_H
#define WEFT_AR_FAKE_TEST_H

#include <check.h>

#include "ar_core.h"
#include "ar_job.h"
#include "support_store.h"

#define FAKE_DOC slice_str("doc")
#define FAKE_EPOCH_MS 1700000000000u

struct fake {
    struct ar_core *core;
    struct store store;
    struct storage_call *calls; /* first come, first done */
    uint64_t now_ms, wall_ms;
    uint64_t events[AR_EVENT_COUNT];
    uint64_t seqs; /* of edits made, each by a session of its own */
    /* The next call of this kind gets this result; done: it is carried out all the same. */
    enum storage_kind wrong_kind;
    enum storage_result wrong_result;
    bool wrong_done;
    /* Called before the next call of this kind is carried out. */
    enum storage_kind before_kind;
    void (*before)(struct fake *f);
};

/* NULL: the usual. */
void fake_init(struct fake *f, const struct ar_config *config);
void fake_fini(struct fake *f);
struct ar_config fake_config(void);
/* A worker creates the document, or edits it: one entry with so many bytes of text. */
void fake_create(struct fake *f, struct slice doc);
void fake_edit(struct fake *f, struct slice doc, size_t size);
/* Two edits in one entry. */
void fake_edit_twice(struct fake *f, struct slice doc, size_t size);
/* Until nothing is under way; all lanes are looked at once. */
void fake_run(struct fake *f);
void fake_skip_ms(struct fake *f, uint64_t ms);
/* The claim of a job that failed has run out. */
void fake_dirty(struct fake *f, struct slice doc);
/* PostgreSQL has all of it, and the stream nothing. */
void fake_expect_archived(struct fake *f, struct slice doc);

TCase *ar_wrong_cases(void);

#endif
