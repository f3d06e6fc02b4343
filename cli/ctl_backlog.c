#include "ctl_backlog.h"

#include "arena.h"
#include "wire_record.h"

static void row_take(void *arg, const struct pg_document *row)
{
    struct ctl_backlog *b = arg;

    if (!row)
        return;
    b->archived = row->head.rev;
    b->kind = (enum wire_doc_kind)row->kind;
    b->updated_ms = row->updated_ms;
    bytes_reset(&b->title);
    bytes_append_slice(&b->title, row->title);
    MUST(!b->title.failed);
}

/* The stream may begin before what is not archived: the archiver trims behind its commit. */
static void read_take(void *arg, const struct redis_read_reply *reply)
{
    struct ctl_backlog *b = arg;

    b->head = reply->has_head && reply->head.rev > b->archived ? reply->head.rev : b->archived;
    for (size_t i = 0; i < reply->count; i++) {
        const struct redis_entry *e = &reply->entries[i];
        struct wire_entry entry;
        struct arena mem;
        if (e->after.rev <= b->archived)
            continue;
        b->entries++;
        b->bytes += e->payload.size;
        arena_init(&mem, SIZE_MAX);
        if (!b->since_ms && wire_entry_decode(&mem, e->payload, &entry) == 0)
            b->since_ms = entry.time_ms;
        arena_fini(&mem);
    }
    b->waiting = b->head - b->archived;
}

enum ctl_exit ctl_backlog_read(struct ctl *ctl, struct ctl_servers *servers, struct slice id,
                               struct ctl_backlog *ret)
{
    *ret = (struct ctl_backlog){0};
    enum ctl_exit status = ctl_ask_row(servers, id, row_take, ret);
    if (status == CTL_YES)
        status = ctl_ask_read(servers, id, ret->archived + 1, read_take, ret);
    if (status != CTL_NO)
        return status;
    fprintf(ctl->err, "weftctl: document '%.*s': %s\n", (int)id.size, (const char *)id.data,
            ctl_servers_refusal(servers));
    return CTL_UNREACHABLE;
}

void ctl_backlog_fini(struct ctl_backlog *backlog)
{
    bytes_fini(&backlog->title);
}
