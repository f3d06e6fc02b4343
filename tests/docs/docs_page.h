/* The pages that weft-docs writes; each appends its whole text. */
#ifndef WEFT_DOCS_PAGE_H
#define WEFT_DOCS_PAGE_H

#include "bytes.h"

/* The first line of a generated page, so that nobody edits it. */
#define DOCS_GENERATED                                                                             \
    "<!-- Made by scripts/docs from the tables in the code: edits here are lost. -->\n\n"

void docs_errors(struct bytes *out);
/* The same table for tests/errors. */
void docs_errors_json(struct bytes *out);
void docs_limits(struct bytes *out);
/* The same for tests/errors: names and counters. */
void docs_limits_json(struct bytes *out);
/* Whether a limit has this name. */
bool docs_limit_known(const char *name);
void docs_metrics(struct bytes *out);

#endif
