/* Any frames and items in any order: nothing crashes, nothing is left. */
#include "gw_case_test.h"
#include "support_seed.h"

static struct fake_conn crowd[12];

static struct wire_client_frame random_frame(struct rng *r)
{
    static const char *const docs[] = {"doc-1", "doc-2", "doc-3", "", "\x01"};
    struct slice doc =
        slice_str(docs[rng_below(r, 100) < 3 ? 3 + rng_below(r, 2) : rng_below(r, 3)]);
    struct wire_client_frame frame = {.type = 1 + rng_below(r, 6)};

    switch (frame.type) {
    case WIRE_UP_HELLO:
        frame.type = rng_percent(r, 2) ? WIRE_UP_HELLO : WIRE_UP_PING;
        break;
    case WIRE_UP_OPEN:
        frame = open_frame((uint8_t)rng_below(r, 4));
        frame.open.doc = doc;
        frame.open.has_create = rng_percent(r, 20);
        frame.open.create_kind = rng_below(r, 3);
        frame.open.create_content = slice_str("c");
        break;
    case WIRE_UP_SUBMIT:
        frame = submit_frame(rng_below(r, 4), rng_between(r, 0, 9), "body");
        frame.submit.doc = doc;
        break;
    case WIRE_UP_CLOSE:
        frame.close_doc = doc;
        break;
    case WIRE_UP_PRESENCE:
        frame.presence = (struct wire_presence){.doc = doc, .rev = 1};
        break;
    default:
        break;
    }
    return frame;
}

static uint64_t any_rev; /* of all documents */

/* A worker that says anything about the attachments it has heard of. */
static void random_item(struct rng *r, const uint64_t *numbers, size_t count)
{
    static uint8_t large[2 * WIRE_CHUNK_BYTES_MAX];
    uint64_t boot = rng_between(r, 1, FAKE_WORKERS);
    uint64_t number = count ? numbers[rng_below(r, count)] : 1;
    struct wire_to_gateway item = {.type = WIRE_TO_GATEWAY_OPENED + rng_below(r, 8)};
    const char *docs[] = {"doc-1", "doc-2", "doc-3"};

    switch (item.type) {
    case WIRE_TO_GATEWAY_OPENED:
        opened(boot, number, 1 + rng_below(r, 4), rng_between(r, 1, 6), rng_below(r, 3),
               slice_of(large, rng_percent(r, 10) ? sizeof large : rng_below(r, 10)));
        return;
    case WIRE_TO_GATEWAY_ENTRY:
        any_rev += rng_percent(r, 90);
        entry(boot, any_rev, (uint8_t)rng_below(r, 4), rng_below(r, 4));
        return;
    case WIRE_TO_GATEWAY_ACCEPTED:
        item.accepted.attachment = number;
        item.accepted.seq = rng_below(r, 4);
        break;
    case WIRE_TO_GATEWAY_REFUSED:
        refused(boot, number, rng_below(r, 3),
                rng_percent(r, 50) ? WIRE_E_RETRY_LATER : (uint32_t)rng_below(r, 130));
        return;
    case WIRE_TO_GATEWAY_REPLACED:
        item.replaced_attachment = number;
        break;
    case WIRE_TO_GATEWAY_MOVED:
        item.moved.doc = slice_str(docs[rng_below(r, 3)]);
        item.moved.owner = slice_str(rng_percent(r, 50) ? "w1" : "w3");
        item.moved.view = rng_below(r, 10);
        break;
    case WIRE_TO_GATEWAY_PRESENCE:
        item.presence = (struct wire_presence){.doc = DOC, .rev = 2};
        break;
    default:
        item.detached_attachment = number;
        break;
    }
    fake_down(&f, boot, &item);
}

static void random_step(struct rng *r, uint64_t *numbers, size_t *count)
{
    struct fake_conn *conn = &crowd[rng_below(r, 12)];
    struct wire_to_worker item;
    uint64_t boot;

    conn->answer = rng_percent(r, 10) ? GW_SEND_HIGH : GW_SENT;
    if (rng_percent(r, 1))
        conn->answer = GW_SEND_FULL;
    if (!conn->gw)
        fake_welcome(&f, conn, rng_percent(r, 50) ? GW_PROTO : GW_JSON);
    else if (conn->closed || rng_percent(r, 1) || conn->count > FAKE_FRAMES_MAX / 2)
        fake_gone(conn);
    else if (rng_percent(r, 40))
        fake_up(conn, random_frame(r));
    else if (rng_percent(r, 20))
        gw_conn_drained(conn->gw);
    random_item(r, numbers, *count);
    while (fake_item(&f, &boot, &item)) {
        if (item.type != WIRE_TO_WORKER_OPEN)
            continue;
        numbers[(*count)++ % 64] = item.open.attachment;
        if (rng_percent(r, 80))
            opened(boot, item.open.attachment,
                   item.open.open.has_position ? WIRE_OPENED_OPS : WIRE_OPENED_SNAPSHOT, any_rev, 0,
                   slice_str("text"));
    }
    *count = *count > 64 ? 64 : *count;
    if (rng_percent(r, 30))
        fake_run(&f, 10 * rng_below(r, 30));
    if (rng_percent(r, 2))
        fake_view(&f, (unsigned)rng_below(r, 8) << 1);
    if (rng_percent(r, 3))
        f.link_down[rng_between(r, 1, FAKE_WORKERS)] = rng_percent(r, 30);
    if (rng_percent(r, 2))
        gw_core_worker_gone(f.core, rng_between(r, 1, FAKE_WORKERS));
    if (rng_percent(r, 2))
        gw_core_worker_silent(f.core, rng_between(r, 1, FAKE_WORKERS), rng_percent(r, 50));
    for (size_t i = 0; i < f.item_count; i++)
        refbuf_unref(f.items[i].bytes);
    f.item_count = f.item_seen = 0;
    arena_reset(&f.mem);
}

START_TEST(test_any_order)
{
    uint64_t numbers[64] = {0};
    size_t count = 0;
    struct rng r;

    rng_init(&r, support_seed());
    memset(crowd, 0, sizeof crowd);
    any_rev = 5;
    for (int i = 0; i < 30000; i++)
        random_step(&r, numbers, &count);
    const struct gw_counters *n = gw_core_counters(f.core);
    ck_assert_uint_gt(n->lagging, 0);
    ck_assert_uint_gt(n->submits, 0);
    ck_assert_uint_gt(n->moved, 0);
    ck_assert_uint_gt(n->gaps, 0);
    for (int i = 0; i < 12; i++)
        fake_gone(&crowd[i]);
    all_gone();
}
END_TEST

int main(void)
{
    const TTest *const started[] = {test_any_order};

    return case_run("gateway any order", started, CASE_COUNT(started), NULL, 0);
}
