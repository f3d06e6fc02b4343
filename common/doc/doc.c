/*
 * A document and the one function that its log goes through. See doc.h.
 *
 * An entry is worked through record by record (record_apply), then closed (entry_close): only then
 * the entry's time is known, which the results of its sessions carry and by which old results are
 * evicted. Results lie in a list in the order of their last entry, so the ones that this entry
 * touched are the last ones and the ones to evict are the first.
 */
#include "doc.h"

#include <errno.h>
#include <stdlib.h>

#include "doc_private.h"
#include "ot_codec.h"
#include "ot_utf.h"

struct doc *doc_new(struct slice id, struct ot_attrs_table *table)
{
    struct doc *doc = calloc(1, sizeof *doc);

    if (!doc)
        return NULL;
    doc->table = table;
    list_init(&doc->recent);
    doc->rope = ot_rope_new(table);
    arena_init(&doc->draft_mem, SIZE_MAX);
    bytes_append_slice(&doc->id, id);
    if (!doc->rope || doc->id.failed)
        return doc_free(doc);
    doc->position = chain_position_start(id);
    return doc;
}

static void sessions_clear(struct doc *doc)
{
    list_for_each_safe (node, &doc->recent) {
        struct doc_session *session = list_entry(node, struct doc_session, link);
        HASH_DEL(doc->sessions, session);
        free(session);
    }
    list_init(&doc->recent);
}

static void permissions_clear(struct doc *doc)
{
    for (size_t i = 0; i < doc->permission_count; i++)
        bytes_fini(&doc->permissions[i].subject);
    free(doc->permissions);
    doc->permissions = NULL;
    doc->permission_count = 0;
}

struct doc *doc_free(struct doc *doc)
{
    if (!doc)
        return NULL;
    sessions_clear(doc);
    permissions_clear(doc);
    ot_rope_free(doc->rope);
    arena_fini(&doc->draft_mem);
    free(doc->draft);
    bytes_fini(&doc->title);
    bytes_fini(&doc->id);
    free(doc);
    return NULL;
}

struct slice doc_id(const struct doc *doc)
{
    return bytes_slice(&doc->id);
}

struct chain_position doc_position(const struct doc *doc)
{
    return doc->position;
}

uint64_t doc_entry_first_rev(const struct doc *doc)
{
    return doc->entry_first_rev;
}

uint64_t doc_time_ms(const struct doc *doc)
{
    return doc->time_ms;
}

enum wire_doc_kind doc_kind(const struct doc *doc)
{
    return doc->kind;
}

const struct ot_rope *doc_rope(const struct doc *doc)
{
    return doc->rope;
}

const struct ot_rope *doc_rope_snapshot(struct doc *doc)
{
    return ot_rope_snapshot(doc->rope);
}

struct slice doc_title(const struct doc *doc)
{
    return bytes_slice(&doc->title);
}

const struct wire_session *doc_creator(const struct doc *doc)
{
    return &doc->creator;
}

size_t doc_memory(const struct doc *doc)
{
    return sizeof *doc + ot_rope_memory(doc->rope) + doc->title.capacity +
           HASH_COUNT(doc->sessions) * sizeof(struct doc_session) + doc->draft_mem.used +
           doc->draft_capacity * sizeof(struct wire_record) +
           doc->permission_count * (sizeof(struct doc_permission) + WIRE_SUBJECT_BYTES_MAX);
}

/* --- sessions --- */

struct doc_session *doc_session_find(const struct doc *doc, const struct wire_session *id)
{
    struct doc_session *session;

    HASH_FIND(hh, doc->sessions, id, sizeof *id, session);
    return session;
}

struct doc_session *doc_session_add(struct doc *doc, const struct wire_session *id)
{
    struct doc_session *session = calloc(1, sizeof *session);

    if (!session)
        return NULL;
    session->result.session = *id;
    HASH_ADD(hh, doc->sessions, result.session, sizeof *id, session);
    if (!session->hh.tbl) {
        free(session);
        return NULL;
    }
    list_push_back(&doc->recent, &session->link);
    return session;
}

static void session_remove(struct doc *doc, struct doc_session *session)
{
    HASH_DEL(doc->sessions, session);
    list_remove(&session->link);
    free(session);
}

