#include "gw_page.h"

#include <errno.h>
#include <stdlib.h>

#include "http1_answer.h"

#define RETRY_AFTER_S 2

static const char welcome_text[] =
    "This is a Weft gateway.\n"
    "Clients connect here, to /, with WebSocket (RFC 6455) and one of the subprotocols\n"
    "  weft.v1.proto   protobuf in binary messages\n"
    "  weft.v1.json    JSON in text messages\n";

static const char path_text[] = "there is nothing here: WebSocket clients connect to /\n";

static const char method_text[] = "only GET and HEAD are answered here\n";

/*
 * What the page may do, should somebody's text ever be taken for script: load nothing but its own
 * files and pictures that stand in the document, connect to nobody but the gateways, run no script
 * and no style sheet that is written into it, and appear in nobody's frame. Attributes for style
 * are let through: text that is pasted says by them what is bold.
 */
static const char policy_text[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; "
    "frame-ancestors 'none'; connect-src 'self'";

int gw_page_load(struct gw_page *page, const char *dir, const char *const *addresses,
                 size_t address_count, struct bytes *why)
{
    struct bytes policy = BYTES_INIT;
    int rc = gw_web_load(&page->web, dir, why);

    if (rc)
        return rc;
    bytes_append_str(&policy, policy_text);
    for (size_t i = 0; i < address_count; i++) {
        bytes_append_u8(&policy, ' ');
        bytes_append_str(&policy, addresses[i]);
        /* These would end the list and begin another rule. */
        if (strpbrk(addresses[i], "; '\"")) {
            bytes_printf(why, "--drain-to: %s is no address", addresses[i]);
            rc = -EINVAL;
        }
    }
    bytes_append_u8(&policy, 0);
    if (policy.failed)
        rc = -ENOMEM;
    if (rc) {
        bytes_fini(&policy);
        gw_web_fini(&page->web);
        return rc;
    }
    page->policy = (char *)policy.data;
    return 0;
}

void gw_page_fini(struct gw_page *page)
{
    gw_web_fini(&page->web);
    free(page->policy);
    page->policy = NULL;
}

void gw_page_words(struct bytes *out, int status, bool head_only, const char *text)
{
    http1_answer_begin(out, status);
    http1_answer_field(out, "Content-Type", slice_str("text/plain; charset=utf-8"));
    http1_answer_field_u64(out, "Content-Length", strlen(text));
    http1_answer_field(out, "X-Content-Type-Options", slice_str("nosniff"));
    if (status == 405)
        http1_answer_field(out, "Allow", slice_str("GET, HEAD"));
    if (status == 503)
        http1_answer_field_u64(out, "Retry-After", RETRY_AFTER_S);
    http1_answer_field(out, "Connection", slice_str("close"));
    http1_answer_end(out);
    if (!head_only)
        bytes_append_str(out, text);
}

/* "W/" may stand before a tag: for GET and HEAD weak and strong compare alike. (Case is folded.) */
static bool client_has(const struct http1_fields *fields, const char *etag)
{
    char weak[GW_WEB_ETAG_SIZE + 3] = "w/";

    memcpy(weak + 2, etag, GW_WEB_ETAG_SIZE + 1);
    return http1_fields_list_has(fields, "if-none-match", etag) ||
           http1_fields_list_has(fields, "if-none-match", weak) ||
           http1_fields_list_has(fields, "if-none-match", "*");
}

static void security_fields(const struct gw_page *page, struct bytes *out)
{
    http1_answer_field(out, "Content-Security-Policy", slice_str(page->policy));
    http1_answer_field(out, "X-Content-Type-Options", slice_str("nosniff"));
    /* Who has a document's address may open it: other sites do not hear it. */
    http1_answer_field(out, "Referrer-Policy", slice_str("no-referrer"));
    http1_answer_field(out, "Cross-Origin-Opener-Policy", slice_str("same-origin"));
    http1_answer_field(out, "Cross-Origin-Resource-Policy", slice_str("same-origin"));
    http1_answer_field(out, "Permissions-Policy",
                       slice_str("camera=(), geolocation=(), microphone=(), payment=(), usb=()"));
}

static int file_answer(const struct gw_page *page, const struct gw_web_file *file,
                       const struct http1_request *request, bool keep, struct bytes *out,
                       struct refbuf **ret_body)
{
    bool packed =
        file->gzip.bytes && http1_fields_list_has(&request->fields, "accept-encoding", "gzip");
    const struct gw_web_form *form = packed ? &file->gzip : &file->plain;
    int status = client_has(&request->fields, form->etag) ? 304 : 200;

    http1_answer_begin(out, status);
    if (status == 200) {
        http1_answer_field(out, "Content-Type", slice_str(file->type));
        http1_answer_field_u64(out, "Content-Length", form->bytes->size);
        if (packed)
            http1_answer_field(out, "Content-Encoding", slice_str("gzip"));
    }
    if (file->gzip.bytes)
        http1_answer_field(out, "Vary", slice_str("Accept-Encoding"));
    http1_answer_field(out, "ETag", slice_str(form->etag));
    http1_answer_field(
        out, "Cache-Control",
        slice_str(file->immutable ? "public, max-age=31536000, immutable" : "no-cache"));
    security_fields(page, out);
    if (!keep)
        http1_answer_field(out, "Connection", slice_str("close"));
    http1_answer_end(out);
    if (status == 200 && slice_equal(request->method, slice_str("GET")))
        *ret_body = form->bytes;
    return status;
}

static bool begins_with(struct slice s, const char *start)
{
    size_t size = strlen(start);

    return s.size > size && memcmp(s.data, start, size) == 0;
}

/* NULL: there is no such file, or no page. */
static const struct gw_web_file *file_for(const struct gw_page *page, struct slice path)
{
    if (slice_equal(path, slice_str("/")) || begins_with(path, "/d/"))
        path = slice_str("/index.html");
    return gw_web_find(&page->web, path);
}

static int answer_words(struct bytes *out, int status, bool head_only, const char *text)
{
    gw_page_words(out, status, head_only, text);
    return status;
}

int gw_page_answer(const struct gw_page *page, const struct http1_request *request, bool keep,
                   struct bytes *out, struct refbuf **ret_body)
{
    bool head = slice_equal(request->method, slice_str("HEAD"));
    struct bytes path = BYTES_INIT;
    int status;

    *ret_body = NULL;
    if (!head && !slice_equal(request->method, slice_str("GET")))
        return answer_words(out, 405, false, method_text);
    bool good = http1_target_path(request->target, &path) && !path.failed;
    const struct gw_web_file *file = good ? file_for(page, bytes_slice(&path)) : NULL;
    if (file)
        status = file_answer(page, file, request, keep, out, ret_body);
    else if (good && page->web.count == 0 && slice_equal(bytes_slice(&path), slice_str("/")))
        status = answer_words(out, 200, head, welcome_text);
    else
        status = answer_words(out, 404, head, path_text);
    bytes_fini(&path);
    return status;
}
