/*
 * Response heads out: begin, field ..., end. Failure latches in `out`; a field that would break out
 * of its line (a control character in name or value) latches too, so no peer's bytes can add
 * fields.
 */
#ifndef WEFT_HTTP1_ANSWER_H
#define WEFT_HTTP1_ANSWER_H

#include "bytes.h"

/* "Not Found" of 404; "Unknown" for a number without a name here. */
const char *http1_status_text(int status);

void http1_answer_begin(struct bytes *out, int status);
void http1_answer_field(struct bytes *out, const char *name, struct slice value);
void http1_answer_field_u64(struct bytes *out, const char *name, uint64_t value);
void http1_answer_end(struct bytes *out);

/* A whole answer with the status as its text, "Connection: close" unless keep_alive. */
void http1_answer_status(struct bytes *out, int status, bool keep_alive, bool head_only);

#define HTTP1_DATE_SIZE 29
/* "Sun, 06 Nov 1994 08:49:37 GMT" of seconds since 1970 (up to year 9999), with a final NUL. */
void http1_date(uint64_t unix_s, char ret[HTTP1_DATE_SIZE + 1]);

#endif
