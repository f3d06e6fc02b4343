/* Writing objects member by member. Internal to this folder. */
#ifndef WEFT_JSON_WRITER_H
#define WEFT_JSON_WRITER_H

#include "arena.h"
#include "json_delta.h"

struct json_writer {
    struct arena *mem;
    struct bytes *out;
    bool first; /* no member yet in the object that is open */
    int rc;     /* latched: JSON_BAD or -ENOMEM */
};

void json_put_key(struct json_writer *w, const char *key);
void json_put_u64(struct json_writer *w, const char *key, uint64_t value);
void json_put_bool(struct json_writer *w, const char *key, bool value);
/* Latches JSON_BAD if text is not UTF-8. */
void json_put_text(struct json_writer *w, const char *key, struct slice text);
/* The index-th element of an array of strings. */
void json_put_item(struct json_writer *w, size_t index, struct slice text);
void json_put_hex(struct json_writer *w, const char *key, const void *data, size_t size);
void json_put_op(struct json_writer *w, const char *key, struct slice op);

static inline void json_put_str(struct json_writer *w, const char *key, const char *text)
{
    json_put_text(w, key, slice_str(text));
}

static inline void json_open(struct json_writer *w, char bracket)
{
    bytes_append_u8(w->out, (uint8_t)bracket);
    w->first = true;
}

static inline void json_close(struct json_writer *w, char bracket)
{
    bytes_append_u8(w->out, (uint8_t)bracket);
    w->first = false;
}

#endif
