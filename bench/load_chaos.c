/*
 * `rate --tokens`: every edit inserts a token, commands come on standard input and answers go out
 * as lines of JSON (the contract stands at the head of scripts/chaos).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ev_loop.h"
#include "ev_watch.h"
#include "load_editor.h"
#include "load_modes.h"
#include "load_run.h"
#include "load_tokens.h"

#define LINE_BYTES_MAX 256

/* Of one editor. */
struct writer {
    struct tokens_places places;
    struct bytes acked;   /* a byte for each token: was it? */
    struct bytes counted; /* in the text at the end; stops at 2 */
};

/* Of one document. */
struct progress {
    bool edited;    /* an op was acknowledged */
    bool recovered; /* one that was sent after the mark */
};

static void event_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void event_print(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

/* ---- typing --------------------------------------------------------------------------------- */

static uint64_t units_of(const struct load_editor *e)
{
    return ot_rope_units(client_doc_rope(e->client));
}

static bool edit(struct load_editor *e, int64_t us)
{
    struct load_world *w = e->world;
    struct writer *writer = e->mode_data;
    struct tokens_places before = writer->places;
    struct ot_op op;

    arena_reset(&w->mem);
    MUST(tokens_insert(&writer->places, &w->rng, (uint32_t)(e - w->editors), e->edits, &w->mem,
                       &op) == 0);
    if (load_editor_type(e, &op, us)) {
        bytes_append_u8(&writer->acked, 0);
        return true;
    }
    writer->places = before;
    return false;
}

static void changed(struct load_editor *e, const struct ot_op *op)
{
    tokens_places_foreign(&((struct writer *)e->mode_data)->places, op);
}

static void dropped(struct load_editor *e, uint64_t first, uint64_t end)
{
    tokens_places_reset(&((struct writer *)e->mode_data)->places, units_of(e));
}

static void recovery_look(struct load_chaos *chaos, struct load_doc *d, int64_t launched_us)
{
    struct progress *p = d->mode_data;

    if (!chaos->marked || p->recovered || launched_us < chaos->mark_us)
        return;
    p->recovered = true;
    if (++chaos->docs_recovered < d->world->doc_count)
        return;
    chaos->marked = false;
    event_print("{\"event\":\"recovered\",\"n\":%" PRIu64 ",\"ms\":%" PRId64 "}", chaos->mark,
                (ev_clock_us() - chaos->mark_us) / 1000);
}

static void acked(struct load_editor *e, uint64_t first, uint64_t end, int64_t launched_us)
{
    struct load_chaos *chaos = e->world->mode_data;
    struct writer *writer = e->mode_data;
    struct progress *p = e->doc->mode_data;

    memset(writer->acked.data + first, 1, end - first);
    chaos->acked += end - first;
    if (!p->edited) {
        p->edited = true;
        chaos->docs_edited++;
    }
    if (!chaos->ready && chaos->docs_edited == e->world->doc_count) {
        chaos->ready = true;
        event_print("{\"event\":\"ready\"}");
    }
    recovery_look(chaos, e->doc, launched_us);
}

/* ---- commands ------------------------------------------------------------------------------- */

static void mark(struct load_world *w, uint64_t n)
{
    struct load_chaos *chaos = w->mode_data;
    size_t in_flight = 0;

    for (size_t i = 0; i < w->editor_count; i++)
        in_flight += client_doc_in_flight(w->editors[i].client);
    for (size_t i = 0; i < w->doc_count; i++)
        ((struct progress *)w->docs[i].mode_data)->recovered = false;
    chaos->mark = n;
    chaos->marked = true;
    chaos->mark_us = ev_clock_us();
    chaos->docs_recovered = 0;
    event_print("{\"event\":\"mark\",\"n\":%" PRIu64 ",\"in_flight\":%zu}", n, in_flight);
}

static void command(struct load_world *w, const char *line)
{
    uint64_t n;

    if (strcmp(line, "stop") == 0)
        load_run_over(w);
    else if (sscanf(line, "mark %" SCNu64, &n) == 1)
        mark(w, n);
    else
        fprintf(stderr, "weft-load: no command is '%.40s'\n", line);
}

static void lines_take(struct load_world *w)
{
    struct load_chaos *chaos = w->mode_data;
    uint8_t *end;

    while ((end = memchr(chaos->line.data, '\n', chaos->line.size))) {
        size_t size = (size_t)(end - chaos->line.data);
        *end = 0;
        command(w, (char *)chaos->line.data);
        bytes_consume(&chaos->line, size + 1);
    }
}

/* The end of the input is a stop too: nobody is left to say it. */
static void on_input(void *arg, int events)
{
    struct load_world *w = arg;
    struct load_chaos *chaos = w->mode_data;
    uint8_t *room = bytes_reserve(&chaos->line, LINE_BYTES_MAX);
    ssize_t n = room ? read(STDIN_FILENO, room, LINE_BYTES_MAX) : 0;

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0 || chaos->line.size + (size_t)n > LINE_BYTES_MAX) {
        chaos->input = ev_watch_free(chaos->input);
        load_run_over(w);
        return;
    }
    chaos->line.size += (size_t)n;
    lines_take(w);
}

