#include "http1_head.h"

#define METHOD_SIZE_MAX 32

/* Reading position; `status` explains a HTTP1_BAD. */
struct cursor {
    const uint8_t *at, *end;
    int status;
};

static int bad(struct cursor *c, int status)
{
    c->status = status;
    return HTTP1_BAD;
}

/* RFC 9110, 5.6.2 */
static bool token_byte(uint8_t c)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr(others, c));
}

static bool target_byte(uint8_t c)
{
    return c > ' ' && c < 0x7f && c != '#';
}

/* RFC 9110, 5.5: visible characters, blanks, and bytes above ASCII that mean nothing to us. */
static bool value_byte(uint8_t c)
{
    return c == '\t' || (c >= ' ' && c != 0x7f);
}

/* Takes bytes of a class up to `stop`, which is consumed but not returned. */
static int take_until(struct cursor *c, bool (*class)(uint8_t), uint8_t stop, struct slice *ret)
{
    const uint8_t *start = c->at;
    while (c->at < c->end && *c->at != stop) {
        if (!class(*c->at))
            return bad(c, 400);
        c->at++;
    }
    if (c->at == c->end)
        return HTTP1_MORE;
    *ret = slice_of(start, (size_t)(c->at - start));
    c->at++;
    return HTTP1_OK;
}

static int take_text(struct cursor *c, const char *text)
{
    for (; *text; text++, c->at++) {
        if (c->at == c->end)
            return HTTP1_MORE;
        if (*c->at != (uint8_t)*text)
            return bad(c, 400);
    }
    return HTTP1_OK;
}

static int take_digit(struct cursor *c, int *ret)
{
    if (c->at == c->end)
        return HTTP1_MORE;
    if (*c->at < '0' || *c->at > '9')
        return bad(c, 400);
    *ret = *c->at++ - '0';
    return HTTP1_OK;
}

static int take_version(struct cursor *c, bool *ret_http11)
{
    int major, minor, r;
    if ((r = take_text(c, "HTTP/")) || (r = take_digit(c, &major)))
        return r;
    if (major != 1)
        return bad(c, 505);
    if ((r = take_text(c, ".")) || (r = take_digit(c, &minor)))
        return r;
    *ret_http11 = minor >= 1;
    return HTTP1_OK;
}

static int take_request_line(struct cursor *c, struct http1_request *q)
{
    const uint8_t *start = c->at;
    int r = take_until(c, token_byte, ' ', &q->method);
    if (c->at - start > METHOD_SIZE_MAX)
        return bad(c, 501);
    if (r)
        return r;
    if (q->method.size == 0)
        return bad(c, 400);
    if (c->at < c->end && *c->at != '/')
        return bad(c, 400);
    if ((r = take_until(c, target_byte, ' ', &q->target)) || (r = take_version(c, &q->http11)))
        return r;
    return take_text(c, "\r\n");
}

static struct slice strip(struct slice s)
{
    while (s.size && (s.data[0] == ' ' || s.data[0] == '\t'))
        s = slice_of(s.data + 1, s.size - 1);
    while (s.size && (s.data[s.size - 1] == ' ' || s.data[s.size - 1] == '\t'))
        s.size--;
    return s;
}

static int take_field(struct cursor *c, struct http1_fields *fields)
{
    struct slice name, value;
    int r;
    if ((r = take_until(c, token_byte, ':', &name)))
        return r;
    if (name.size == 0)
        return bad(c, 400);
    if ((r = take_until(c, value_byte, '\r', &value)) || (r = take_text(c, "\n")))
        return r;
    if (fields->count == HTTP1_FIELDS_MAX)
        return bad(c, 431);
    fields->at[fields->count++] = (struct http1_field){name, strip(value)};
    return HTTP1_OK;
}

/* The fields and the empty line behind them. A line that begins with a blank is no token. */
static int take_fields(struct cursor *c, struct http1_fields *fields)
{
    fields->count = 0;
    for (;;) {
        if (c->at == c->end)
            return HTTP1_MORE;
        if (*c->at == '\r')
            return take_text(c, "\r\n");
        int r = take_field(c, fields);
        if (r)
            return r;
    }
}

static struct cursor cursor_of(struct slice in)
{
    size_t size = in.size < HTTP1_HEAD_SIZE_MAX ? in.size : HTTP1_HEAD_SIZE_MAX;
    return (struct cursor){.at = in.data, .end = size ? in.data + size : in.data};
}

