#include "obs_stats.h"

#include <stdbool.h>
#include <string.h>

void obs_stats_merge(const struct obs_table *table, void *into, const void *from)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct obs_row *row = &table->rows[i];
        void *to = (char *)into + row->offset;
        switch (row->kind) {
        case OBS_COUNTER:
        case OBS_SECONDS:
            *(uint64_t *)to += *(const uint64_t *)obs_row_in(row, from);
            break;
        case OBS_GAUGE:
        case OBS_AGE:
            *(int64_t *)to += *(const int64_t *)obs_row_in(row, from);
            break;
        case OBS_TIMES:
        case OBS_SIZES:
            obs_hist_merge(to, obs_row_in(row, from));
            break;
        }
    }
}

static bool ends_with(const char *s, const char *end)
{
    size_t size = strlen(s), end_size = strlen(end);
    return size >= end_size && strcmp(s + size - end_size, end) == 0;
}

/* Is `word` one of the parts of a name that stand between underscores? */
static bool has_part(const char *name, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = name; at; at = strchr(at, '_') ? strchr(at, '_') + 1 : NULL) {
        if (strncmp(at, word, size) == 0 && (at[size] == 0 || at[size] == '_'))
            return true;
    }
    return false;
}

static bool snake_case(const char *s, size_t size)
{
    if (size == 0 || s[0] < 'a' || s[0] > 'z')
        return false;
    for (size_t i = 0; i < size; i++) {
        bool fine =
            (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || (s[i] == '_' && i > 0);
        if (!fine)
            return false;
    }
    return true;
}

/* What promtool's linter would say about a name. */
static const char *check_name(const struct obs_row *row)
{
    static const char *const units[] = {
        "s",       "ms",    "us",           "ns",           "sec",
        "b",       "kb",    "mb",           "gb",           "m",
        "h",       "d",     "milliseconds", "microseconds", "nanoseconds",
        "minutes", "hours", "days",         "kilobytes",    "megabytes",
        "percent"};
    static const char *const kinds[] = {"counter", "gauge", "histogram", "summary"};
    static const char *const reserved[] = {"_bucket", "_count", "_sum"};
    bool counts = row->kind == OBS_COUNTER || row->kind == OBS_SECONDS;
    /* process_* are the names that all of Prometheus' clients give a process' own numbers. */
    bool ours = strncmp(row->name, "weft_", 5) == 0 || strncmp(row->name, "process_", 8) == 0;
    if (!ours || !snake_case(row->name, strlen(row->name)))
        return "name is not weft_snake_case";
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (has_part(row->name, units[i]))
            return "name has another unit than seconds, bytes or a ratio";
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (has_part(row->name, kinds[i]))
            return "name has its kind in it";
    }
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (ends_with(row->name, reserved[i]))
            return "name ends as a part of a histogram does";
    }
    if (counts != ends_with(row->name, "_total"))
        return "counters, and only they, end in _total";
    if (row->kind == OBS_SECONDS && !ends_with(row->name, "_seconds_total"))
        return "SECONDS end in _seconds_total";
    if ((row->kind == OBS_TIMES || row->kind == OBS_AGE) && !ends_with(row->name, "_seconds"))
        return "TIMES and AGE end in _seconds";
    return NULL;
}

/* key="value",key="value" */
static bool labels_fine(const char *at)
{
    if (!*at)
        return true;
    for (;;) {
        size_t size = strcspn(at, "=");
        if (!snake_case(at, size) || strncmp(at, "le=", 3) == 0 || at[size] != '=' ||
            at[size + 1] != '"')
            return false;
        at += size + 2;
        size = strcspn(at, "\"\\\n");
        if (at[size] != '"')
            return false;
        at += size + 1;
        if (!*at)
            return true;
        if (*at++ != ',')
            return false;
    }
}

/* Against the rows before it. */
static const char *check_family(const struct obs_table *table, size_t at)
{
    const struct obs_row *row = &table->rows[at];
    bool known = false;
    for (size_t i = 0; i < at; i++) {
        const struct obs_row *other = &table->rows[i];
        if (strcmp(other->name, row->name) != 0)
            continue;
        known = true;
        if (other->kind != row->kind || strcmp(other->help, row->help) != 0)
            return "kind or help differs within the family";
        if (strcmp(other->labels, row->labels) == 0)
            return "the same series twice";
    }
    if (known && strcmp(table->rows[at - 1].name, row->name) != 0)
        return "rows of a family do not stand together";
    return NULL;
}

const char *obs_table_check(const struct obs_table *table, size_t *ret_row)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct obs_row *row = &table->rows[i];
        const char *wrong = check_name(row);
        if (!wrong && !labels_fine(row->labels))
            wrong = "labels are not key=\"value\",...";
        if (!wrong && (!*row->help || strpbrk(row->help, "\\\n")))
            wrong = "help is empty or has a line break or a backslash";
        if (!wrong)
            wrong = check_family(table, i);
        if (wrong) {
            *ret_row = i;
            return wrong;
        }
    }
    return NULL;
}

static bool family_in(const struct obs_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->rows[i].name, name) == 0)
            return true;
    return false;
}

static const char *family_check(obs_table_fn *const *tables, obs_table_fn *const *own,
                                const char *name)
{
    for (; tables < own; tables++)
        if (family_in((*tables)(), name))
            return "the family is in two tables";
    return NULL;
}

const char *obs_tables_check(obs_table_fn *const *tables, const char **ret_name)
{
    for (obs_table_fn *const *at = tables; *at; at++) {
        const struct obs_table *table = (*at)();
        size_t row = 0;
        const char *wrong = obs_table_check(table, &row);
        for (size_t i = 0; i < table->count && !wrong; i++) {
            row = i;
            wrong = family_check(tables, at, table->rows[i].name);
        }
        if (wrong) {
            *ret_name = table->rows[row].name;
            return wrong;
        }
    }
    return NULL;
}