/* ---- begin and end -------------------------------------------------------------------------- */

static int parts_make(struct load_world *w)
{
    for (size_t i = 0; i < w->doc_count; i++) {
        w->docs[i].mode_data = calloc(1, sizeof(struct progress));
        if (!w->docs[i].mode_data)
            return -ENOMEM;
    }
    for (size_t i = 0; i < w->editor_count; i++) {
        struct load_editor *e = &w->editors[i];
        struct writer *writer = e->reader ? NULL : calloc(1, sizeof *writer);
        if (!writer && !e->reader)
            return -ENOMEM;
        if (writer)
            tokens_places_init(&writer->places, &w->rng, units_of(e));
        e->mode_data = writer;
    }
    return 0;
}

static void begin(struct load_world *w)
{
    struct load_chaos *chaos = w->mode_data;

    chaos->input = ev_watch_new(w->loop, STDIN_FILENO, on_input, w);
    if (parts_make(w) || !chaos->input || ev_watch_set(chaos->input, EV_WATCH_READ)) {
        load_world_fail(w, "no memory for the editors");
        return;
    }
    chaos->rate.edit = edit;
    load_rate_begin(w, &chaos->rate);
}

static void end(struct load_world *w)
{
    struct load_chaos *chaos = w->mode_data;

    load_rate_end(&chaos->rate);
    if (chaos->input)
        ev_watch_free(chaos->input);
    for (size_t i = 0; i < w->doc_count; i++)
        free(w->docs[i].mode_data);
    for (size_t i = 0; i < w->editor_count; i++) {
        struct writer *writer = w->editors[i].mode_data;
        if (!writer)
            continue;
        bytes_fini(&writer->acked);
        bytes_fini(&writer->counted);
        free(writer);
    }
    bytes_fini(&chaos->line);
}

/* ---- the comparison ------------------------------------------------------------------------- */

struct counting {
    struct load_doc *doc;
    bool foreign; /* a token that nobody here has typed */
};

static void found(void *ctx, uint64_t editor, uint64_t number)
{
    struct counting *counting = ctx;
    struct load_world *w = counting->doc->world;

    if (editor >= w->editor_count || w->editors[editor].doc != counting->doc ||
        w->editors[editor].reader || number >= w->editors[editor].edits) {
        counting->foreign = true;
        return;
    }
    struct writer *writer = w->editors[editor].mode_data;
    writer->counted.data[number] += writer->counted.data[number] < 2;
}

/* An acknowledged token is there once, another one at most once. */
static void writer_compare(const struct writer *writer, struct load_tally *tally)
{
    for (size_t i = 0; i < writer->acked.size; i++) {
        tally->lost += writer->acked.data[i] && !writer->counted.data[i];
        tally->doubled += writer->counted.data[i] > 1;
    }
}

static void doc_compare(struct load_doc *d, struct load_tally *tally)
{
    struct counting counting = {.doc = d};
    struct bytes text = BYTES_INIT;

    for (size_t i = 0; i < d->world->doc_editors; i++) {
        struct writer *writer = d->editors[i].mode_data;
        uint8_t *counts = bytes_reserve(&writer->counted, writer->acked.size + 1);
        MUST(counts);
        memset(counts, 0, writer->acked.size);
        writer->counted.size = writer->acked.size;
    }
    ot_rope_text(client_doc_rope(load_reader(d)->client), &text);
    if (!tokens_scan(bytes_slice(&text), found, &counting) || counting.foreign) {
        fprintf(stderr, "weft-load: document %.*s holds text that nobody typed\n", (int)d->id.size,
                (const char *)d->id.data);
        tally->diverged++;
    }
    for (size_t i = 0; i < d->world->doc_editors; i++)
        writer_compare(d->editors[i].mode_data, tally);
    bytes_fini(&text);
}

static void check(struct load_world *w, struct load_tally *tally)
{
    for (size_t i = 0; i < w->doc_count; i++)
        doc_compare(&w->docs[i], tally);
}

void load_chaos_print_end(const struct load_chaos *chaos, const struct load_tally *tally)
{
    event_print("{\"event\":\"end\",\"acked\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"doubled\":%" PRIu64
                ",\"diverged\":%" PRIu64 "}",
                chaos->acked, tally->lost, tally->doubled, tally->diverged);
}

const struct load_mode load_chaos = {.kind = WIRE_DOC_RICH,
                                     .begin = begin,
                                     .end = end,
                                     .changed = changed,
                                     .acked = acked,
                                     .dropped = dropped,
                                     .check = check};
