/* For the tests of single rules, each with the frames that it is about: one world, given frames by
 * hand. */
#ifndef WEFT_CLIENT_RULES_HELP_TEST_H
#define WEFT_CLIENT_RULES_HELP_TEST_H

#include <check.h>

#include "client_world_test.h"

extern struct rules {
    struct world world;
    struct arena mem; /* of frames and ops, until the test ends */
} rules;

extern const struct ot_op rules_newline;

/* A client of a document that exists, live and alone. */
struct world_client *rules_live(void);
/* The one frame that is on its way up; it is taken off. */
struct wire_client_frame rules_sent(struct world_client *c);
/* An error of this code comes down. */
int rules_give(struct world_client *c, uint32_t code, uint64_t detail, uint64_t seq);
int rules_error(struct world_client *c, uint32_t code, uint64_t seq);
struct slice rules_insert(uint64_t at, const char *text);
void rules_expect_text(const struct ot_rope *rope, const char *text);
void rules_expect_draft(struct world_client *c, struct slice draft, bool may_be_in);

int rules_main(const char *name, void (*add)(TCase *tc));

#endif
