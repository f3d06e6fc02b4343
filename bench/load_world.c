/* Building and taking down; what happens in between is load_run.c's. */
#include "load_world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec_text.h"
#include "crypto_random.h"
#include "load_editor.h"
#include "load_link.h"

/* All replicas share one table of attribute lists; the generator makes a few thousand. */
#define ATTRS_BYTES_MAX (256u << 20)
/* One op or frame at a time. */
#define MEM_BYTES_MAX (64u << 20)

void load_world_fail(struct load_world *w, const char *format, ...)
{
    char text[512];
    va_list args;

    if (w->failure.size)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    bytes_append_str(&w->failure, text);
    ev_loop_stop(w->loop);
}

/* The n-th document: unguessable, as ids are, and its number at the end. */
static int doc_init(struct load_world *w, struct load_doc *d, uint32_t index)
{
    static const char name[] = "load-";
    uint8_t random[12];

    d->world = w;
    d->index = index;
    d->editors = &w->editors[index * (w->doc_editors + 1)];
    crypto_random(random, sizeof random);
    bytes_append_str(&d->id, name);
    base64url_append(&d->id, slice_of(random, sizeof random));
    bytes_printf(&d->id, "-%u", index);
    return d->id.failed ? -ENOMEM : 0;
}

static int parts_init(struct load_world *w)
{
    int r = 0;

    for (size_t i = 0; i < w->link_count && !r; i++)
        r = load_link_init(&w->links[i], w);
    for (uint32_t d = 0; d < w->doc_count && !r; d++) {
        r = doc_init(w, &w->docs[d], d);
        for (size_t e = 0; e <= w->doc_editors && !r; e++) {
            bool reader = e == w->doc_editors;
            size_t link = reader ? w->typist_links + d / WIRE_DOCUMENTS_MAX
                                 : (d * w->doc_editors + e) % w->typist_links;
            r = load_editor_init(&w->docs[d].editors[e], &w->docs[d], &w->links[link], reader);
        }
    }
    return r;
}

static void rng_start(struct load_world *w)
{
    uint64_t seed = (uint64_t)w->options->seed;

    if (!seed)
        crypto_random(&seed, sizeof seed);
    rng_init(&w->rng, seed);
}

static int world_init(struct load_world *w)
{
    const struct load_options *o = w->options;

    rng_start(w);
    list_init(&w->waiting);
    arena_init(&w->mem, MEM_BYTES_MAX);
    w->doc_count = (size_t)o->docs;
    w->doc_editors = (size_t)o->editors;
    w->editor_count = w->doc_count * (w->doc_editors + 1);
    w->typist_links = (size_t)o->connections;
    w->link_count = w->typist_links + (w->doc_count - 1) / WIRE_DOCUMENTS_MAX + 1;
    w->loop = ev_loop_new(NULL);
    w->conns = w->loop ? conn_set_new(w->loop) : NULL;
    w->attrs = ot_attrs_table_new(ATTRS_BYTES_MAX);
    w->docs = calloc(w->doc_count, sizeof *w->docs);
    w->editors = calloc(w->editor_count, sizeof *w->editors);
    w->links = calloc(w->link_count, sizeof *w->links);
    if (!w->loop || !w->conns || !w->attrs || !w->docs || !w->editors || !w->links)
        return -ENOMEM;
    return parts_init(w);
}

struct load_world *load_world_new(const struct load_options *options, const struct load_mode *mode,
                                  void *mode_data, struct bytes *why)
{
    struct load_world *w = calloc(1, sizeof *w);

    if (!w) {
        bytes_append_str(why, "no memory");
        return NULL;
    }
    w->options = options;
    w->mode = mode;
    w->mode_data = mode_data;
    const char *wrong = conn_url_parse(options->url, &w->url);
    if (!wrong)
        wrong = conn_url_resolve(&w->url, &w->address);
    if (wrong)
        bytes_printf(why, "--url %.200s: %s", options->url, wrong);
    else if (world_init(w))
        bytes_append_str(why, "no memory for so many editors");
    else
        return w;
    return load_world_free(w);
}

struct load_world *load_world_free(struct load_world *w)
{
    if (!w)
        return NULL;
    for (size_t i = 0; w->editors && i < w->editor_count; i++)
        load_editor_fini(&w->editors[i]);
    for (size_t i = 0; w->docs && i < w->doc_count; i++) {
        HASH_CLEAR(in_doc, w->docs[i].authors);
        bytes_fini(&w->docs[i].id);
    }
    for (size_t i = 0; w->links && i < w->link_count; i++)
        load_link_fini(&w->links[i]);
    free(w->links);
    free(w->editors);
    free(w->docs);
    if (w->attrs)
        ot_attrs_table_free(w->attrs);
    conn_set_free(w->conns);
    if (w->loop)
        ev_loop_free(w->loop);
    arena_fini(&w->mem);
    bytes_fini(&w->failure);
    free(w);
    return NULL;
}
