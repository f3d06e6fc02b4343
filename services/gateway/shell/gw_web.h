/*
 * The files of the page, read from a directory when the process starts and served from memory: a
 * request costs no system call for files, and no path that a client sends ever reaches one.
 *
 *     DIR/index.html            asked for again each time, compared by its ETag
 *     DIR/assets/NAME-HASH.js   never changes under its name: kept for a year
 *     DIR/ANY.gz                the same bytes as ANY, packed: for who accepts gzip
 *
 * Names that begin with a dot are passed over. Whatever else is not as expected (a link, a type of
 * content that is not known, more than the bounds) is refused at start with its name.
 */
#ifndef WEFT_GW_WEB_H
#define WEFT_GW_WEB_H

#include "bytes.h"
#include "refbuf.h"

/* What an operator can make us hold by a wrong directory. The page has some ten files, 1 MB. */
#define GW_WEB_FILES_MAX 256
#define GW_WEB_BYTES_MAX (16u << 20)
#define GW_WEB_DEPTH_MAX 4

#define GW_WEB_ETAG_SIZE 34 /* 32 hex digits in quotes */

/* One encoding of a file. */
struct gw_web_form {
    struct refbuf *bytes; /* one reference; NULL: there is no such form */
    char etag[GW_WEB_ETAG_SIZE + 1];
};

struct gw_web_file {
    char *path; /* owned; as in a request: "/assets/index-1a2b.js" */
    const char *type;
    bool immutable; /* its name changes with its bytes */
    struct gw_web_form plain, gzip;
};

/* By path. Zeroed: no page. */
struct gw_web {
    struct gw_web_file *files; /* owned */
    size_t count;
    size_t bytes; /* of all */
};

/* Negative errno, with a sentence for the operator in why; web is left zeroed then. */
MUST_CHECK int gw_web_load(struct gw_web *web, const char *dir, struct bytes *why);
void gw_web_fini(struct gw_web *web);

/* NULL if there is none. */
const struct gw_web_file *gw_web_find(const struct gw_web *web, struct slice path);

#endif
