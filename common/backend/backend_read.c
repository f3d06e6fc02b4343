/*
 * READ: head and entries of a document's stream.
 *
 * Redis answers one command at a time, so a long stream is read in pages. That a READ still tells
 * of one moment follows from the chain: an entry never changes (I1), so what a page adds behind the
 * entries that are there is what one step would have found, had nothing been trimmed meanwhile. A
 * page that does not join (a rebase, a trim that went further than we had read) makes the READ
 * UNKNOWN: nothing was learnt, and the caller reads again. The caller verifies the hashes.
 *
 * Most documents fit into one page, whose entries are lent as they came; only pages with more
 * behind them are copied.
 */
#include <errno.h>
#include <stdlib.h>

#include "backend_internal.h"

/* How long Redis is kept from other work by one page. */
#define PAGE_BYTES (1u << 20)
#define PAGE_ENTRIES 4096
/* What one READ may make us hold; what is there is given, as with count_max. Far above what a
   stream holds before workers refuse more (the high-water mark of streams that nobody archives). */
#define READ_BYTES_MAX (256u << 20)

static void page_done(void *arg, const struct redis_answer *answer,
                      const struct redis_read_reply *reply);

void backend_pages_fini(struct backend_pages *pages)
{
    for (size_t i = 0; i < pages->block_count; i++)
        free(pages->blocks[i]);
    free(pages->blocks);
    free(pages->entries);
}

static const struct chain_position *pages_end(const struct backend_pages *pages)
{
    return &pages->entries[pages->count - 1].position;
}

static int page_send(struct backend_request *request)
{
    const struct backend_pages *pages = &request->pages;
    struct storage_call *call = request->call;
    struct redis_doc doc = {.lane = cluster_lane_of(call->doc), .id = call->doc};
    uint64_t from_rev = pages->count ? pages_end(pages)->rev + 1 : call->from_rev;
    uint64_t left = call->count_max - pages->count;

    return redis_read(request->backend->redis, doc, from_rev,
                      left < PAGE_ENTRIES ? (unsigned)left : PAGE_ENTRIES, PAGE_BYTES, page_done,
                      request);
}

int backend_read_send(struct backend_request *request)
{
    return page_send(request);
}

/* Makes room for `count` more. */
static bool entries_grow(struct backend_pages *pages, size_t count)
{
    size_t capacity = pages->capacity ? pages->capacity : 16;

    while (capacity < pages->count + count)
        capacity *= 2;
    if (capacity == pages->capacity)
        return true;
    struct storage_entry *entries = realloc(pages->entries, capacity * sizeof *entries);
    if (!entries)
        return false;
    pages->entries = entries;
    pages->capacity = capacity;
    return true;
}

/* Lends the payloads as they are. */
static bool entries_add(struct backend_pages *pages, const struct redis_read_reply *page)
{
    if (!entries_grow(pages, page->count))
        return false;
    for (size_t i = 0; i < page->count; i++) {
        const struct redis_entry *from = &page->entries[i];
        pages->entries[pages->count++] = (struct storage_entry){
            .first_rev = from->first_rev, .position = from->after, .payload = from->payload};
        pages->bytes += from->payload.size;
    }
    return true;
}

/* Copies the payloads of the entries from `first` on, which a page has lent. */
static bool payloads_keep(struct backend_pages *pages, size_t first)
{
    size_t size = 1;

    for (size_t i = first; i < pages->count; i++)
        size += pages->entries[i].payload.size;
    void **blocks = realloc(pages->blocks, (pages->block_count + 1) * sizeof *blocks);
    if (!blocks)
        return false;
    pages->blocks = blocks;
    uint8_t *at = malloc(size);
    if (!at)
        return false;
    pages->blocks[pages->block_count++] = at;
    for (size_t i = first; i < pages->count; i++) {
        struct slice *payload = &pages->entries[i].payload;
        if (payload->size)
            memcpy(at, payload->data, payload->size);
        payload->data = at;
        at += payload->size;
    }
    return true;
}

/* Whether a further page begins where the last one ended. */
static bool page_joins(const struct backend_pages *pages, const struct redis_read_reply *page)
{
    if (!pages->count)
        return true;
    if (page->count)
        return page->entries[0].first_rev == pages_end(pages)->rev + 1;
    return page->has_head && chain_position_equal(&page->head, pages_end(pages));
}

static bool page_is_last(const struct backend_request *request, const struct redis_read_reply *page)
{
    const struct backend_pages *pages = &request->pages;

    return page->count == 0 || pages->count >= request->call->count_max ||
           pages->bytes >= READ_BYTES_MAX || !page->has_head ||
           chain_position_equal(&page->head, pages_end(pages));
}

static void page_done(void *arg, const struct redis_answer *answer,
                      const struct redis_read_reply *page)
{
    struct backend_request *request = arg;
    struct backend_pages *pages = &request->pages;
    struct storage_call *call = request->call;
    size_t before = pages->count;

    if (!page || !call) {
        backend_complete_redis(request, answer);
        return;
    }
    if (!page_joins(pages, page)) {
        backend_complete(request, STORAGE_UNKNOWN, true, "the stream changed while it was read");
        return;
    }
    if (!entries_add(pages, page)) {
        backend_complete(request, STORAGE_UNKNOWN, true, "out of memory");
        return;
    }
    if (page_is_last(request, page)) {
        call->has_head = page->has_head;
        call->head = page->head;
        call->entries = pages->entries;
        call->entry_count = pages->count;
        backend_complete(request, STORAGE_OK, true, "");
        return;
    }
    request->backend->stats.pages++;
    if (!payloads_keep(pages, before) || page_send(request))
        backend_complete(request, STORAGE_UNKNOWN, true, "out of memory");
}
