/*
 * Is everything that is said about a document true? Its history is computed from genesis over all
 * segments and the stream, and what it makes is compared with every snapshot that PostgreSQL
 * keeps, the heads in PostgreSQL and Redis, the dirty mark, and live state.
 */
#ifndef WEFT_CTL_CHECK_H
#define WEFT_CTL_CHECK_H

#include "ctl_live.h"
#include "ctl_replay.h"

/* What is compared with the state at a revision of the history. */
enum ctl_mark_kind { CTL_MARK_SNAPSHOT, CTL_MARK_HEAD, CTL_MARK_LIVE };
#define CTL_MARKS 3

struct ctl_mark {
    bool wanted, met;
    struct chain_position at;
};

struct ctl_check {
    /* Set by the check. */
    bool exists;              /* anywhere */
    struct chain_position at; /* where the history ends */
    struct bytes problems;    /* one line each */
    size_t problem_count;
    /* Private. */
    struct ot_attrs_table *table; /* borrowed, while it is checked */
    struct ctl_mark marks[CTL_MARKS];
    struct ctl_replay snapshot;    /* the next one that the history comes to */
    uint64_t snapshot_rev;         /* of the last one that was looked at */
    bool snapshots_end;            /* there is none behind it */
    uint64_t head_entry_first_rev; /* what PostgreSQL says of the entry that ends in its head */
    struct client_doc *live;       /* owned; NULL: not asked for */
    char refusal[300];             /* the gateway's; "": there was none */
};

/* live NULL: not compared. CTL_YES: clean. CTL_NO: see problems, or it does not exist.
 * CTL_UNREACHABLE: said so. */
enum ctl_exit ctl_check_document(struct ctl_check *check, struct ctl_servers *servers,
                                 struct ctl_live *live, struct slice id);
void ctl_check_fini(struct ctl_check *check);

#endif
