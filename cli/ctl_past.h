/*
 * A document's past, from what is stored: the state at a revision, and the entries behind it up to
 * another, in one pass over the history, the chain verified on the way.
 *
 * An entry is a step that is taken whole: bases, positions and everything a reader ever saw are its
 * ends (I3). So a revision inside an entry is no state that anybody had; asking for it is refused
 * with the two revisions beside it that are.
 */
#ifndef WEFT_CTL_PAST_H
#define WEFT_CTL_PAST_H

#include "ctl_replay.h"

struct ctl_past;

struct ctl_past_visitor {
    /* NULL, or once, when the document stands at `from`: before the first entry. */
    void (*begin)(void *arg, struct doc *doc);
    /* NULL, or after each entry behind `from`, which is lent. False: enough. */
    bool (*entry)(void *arg, const struct doc *doc, const struct wire_entry *entry,
                  size_t payload_bytes);
    /* NULL, or once at the end, which is reached: at `to`, or where `entry` had enough. */
    enum ctl_exit (*end)(void *arg, const struct doc *doc);
    /* NULL, or last of all, whatever happened, while the document is still there. */
    void (*leave)(void *arg);
    void *arg;
    /* For lists of changes: `from` and `to` may lie inside entries, which are visited too; `begin`
       does not come then. */
    bool inside_too;
};

#define CTL_PAST_HEAD UINT64_MAX

/*
 * From `from` (0: before the first revision; CTL_PAST_HEAD: only `end`, at the head) to `to`.
 * `progress`: to a terminal. What is not CTL_YES was said, or is what `end` returned.
 */
enum ctl_exit ctl_past_walk(struct ctl *ctl, struct ctl_servers *servers, uint64_t from,
                            uint64_t to, const struct ctl_past_visitor *visitor);

#endif
