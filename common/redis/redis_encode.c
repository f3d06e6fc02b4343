#include "redis_encode.h"

#include <stdio.h>

#include "redis_keys.h"

void encode_slice(struct bytes *b, struct slice s)
{
    bytes_printf(b, "$%zu\r\n", s.size);
    bytes_append_slice(b, s);
    bytes_append_str(b, "\r\n");
}

void encode_str(struct bytes *b, const char *s)
{
    encode_slice(b, slice_str(s));
}

void encode_u64(struct bytes *b, uint64_t v)
{
    char text[24];
    int size = snprintf(text, sizeof text, "%llu", (unsigned long long)v);
    encode_slice(b, slice_of(text, (size_t)size));
}

void encode_position(struct bytes *b, const struct chain_position *p)
{
    uint8_t text[CHAIN_POSITION_SIZE];
    chain_position_put(text, p);
    encode_slice(b, slice_of(text, sizeof text));
}

void encode_begin(struct bytes *b, const char *name, unsigned keys, unsigned args)
{
    bytes_printf(b, "*%u\r\n$5\r\nFCALL\r\n", 3 + keys + args);
    bytes_printf(b, "$%zu\r\n" REDIS_LIBRARY "_%s\r\n", strlen(REDIS_LIBRARY "_") + strlen(name),
                 name);
    encode_u64(b, keys);
}

/* Keys are escaped into scratch memory first, since their size goes before them. */
void encode_key(struct bytes *b, const char *kind, struct redis_doc doc)
{
    struct bytes key = BYTES_INIT;
    if (kind)
        redis_key_doc(&key, doc.lane, kind, doc.id);
    else
        redis_key_dirty(&key, doc.lane);
    encode_slice(b, bytes_slice(&key));
    b->failed = b->failed || key.failed;
    bytes_fini(&key);
}

void encode_doc_keys(struct bytes *b, struct redis_doc doc)
{
    encode_key(b, "head", doc);
    encode_key(b, "log", doc);
    encode_key(b, NULL, doc);
}

int encode_submit(struct redis_client *client, unsigned lane, enum redis_route route,
                  struct bytes *command, redis_finish *finish, any_done *done, void *arg)
{
    int r = redis_submit(client, lane, route, command, finish, done, arg);
    bytes_fini(command);
    return r;
}
