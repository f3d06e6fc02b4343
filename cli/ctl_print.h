/* Answers on their way out, and a document for people and programs. */
#ifndef WEFT_CTL_PRINT_H
#define WEFT_CTL_PRINT_H

#include "crypto_chain.h"
#include "ctl_verb.h"
#include "ot_rope.h"
#include "wire_record.h"

struct ctl_shown {
    struct slice id;
    const struct ot_rope *rope;
    struct chain_position at;
    const char *kind;   /* "rich", "text"; NULL: not known */
    struct slice title; /* data NULL: not known */
};

/*
 * --format text: the text as it is, nothing added, embeds as U+FFFC; delta: its components, and a
 * newline; html and markdown: ctl_lines.h. With --json an object with all that is known. False: it
 * cannot be written.
 */
MUST_CHECK bool ctl_print_document(struct ctl *ctl, const struct ctl_shown *shown);
/* CTL_YES, or CTL_USAGE and said so. */
enum ctl_exit ctl_print_check(struct ctl *ctl);

/* Writes it and frees it. */
void ctl_write(struct ctl *ctl, struct bytes *out);
/* "rich", "text"; NULL: neither. */
const char *ctl_kind_name(enum wire_doc_kind kind);

#endif
