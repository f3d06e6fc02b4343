#include "ctl_docs.h"

#include <stdlib.h>

#include "cluster_shard.h"
#include "hash.h"

/* A document that was visited before PostgreSQL was listed: by the digest of its id. */
struct visited {
    UT_hash_handle hh;
    uint8_t digest[CHAIN_HASH_SIZE];
};

struct docs {
    struct ctl *ctl;
    struct ctl_servers *servers;
    const struct ctl_docs_visitor *visitor;
    struct visited *visited; /* owned */
    /* one page: ids behind their sizes (an answer is lent only until its callback returns) */
    struct bytes page;
    struct bytes last; /* id, of PostgreSQL's last page */
    uint64_t cursor;
    struct slice *ids; /* owned: those of the page that are wanted */
    size_t id_count;
    bool *known; /* owned: for each of them, whether PostgreSQL knows it */
};

static void page_add(struct docs *d, struct slice id)
{
    bytes_append_varint(&d->page, id.size);
    bytes_append_slice(&d->page, id);
    MUST(!d->page.failed);
}

static bool page_take(struct slice *rest, struct slice *ret)
{
    uint64_t size;

    if (rest->size == 0)
        return false;
    MUST(varint_take(rest, &size) && size <= rest->size);
    *ret = slice_of(rest->data, (size_t)size);
    rest->data += size;
    rest->size -= (size_t)size;
    return true;
}

static bool wanted(const struct docs *d, struct slice id)
{
    return !d->visitor->wants || d->visitor->wants(d->visitor->arg, id);
}

static enum ctl_exit visit(const struct docs *d, struct slice id)
{
    return d->visitor->each(d->visitor->arg, id);
}

static struct visited *visited_find(const struct docs *d, const uint8_t digest[CHAIN_HASH_SIZE])
{
    struct visited *found;

    HASH_FIND(hh, d->visited, digest, CHAIN_HASH_SIZE, found);
    return found;
}

/* False: it was visited before. */
static bool visited_add(struct docs *d, struct slice id)
{
    struct visited *added = calloc(1, sizeof *added);

    MUST(added);
    chain_hash_start(id, added->digest);
    if (visited_find(d, added->digest)) {
        free(added);
        return false;
    }
    HASH_ADD(hh, d->visited, digest, CHAIN_HASH_SIZE, added);
    MUST(added->hh.tbl);
    return true;
}

static void visited_clear(struct docs *d)
{
    struct visited *item = d->visited, *next;

    HASH_CLEAR(hh, d->visited);
    for (; item; item = next) {
        next = item->hh.next;
        free(item);
    }
}

/* CTL_NO is for the visitor to say: an answer that cannot be ends the visit. */
static enum ctl_exit asked(const struct docs *d, enum ctl_exit status)
{
    if (status != CTL_NO)
        return status;
    fprintf(d->ctl->err, "weftctl: the documents cannot be listed: %s\n",
            ctl_servers_refusal(d->servers));
    return CTL_UNREACHABLE;
}

/* ---- Redis ---- */

static void scan_take(void *arg, const struct redis_scan_reply *reply)
{
    struct docs *d = arg;

    d->cursor = reply->cursor;
    for (size_t i = 0; i < reply->count; i++)
        page_add(d, reply->docs[i].id);
}

static void page_ids_find(struct docs *d)
{
    struct slice rest = bytes_slice(&d->page), id;
    size_t count = 0;

    while (page_take(&rest, &id))
        count++;
    free(d->ids);
    free(d->known);
    d->ids = calloc(count + 1, sizeof *d->ids);
    d->known = calloc(count + 1, sizeof *d->known);
    MUST(d->ids && d->known);
    d->id_count = 0;
    rest = bytes_slice(&d->page);
    while (page_take(&rest, &id)) {
        if (wanted(d, id))
            d->ids[d->id_count++] = id;
    }
}

