/*
 * docs/protocol.md against the code: each example of a client's message is read by the JSON reader
 * and written back the same, and each example of a server's message is what the JSON writer makes
 * of the frames below.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "json_client.h"
#include "json_delta.h"
#include "ot_codec.h"

static char *document;
static struct arena mem;
static struct bytes out;

static char *file_read(const char *path)
{
    struct bytes text = BYTES_INIT;
    FILE *file = fopen(path, "r");
    int c;

    MUST(file);
    while ((c = fgetc(file)) != EOF)
        bytes_append_u8(&text, (uint8_t)c);
    bytes_append_u8(&text, 0);
    fclose(file);
    MUST(!text.failed);
    return (char *)text.data;
}

static void setup(void)
{
    arena_init(&mem, 16 << 20);
}

static void teardown(void)
{
    arena_fini(&mem);
    bytes_fini(&out);
}

/* The next example at or behind *at: what stands between ```json lines, joined. False: no more. */
static bool example_next(const char **at, struct bytes *ret)
{
    static const char begin[] = "```json\n", end[] = "```\n";
    const char *from = strstr(*at, begin);

    if (!from)
        return false;
    from += strlen(begin);
    const char *to = strstr(from, end);
    ck_assert(to);
    bytes_reset(ret);
    for (const char *p = from; p < to; p++) {
        if (*p == '\n')
            while (p + 1 < to && p[1] == ' ')
                p++;
        else
            bytes_append_u8(ret, (uint8_t)*p);
    }
    bytes_append_u8(ret, 0);
    *at = to;
    return true;
}

static bool is_client(const char *text)
{
    static const char *const types[] = {"hello", "open", "submit", "close", "ping"};
    char start[40];

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        snprintf(start, sizeof start, "{\"type\":\"%s\",", types[i]);
        if (strncmp(text, start, strlen(start)) == 0)
            return true;
    }
    return strncmp(text, "{\"type\":\"presence\",", 19) == 0 && !strstr(text, "\"author\"");
}

START_TEST(test_client_examples)
{
    unsigned seen = 0, count = 0;
    struct bytes example = BYTES_INIT;

    for (const char *at = document; example_next(&at, &example);) {
        const char *text = (const char *)example.data;
        struct wire_client_frame frame;
        struct json_error error = {0};
        if (!is_client(text))
            continue;
        int rc = json_client_frame_read(&mem, slice_str(text), &frame, &error);
        ck_assert_msg(rc == 0, "%s: %s", text, error.text);
        bytes_reset(&out);
        ck_assert_int_eq(json_client_frame_write(&mem, &frame, &out), 0);
        bytes_append_u8(&out, 0);
        ck_assert_str_eq((char *)out.data, text);
        seen |= 1u << frame.type;
        count++;
    }
    ck_assert_msg(seen == 0x7e, "messages without an example: seen %x", seen);
    ck_assert_uint_ge(count, 9);
    bytes_fini(&example);
}
END_TEST

/* --- server messages --- */

#define DOC "quarterly-report"

static const uint8_t author_1[] = {0x7c, 0x1e, 0x5d, 0x02, 0x9a, 0xf3, 0x40, 0xb8};
static const uint8_t author_2[] = {0x03, 0xd4, 0x81, 0x6b, 0xe0, 0x55, 0x2f, 0xc9};
static const uint8_t hash_17[] = {0x9f, 0x2c, 0x41, 0x7d, 0x08, 0xb6, 0xe3, 0x5a,
                                  0x1c, 0x90, 0x6e, 0x4f, 0xd2, 0x87, 0x3b, 0xa5};
static const uint8_t hash_19[] = {0x40, 0xea, 0x96, 0x13, 0x7f, 0x5c, 0x02, 0xbd,
                                  0x88, 0x31, 0xc4, 0x6a, 0xf9, 0x0d, 0x57, 0x2e};

static struct slice op_of(const char *delta)
{
    struct bytes bytes = BYTES_INIT;
    struct ot_op op;

    ck_assert_int_eq(json_delta_read(&mem, slice_str(delta), &op, NULL), 0);
    ot_encode(&op, &bytes);
    struct slice copy = slice_of(arena_copy(&mem, bytes.data, bytes.size), bytes.size);
    bytes_fini(&bytes);
    return copy;
}

static struct chain_position position(uint64_t rev, const uint8_t *hash)
{
    struct chain_position p = {.rev = rev};

    memcpy(p.hash, hash, sizeof p.hash);
    return p;
}

/* What the server writes stands in the document as an example. */
static void shown(const struct wire_server_frame *frame)
{
    struct bytes example = BYTES_INIT;
    bool found = false;

    bytes_reset(&out);
    ck_assert_int_eq(json_server_frame_write(&mem, frame, &out), 0);
    bytes_append_u8(&out, 0);
    for (const char *at = document; !found && example_next(&at, &example);)
        found = strcmp((char *)example.data, (char *)out.data) == 0;
    ck_assert_msg(found, "no example is\n%s", (char *)out.data);
    bytes_fini(&example);
}

static void shown_opened(enum wire_opened_outcome outcome, struct chain_position at,
                         struct slice payload, uint64_t payload_bytes)
{
    struct wire_server_frame f = {.type = WIRE_DOWN_OPENED};

    f.opened = (struct wire_opened){.doc = slice_str(DOC),
                                    .outcome = outcome,
                                    .position = at,
                                    .last_seq = outcome == WIRE_OPENED_OPS ? 4 : 0,
                                    .doc_kind = WIRE_DOC_RICH,
                                    .payload = payload,
                                    .payload_bytes = payload_bytes};
    shown(&f);
}

