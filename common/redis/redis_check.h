/*
 * Whether a Redis server gives what the level promises (I4): pure, from the texts of INFO and
 * CONFIG GET.
 *
 * The awkward case: a replica that was promoted soon after a full copy rewrites its log first, and
 * until that is done an fsynced reply is not in any log that a restart would read. The server says
 * "rewriting" then, as it does during ordinary rewrites; only a server that has ever changed its
 * role (it remembers a second replication id) is made to wait.
 */
#ifndef WEFT_REDIS_CHECK_H
#define WEFT_REDIS_CHECK_H

#include "bytes.h"
#include "redis_client.h"

#define REDIS_REPLID_SIZE 40

struct redis_facts {
    bool primary;
    bool promoted; /* has a second replication id */
    bool loading;
    bool rewriting;                     /* the log's rewrite runs or is about to */
    bool log_on;                        /* appendonly yes */
    bool log_always;                    /* appendfsync always */
    bool keeps_all;                     /* maxmemory-policy noeviction */
    unsigned replicas;                  /* connected now */
    char replid[REDIS_REPLID_SIZE + 1]; /* changes with every change of role */
};

enum redis_verdict {
    REDIS_VERDICT_FIT,
    REDIS_VERDICT_LATER, /* loading, a replica, rewriting after a change of role */
    REDIS_VERDICT_UNFIT, /* an operator must change the server, or the level */
};

/* Takes up what an INFO answer says; sections may come one after the other. */
void redis_facts_info(struct redis_facts *facts, struct slice info);
void redis_facts_config(struct redis_facts *facts, struct slice name, struct slice value);
/* *ret_reason: words for the log, static. */
enum redis_verdict redis_facts_judge(const struct redis_facts *facts, enum redis_level level,
                                     unsigned replicas, const char **ret_reason);

/* Error answers that come before a function has run, and that pass by themselves. */
bool redis_error_is_passing(const char *error);
/* Of these, the ones that tell that the server is no longer the primary. */
bool redis_error_is_role(const char *error);

#endif