static int ids_compare(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

static void known_take(void *arg, const struct pg_known_reply *reply)
{
    struct docs *d = arg;

    for (size_t i = 0; i < d->id_count; i++)
        d->known[i] =
            bsearch(&d->ids[i], reply->ids, reply->count, sizeof *reply->ids, ids_compare) != NULL;
}

/* PostgreSQL is asked once about a whole page: nearly all of it will come up there. */
static enum ctl_exit redis_page_visit(struct docs *d)
{
    enum ctl_exit status = CTL_YES;

    page_ids_find(d);
    if (d->id_count)
        status = asked(d, ctl_ask_known(d->servers, d->ids, d->id_count, known_take, d));
    for (size_t i = 0; i < d->id_count && status == CTL_YES; i++) {
        if (!d->known[i] && visited_add(d, d->ids[i]))
            status = visit(d, d->ids[i]);
    }
    return status;
}

static enum ctl_exit redis_visit(struct docs *d)
{
    enum ctl_exit status;

    do {
        bytes_reset(&d->page);
        status = asked(d, ctl_ask_scan(d->servers, d->cursor, scan_take, d));
        if (status == CTL_YES)
            status = redis_page_visit(d);
    } while (status == CTL_YES && d->cursor);
    return status;
}

static void marks_take(void *arg, const struct redis_marks_reply *reply)
{
    struct docs *d = arg;

    d->cursor = reply->cursor;
    for (size_t i = 0; i < reply->count; i++)
        page_add(d, reply->ids[i]);
}

/* Those with a head have been visited, or PostgreSQL will name them. */
static enum ctl_exit marks_visit(struct docs *d, unsigned lane)
{
    enum ctl_exit status;

    do {
        bytes_reset(&d->page);
        status = asked(d, ctl_ask_marks(d->servers, lane, d->cursor, marks_take, d));
        if (status == CTL_YES)
            status = redis_page_visit(d);
    } while (status == CTL_YES && d->cursor);
    return status;
}

/* ---- PostgreSQL ---- */

static void docs_take(void *arg, const struct pg_docs_reply *reply)
{
    struct docs *d = arg;

    for (size_t i = 0; i < reply->count; i++)
        page_add(d, reply->docs[i].id);
    if (reply->count) {
        bytes_reset(&d->last);
        bytes_append_slice(&d->last, reply->docs[reply->count - 1].id);
        MUST(!d->last.failed);
    }
}

static enum ctl_exit postgres_page_visit(struct docs *d)
{
    struct slice rest = bytes_slice(&d->page), id;
    enum ctl_exit status = CTL_YES;

    while (status == CTL_YES && page_take(&rest, &id)) {
        uint8_t digest[CHAIN_HASH_SIZE];
        chain_hash_start(id, digest);
        if (wanted(d, id) && !visited_find(d, digest)) /* else it was archived meanwhile */
            status = visit(d, id);
    }
    return status;
}

static enum ctl_exit postgres_visit(struct docs *d)
{
    enum ctl_exit status;

    do {
        bytes_reset(&d->page);
        status = asked(d, ctl_ask_docs(d->servers, bytes_slice(&d->last), docs_take, d));
        if (status == CTL_YES)
            status = postgres_page_visit(d);
    } while (status == CTL_YES && d->page.size);
    return status;
}

enum ctl_exit ctl_docs_visit(struct ctl *ctl, struct ctl_servers *servers,
                             const struct ctl_docs_visitor *visitor)
{
    struct docs d = {.ctl = ctl, .servers = servers, .visitor = visitor};
    enum ctl_exit status = redis_visit(&d);

    for (unsigned lane = 0; visitor->strays && lane < CLUSTER_LANE_COUNT; lane++)
        if (status == CTL_YES)
            status = marks_visit(&d, lane);
    if (status == CTL_YES)
        status = postgres_visit(&d);
    visited_clear(&d);
    free(d.ids);
    free(d.known);
    bytes_fini(&d.page);
    bytes_fini(&d.last);
    return status;
}