START_TEST(test_opened_examples)
{
    struct bytes payload = BYTES_INIT;
    struct wire_content content = {op_of("[{\"insert\":\"Hello\\n\"}]"), slice_str("Q3")};
    struct wire_client_record records[] = {
        {.kind = WIRE_KIND_EDIT, .body = op_of("[{\"insert\":\"Hello\"}]"), .count = 12},
        {.has_author = true,
         .seq = 4,
         .kind = WIRE_KIND_EDIT,
         .body = op_of("[{\"retain\":5},{\"insert\":\"!\"}]"),
         .count = 1}};
    struct chain_position at = position(17, hash_17);

    memcpy(records[1].author, author_1, sizeof author_1);
    shown_opened(WIRE_OPENED_UP_TO_DATE, at, (struct slice){0}, 0);
    wire_content_encode(&content, &payload);
    shown_opened(WIRE_OPENED_SNAPSHOT, at, bytes_slice(&payload), payload.size);
    shown_opened(WIRE_OPENED_SNAPSHOT, at, (struct slice){0}, 105341);
    bytes_reset(&payload);
    wire_ops_encode(&(struct wire_ops){records, 2}, &payload);
    shown_opened(WIRE_OPENED_OPS, at, bytes_slice(&payload), payload.size);
    bytes_fini(&payload);

    struct wire_server_frame f = {.type = WIRE_DOWN_CHUNK};
    f.chunk =
        (struct wire_chunk){slice_str(DOC), 65536, slice_str("…and so on\"}],\"title\":\"Q3\"}")};
    shown(&f);
}
END_TEST

START_TEST(test_server_examples)
{
    struct wire_server_frame f = {.type = WIRE_DOWN_WELCOME};
    struct wire_client_record records[] = {{.has_author = true,
                                            .seq = 9,
                                            .kind = WIRE_KIND_EDIT,
                                            .body = op_of("[{\"insert\":\"> \"}]"),
                                            .count = 1},
                                           {.has_author = true,
                                            .seq = 5,
                                            .kind = WIRE_KIND_EDIT,
                                            .body = op_of("[{\"retain\":7},{\"insert\":\"!\"}]"),
                                            .count = 1}};

    f.welcome = (struct wire_welcome){1,
                                      0,
                                      1764000000000,
                                      30000,
                                      WIRE_OP_BYTES_MAX,
                                      WIRE_FRAME_BYTES_MAX,
                                      WIRE_DOCUMENT_BYTES_MAX,
                                      WIRE_CHUNK_BYTES_MAX,
                                      WIRE_PRESENCE_BYTES_MAX,
                                      WIRE_PRESENCE_PER_S_MAX,
                                      WIRE_DOCUMENTS_MAX,
                                      50000,
                                      WIRE_OP_COMPONENTS_MAX,
                                      WIRE_DOC_SIZE_MAX,
                                      WIRE_TITLE_BYTES_MAX};
    shown(&f);
    memcpy(records[0].author, author_2, sizeof author_2);
    memcpy(records[1].author, author_1, sizeof author_1);
    f = (struct wire_server_frame){.type = WIRE_DOWN_ENTRY};
    f.entry = (struct wire_client_entry){.doc = slice_str(DOC),
                                         .first_rev = 18,
                                         .last_rev = 19,
                                         .time_ms = 1764000004250,
                                         .records = records,
                                         .count = 2};
    memcpy(f.entry.hash_before, hash_17, sizeof hash_17);
    memcpy(f.entry.hash_after, hash_19, sizeof hash_19);
    shown(&f);
    f = (struct wire_server_frame){.type = WIRE_DOWN_ACCEPTED};
    f.accepted = (struct wire_accepted){slice_str(DOC), 5, 19};
    shown(&f);
    f = (struct wire_server_frame){.type = WIRE_DOWN_PRESENCE};
    f.presence = (struct wire_presence){.doc = slice_str(DOC),
                                        .has_author = true,
                                        .rev = 19,
                                        .data = slice_str("{\"cursor\":7,\"name\":\"Ada\"}")};
    memcpy(f.presence.author, author_2, sizeof author_2);
    shown(&f);
    f.presence.data = (struct slice){0};
    f.presence.gone = true;
    shown(&f);
    f = (struct wire_server_frame){.type = WIRE_DOWN_PONG};
    f.pong.nonce = 7;
    f.pong.server_time_ms = 1764000030000;
    shown(&f);
    f = (struct wire_server_frame){.type = WIRE_DOWN_CLOSED, .closed_doc = slice_str(DOC)};
    shown(&f);
    struct slice address = slice_str("ws://10.0.0.7:8080/");
    f = (struct wire_server_frame){.type = WIRE_DOWN_DRAIN};
    f.drain = (struct wire_drain){2000, &address, 1};
    shown(&f);
}
END_TEST

START_TEST(test_error_examples)
{
    struct bytes text = BYTES_INIT;
    struct wire_server_frame f;

    wire_error_frame(WIRE_E_SEQ_GAP, 5, slice_str(DOC), 7, &text, &f);
    shown(&f);
    wire_error_frame(WIRE_E_RETRY_LATER, 0, slice_str(DOC), 0, &text, &f);
    shown(&f);
    bytes_fini(&text);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *s = suite_create("gateway protocol document");
    TCase *t = tcase_create("all");

    MUST(argc == 2);
    document = file_read(argv[1]);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_client_examples);
    tcase_add_test(t, test_opened_examples);
    tcase_add_test(t, test_server_examples);
    tcase_add_test(t, test_error_examples);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    free(document);
    return failed != 0;
}