/* Why an unknown session is not admitted, or DOC_ADMIT. */
static enum doc_admission session_unknown(const struct doc *doc, const struct wire_session *id,
                                          uint64_t now_ms, uint64_t *ret_detail)
{
    uint64_t created_ms = wire_session_created_ms(id);
    uint64_t time_ms = now_ms > doc->time_ms ? now_ms : doc->time_ms;

    if (created_ms > time_ms + DOC_CLOCK_SKEW_MS) {
        *ret_detail = time_ms;
        return DOC_CLOCK_SKEW;
    }
    if (created_ms <= doc->evicted_created_ms || created_ms + DOC_SESSION_KEEP_MS < time_ms)
        return DOC_SESSION_EXPIRED;
    return DOC_ADMIT;
}

enum doc_admission doc_admit(const struct doc *doc, const struct wire_session *id, uint64_t seq,
                             const uint8_t digest[WIRE_DIGEST_SIZE], uint64_t now_ms,
                             uint64_t *ret_detail)
{
    const struct doc_session *session = doc_session_find(doc, id);
    uint64_t last = session ? session->result.seq : 0;

    *ret_detail = last;
    if (!session) {
        enum doc_admission unknown = session_unknown(doc, id, now_ms, ret_detail);
        if (unknown)
            return unknown;
    }
    /* A repeat of what is in the log is answered as such even after the session was closed. */
    if (session && seq == last && last > 0) {
        if (memcmp(session->result.digest, digest, WIRE_DIGEST_SIZE) != 0)
            return DOC_SEQ_REUSED;
        *ret_detail = session->result.rev;
        return DOC_REPEAT;
    }
    if (session && session->result.closed)
        return DOC_SESSION_CLOSED;
    if (seq < last || seq == 0)
        return DOC_SEQ_OLD;
    if (seq > last + 1) {
        *ret_detail = last + 1;
        return DOC_SEQ_GAP;
    }
    return DOC_ADMIT;
}

enum doc_admission doc_session_open(const struct doc *doc, const struct wire_session *id,
                                    uint64_t now_ms, uint64_t *ret_last_seq)
{
    const struct doc_session *session = doc_session_find(doc, id);

    *ret_last_seq = session ? session->result.seq : 0;
    if (!session)
        return session_unknown(doc, id, now_ms, ret_last_seq);
    return session->result.closed ? DOC_SESSION_CLOSED : DOC_ADMIT;
}

/* --- permissions --- */

enum wire_role doc_role(const struct doc *doc, struct slice subject)
{
    for (size_t i = 0; i < doc->permission_count; i++)
        if (slice_equal(bytes_slice(&doc->permissions[i].subject), subject))
            return doc->permissions[i].role;
    return WIRE_ROLE_OWN;
}

