/* A document's state as bytes and back, and whether two are the same. */
#include <errno.h>
#include <stdlib.h>

#include "doc_private.h"
#include "ot_codec.h"

/* Everything but the content, which the callers add. Arrays live in mem. */
static int snapshot_fill(const struct doc *doc, struct arena *mem, struct wire_snapshot *s)
{
    *s = (struct wire_snapshot){.position = doc->position,
                                .entry_first_rev = doc->entry_first_rev,
                                .time_ms = doc->time_ms,
                                .doc_kind = doc->kind,
                                .title = bytes_slice(&doc->title),
                                .permission_count = doc->permission_count,
                                .session_count = HASH_COUNT(doc->sessions),
                                .evicted_created_ms = doc->evicted_created_ms,
                                .creator = doc->creator};
    s->permissions = arena_alloc(mem, (s->permission_count + 1) * sizeof *s->permissions);
    s->sessions = arena_alloc(mem, (s->session_count + 1) * sizeof *s->sessions);
    if (!s->permissions || !s->sessions)
        return -ENOMEM;
    for (size_t i = 0; i < s->permission_count; i++)
        s->permissions[i] = (struct wire_permission){
            .subject = bytes_slice(&doc->permissions[i].subject), .role = doc->permissions[i].role};
    size_t i = 0;
    list_for_each (node, &doc->recent) {
        s->sessions[i++] = list_entry(node, struct doc_session, link)->result;
    }
    return 0;
}

int doc_snapshot_save(const struct doc *doc, struct bytes *out)
{
    struct wire_snapshot snapshot;
    struct bytes content = BYTES_INIT;
    struct arena mem;

    MUST(doc->draft_count == 0);
    arena_init(&mem, SIZE_MAX);
    int r = snapshot_fill(doc, &mem, &snapshot);
    if (!r) {
        ot_rope_encode(doc->rope, &content);
        snapshot.content = bytes_slice(&content);
        if (!content.failed)
            wire_snapshot_encode(&snapshot, out);
        r = content.failed || out->failed ? -ENOMEM : 0;
    }
    bytes_fini(&content);
    arena_fini(&mem);
    return r;
}

static int snapshot_take(struct doc *doc, const struct wire_snapshot *s, struct arena *mem)
{
    struct ot_op content;
    int r = ot_decode(mem, s->content, &ot_limits_stored, &content);

    if (!r)
        r = ot_rope_apply(doc->rope, &content); /* refuses all but inserts: the rope is empty */
    if (r)
        return r < 0 ? r : DOC_BAD_ENTRY;
    for (size_t i = 0; i < s->permission_count; i++)
        if ((r = doc_permission_set(doc, s->permissions[i].subject, s->permissions[i].role)))
            return r < 0 ? r : DOC_BAD_ENTRY;
    for (size_t i = 0; i < s->session_count; i++) {
        if (doc_session_find(doc, &s->sessions[i].session))
            return DOC_BAD_ENTRY;
        struct doc_session *session = doc_session_add(doc, &s->sessions[i].session);
        if (!session)
            return -ENOMEM;
        session->result = s->sessions[i];
    }
    bytes_append_slice(&doc->title, s->title);
    if (doc->title.failed)
        return -ENOMEM;
    doc->kind = s->doc_kind;
    doc->creator = s->creator;
    doc->position = s->position;
    doc->entry_first_rev = s->entry_first_rev;
    doc->time_ms = s->time_ms;
    doc->evicted_created_ms = s->evicted_created_ms;
    return 0;
}

int doc_snapshot_load(struct doc *doc, struct slice snapshot)
{
    struct wire_snapshot s;
    struct arena mem;

    MUST(doc->position.rev == 0 && doc->draft_count == 0);
    arena_init(&mem, SIZE_MAX);
    int r = wire_snapshot_decode(&mem, snapshot, &s);
    if (r > 0)
        r = r == WIRE_NEWER ? DOC_NEWER : DOC_BAD_ENTRY;
    if (!r)
        r = snapshot_take(doc, &s, &mem);
    arena_fini(&mem);
    return r;
}

static bool snapshots_equal(const struct wire_snapshot *a, const struct wire_snapshot *b)
{
    struct bytes left = BYTES_INIT, right = BYTES_INIT;

    wire_snapshot_encode(a, &left);
    wire_snapshot_encode(b, &right);
    bool equal =
        !left.failed && !right.failed && slice_equal(bytes_slice(&left), bytes_slice(&right));
    bytes_fini(&left);
    bytes_fini(&right);
    return equal;
}

bool doc_equal(const struct doc *a, const struct doc *b)
{
    struct wire_snapshot sa, sb;
    struct arena mem;

    arena_init(&mem, SIZE_MAX);
    bool equal = slice_equal(doc_id(a), doc_id(b)) && snapshot_fill(a, &mem, &sa) == 0 &&
                 snapshot_fill(b, &mem, &sb) == 0 && snapshots_equal(&sa, &sb) &&
                 ot_rope_equal(a->rope, b->rope);
    arena_fini(&mem);
    return equal;
}
