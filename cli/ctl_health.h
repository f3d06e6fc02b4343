/* What a process says about itself on its admin port, in the words that status and top share. */
#ifndef WEFT_CTL_HEALTH_H
#define WEFT_CTL_HEALTH_H

#include "ctl_admin.h"

enum ctl_role { CTL_GATEWAY, CTL_WORKER, CTL_ARCHIVER, CTL_STRANGER };
#define CTL_ROLES 4

/* By its metrics; where it does not answer, by its name. */
enum ctl_role ctl_role_of(const struct ctl_process *p);
const char *ctl_role_name(enum ctl_role role);

/* "ready", "not ready", "no answer". */
const char *ctl_health_state(const struct ctl_process *p);
/*
 * Of the circuit breaker before a server ("redis", "postgres"): "closed", "open", "half-open";
 * "away": closed, but the server is not connected or not fit; "-": it has nothing to do with it.
 */
const char *ctl_health_breaker(const struct ctl_process *p, const char *server);
/* Of its links, the worst: "open", "half-open", "closed"; "-" of who has none. */
const char *ctl_health_links(const struct ctl_process *p);
/* How many of its links are not closed. */
double ctl_health_links_open(const struct ctl_process *p);

/* One number of a process. */
struct ctl_figure {
    const char *name;   /* in JSON */
    const char *series; /* in metrics */
    const char *words;  /* "%s documents" */
    bool seconds;       /* else a count */
};

/* Those of a role, ends with a name of NULL. */
const struct ctl_figure *ctl_figures_of(enum ctl_role role);

#endif
