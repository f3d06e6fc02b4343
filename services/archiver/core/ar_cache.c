/*
 * Documents as they are at PostgreSQL's head, kept between two claims, so that a document that is
 * being written is folded on and not loaded each time. Least recently used goes first.
 */
#include <stdlib.h>

#include "ar_core_private.h"

static void cached_remove(struct ar_core *core, struct ar_cached *cached)
{
    HASH_DEL(core->cache, cached);
    list_remove(&cached->link);
    core->cache_bytes -= doc_memory(cached->doc);
}

void ar_cache_put(struct ar_core *core, struct doc *doc, struct doc_stored_size since)
{
    struct ar_cached *cached = calloc(1, sizeof *cached);

    if (!cached || doc_memory(doc) > core->config.cache_bytes_max) {
        core->counters.limit_cache += cached != NULL;
        free(cached);
        doc_free(doc);
        return;
    }
    *cached = (struct ar_cached){.doc = doc, .since = since};
    struct slice id = doc_id(doc);
    HASH_ADD_KEYPTR(hh, core->cache, id.data, id.size, cached);
    if (!cached->hh.tbl) {
        doc_free(doc);
        free(cached);
        return;
    }
    list_push_back(&core->cached, &cached->link);
    core->cache_bytes += doc_memory(doc);
    while (core->cache_bytes > core->config.cache_bytes_max) {
        core->counters.limit_cache++;
        struct ar_cached *oldest = list_first(&core->cached, struct ar_cached, link);
        cached_remove(core, oldest);
        doc_free(oldest->doc);
        free(oldest);
    }
}

struct doc *ar_cache_take(struct ar_core *core, struct slice id, struct doc_stored_size *ret_since)
{
    struct ar_cached *cached;

    HASH_FIND(hh, core->cache, id.data, id.size, cached);
    if (!cached)
        return NULL;
    cached_remove(core, cached);
    struct doc *doc = cached->doc;
    *ret_since = cached->since;
    free(cached);
    return doc;
}

void ar_cache_clear(struct ar_core *core)
{
    struct ar_cached *cached;

    while ((cached = list_first(&core->cached, struct ar_cached, link))) {
        cached_remove(core, cached);
        doc_free(cached->doc);
        free(cached);
    }
}
