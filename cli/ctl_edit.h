/*
 * Editing one document as any client would, each op exactly once: it is named by a session of our
 * own, and sent again by that name if a connection is lost on the way (I5). For append, create and
 * replay.
 */
#ifndef WEFT_CTL_EDIT_H
#define WEFT_CTL_EDIT_H

#include "ctl_live.h"

struct ctl_edit {
    struct ctl *ctl;
    struct ctl_where where;
    struct ctl_live *live;        /* owned */
    struct ev_loop *loop;         /* owned */
    struct ot_attrs_table *table; /* owned */
    struct client_doc *doc;       /* live's, until the end */
    struct slice id;              /* borrowed */
    uint64_t rev, ops;            /* of the last one that was acked; how many */
    bool replaced;                /* what we would have created by what is there */
};

/* Connects. What is not CTL_YES was said; end it all the same. */
enum ctl_exit ctl_edit_begin(struct ctl_edit *e, struct ctl *ctl);
void ctl_edit_end(struct ctl_edit *e);

/* Opens it; with a kind it is created if there is none, and holds content then (borrowed). */
enum ctl_exit ctl_edit_open(struct ctl_edit *e, struct slice id, enum wire_doc_kind kind,
                            const struct ot_op *content);
/* Creates it, and nobody else has: of two that do so at once one is told CTL_NO. */
enum ctl_exit ctl_edit_create(struct ctl_edit *e, struct slice id, enum wire_doc_kind kind,
                              const struct ot_op *content);
/* Waits until it is durable. */
enum ctl_exit ctl_edit_op(struct ctl_edit *e, const struct ot_op *op);
/* Puts a text at the end, in rich documents before the final newline, in ops of at most 64 KiB. */
enum ctl_exit ctl_edit_text(struct ctl_edit *e, struct slice text);

/* WIRE_DOC_NONE: neither rich nor text. NULL: rich. */
enum wire_doc_kind ctl_edit_kind(const char *name);
/* Of a new document: nothing, or the newline that a rich one ends with. */
struct ot_op ctl_edit_nothing(enum wire_doc_kind kind);
/* A file's text, `-`: of ctl->in, for a document. False: said why. */
bool ctl_edit_text_read(struct ctl *ctl, const char *path, struct bytes *ret);

#endif
