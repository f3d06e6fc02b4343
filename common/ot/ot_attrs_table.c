/*
 * The table of interned lists. A list lives as long as somebody holds a reference; a document holds
 * one for each run. `bytes_max` bounds what people can make a loop hold by using ever new values.
 */
#include <stdlib.h>

#include "hash.h"
#include "ot_attrs.h"

struct ot_attrs {
    UT_hash_handle hh;
    size_t refs;
    size_t size;
    uint8_t list[];
};

struct ot_attrs_table {
    struct ot_attrs *lists; /* owned */
    size_t bytes, bytes_max;
};

struct ot_attrs_table *ot_attrs_table_new(size_t bytes_max)
{
    struct ot_attrs_table *table = calloc(1, sizeof *table);

    if (table)
        table->bytes_max = bytes_max;
    return table;
}

struct ot_attrs_table *ot_attrs_table_free(struct ot_attrs_table *table)
{
    if (table)
        MUST(!table->lists && table->bytes == 0);
    free(table);
    return NULL;
}

size_t ot_attrs_table_bytes(const struct ot_attrs_table *table)
{
    return table->bytes;
}

static struct ot_attrs *attrs_add(struct ot_attrs_table *table, struct slice list)
{
    struct ot_attrs *attrs;
    size_t bytes = sizeof *attrs + list.size;

    if (bytes > table->bytes_max || table->bytes > table->bytes_max - bytes)
        return NULL;
    attrs = calloc(1, bytes);
    if (!attrs)
        return NULL;
    attrs->size = list.size;
    memcpy(attrs->list, list.data, list.size);
    HASH_ADD(hh, table->lists, list, list.size, attrs);
    if (!attrs->hh.tbl) {
        free(attrs);
        return NULL;
    }
    table->bytes += bytes;
    return attrs;
}

const struct ot_attrs *ot_attrs_intern(struct ot_attrs_table *table, struct slice list)
{
    struct ot_attrs *attrs;

    if (list.size == 0)
        return NULL;
    HASH_FIND(hh, table->lists, list.data, list.size, attrs);
    if (!attrs)
        attrs = attrs_add(table, list);
    return ot_attrs_ref(attrs);
}

/* The count is not part of the value: everybody but the table sees lists as constant. */
const struct ot_attrs *ot_attrs_ref(const struct ot_attrs *attrs)
{
    if (attrs)
        ((struct ot_attrs *)attrs)->refs++;
    return attrs;
}

void ot_attrs_release_list(struct ot_attrs_table *table, const struct ot_attrs *attrs)
{
    struct ot_attrs *own = (struct ot_attrs *)attrs;

    MUST(own->refs > 0);
    if (--own->refs > 0)
        return;
    table->bytes -= sizeof *own + own->size;
    HASH_DEL(table->lists, own);
    free(own);
}

struct slice ot_attrs_list(const struct ot_attrs *attrs)
{
    return attrs ? slice_of(attrs->list, attrs->size) : (struct slice){0};
}
