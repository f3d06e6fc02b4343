/*
 * Heads of HTTP/1.1 messages, strictly (RFC 9112): what the gateway needs for WebSocket upgrades
 * and static files, and for its clients the head of the answer.
 *
 * A parser has no state: give it what has come so far, from the first byte of the head; on
 * HTTP1_MORE come again with more. It reads from the start each time, which the bound on the head
 * keeps cheap (8 KiB take some microseconds, less than the read that brought one more byte).
 * Mistakes are reported as soon as they can be seen. Slices point into the input.
 *
 * Strictly means: CR LF ends a line, no folded lines, no blank before a colon, no control
 * characters, exactly one Host, no request body. Leniency in these is how two servers come to read
 * one request differently (request smuggling).
 */
#ifndef WEFT_HTTP1_HEAD_H
#define WEFT_HTTP1_HEAD_H

#include "bytes.h"

/* What an unauthenticated peer can make us buffer and scan. */
#define HTTP1_HEAD_SIZE_MAX 8192
#define HTTP1_FIELDS_MAX 64

enum http1_result {
    HTTP1_OK = 0,
    HTTP1_MORE, /* incomplete, good so far */
    HTTP1_BAD,  /* status says how to answer; close the connection after it */
};

struct http1_field {
    struct slice name;  /* a token; compare without regard to case */
    struct slice value; /* blanks around it stripped */
};

struct http1_fields {
    size_t count;
    struct http1_field at[HTTP1_FIELDS_MAX];
};

struct http1_request {
    size_t size;         /* of the head: what comes behind it belongs to the next protocol */
    struct slice method; /* a token; its case matters */
    struct slice target; /* begins with '/' */
    struct slice host;   /* empty only in HTTP/1.0 */
    bool http11;         /* 1.1 or a later 1.x; else 1.0 */
    bool keep_alive;     /* may another request follow on the connection? */
    struct http1_fields fields;
};

/*
 * On HTTP1_BAD *ret_status is 400 (malformed), 413 (has a body), 414 (the request line does not
 * fit), 431 (the head or the number of fields is over its bound), 501 (transfer coding, or a
 * method that is longer than any) or 505 (not HTTP/1.x).
 */
MUST_CHECK int http1_request_parse(struct slice in, struct http1_request *ret, int *ret_status);

struct http1_response {
    size_t size;
    int status;
    struct slice reason;
    struct http1_fields fields;
};

/* HTTP1_BAD: not a head we can read. Bodies and their length are the caller's matter. */
MUST_CHECK int http1_response_parse(struct slice in, struct http1_response *ret);

/* First field of that name (given in lower case) or NULL. */
const struct http1_field *http1_fields_find(const struct http1_fields *fields, const char *lower);
/* Is the token (lower case) an element of the comma-separated lists of all fields of that name? */
bool http1_fields_list_has(const struct http1_fields *fields, const char *lower, const char *token);

/*
 * The path of a request target: what stands before '?', percent-decoded. False if an escape is
 * malformed, or the path has a control character, a backslash, an empty segment or one of dots
 * only: nobody who means well asks for these. The result (appended to out) begins with '/'.
 */
MUST_CHECK bool http1_target_path(struct slice target, struct bytes *out);

#endif