const struct http1_field *http1_fields_find(const struct http1_fields *fields, const char *lower)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (slice_equal_fold(fields->at[i].name, lower))
            return &fields->at[i];
    }
    return NULL;
}

static bool list_has(struct slice list, const char *token)
{
    while (list.size) {
        const uint8_t *comma = memchr(list.data, ',', list.size);
        size_t size = comma ? (size_t)(comma - list.data) : list.size;
        if (slice_equal_fold(strip(slice_of(list.data, size)), token))
            return true;
        size_t step = comma ? size + 1 : size;
        list = slice_of(list.data + step, list.size - step);
    }
    return false;
}

bool http1_fields_list_has(const struct http1_fields *fields, const char *lower, const char *token)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (slice_equal_fold(fields->at[i].name, lower) && list_has(fields->at[i].value, token))
            return true;
    }
    return false;
}

static size_t count_of(const struct http1_fields *fields, const char *lower)
{
    size_t count = 0;
    for (size_t i = 0; i < fields->count; i++)
        count += slice_equal_fold(fields->at[i].name, lower);
    return count;
}

static bool host_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("-._:[]%~", c));
}

/* "A server MUST respond with 400 to any HTTP/1.1 request that lacks a Host" (RFC 9112, 3.2) */
static int check_host(struct http1_request *q)
{
    size_t count = count_of(&q->fields, "host");
    q->host = slice_of(NULL, 0);
    if (count == 0)
        return q->http11 ? 400 : 0;
    if (count > 1)
        return 400;
    q->host = http1_fields_find(&q->fields, "host")->value;
    for (size_t i = 0; i < q->host.size; i++) {
        if (!host_byte(q->host.data[i]))
            return 400;
    }
    return q->host.size ? 0 : 400;
}

/* We serve nothing that has a body, so there is no body to skip or to disagree about. */
static int check_body(const struct http1_request *q)
{
    size_t lengths = count_of(&q->fields, "content-length");
    bool coded = count_of(&q->fields, "transfer-encoding") > 0;
    if (lengths > 1 || (lengths && coded))
        return 400;
    if (coded)
        return 501;
    if (lengths == 0)
        return 0;
    struct slice value = http1_fields_find(&q->fields, "content-length")->value;
    bool zero = true;
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return 400;
        zero = zero && value.data[i] == '0';
    }
    return value.size == 0 ? 400 : zero ? 0 : 413;
}

static bool wants_to_stay(const struct http1_request *q)
{
    if (http1_fields_list_has(&q->fields, "connection", "close"))
        return false;
    return q->http11 || http1_fields_list_has(&q->fields, "connection", "keep-alive");
}

int http1_request_parse(struct slice in, struct http1_request *ret, int *ret_status)
{
    struct cursor c = cursor_of(in);
    int r = take_request_line(&c, ret);
    if (r == HTTP1_MORE && in.size >= HTTP1_HEAD_SIZE_MAX)
        r = bad(&c, 414);
    if (r == HTTP1_OK) {
        r = take_fields(&c, &ret->fields);
        if (r == HTTP1_MORE && in.size >= HTTP1_HEAD_SIZE_MAX)
            r = bad(&c, 431);
    }
    if (r == HTTP1_OK) {
        ret->size = (size_t)(c.at - in.data);
        int status = check_host(ret);
        if (!status)
            status = check_body(ret);
        if (status)
            r = bad(&c, status);
        ret->keep_alive = wants_to_stay(ret);
    }
    if (r == HTTP1_BAD)
        *ret_status = c.status;
    return r;
}

static int take_status_line(struct cursor *c, struct http1_response *ret)
{
    bool http11;
    int digits[3], r;
    if ((r = take_version(c, &http11)) || (r = take_text(c, " ")))
        return r;
    for (int i = 0; i < 3; i++) {
        if ((r = take_digit(c, &digits[i])))
            return r;
    }
    if ((r = take_text(c, " ")) || (r = take_until(c, value_byte, '\r', &ret->reason)))
        return r;
    ret->status = digits[0] * 100 + digits[1] * 10 + digits[2];
    return take_text(c, "\n");
}

int http1_response_parse(struct slice in, struct http1_response *ret)
{
    struct cursor c = cursor_of(in);
    int r = take_status_line(&c, ret);
    if (r == HTTP1_OK)
        r = take_fields(&c, &ret->fields);
    if (r == HTTP1_MORE && in.size >= HTTP1_HEAD_SIZE_MAX)
        return HTTP1_BAD;
    if (r == HTTP1_OK)
        ret->size = (size_t)(c.at - in.data);
    return r;
}
