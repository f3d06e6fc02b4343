/*
 * Every document that is stored, each once: those that only Redis knows yet, then PostgreSQL's.
 * What is created while this goes on may be missed. Memory: a page of ids, and some bytes for each
 * document that PostgreSQL does not know yet.
 */
#ifndef WEFT_CTL_DOCS_H
#define WEFT_CTL_DOCS_H

#include "ctl_servers.h"

struct ctl_docs_visitor {
    /* NULL: all. A cheap look at the id: for whom it says no to, no server is asked. */
    bool (*wants)(void *arg, struct slice id);
    /* May ask. What it returns other than CTL_YES ends the visit and is returned. */
    enum ctl_exit (*each)(void *arg, struct slice id);
    /* Also what is no document: ids that are marked dirty and that neither store knows. */
    bool strays;
    void *arg;
};

/* Ids are lent. A refusal of the servers ends it too: CTL_UNREACHABLE, and said so. */
enum ctl_exit ctl_docs_visit(struct ctl *ctl, struct ctl_servers *servers,
                             const struct ctl_docs_visitor *visitor);

#endif
