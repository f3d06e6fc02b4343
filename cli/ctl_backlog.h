/* How far PostgreSQL is behind Redis with one document. */
#ifndef WEFT_CTL_BACKLOG_H
#define WEFT_CTL_BACKLOG_H

#include "ctl_servers.h"
#include "wire_record.h"

struct ctl_backlog {
    uint64_t head, archived; /* revisions; archived 0: PostgreSQL does not know it */
    enum wire_doc_kind kind; /* NONE: not archived, so not known here */
    struct bytes title;      /* owned */
    uint64_t updated_ms;     /* of the last archived entry's commit; 0: there is none */
    uint64_t waiting;        /* revisions that are not archived */
    uint64_t entries, bytes; /* of them, as far as one answer goes (1,000 entries) */
    uint64_t since_ms;       /* time of the oldest of them; 0: there is none */
};

/* Reads it; what is not CTL_YES was said. */
enum ctl_exit ctl_backlog_read(struct ctl *ctl, struct ctl_servers *servers, struct slice id,
                               struct ctl_backlog *ret);
void ctl_backlog_fini(struct ctl_backlog *backlog);

#endif
