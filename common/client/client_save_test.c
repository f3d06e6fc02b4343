/* What is saved on the device, and comes back. */
#include <errno.h>

#include "client_rules_help_test.h"

START_TEST(what_was_saved_comes_back)
{
    struct world_client *c = rules_live(), *other = rules_live();
    struct bytes saved = BYTES_INIT, again = BYTES_INIT;

    ck_assert_int_eq(world_type(c, 0, "a"), 0);
    ck_assert_int_eq(world_type(c, 1, "b"), 0);
    world_disconnect(c, false);
    ck_assert_int_eq(world_type(other, 0, "other "), 0);
    world_settle(&rules.world);
    ck_assert_int_eq(client_doc_save(c->doc, &saved), 0);
    world_reload(c);
    ck_assert_int_eq(client_doc_save(c->doc, &again), 0);
    ck_assert(slice_equal(bytes_slice(&saved), bytes_slice(&again)));
    world_connect(c);
    world_settle(&rules.world);
    rules_expect_text(client_doc_rope(c->doc), "other ab\n");
    ck_assert_uint_eq(c->acked, 2);
    bytes_fini(&saved);
    bytes_fini(&again);
}
END_TEST

/* Typed and taken back before it was sent: nothing is pending, and that can be saved too. */
START_TEST(what_was_taken_back_is_saved)
{
    struct world_client *c = rules_live();
    struct ot_builder builder;
    struct ot_op undo;

    ot_builder_init(&builder, &rules.mem);
    ot_builder_delete(&builder, 1);
    ck_assert_int_eq(ot_builder_finish(&builder, &undo), 0);
    world_disconnect(c, false);
    ck_assert_int_eq(world_type(c, 0, "a"), 0);
    ck_assert(!client_doc_saved(c->doc));
    ck_assert_int_eq(client_doc_edit(c->doc, &undo), 0);
    ck_assert(client_doc_saved(c->doc));
    world_reload(c);
    world_connect(c);
    world_settle(&rules.world);
    rules_expect_text(client_doc_rope(c->doc), "\n");
}
END_TEST

/* Local storage is as good as the machine that it is on. */
START_TEST(damaged_savings_are_refused_or_harmless)
{
    struct world_client *c = rules_live();
    struct bytes saved = BYTES_INIT;
    struct client_events no_events = {0};
    int refused = 0, restored = 0;

    ck_assert_int_eq(world_type(c, 0, "a"), 0);
    ck_assert_int_eq(world_type(c, 1, "b"), 0);
    ck_assert_int_eq(client_doc_save(c->doc, &saved), 0);
    for (size_t i = 0; i < saved.size; i++) {
        for (unsigned flip = 1; flip < 512; flip = flip * 2 + 1) {
            struct client_doc *doc =
                client_doc_new(rules.world.id, &c->session, rules.world.table, no_events);
            struct slice in = slice_of(saved.data, flip == 511 ? i : saved.size);
            saved.data[i] ^= (uint8_t)(flip == 511 ? 0 : flip);
            int r = client_doc_restore(doc, in);
            ck_assert(r == 0 || r == -EINVAL);
            refused += r != 0;
            restored += r == 0;
            saved.data[i] ^= (uint8_t)(flip == 511 ? 0 : flip);
            client_doc_free(doc);
        }
    }
    ck_assert(refused > 100 && restored > 100);
    bytes_fini(&saved);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, what_was_saved_comes_back);
    tcase_add_test(tc, what_was_taken_back_is_saved);
    tcase_add_test(tc, damaged_savings_are_refused_or_harmless);
}

int main(void)
{
    return rules_main("client save", add);
}
