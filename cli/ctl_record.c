#include "ctl_record.h"

#include "codec_text.h"
#include "ctl_print.h"
#include "ctl_time.h"
#include "json_delta.h"
#include "ot_codec.h"

struct ctl_record ctl_record_stored(struct slice doc, const struct wire_entry *entry, size_t index)
{
    const struct wire_record *from = &entry->records[index];
    struct ctl_record r = {.rev = entry->first_rev + index,
                           .count = 1,
                           .time_ms = entry->time_ms,
                           .has_author = true,
                           .kind = from->kind,
                           .body = from->body};

    crypto_author_id(doc, from->session.id, r.author);
    return r;
}

static const char *kind_name(enum wire_kind kind)
{
    static const char *const names[] = {
        [WIRE_KIND_CREATE] = "create",        [WIRE_KIND_EDIT] = "edit",
        [WIRE_KIND_TITLE] = "title",          [WIRE_KIND_PERMISSION] = "permission",
        [WIRE_KIND_CLOSE] = "session-closed",
    };

    return kind < sizeof names / sizeof *names && names[kind] ? names[kind] : "other";
}

/* The op of a record that changes text. */
static bool op_of(const struct ctl_record *record, struct arena *mem, struct ot_op *ret)
{
    bool text = record->kind == WIRE_KIND_CREATE || record->kind == WIRE_KIND_EDIT;

    return text && ot_decode(mem, record->body, &ot_limits_stored, ret) == 0;
}

static void sizes_of(const struct ot_op *op, uint64_t *inserted, uint64_t *deleted)
{
    *inserted = *deleted = 0;
    for (uint32_t i = 0; i < op->count; i++) {
        if (op->comps[i].kind == OT_DELETE)
            *deleted += op->comps[i].length;
        else if (op->comps[i].kind != OT_RETAIN)
            *inserted += op->comps[i].length;
    }
}

static void change_write(const struct ctl_record *r, const struct ot_op *op, bool has_op,
                         struct bytes *out)
{
    if (has_op)
        json_delta_write(op, out);
    else if (r->kind == WIRE_KIND_TITLE)
        json_string_write(r->body, out);
    else
        bytes_append_str(out, "null");
}

static void object_write(const struct ctl_record *r, uint64_t inserted, uint64_t deleted,
                         struct bytes *out)
{
    char time[CTL_TIME_TEXT];

    bytes_printf(out, "{\"rev\":%llu,\"count\":%llu", (unsigned long long)r->rev,
                 (unsigned long long)r->count);
    if (r->time_ms)
        bytes_printf(out, ",\"time\":\"%s\"", ctl_time_text(r->time_ms, time));
    if (r->has_author) {
        bytes_append_str(out, ",\"author\":\"");
        hex_append(out, slice_of(r->author, WIRE_AUTHOR_SIZE));
        bytes_append_str(out, "\"");
    }
    bytes_printf(out, ",\"kind\":\"%s\",\"inserted\":%llu,\"deleted\":%llu,\"bytes\":%zu",
                 kind_name(r->kind), (unsigned long long)inserted, (unsigned long long)deleted,
                 r->body.size);
}

static void line_write(const struct ctl_record *r, uint64_t inserted, uint64_t deleted,
                       struct bytes *out)
{
    char time[CTL_TIME_TEXT];

    bytes_printf(out, "%8llu  %-24s  ", (unsigned long long)r->rev,
                 r->time_ms ? ctl_time_text(r->time_ms, time) : "-");
    if (r->has_author)
        hex_append(out, slice_of(r->author, WIRE_AUTHOR_SIZE));
    else
        bytes_printf(out, "%-16s", "several");
    bytes_printf(out, "  %-6s  +%llu -%llu  %zu B", kind_name(r->kind),
                 (unsigned long long)inserted, (unsigned long long)deleted, r->body.size);
    if (r->count > 1)
        bytes_printf(out, "  (%llu revisions)", (unsigned long long)r->count);
}

void ctl_record_print(struct ctl *ctl, const struct ctl_record *record, bool op)
{
    struct ot_op change = {0};
    struct bytes out = BYTES_INIT;
    struct arena mem;
    uint64_t inserted, deleted;

    arena_init(&mem, SIZE_MAX);
    bool has_op = op_of(record, &mem, &change);
    sizes_of(&change, &inserted, &deleted);
    if (ctl->args.json)
        object_write(record, inserted, deleted, &out);
    else
        line_write(record, inserted, deleted, &out);
    if (op) {
        bytes_append_str(&out, ctl->args.json ? ",\"op\":" : "  ");
        change_write(record, &change, has_op, &out);
    }
    bytes_append_str(&out, ctl->args.json ? "}\n" : "\n");
    ctl_write(ctl, &out);
    arena_fini(&mem);
}
