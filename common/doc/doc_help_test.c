#include "doc_help_test.h"

#include <check.h>

#include "ot_codec.h"

struct wire_session session_of(uint64_t created_ms, uint64_t number)
{
    struct wire_session session;

    store_be64(session.id, created_ms << 16 | (number & 0xffff));
    store_be64(session.id + 8, number);
    return session;
}

struct bytes op_insert(uint64_t at, const char *text)
{
    struct arena mem;
    struct ot_builder b;
    struct ot_op op;
    struct bytes out = BYTES_INIT;

    arena_init(&mem, 1u << 16);
    ot_builder_init(&b, &mem);
    ot_builder_retain(&b, at, (struct slice){0});
    ot_builder_insert(&b, slice_str(text), (uint32_t)strlen(text), (struct slice){0});
    ck_assert_int_eq(ot_builder_finish(&b, &op), 0);
    ot_encode(&op, &out);
    arena_fini(&mem);
    return out;
}

struct wire_record record_of(enum wire_kind kind, const struct wire_session *session, uint64_t seq,
                             struct slice body)
{
    struct wire_record record = {.session = *session, .seq = seq, .kind = kind, .body = body};

    if (kind == WIRE_KIND_CREATE)
        record.doc_kind = WIRE_DOC_RICH;
    crypto_digest8(body, record.digest);
    return record;
}

int entry_of_one(struct doc *doc, const struct wire_record *record, uint64_t now_ms,
                 struct bytes *payload)
{
    doc_draft_begin(doc);
    int r = doc_draft_add(doc, record);
    return r ? r : doc_draft_finish(doc, now_ms, payload);
}

void document_create(struct doc *doc, struct bytes *payload)
{
    struct wire_session creator = session_of(NOW_MS, 1);
    struct bytes content = op_insert(0, "\n");
    struct wire_record record = record_of(WIRE_KIND_CREATE, &creator, 0, bytes_slice(&content));

    ck_assert_int_eq(entry_of_one(doc, &record, NOW_MS, payload), 0);
    bytes_fini(&content);
}
