/* What the tests of this folder share: sessions, records, entries of one record. */
#ifndef WEFT_DOC_HELP_TEST_H
#define WEFT_DOC_HELP_TEST_H

#include "doc.h"

#define NOW_MS 1700000000000u

struct wire_session session_of(uint64_t created_ms, uint64_t number);
/* An op that inserts text behind `at` units; the caller frees. */
struct bytes op_insert(uint64_t at, const char *text);
/* Borrows body. Kind create: of a rich document. */
struct wire_record record_of(enum wire_kind kind, const struct wire_session *session, uint64_t seq,
                             struct slice body);
int entry_of_one(struct doc *doc, const struct wire_record *record, uint64_t now_ms,
                 struct bytes *payload);
/* "\n", of kind rich. */
void document_create(struct doc *doc, struct bytes *payload);

#endif
