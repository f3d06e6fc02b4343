/*
 * READ: head and entries of a document's stream.
 *
 * Redis answers one command at a time, so a long stream is read in pages. That a READ still tells
 * of one moment follows from the chain: an entry never changes (I1), so what a page adds behind the
 * entries that are there is what one step would have found, had nothing been trimmed meanwhile. A
 * page that does not join (a rebase, a trim that went further than we had read) makes the READ
 * UNKNOWN: nothing was learnt, and the caller reads again. The caller verifies the hashes.
 *
 * That makes no difference to damage, which would be UNKNOWN for ever. So each page is judged by
 * itself, being one step; and where one does not join, the entry before it and what stands behind
 * that are looked at together: if that is still no stream the READ is DAMAGED.
 *
 * Most documents fit into one page, whose entries are lent as they came; only pages with more
 * behind them are copied.
 */
#include <errno.h>
#include <stdlib.h>

#include "backend_internal.h"
#include "storage_stream.h"

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

static const struct storage_entry *pages_last(const struct backend_pages *pages)
{
    return &pages->entries[pages->count - 1];
}

static const struct chain_position *pages_end(const struct backend_pages *pages)
{
    return &pages_last(pages)->position;
}

static struct redis_doc doc_of(const struct storage_call *call)
{
    return (struct redis_doc){.lane = cluster_lane_of(call->doc), .id = call->doc};
}

static int page_send(struct backend_request *request)
{
    const struct backend_pages *pages = &request->pages;
    struct storage_call *call = request->call;
    uint64_t from_rev = pages->count ? pages_end(pages)->rev + 1 : call->from_rev;
    uint64_t left = call->count_max - pages->count;

    return redis_read(request->backend->redis, doc_of(call), from_rev,
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

static struct storage_entry entry_of(const struct redis_entry *from)
{
    return (struct storage_entry){
        .first_rev = from->first_rev, .position = from->after, .payload = from->payload};
}

/* Lends the payloads as they are. */
static bool entries_add(struct backend_pages *pages, const struct redis_read_reply *page)
{
    if (!entries_grow(pages, page->count))
        return false;
    for (size_t i = 0; i < page->count; i++) {
        pages->entries[pages->count++] = entry_of(&page->entries[i]);
        pages->bytes += page->entries[i].payload.size;
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

static bool page_holds(const struct storage_entry *entries, const struct redis_read_reply *page,
                       bool ends)
{
    return storage_stream_holds(page->has_head ? &page->head : NULL, entries, page->count, ends);
}

static void damaged(struct backend_request *request)
{
    backend_complete(request, STORAGE_DAMAGED, true, "the entries in Redis are no stream");
}

/* Is the last entry that we have still there, and does what stands behind it still not join? */
static void look_done(void *arg, const struct redis_answer *answer,
                      const struct redis_read_reply *page)
{
    struct backend_request *request = arg;
    struct storage_entry found[2];

    if (!page || !request->call) {
        backend_complete_redis(request, answer);
        return;
    }
    const struct storage_entry *last = pages_last(&request->pages);
    for (size_t i = 0; i < page->count; i++)
        found[i] = entry_of(&page->entries[i]);
    bool there = page->count > 0 && found[0].first_rev == last->first_rev &&
                 chain_position_equal(&found[0].position, &last->position);
    if (page->damaged || (there && !page_holds(found, page, page->count < 2)))
        damaged(request);
    else
        backend_complete(request, STORAGE_UNKNOWN, true, "the stream changed while it was read");
}

static int look_send(struct backend_request *request)
{
    return redis_read(request->backend->redis, doc_of(request->call),
                      pages_last(&request->pages)->first_rev, 2, READ_BYTES_MAX, look_done,
                      request);
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
    if (page->damaged) {
        damaged(request);
        return;
    }
    bool joins = page_joins(pages, page);
    if (joins ? !entries_add(pages, page) : look_send(request)) {
        backend_complete(request, STORAGE_UNKNOWN, true, "out of memory");
        return;
    }
    if (!joins)
        return;
    if (!page_holds(pages->entries + before, page, false)) {
        damaged(request);
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
