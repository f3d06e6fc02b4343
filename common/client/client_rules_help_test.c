#include "client_rules_help_test.h"

#include <stdlib.h>

#include "ot_codec.h"
#include "wire_error.h"

struct rules rules;

static void setup(void)
{
    ck_assert_int_eq(crypto_init(), 0);
    world_init(&rules.world, 1);
    arena_init(&rules.mem, 1u << 20);
}

static void teardown(void)
{
    arena_fini(&rules.mem);
    world_fini(&rules.world);
}

static const struct ot_comp newline = {
    .kind = OT_INSERT, .length = 1, .content = {(void *)"\n", 1}};
const struct ot_op rules_newline = {.comps = &newline, .count = 1, .units_out = 1};

struct world_client *rules_live(void)
{
    if (rules.world.revision_count == 0)
        world_create(&rules.world);
    struct world_client *c = world_client_add(&rules.world, true);
    world_connect(c);
    world_settle(&rules.world);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_LIVE);
    return c;
}

void rules_expect_text(const struct ot_rope *rope, const char *text)
{
    struct bytes out = BYTES_INIT;
    ot_rope_text(rope, &out);
    bytes_append_u8(&out, 0);
    ck_assert_str_eq((const char *)out.data, text);
    bytes_fini(&out);
}

struct wire_client_frame rules_sent(struct world_client *c)
{
    struct wire_client_frame frame = {0};
    struct slice in = bytes_slice(&c->up.bytes);

    if (in.size == 0)
        return frame;
    struct slice copy = slice_of(arena_copy(&rules.mem, in.data, in.size), in.size);
    ck_assert_int_eq(wire_client_frame_take(&rules.mem, &copy, &frame), 0);
    ck_assert_uint_eq(copy.size, 0);
    bytes_reset(&c->up.bytes);
    return frame;
}

int rules_give(struct world_client *c, uint32_t code, uint64_t detail, uint64_t seq)
{
    struct wire_server_frame frame;
    struct bytes text = BYTES_INIT;

    wire_error_frame(code, detail, rules.world.id, seq, &text, &frame);
    int r = world_give(c, &frame);
    bytes_fini(&text);
    world_pull(c);
    return r;
}

int rules_error(struct world_client *c, uint32_t code, uint64_t seq)
{
    return rules_give(c, code, 0, seq);
}

struct slice rules_insert(uint64_t at, const char *text)
{
    struct ot_builder builder;
    struct ot_op op;
    struct bytes out = BYTES_INIT;

    ot_builder_init(&builder, &rules.mem);
    ot_builder_retain(&builder, at, (struct slice){0});
    ot_builder_insert(&builder, slice_str(text), (uint32_t)strlen(text), (struct slice){0});
    ck_assert_int_eq(ot_builder_finish(&builder, &op), 0);
    ot_encode(&op, &out);
    struct slice kept = slice_of(arena_copy(&rules.mem, out.data, out.size), out.size);
    bytes_fini(&out);
    return kept;
}

void rules_expect_draft(struct world_client *c, struct slice draft, bool may_be_in)
{
    ck_assert(slice_equal(bytes_slice(&c->draft), draft));
    ck_assert_int_eq(client_doc_draft_may_be_in(c->doc), may_be_in);
}

int rules_main(const char *name, void (*add)(TCase *tc))
{
    Suite *suite = suite_create(name);
    TCase *tc = tcase_create("rules");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    add(tc);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
