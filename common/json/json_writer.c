#include "json_writer.h"

#include "codec_text.h"
#include "ot_utf.h"

void json_put_key(struct json_writer *w, const char *key)
{
    if (!w->first)
        bytes_append_u8(w->out, ',');
    w->first = false;
    bytes_append_u8(w->out, '"');
    bytes_append_str(w->out, key);
    bytes_append(w->out, "\":", 2);
}

void json_put_u64(struct json_writer *w, const char *key, uint64_t value)
{
    json_put_key(w, key);
    bytes_printf(w->out, "%llu", (unsigned long long)value);
}

void json_put_bool(struct json_writer *w, const char *key, bool value)
{
    json_put_key(w, key);
    bytes_append_str(w->out, value ? "true" : "false");
}

static bool text_check(struct json_writer *w, struct slice text)
{
    uint64_t units;

    if (ot_utf_units(text, &units))
        return true;
    w->rc = w->rc ? w->rc : JSON_BAD;
    return false;
}

void json_put_text(struct json_writer *w, const char *key, struct slice text)
{
    if (!text_check(w, text))
        return;
    json_put_key(w, key);
    json_string_write(text, w->out);
}

void json_put_item(struct json_writer *w, size_t index, struct slice text)
{
    if (!text_check(w, text))
        return;
    if (index)
        bytes_append_u8(w->out, ',');
    json_string_write(text, w->out);
}

void json_put_hex(struct json_writer *w, const char *key, const void *data, size_t size)
{
    json_put_key(w, key);
    bytes_append_u8(w->out, '"');
    hex_append(w->out, slice_of(data, size));
    bytes_append_u8(w->out, '"');
}

void json_put_op(struct json_writer *w, const char *key, struct slice body)
{
    json_put_key(w, key);
    int rc = json_delta_write_form(body, w->out);
    w->rc = w->rc ? w->rc : rc;
}
