/* The gateways of the fake shell: what they ask, what they expect to hear; shorthand for it. */
#include <check.h>
#include <stdlib.h>

#include "ot_codec.h"
#include "wk_fake_test.h"

/* --- gateways --- */

struct wire_session fake_session_of(uint64_t created_ms, uint64_t number)
{
    struct wire_session session;

    store_be64(session.id, created_ms << 16 | (number & 0xffff));
    store_be64(session.id + 8, number);
    return session;
}

struct wire_session fake_session(struct fake *f, uint64_t number)
{
    return fake_session_of(FAKE_EPOCH_MS + 4000, number);
}

struct wire_link_open fake_open_of(struct slice doc, uint64_t session_number)
{
    struct wire_link_open open = {.role = WIRE_ROLE_OWN};

    open.open.doc = doc;
    open.open.has_session = session_number != 0;
    open.open.session = fake_session(NULL, session_number);
    return open;
}

static void item_up(struct fake *f, uint64_t boot, const struct wire_to_worker *item)
{
    struct bytes out = BYTES_INIT;

    wire_to_worker_encode(item, &out);
    ck_assert(wk_core_item(f->core, boot, bytes_slice(&out)));
    bytes_fini(&out);
}

uint64_t fake_open(struct fake *f, uint64_t boot, struct wire_link_open open)
{
    struct wire_to_worker item = {.type = WIRE_TO_WORKER_OPEN};

    if (!open.attachment) {
        ck_assert_uint_lt(f->att_count + 1, FAKE_ATTS_MAX);
        open.attachment = ++f->att_count;
    }
    f->atts[open.attachment] = (struct fake_att){
        .boot = boot,
        .session = open.open.session,
        .has_session = open.open.has_session,
        .doc = slice_of(arena_copy(&f->mem, open.open.doc.data, open.open.doc.size),
                        open.open.doc.size)};
    item.open = open;
    item_up(f, boot, &item);
    return open.attachment;
}

void fake_detach(struct fake *f, uint64_t attachment)
{
    struct wire_to_worker item = {.type = WIRE_TO_WORKER_DETACH};

    item.detach_attachment = attachment;
    item_up(f, fake_att_of(f, attachment)->boot, &item);
}

void fake_submit(struct fake *f, uint64_t attachment, uint64_t seq, struct chain_position base,
                 enum wire_kind kind, struct slice body)
{
    struct wire_to_worker item = {.type = WIRE_TO_WORKER_SUBMIT};

    item.submit = (struct wire_link_submit){
        .attachment = attachment, .seq = seq, .base = base, .kind = kind, .body = body};
    crypto_digest8(body, item.submit.digest);
    item_up(f, fake_att_of(f, attachment)->boot, &item);
}

void fake_type(struct fake *f, uint64_t attachment, uint64_t seq, uint64_t at, const char *text)
{
    struct slice doc = fake_att_of(f, attachment)->doc;

    fake_submit(f, attachment, seq, fake_head(f, doc), WIRE_KIND_EDIT, fake_insert(f, at, text));
}

const struct wire_to_gateway *fake_next(struct fake *f, uint64_t boot)
{
    size_t *seen = &f->item_seen[boot];

    while (*seen < f->item_count && f->items[*seen].boot != boot)
        ++*seen;
    if (*seen == f->item_count)
        return NULL;
    struct wire_to_gateway *item = arena_alloc(&f->mem, sizeof *item);
    MUST(item);
    ck_assert_int_eq(wire_to_gateway_decode(&f->mem, refbuf_slice(f->items[(*seen)++].bytes), item),
                     0);
    return item;
}

const struct wire_to_gateway *fake_expect(struct fake *f, uint64_t boot,
                                          enum wire_to_gateway_type type)
{
    const struct wire_to_gateway *item = fake_next(f, boot);

    ck_assert_msg(item != NULL, "no item for gateway %u, expected type %d", (unsigned)boot, type);
    ck_assert_msg(item->type == type, "item of type %d, expected %d (code %u)", item->type, type,
                  item->type == WIRE_TO_GATEWAY_REFUSED ? item->refused.code : 0);
    return item;
}

const struct wire_opened *fake_expect_opened(struct fake *f, uint64_t attachment,
                                             enum wire_opened_outcome outcome)
{
    const struct wire_to_gateway *item =
        fake_expect(f, fake_att_of(f, attachment)->boot, WIRE_TO_GATEWAY_OPENED);

    ck_assert_uint_eq(item->opened.attachment, attachment);
    ck_assert_int_eq(item->opened.opened.outcome, outcome);
    return &item->opened.opened;
}

uint64_t fake_expect_refused(struct fake *f, uint64_t attachment, uint64_t seq, uint32_t code)
{
    const struct wire_to_gateway *item =
        fake_expect(f, fake_att_of(f, attachment)->boot, WIRE_TO_GATEWAY_REFUSED);

    ck_assert_uint_eq(item->refused.attachment, attachment);
    ck_assert_uint_eq(item->refused.seq, seq);
    ck_assert_uint_eq(item->refused.code, code);
    return item->refused.detail;
}

