#include "redis_check.h"

#include <stdlib.h>

static bool is(struct slice s, const char *text)
{
    return slice_equal(s, slice_str(text));
}

/* Counts of replicas: small; an absurd text gives 0, which is refused where it matters. */
static unsigned number(struct slice s)
{
    unsigned n = 0;
    if (s.size > 6)
        return 0;
    for (size_t i = 0; i < s.size; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return 0;
        n = n * 10 + (s.data[i] - '0');
    }
    return n;
}

static void take_field(struct redis_facts *facts, struct slice name, struct slice value)
{
    if (is(name, "role"))
        facts->primary = is(value, "master");
    else if (is(name, "connected_slaves"))
        facts->replicas = number(value);
    else if (is(name, "master_replid") && value.size == REDIS_REPLID_SIZE)
        memcpy(facts->replid, value.data, REDIS_REPLID_SIZE);
    else if (is(name, "master_replid2"))
        facts->promoted = !is(value, "0000000000000000000000000000000000000000");
    else if (is(name, "loading"))
        facts->loading = !is(value, "0");
    else if (is(name, "aof_rewrite_in_progress") || is(name, "aof_rewrite_scheduled"))
        facts->rewriting = facts->rewriting || !is(value, "0");
}

void redis_facts_info(struct redis_facts *facts, struct slice info)
{
    while (info.size) {
        const uint8_t *end = memchr(info.data, '\n', info.size);
        size_t size = end ? (size_t)(end - info.data) : info.size;
        struct slice line = slice_of(info.data, size);
        info = slice_of(info.data + size, info.size - size);
        if (info.size)
            info = slice_of(info.data + 1, info.size - 1);
        if (line.size && line.data[line.size - 1] == '\r')
            line.size--;
        const uint8_t *colon = line.size ? memchr(line.data, ':', line.size) : NULL;
        if (!colon)
            continue;
        size_t name = (size_t)(colon - line.data);
        take_field(facts, slice_of(line.data, name), slice_of(colon + 1, line.size - name - 1));
    }
}

void redis_facts_config(struct redis_facts *facts, struct slice name, struct slice value)
{
    if (is(name, "appendonly"))
        facts->log_on = is(value, "yes");
    else if (is(name, "appendfsync"))
        facts->log_always = is(value, "always");
    else if (is(name, "maxmemory-policy"))
        facts->keeps_all = is(value, "noeviction");
}

enum redis_verdict redis_facts_judge(const struct redis_facts *facts, enum redis_level level,
                                     unsigned replicas, const char **ret_reason)
{
    const char *reason = "";
    enum redis_verdict verdict = REDIS_VERDICT_FIT;

    if (facts->loading) {
        reason = "Redis is loading its data";
        verdict = REDIS_VERDICT_LATER;
    } else if (!facts->primary) {
        reason = "Redis is a replica";
        verdict = REDIS_VERDICT_LATER;
    } else if (!facts->keeps_all) {
        reason = "Redis may evict keys: set maxmemory-policy noeviction";
        verdict = REDIS_VERDICT_UNFIT;
    } else if (level >= REDIS_LEVEL_FSYNC && !facts->log_on) {
        reason = "Redis keeps no log: set appendonly yes, or choose durability memory";
        verdict = REDIS_VERDICT_UNFIT;
    } else if (level >= REDIS_LEVEL_FSYNC && !facts->log_always) {
        reason = "Redis syncs its log late: set appendfsync always, or choose durability memory";
        verdict = REDIS_VERDICT_UNFIT;
    } else if (level >= REDIS_LEVEL_REPLICA && facts->replicas < replicas) {
        reason = "Redis has fewer replicas connected than durability replica asks for";
        verdict = REDIS_VERDICT_UNFIT;
    } else if (level >= REDIS_LEVEL_FSYNC && facts->promoted && facts->rewriting) {
        reason = "Redis has changed its role and rewrites its log first";
        verdict = REDIS_VERDICT_LATER;
    }
    *ret_reason = reason;
    return verdict;
}

static bool starts_with_any(const char *error, const char *const *heads, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strncmp(error, heads[i], strlen(heads[i])) == 0)
            return true;
    return false;
}

bool redis_error_is_role(const char *error)
{
    static const char *const heads[] = {"READONLY", "MASTERDOWN", "UNBLOCKED"};
    return starts_with_any(error, heads, sizeof heads / sizeof *heads);
}

bool redis_error_is_passing(const char *error)
{
    static const char *const heads[] = {"OOM",        "LOADING",  "BUSY",       "MISCONF",
                                        "NOREPLICAS", "TRYAGAIN", "CLUSTERDOWN"};
    return redis_error_is_role(error) ||
           starts_with_any(error, heads, sizeof heads / sizeof *heads);
}
