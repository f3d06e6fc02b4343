/*
 * What the tests of the core share: one core against a fake shell (gw_fake.h), four connections, a
 * document, and what a worker says about it.
 */
#ifndef WEFT_GW_CASE_TEST_H
#define WEFT_GW_CASE_TEST_H

#include <check.h>
#include <stdlib.h>

#include "gw_fake.h"

extern struct fake f;
extern struct fake_conn a, b, c, d;

#define DOC slice_str("doc-1")

struct chain_position pos(uint64_t rev);
struct wire_session session(uint8_t n);
struct wire_client_frame open_frame(uint8_t session_number);
struct wire_client_frame submit_frame(uint64_t seq, uint64_t base_rev, const char *body);
void opened(uint64_t boot, uint64_t attachment, enum wire_opened_outcome outcome, uint64_t rev,
            uint64_t last_seq, struct slice payload);
void author_of(uint8_t session_number, uint8_t ret[WIRE_AUTHOR_SIZE]);
/* One revision, by this session (0: somebody else). */
void entry(uint64_t boot, uint64_t rev, uint8_t session_number, uint64_t seq);
void refused(uint64_t boot, uint64_t attachment, uint64_t seq, uint32_t code);
void head(uint64_t boot, uint64_t rev);
/* Opens DOC on conn and joins it at rev; returns the attachment. */
uint64_t join(struct fake_conn *conn, enum gw_variant variant, uint8_t session_number,
              uint64_t rev);
void all_gone(void);

/* Runs both lists: `started` with a core that has a worker, `others` start their own. */
int case_run(const char *suite, const TTest *const *started, size_t started_count,
             const TTest *const *others, size_t other_count);
#define CASE_COUNT(list) (sizeof(list) / sizeof(list)[0])

#endif
