/* The lists of members that Redis keeps (beat, docs/storage.md), as a view that says who owns what.
 */
#ifndef WEFT_CTL_MEMBERS_H
#define WEFT_CTL_MEMBERS_H

#include "cluster_view.h"
#include "ctl_servers.h"

struct ctl_members {
    struct cluster_view view; /* owned; sealed */
    uint64_t *silent_ms;      /* owned; since the last beat, of each of view.members */
    uint64_t now_ms;          /* Redis' clock */
};

/* CTL_YES, or what was said. */
enum ctl_exit ctl_members_read(struct ctl *ctl, struct ctl_servers *servers,
                               enum redis_member_list list, struct ctl_members *ret);
void ctl_members_fini(struct ctl_members *members);

#endif
