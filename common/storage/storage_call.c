#include "storage_call.h"

const char *storage_kind_name(enum storage_kind kind)
{
    static const char *const names[] = {
        [STORAGE_READ] = "read",       [STORAGE_APPEND] = "append", [STORAGE_ADOPT] = "adopt",
        [STORAGE_REBASE] = "rebase",   [STORAGE_TRIM] = "trim",     [STORAGE_CLAIM] = "claim",
        [STORAGE_REMARK] = "remark",   [STORAGE_BEAT] = "beat",     [STORAGE_LOAD] = "load",
        [STORAGE_HISTORY] = "history", [STORAGE_LOCK] = "lock",     [STORAGE_COMMIT] = "commit",
        [STORAGE_UNLOCK] = "unlock",   [STORAGE_DOCS] = "docs",
    };

    MUST((size_t)kind < sizeof names / sizeof names[0] && names[kind]);
    return names[kind];
}

const char *storage_result_name(enum storage_result result)
{
    static const char *const names[] = {
        [STORAGE_PENDING] = "pending", [STORAGE_OK] = "ok",           [STORAGE_REFUSED] = "refused",
        [STORAGE_MISSING] = "missing", [STORAGE_UNKNOWN] = "unknown", [STORAGE_DOWN] = "down",
        [STORAGE_BROKEN] = "broken",   [STORAGE_DAMAGED] = "damaged",
    };

    MUST((size_t)result < sizeof names / sizeof names[0]);
    return names[result];
}
