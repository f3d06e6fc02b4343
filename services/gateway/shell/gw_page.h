/*
 * Answers to ordinary HTTP requests: which file, in which encoding, under which rules. Bytes in,
 * head out; no I/O.
 *
 *     /, /d/ANYTHING     index.html: the page reads the document's id from its address
 *     /PATH              the file
 *
 * Where there is no page (no --web) a person is told in words what stands here.
 */
#ifndef WEFT_GW_PAGE_H
#define WEFT_GW_PAGE_H

#include "gw_web.h"
#include "http1_head.h"

struct gw_page {
    struct gw_web web; /* owned; zeroed: no page */
    char *policy;      /* owned; Content-Security-Policy */
};

/*
 * addresses: the gateways that a client may be sent to when this one stops (--drain-to); besides
 * its own gateway the page may connect to these only. Outcomes as gw_web_load().
 */
MUST_CHECK int gw_page_load(struct gw_page *page, const char *dir, const char *const *addresses,
                            size_t address_count, struct bytes *why);
void gw_page_fini(struct gw_page *page);

/*
 * Appends the head and, of an answer in words, its text to out; returns the status. *ret_body: what
 * follows, borrowed from the page; NULL: nothing. keep: another request may follow.
 */
int gw_page_answer(const struct gw_page *page, const struct http1_request *request, bool keep,
                   struct bytes *out, struct refbuf **ret_body);

/* An answer in words; the connection ends behind it. */
void gw_page_words(struct bytes *out, int status, bool head_only, const char *text);

#endif
