/*
 * Every document that is stored, each once: those that only Redis knows yet, then PostgreSQL's.
 * What is created while this goes on may be missed. Memory: a page of ids, and some bytes for each
 * document that PostgreSQL does not know yet.
 */
#ifndef WEFT_CTL_DOCS_H
#define WEFT_CTL_DOCS_H

#include "ctl_servers.h"

/* `each` may ask; what it returns other than CTL_YES ends it and is returned. Id is lent. */
enum ctl_exit ctl_docs_each(struct ctl_servers *servers,
                            enum ctl_exit (*each)(void *arg, struct slice id), void *arg);

#endif
