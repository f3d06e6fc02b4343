#include "ctl_edit.h"

#include <errno.h>
#include <string.h>

#include "crypto_random.h"
#include "ctl_replay.h"
#include "ev_loop.h"
#include "ot_utf.h"

/* A text is appended in ops of this many bytes: well below the limit of one. */
#define PIECE_BYTES_MAX ((size_t)64 << 10)

static void on_acked(void *arg, uint64_t seq, uint64_t rev)
{
    struct ctl_edit *e = arg;

    e->rev = rev;
    e->ops++;
}

/* A snapshot has come: to whoever created the document the gateway has none to give (client_doc.h).
 */
static void on_replaced(void *arg, struct slice draft)
{
    struct ctl_edit *e = arg;

    e->replaced = true;
}

static enum ctl_exit no(const struct ctl_edit *e, const char *why)
{
    fprintf(e->ctl->err, "weftctl: document '%.*s': %s\n", (int)e->id.size,
            (const char *)e->id.data, why);
    return CTL_NO;
}

/* ---- the connection ---- */

enum ctl_exit ctl_edit_begin(struct ctl_edit *e, struct ctl *ctl)
{
    *e = (struct ctl_edit){.ctl = ctl};
    if (!ctl_where_find(ctl, &e->where))
        return CTL_USAGE;
    e->loop = ev_loop_new(NULL);
    e->table = ot_attrs_table_new(CTL_ATTRS_BYTES_MAX);
    MUST(e->loop && e->table);
    return ctl_live_connect(ctl, &e->where, e->loop, &e->live);
}

void ctl_edit_end(struct ctl_edit *e)
{
    if (e->live && e->doc)
        client_doc_free(ctl_live_leave(e->live));
    ctl_live_close(e->live);
    ot_attrs_table_free(e->table);
    ev_loop_free(e->loop);
    *e = (struct ctl_edit){0};
}

static struct wire_session session_new(const struct ctl_live *live)
{
    struct wire_session session;

    crypto_random(session.id, sizeof session.id);
    uint64_t random = load_be64(session.id);
    store_be64(session.id, ctl_live_time_ms(live) << 16 | (random & 0xffff));
    return session;
}

static bool opened(const struct client_doc *doc)
{
    return client_doc_state(doc) == CLIENT_LIVE && client_doc_saved(doc);
}

enum ctl_exit ctl_edit_open(struct ctl_edit *e, struct slice id, enum wire_doc_kind kind,
                            const struct ot_op *content)
{
    const struct wire_session session = session_new(e->live);
    const struct client_events events = {.ctx = e, .acked = on_acked, .replaced = on_replaced};

    e->id = id;
    e->doc = client_doc_new(id, &session, e->table, events);
    MUST(e->doc);
    if (kind != WIRE_DOC_NONE)
        MUST(client_doc_create(e->doc, kind, content) == 0);
    ctl_live_open(e->live, id, e->doc);
    enum ctl_exit status = ctl_live_wait(e->live, opened);
    if (status == CTL_NO)
        return no(e, ctl_live_refusal(e->live));
    e->rev = client_doc_position(e->doc).rev;
    return status;
}

enum ctl_exit ctl_edit_create(struct ctl_edit *e, struct slice id, enum wire_doc_kind kind,
                              const struct ot_op *content)
{
    enum ctl_exit status = ctl_edit_open(e, id, kind, content);

    return status == CTL_YES && e->replaced ? no(e, "there is one already") : status;
}

/* ---- one edit ---- */

enum ctl_exit ctl_edit_op(struct ctl_edit *e, const struct ot_op *op)
{
    char why[200];
    int r = client_doc_edit(e->doc, op);

