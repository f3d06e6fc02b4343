/*
 * The numbers of a service, declared once in one table and expanded into a plain struct, the rows
 * that describe it, the metrics page and the documentation:
 *
 *     #define GW_STATS(X)                                                                       \
 *         X(COUNTER, conns, "weft_gateway_connections_total", "", "Connections accepted.")      \
 *         X(COUNTER, closed_slow, "weft_gateway_closed_total", "reason=\"slow\"", "Closed.")    \
 *         X(COUNTER, closed_bad, "weft_gateway_closed_total", "reason=\"protocol\"", "Closed.") \
 *         X(GAUGE, viewers, "weft_gateway_viewers", "", "Open documents, summed over sockets.") \
 *         X(TIMES, seen_us, "weft_gateway_seen_seconds", "", "From edit to fan-out.")           \
 *         X(SIZES, frame_bytes, "weft_gateway_frame_bytes", "", "Frames from clients.")
 *     OBS_STATS_STRUCT(gw_stats, GW_STATS)          in the header: struct gw_stats,
 * gw_stats_table() OBS_STATS_TABLE(gw_stats, GW_STATS)           in one .c file
 *
 *     stats->conns++; stats->viewers--; obs_hist_add(&stats->seen_us, us);
 *
 * Kinds: COUNTER (uint64_t, only grows), SECONDS (the same of microseconds, exposed in seconds),
 * GAUGE (int64_t), AGE (the same of microseconds, exposed in seconds), TIMES (histogram of
 * microseconds, exposed in seconds), SIZES (histogram of bytes or counts). Rows of one family (same
 * name, other labels) stand together and share kind and help.
 *
 * Counters are not atomic: each loop has a struct of its own, hands out copies when asked, and the
 * copies are added up (obs_stats_merge). A core may use this header and nothing else of obs.
 */
#ifndef WEFT_OBS_STATS_H
#define WEFT_OBS_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "obs_hist.h"

enum obs_kind { OBS_COUNTER, OBS_SECONDS, OBS_GAUGE, OBS_AGE, OBS_TIMES, OBS_SIZES };

struct obs_row {
    enum obs_kind kind;
    size_t offset;      /* in the struct */
    const char *name;   /* of the family */
    const char *labels; /* key="value",... or "" */
    const char *help;
};

struct obs_table {
    const struct obs_row *rows;
    size_t count;
    size_t struct_size;
};

/* One family for what is bounded anywhere, so that one alarm watches all of it. */
#define OBS_ACCOUNT_HELP "Memory held, by what it is charged to."
#define OBS_ACCOUNT_LIMIT_HELP "What each of weft_account_bytes may reach."

#define OBS_TYPE_COUNTER uint64_t
#define OBS_TYPE_SECONDS uint64_t
#define OBS_TYPE_GAUGE int64_t
#define OBS_TYPE_AGE int64_t
#define OBS_TYPE_TIMES struct obs_hist
#define OBS_TYPE_SIZES struct obs_hist

#define OBS_STATS_FIELD(kind, field, name, labels, help) OBS_TYPE_##kind field;
#define OBS_STATS_ROW(kind, field, name, labels, help)                                             \
    {OBS_##kind, offsetof(obs_owner, field), name, labels, help},

#define OBS_STATS_STRUCT(tag, TABLE)                                                               \
    struct tag {                                                                                   \
        TABLE(OBS_STATS_FIELD)                                                                     \
    };                                                                                             \
    const struct obs_table *tag##_table(void);

#define OBS_STATS_TABLE(tag, TABLE)                                                                \
    const struct obs_table *tag##_table(void)                                                      \
    {                                                                                              \
        typedef struct tag obs_owner;                                                              \
        static const struct obs_row rows[] = {TABLE(OBS_STATS_ROW)};                               \
        static const struct obs_table table = {rows, sizeof rows / sizeof *rows,                   \
                                               sizeof(struct tag)};                                \
        return &table;                                                                             \
    }

/* How a service names its tables; a list of them ends with NULL. */
typedef const struct obs_table *obs_table_fn(void);

/* Adds every field, gauges too, of one struct to another of the same table. */
void obs_stats_merge(const struct obs_table *table, void *into, const void *from);
/*
 * Are names, labels and help as Prometheus and its linter want them, rows of a family together and
 * no series twice? NULL, or what is wrong; *ret_row is then the row.
 */
const char *obs_table_check(const struct obs_table *table, size_t *ret_row);
/* The same for all tables of one page, and no family is in two of them: NULL, or what is wrong,
 * with *ret_name the family. Each service's test asks. */
const char *obs_tables_check(obs_table_fn *const *tables, const char **ret_name);

static inline const void *obs_row_in(const struct obs_row *row, const void *stats)
{
    return (const char *)stats + row->offset;
}

#endif