int doc_permission_set(struct doc *doc, struct slice subject, enum wire_role role)
{
    for (size_t i = 0; i < doc->permission_count; i++)
        if (slice_equal(bytes_slice(&doc->permissions[i].subject), subject)) {
            doc->permissions[i].role = role;
            return 0;
        }
    if (doc->permission_count >= WIRE_PERMISSIONS_MAX)
        return DOC_TOO_LARGE;
    struct doc_permission *grown =
        realloc(doc->permissions, (doc->permission_count + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    doc->permissions = grown;
    struct doc_permission *permission = &grown[doc->permission_count];
    *permission = (struct doc_permission){.role = role};
    bytes_append_slice(&permission->subject, subject);
    if (permission->subject.failed)
        return -ENOMEM;
    doc->permission_count++;
    return 0;
}

/* --- records --- */

static bool ends_in_newline(const struct ot_op *content)
{
    if (content->count == 0)
        return false;
    const struct ot_comp *last = &content->comps[content->count - 1];
    return last->kind == OT_INSERT && last->content.data[last->content.size - 1] == '\n';
}

static int create_apply(struct doc *doc, const struct wire_record *record, struct arena *mem)
{
    struct ot_op content;

    if (doc->position.rev + doc->draft_count > 0)
        return DOC_EXISTS;
    if (record->doc_kind != WIRE_DOC_RICH && record->doc_kind != WIRE_DOC_TEXT)
        return DOC_BAD_RECORD;
    int r = ot_decode(mem, record->body, &ot_limits_stored, &content);
    if (r)
        return r;
    for (uint32_t i = 0; i < content.count; i++)
        if (content.comps[i].kind < OT_INSERT)
            return OT_NOT_DOCUMENT;
    if (record->doc_kind == WIRE_DOC_RICH && !ends_in_newline(&content))
        return DOC_BAD_RECORD;
    r = ot_rope_apply(doc->rope, &content);
    if (!r) {
        doc->kind = record->doc_kind;
        doc->creator = record->session;
    }
    return r;
}

static size_t op_bytes_inserted(const struct ot_op *op)
{
    size_t bytes = 0;

    for (uint32_t i = 0; i < op->count; i++)
        bytes += op->comps[i].content.size;
    return bytes;
}

static int edit_apply(struct doc *doc, const struct wire_record *record, struct arena *mem,
                      size_t bytes_max)
{
    struct ot_op op;
    int r = ot_decode(mem, record->body, &ot_limits_stored, &op);

    if (r)
        return r;
    size_t inserted = op_bytes_inserted(&op);
    if (inserted && ot_rope_bytes(doc->rope) + inserted > bytes_max)
        return DOC_TOO_LARGE;
    if ((r = ot_rope_check(doc->rope, &op, doc->kind == WIRE_DOC_RICH)))
        return r;
    /* A format repeats its attributes for every run that it covers: a document that could not be
     * loaded from its snapshot must not come to be. */
    if (bytes_max < SIZE_MAX && ot_rope_check_size(doc->rope, &op, 2 * bytes_max))
        return DOC_TOO_LARGE;
    return ot_rope_apply(doc->rope, &op);
}

static int title_apply(struct doc *doc, struct slice title)
{
    uint64_t units;
    struct bytes copy = BYTES_INIT;

    if (title.size > WIRE_TITLE_BYTES_MAX || !ot_utf_units(title, &units))
        return DOC_BAD_RECORD;
    bytes_append_slice(&copy, title);
    if (copy.failed)
        return -ENOMEM;
    bytes_fini(&doc->title);
    doc->title = copy;
    return 0;
}

static int permission_apply(struct doc *doc, struct slice body, struct arena *mem)
{
    struct wire_permission permission;
    int r = wire_permission_decode(mem, body, &permission);

    if (r)
        return r < 0 ? r : DOC_BAD_RECORD;
    if (permission.subject.size > WIRE_SUBJECT_BYTES_MAX)
        return DOC_BAD_RECORD;
    return doc_permission_set(doc, permission.subject, permission.role);
}

static int content_apply(struct doc *doc, const struct wire_record *record, struct arena *mem,
                         size_t bytes_max)
{
    if (record->kind == WIRE_KIND_CREATE)
        return create_apply(doc, record, mem);
    if (doc->kind == WIRE_DOC_NONE)
        return DOC_NOT_CREATED;
    switch (record->kind) {
    case WIRE_KIND_EDIT:
        return edit_apply(doc, record, mem, bytes_max);
    case WIRE_KIND_TITLE:
        return title_apply(doc, record->body);
    case WIRE_KIND_PERMISSION:
        return permission_apply(doc, record->body, mem);
    case WIRE_KIND_CLOSE:
        return 0;
    default:
        return DOC_BAD_RECORD;
    }
}

/* One record at the revision behind the draft; on any outcome nothing has changed. */
static int record_apply(struct doc *doc, const struct wire_record *record, size_t bytes_max)
{
    bool named = record->kind != WIRE_KIND_CREATE; /* create is nobody's op: seq 0, no result */
    struct doc_session *session = named ? doc_session_find(doc, &record->session) : NULL;
    bool added = named && !session;
    struct arena mem;

    /* What could not be read back must never be written. */
    if (!wire_record_valid(record))
        return DOC_BAD_RECORD;
    if (added && !(session = doc_session_add(doc, &record->session)))
        return -ENOMEM;
    arena_init(&mem, SIZE_MAX);
    int r = content_apply(doc, record, &mem, bytes_max);
    arena_fini(&mem);
    if (r) {
        if (added)
            session_remove(doc, session);
        return r;
    }
    doc->draft_count++;
    if (!named)
        return 0;
    session->last_rev = doc->position.rev + doc->draft_count;
    if (record->kind == WIRE_KIND_CLOSE) {
        session->result.closed = true;
    } else {
        session->result.rev = session->last_rev;
        session->result.seq = record->seq;
        memcpy(session->result.digest, record->digest, WIRE_DIGEST_SIZE);
    }
    list_remove(&session->link);
    list_push_back(&doc->recent, &session->link);
    return 0;
}

static void entry_close(struct doc *doc, uint64_t time_ms, const struct chain_position *after)
{
    for (struct list *node = doc->recent.prev; node != &doc->recent; node = node->prev) {
        struct doc_session *session = list_entry(node, struct doc_session, link);
        if (session->last_rev <= doc->position.rev)
            break;
        session->result.time_ms = time_ms;
    }
    doc->entry_first_rev = doc->position.rev + 1;
    doc->position = *after;
    doc->time_ms = time_ms;
    doc->draft_count = 0;
    for (;;) {
        struct doc_session *oldest = list_first(&doc->recent, struct doc_session, link);
        if (!oldest || (oldest->result.time_ms + DOC_SESSION_KEEP_MS >= time_ms &&
                        HASH_COUNT(doc->sessions) <= DOC_SESSION_COUNT_MAX))
            break;
        uint64_t created_ms = wire_session_created_ms(&oldest->result.session);
        if (created_ms > doc->evicted_created_ms)
            doc->evicted_created_ms = created_ms;
        session_remove(doc, oldest);
    }
}

/* --- reading the log --- */

/* A version that this build does not know may be one bit of a known one that was turned. Where it
 * is known to which position the entry leads, its hash tells. */
static int newer_outcome(const struct doc *doc, struct slice payload,
                         const struct chain_position *expect)
{
    if (!expect)
        return DOC_NEWER;
    if (expect->rev <= doc->position.rev)
        return DOC_BAD_CHAIN;
    struct chain_position after =
        chain_position_after(&doc->position, expect->rev - doc->position.rev, payload);
    return chain_position_equal(&after, expect) ? DOC_NEWER : DOC_BAD_CHAIN;
}

int doc_entry_apply(struct doc *doc, struct slice payload, const struct chain_position *expect)
{
    struct wire_entry entry;
    struct arena mem;

    MUST(doc->draft_count == 0);
    arena_init(&mem, SIZE_MAX);
    int r = wire_entry_decode(&mem, payload, &entry);
    if (r > 0)
        r = r == WIRE_NEWER ? newer_outcome(doc, payload, expect) : DOC_BAD_ENTRY;
    struct chain_position after = {0};
    if (!r && entry.first_rev != doc->position.rev + 1)
        r = DOC_BAD_CHAIN;
    if (!r) {
        after = chain_position_after(&doc->position, entry.count, payload);
        if (expect && !chain_position_equal(&after, expect))
            r = DOC_BAD_CHAIN;
        else if (entry.time_ms < doc->time_ms)
            r = DOC_BAD_ENTRY;
    }
    for (size_t i = 0; !r && i < entry.count; i++) {
        r = record_apply(doc, &entry.records[i], SIZE_MAX);
        if (r > 0)
            r = DOC_BAD_ENTRY;
    }
    if (!r)
        entry_close(doc, entry.time_ms, &after);
    arena_fini(&mem);
    return r;
}

/* --- making an entry --- */

void doc_draft_begin(struct doc *doc)
{
    MUST(doc->draft_count == 0);
    arena_reset(&doc->draft_mem);
    doc->draft_bytes = 0;
}

static int draft_reserve(struct doc *doc)
{
    if (doc->draft_count < doc->draft_capacity)
        return 0;
    size_t capacity = doc->draft_capacity ? 2 * doc->draft_capacity : 8;
    struct wire_record *grown = realloc(doc->draft, capacity * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    doc->draft = grown;
    doc->draft_capacity = capacity;
    return 0;
}

int doc_draft_add(struct doc *doc, const struct wire_record *record)
{
    int r = draft_reserve(doc);
    void *body = r ? NULL : arena_copy(&doc->draft_mem, record->body.data, record->body.size);

    if (!body)
        return -ENOMEM;
    r = record_apply(doc, record, WIRE_DOCUMENT_BYTES_MAX);
    if (r)
        return r;
    struct wire_record *kept = &doc->draft[doc->draft_count - 1];
    *kept = *record;
    kept->body = slice_of(body, record->body.size);
    doc->draft_bytes += record->body.size + 64;
    return 0;
}

uint64_t doc_draft_count(const struct doc *doc)
{
    return doc->draft_count;
}

size_t doc_draft_bytes(const struct doc *doc)
{
    return doc->draft_bytes;
}

int doc_draft_finish(struct doc *doc, uint64_t now_ms, struct bytes *ret_payload)
{
    struct wire_entry entry = {.first_rev = doc->position.rev + 1,
                               .time_ms = now_ms > doc->time_ms ? now_ms : doc->time_ms,
                               .records = doc->draft,
                               .count = doc->draft_count};
    size_t start = ret_payload->size;

    MUST(entry.count > 0);
    wire_entry_encode(&entry, ret_payload);
    if (ret_payload->failed)
        return -ENOMEM;
    struct slice payload = slice_of(ret_payload->data + start, ret_payload->size - start);
    struct chain_position after = chain_position_after(&doc->position, entry.count, payload);
    entry_close(doc, entry.time_ms, &after);
    arena_fini(&doc->draft_mem); /* most documents are idle: they keep no block */
    return 0;
}
