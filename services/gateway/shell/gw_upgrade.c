#include "gw_upgrade.h"

#include "crypto_hash.h"
#include "http1_head.h"
#include "ws_handshake.h"

static const char path_text[] = "there is nothing here: WebSocket clients connect to /\n";

static const char no_protocol_text[] =
    "offer a subprotocol in Sec-WebSocket-Protocol: weft.v1.proto or weft.v1.json\n";

/* What is wrong with a head that could not be read. */
static const char *bad_head_text(int status)
{
    switch (status) {
    case 413:
        return "requests with a body are not read here\n";
    case 414:
        return "the request line is at most 8192 bytes\n";
    case 431:
        return "a request head is at most 8192 bytes and 64 fields\n";
    case 501:
        return "neither transfer codings nor methods of this length are known here\n";
    case 505:
        return "HTTP/1.1 is spoken here\n";
    default:
        return "the request head is not well-formed HTTP/1.1\n";
    }
}
_Static_assert(HTTP1_HEAD_SIZE_MAX == 8192 && HTTP1_FIELDS_MAX == 64, "bad_head_text() says so");

void gw_upgrade_unavailable(struct bytes *out, const char *why)
{
    gw_page_words(out, 503, false, why);
}

static enum gw_upgrade answered(struct bytes *out, int status, const char *text,
                                struct gw_upgrade_result *ret)
{
    gw_page_words(out, status, false, text);
    ret->status = status;
    return GW_UPGRADE_ANSWERED;
}

static bool path_is_root(const struct http1_request *request)
{
    struct bytes path = BYTES_INIT;
    bool root = http1_target_path(request->target, &path) && !path.failed &&
                slice_equal(bytes_slice(&path), slice_str("/"));

    bytes_fini(&path);
    return root;
}

/*
 * An ordinary request, not for a WebSocket. Who sends more behind it without waiting (no browser
 * does) gets this answer and the end: so nothing of a next request is ever held.
 */
static enum gw_upgrade page_answer(const struct gw_page *page, const struct http1_request *request,
                                   bool alone, struct bytes *out, struct gw_upgrade_result *ret)
{
    bool keep = request->http11 && request->keep_alive && alone;

    ret->status = gw_page_answer(page, request, keep, out, &ret->body);
    ret->keep = keep && (ret->status == 200 || ret->status == 304) && page->web.count;
    return GW_UPGRADE_ANSWERED;
}

static bool sha1(struct slice in, uint8_t ret_digest[20])
{
    crypto_sha1(in, (struct slice){0}, ret_digest);
    return true;
}

static enum gw_upgrade web_socket(const struct ws_upgrade *upgrade, enum ws_upgrade_outcome outcome,
                                  const struct http1_request *request, struct bytes *out,
                                  struct gw_upgrade_result *ret)
{
    if (outcome != WS_UPGRADE_OK) {
        ws_upgrade_refuse(out, outcome);
        ret->status = outcome == WS_UPGRADE_VERSION ? 426 : 400;
        return GW_UPGRADE_ANSWERED;
    }
    if (!path_is_root(request))
        return answered(out, 404, path_text, ret);
    if (upgrade->protocol == WS_PROTOCOL_NONE)
        return answered(out, 400, no_protocol_text, ret);
    if (!ws_upgrade_accept(out, upgrade, sha1))
        out->failed = true;
    ret->variant = upgrade->protocol == WS_PROTOCOL_JSON ? GW_JSON : GW_PROTO;
    ret->head_size = request->size;
    ret->status = 101;
    return GW_UPGRADE_OPEN;
}

enum gw_upgrade gw_upgrade_read(const struct gw_page *page, struct slice in, struct bytes *out,
                                struct gw_upgrade_result *ret)
{
    struct http1_request request;
    struct ws_upgrade upgrade;
    int status = 400;

    *ret = (struct gw_upgrade_result){0};
    switch (http1_request_parse(in, &request, &status)) {
    case HTTP1_MORE:
        return GW_UPGRADE_MORE;
    case HTTP1_BAD:
        return answered(out, status, bad_head_text(status), ret);
    default:
        break;
    }
    ws_upgrade_init(&upgrade);
    for (size_t i = 0; i < request.fields.count; i++)
        ws_upgrade_field(&upgrade, request.fields.at[i].name, request.fields.at[i].value);
    bool get = request.http11 && slice_equal(request.method, slice_str("GET"));
    enum ws_upgrade_outcome outcome = ws_upgrade_check(&upgrade, get);
    if (outcome == WS_UPGRADE_NONE)
        return page_answer(page, &request, in.size == request.size, out, ret);
    return web_socket(&upgrade, outcome, &request, out, ret);
}
