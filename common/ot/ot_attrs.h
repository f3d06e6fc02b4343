/*
 * Attribute lists: key -> canonical JSON value (RFC 8785 bytes; `null` removes, only in retains),
 * sorted by key in UTF-16 code unit order as RFC 8785 sorts, each key once. The list in its binary
 * form (docs/algebra.md) is the value that ops carry: equality is equality of bytes.
 *
 * A rope interns lists in a table, so that equality there is equality of pointers. The table is
 * bounded and counted by reference; one loop owns it.
 */
#ifndef WEFT_OT_ATTRS_H
#define WEFT_OT_ATTRS_H

#include "bytes.h"
#include "ot_json.h" /* ot_json_canonical() */

/* Walks a valid list: start with *cursor = list; false at the end. */
bool ot_attrs_next(struct slice *cursor, struct slice *ret_key, struct slice *ret_value);
/* Appends one pair in the binary form. Keys must come in order. */
void ot_attrs_append(struct bytes *out, struct slice key, struct slice value);
/* UTF-16 code unit order of two UTF-8 keys. */
int ot_attrs_key_compare(struct slice a, struct slice b);
/* 0 or OT_BAD_ATTRS. `nulls`: null values allowed. */
MUST_CHECK int ot_attrs_check(struct slice list, bool nulls);
/* ret_wrong: the byte of the list where the fault is. */
MUST_CHECK int ot_attrs_check_where(struct slice list, bool nulls, size_t *ret_wrong);
struct ot_attrs; /* an interned list */

struct ot_attrs_table;

struct ot_attrs_table *ot_attrs_table_new(size_t bytes_max);
/* MUST be empty. */
struct ot_attrs_table *ot_attrs_table_free(struct ot_attrs_table *table);
size_t ot_attrs_table_bytes(const struct ot_attrs_table *table);
/*
 * One reference for the caller. The empty list is NULL. NULL for another list: no memory, or the
 * bound is reached; a list that is in the table already is always found.
 */
const struct ot_attrs *ot_attrs_intern(struct ot_attrs_table *table, struct slice list);
const struct ot_attrs *ot_attrs_ref(const struct ot_attrs *attrs);
void ot_attrs_release_list(struct ot_attrs_table *table, const struct ot_attrs *attrs);
static inline void ot_attrs_release(struct ot_attrs_table *table, const struct ot_attrs *attrs)
{
    if (attrs)
        ot_attrs_release_list(table, attrs);
}
struct slice ot_attrs_list(const struct ot_attrs *attrs);

#endif
