/*
 * The services' admin ports (shell.h): readiness and metrics of every process, asked all at once,
 * so that one which does not answer costs its patience and no more.
 *
 * Which ones: --admin or WEFT_ADMIN, either a directory of files NAME that hold HOST:PORT, as
 * scripts/up keeps it, or a list "gateway-1=127.0.0.1:9101,worker-1=…". NAME is the process's --id.
 */
#ifndef WEFT_CTL_ADMIN_H
#define WEFT_CTL_ADMIN_H

#include "bytes.h"
#include "ctl_where.h"
#include "ev_address.h"

struct ev_loop;

/* Bounds what a directory of something else can make us ask. */
#define CTL_ADMIN_MAX 512
#define CTL_ADMIN_PATIENCE_MS 1500

struct ctl_process {
    char name[64];
    struct ev_address at;
    bool answered; /* both questions */
    bool ready;
    int status;           /* HTTP's, of the last command; 0: no answer */
    char why[160];        /* not ready, no answer, or what became of the command: in words */
    struct bytes metrics; /* owned */
};

struct ctl_admin {
    struct ctl_process *processes; /* owned; in the order of names */
    size_t count;
};

/* CTL_USAGE, and said so: nobody knows where they are, or an address is none. */
enum ctl_exit ctl_admin_find(struct ctl *ctl, const struct ctl_where *where, struct ctl_admin *ret);
void ctl_admin_fini(struct ctl_admin *admin);
/* Asks all of them; what was known before is forgotten. */
void ctl_admin_ask(struct ctl_admin *admin, struct ev_loop *loop);

/* POST path to all of them. Who does not know the command says 404. */
void ctl_admin_command(struct ctl_admin *admin, struct ev_loop *loop, const char *path,
                       struct slice body);

/* NULL: there is none of this name. */
const struct ctl_process *ctl_admin_process(const struct ctl_admin *admin, const char *name);

#endif
