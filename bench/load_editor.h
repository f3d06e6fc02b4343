/* One editor of one document: a common/client, when its edits were typed, and what it measures. */
#ifndef WEFT_LOAD_EDITOR_H
#define WEFT_LOAD_EDITOR_H

#include "load_world.h"

/* Makes the client; with a session unless it is a reader. -ENOMEM. */
MUST_CHECK int load_editor_init(struct load_editor *e, struct load_doc *doc, struct load_link *link,
                                bool reader);
void load_editor_fini(struct load_editor *e);
/* Asks for the document; the first editor of a document creates it with this content. */
MUST_CHECK int load_editor_create(struct load_editor *e, enum wire_doc_kind kind,
                                  const struct ot_op *content);
void load_editor_open(struct load_editor *e);
/* A frame about this document. */
void load_editor_frame(struct load_editor *e, const struct wire_server_frame *frame);
void load_editor_disconnected(struct load_editor *e);
/* Sends what there is to send, if the link is open. */
void load_editor_pump(struct load_editor *e);
/* The time that an error asked for is over. */
void load_editor_retry(struct load_editor *e);

/* Types one edit, as of `us` (ev_clock_us). False: not possible now, which is counted. */
bool load_editor_type(struct load_editor *e, const struct ot_op *op, int64_t us);
/* Types what the generator says. */
bool load_editor_type_some(struct load_editor *e, int64_t us);
/* Open, everything acknowledged. */
bool load_editor_idle(const struct load_editor *e);

#endif