    MUST(r != -ENOMEM);
    if (r) {
        snprintf(why, sizeof why, "the op does not fit: %s: %s",
                 r < 0 ? "read-only" : ot_outcome_name(r),
                 r < 0 ? "the document takes no edits now" : ot_outcome_text(r));
        return no(e, why);
    }
    enum ctl_exit status = ctl_live_wait(e->live, client_doc_saved);
    if (status == CTL_NO && client_doc_draft_may_be_in(e->doc))
        return no(e, "its history was replaced meanwhile (a store was restored?); the op may be in "
                     "or not: look before appending it again");
    if (status == CTL_NO)
        return no(e, ctl_live_refusal(e->live));
    if (status == CTL_UNREACHABLE)
        fprintf(e->ctl->err,
                "weftctl: the op was sent and may be in: look before appending it again\n");
    return status;
}

/* Where a text goes: at the end, in rich documents before the final newline. */
static enum ctl_exit piece_append(struct ctl_edit *e, struct slice piece)
{
    uint64_t at = ot_rope_units(client_doc_rope(e->doc)), units = 0;
    struct arena mem;
    struct ot_builder builder;
    struct ot_op op;

    MUST(ot_utf_units(piece, &units));
    if (ctl_live_kind(e->live) == WIRE_DOC_RICH && at > 0)
        at--;
    arena_init(&mem, SIZE_MAX);
    ot_builder_init(&builder, &mem);
    ot_builder_retain(&builder, at, slice_of(NULL, 0));
    ot_builder_insert(&builder, piece, (uint32_t)units, slice_of(NULL, 0));
    MUST(ot_builder_finish(&builder, &op) == 0);
    enum ctl_exit status = ctl_edit_op(e, &op);
    arena_fini(&mem);
    return status;
}

/* At most PIECE_BYTES_MAX of whole characters. */
static size_t piece_size(struct slice text)
{
    size_t size = text.size < PIECE_BYTES_MAX ? text.size : PIECE_BYTES_MAX;

    while (size < text.size && (text.data[size] & 0xc0) == 0x80)
        size--;
    return size;
}

enum ctl_exit ctl_edit_text(struct ctl_edit *e, struct slice text)
{
    struct slice rest = text;
    enum ctl_exit status = CTL_YES;

    while (rest.size && status == CTL_YES) {
        size_t size = piece_size(rest);
        status = piece_append(e, slice_of(rest.data, size));
        rest.data += size;
        rest.size -= size;
    }
    return status;
}

/* ---- what is to go in ---- */

enum wire_doc_kind ctl_edit_kind(const char *name)
{
    if (!name || strcmp(name, "rich") == 0)
        return WIRE_DOC_RICH;
    return strcmp(name, "text") == 0 ? WIRE_DOC_TEXT : WIRE_DOC_NONE;
}

struct ot_op ctl_edit_nothing(enum wire_doc_kind kind)
{
    static const struct ot_comp newline = {
        .kind = OT_INSERT, .length = 1, .content = {(const uint8_t *)"\n", 1}};
    bool rich = kind == WIRE_DOC_RICH;

    return (struct ot_op){.comps = &newline, .count = rich, .units_out = rich};
}

static bool unusable(struct ctl *ctl, const char *path, const char *why)
{
    fprintf(ctl->err, "weftctl: %.200s: %s\n", path, why);
    return false;
}

bool ctl_edit_text_read(struct ctl *ctl, const char *path, struct bytes *ret)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? ctl->in : fopen(path, "r");
    uint8_t piece[16384];
    size_t size;
    uint64_t units;

    if (!file) {
        fprintf(ctl->err, "weftctl: %.200s: %s\n", path, strerror(errno));
        return false;
    }
    bytes_init(ret, WIRE_DOCUMENT_BYTES_MAX);
    while (!ret->failed && (size = fread(piece, 1, sizeof piece, file)) > 0)
        bytes_append(ret, piece, size);
    bool broken = ferror(file) != 0;
    if (!is_stdin)
        fclose(file);
    if (broken)
        return unusable(ctl, path, "cannot be read");
    if (ret->failed)
        return unusable(ctl, path, "has more than 32 MiB, which no document takes");
    return ot_utf_units(bytes_slice(ret), &units) || unusable(ctl, path, "the text is not UTF-8");
}