uint64_t fake_expect_accepted(struct fake *f, uint64_t attachment, uint64_t seq)
{
    const struct wire_to_gateway *item =
        fake_expect(f, fake_att_of(f, attachment)->boot, WIRE_TO_GATEWAY_ACCEPTED);

    ck_assert_uint_eq(item->accepted.attachment, attachment);
    ck_assert_uint_eq(item->accepted.seq, seq);
    return item->accepted.rev;
}

struct wire_client_entry fake_expect_entry(struct fake *f, uint64_t boot)
{
    const struct wire_to_gateway *item = fake_expect(f, boot, WIRE_TO_GATEWAY_ENTRY);
    struct wire_client_entry entry;

    ck_assert_int_eq(wire_client_entry_decode(&f->mem, item->entry.entry, &entry), 0);
    ck_assert_uint_eq(entry.first_rev, item->entry.before.rev + 1);
    ck_assert_uint_eq(entry.last_rev, item->entry.after.rev);
    return entry;
}

void fake_expect_none(struct fake *f)
{
    for (uint64_t boot = 1; boot <= FAKE_GATEWAYS; boot++) {
        const struct wire_to_gateway *item = fake_next(f, boot);
        ck_assert_msg(item == NULL, "an item of type %d for gateway %u", item->type,
                      (unsigned)boot);
    }
}

void fake_skip(struct fake *f)
{
    for (uint64_t boot = 1; boot <= FAKE_GATEWAYS; boot++)
        f->item_seen[boot] = f->item_count;
}

/* --- shorthand --- */

uint64_t fake_create(struct fake *f, uint64_t boot, struct slice doc, uint64_t session_number)
{
    struct wire_link_open open = fake_open_of(doc, session_number);

    open.open.create_kind = WIRE_DOC_RICH;
    open.open.has_create = true;
    open.open.create_content = fake_insert(f, 0, "\n");
    uint64_t attachment = fake_open(f, boot, open);
    fake_settle(f);
    ck_assert_uint_eq(fake_head(f, doc).rev, 1);
    fake_skip(f);
    return attachment;
}

uint64_t fake_join(struct fake *f, uint64_t boot, struct slice doc, uint64_t session_number)
{
    uint64_t attachment = fake_open(f, boot, fake_open_of(doc, session_number));

    fake_settle(f);
    fake_expect_opened(f, attachment, WIRE_OPENED_SNAPSHOT);
    return attachment;
}

struct chain_position fake_head(struct fake *f, struct slice doc)
{
    return store_doc(&f->store, doc)->head;
}

const char *fake_text(struct fake *f, struct slice id)
{
    static char text[4096];
    struct doc *doc = store_judge(&f->store, id);
    struct bytes out = BYTES_INIT;

    ot_rope_text(doc_rope(doc), &out);
    ck_assert_uint_lt(out.size, sizeof text);
    memcpy(text, out.data, out.size);
    text[out.size] = 0;
    bytes_fini(&out);
    doc_free(doc);
    return text;
}

static struct slice op_encode(struct fake *f, struct ot_builder *b)
{
    struct ot_op op;
    struct bytes out = BYTES_INIT;

    ck_assert_int_eq(ot_builder_finish(b, &op), 0);
    ot_encode(&op, &out);
    struct slice kept = slice_of(arena_copy(&f->mem, out.data, out.size), out.size);
    bytes_fini(&out);
    return kept;
}

struct slice fake_insert(struct fake *f, uint64_t at, const char *text)
{
    struct ot_builder b;
    size_t size = strlen(text);

    ot_builder_init(&b, &f->mem);
    ot_builder_retain(&b, at, (struct slice){0});
    ot_builder_insert(&b, slice_of(text, size), (uint32_t)size, (struct slice){0});
    return op_encode(f, &b);
}

struct slice fake_delete(struct fake *f, uint64_t at, uint64_t count)
{
    struct ot_builder b;

    ot_builder_init(&b, &f->mem);
    ot_builder_retain(&b, at, (struct slice){0});
    ot_builder_delete(&b, count);
    return op_encode(f, &b);
}

void fake_other(struct fake *f, struct slice doc, uint64_t session_number, uint64_t seq,
                struct slice op)
{
    struct wire_record record = {
        .session = fake_session(f, session_number), .seq = seq, .kind = WIRE_KIND_EDIT, .body = op};

    crypto_digest8(op, record.digest);
    store_other(&f->store, doc, &record, 1, FAKE_EPOCH_MS + f->now_ms);
}

void fake_other_create(struct fake *f, struct slice doc)
{
    struct wire_record create = {.session = fake_session(f, 2),
                                 .kind = WIRE_KIND_CREATE,
                                 .doc_kind = WIRE_DOC_RICH,
                                 .body = fake_insert(f, 0, "\n")};

    store_other(&f->store, doc, &create, 1, FAKE_EPOCH_MS);
}

bool fake_closed(struct fake *f, struct slice id, const struct wire_session *session)
{
    struct doc *doc = store_judge(&f->store, id);
    uint64_t last;
    bool closed =
        doc_session_open(doc, session, FAKE_EPOCH_MS + f->now_ms, &last) == DOC_SESSION_CLOSED;

    doc_free(doc);
    return closed;
}
