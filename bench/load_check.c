#include "load_check.h"

#include <stdio.h>

#include "json_delta.h"
#include "load_editor.h"
#include "ot_codec.h"

/* The text in the form that only equal texts share. */
static bool encode(const struct load_editor *e, struct arena *mem, struct bytes *out)
{
    struct ot_op op;

    bytes_reset(out);
    if (!client_doc_has_text(e->client))
        return false;
    if (ot_rope_to_op(client_doc_rope(e->client), mem, &op))
        return false;
    ot_encode(&op, out);
    return !out->failed;
}

static void say(const struct load_doc *d, const char *what)
{
    fprintf(stderr, "weft-load: document %.*s: %s\n", (int)d->id.size, (const char *)d->id.data,
            what);
}

/* Everybody's text against the reader's. */
static bool texts_equal(struct load_doc *d, struct arena *mem, struct bytes *mine,
                        struct bytes *theirs)
{
    struct load_editor *reader = load_reader(d);

    if (!encode(reader, mem, theirs)) {
        say(d, "could not be read again");
        return false;
    }
    for (size_t i = 0; i < d->world->doc_editors; i++) {
        if (!encode(&d->editors[i], mem, mine) ||
            !slice_equal(bytes_slice(mine), bytes_slice(theirs))) {
            say(d, "an editor holds another text than the server");
            return false;
        }
    }
    return true;
}

static bool weftctl_agrees(struct load_doc *d, struct arena *mem, bool *asked)
{
    struct bytes delta = BYTES_INIT;
    struct ot_op op;
    enum load_weftctl said = LOAD_WEFTCTL_OTHER;

    if (!ot_rope_to_op(client_doc_rope(load_reader(d)->client), mem, &op)) {
        json_delta_write(&op, &delta);
        said = load_weftctl_compare(d->world->options, bytes_slice(&d->id), bytes_slice(&delta));
    }
    bytes_fini(&delta);
    *asked = said != LOAD_WEFTCTL_NONE;
    if (said == LOAD_WEFTCTL_OTHER)
        say(d, "weftctl get tells another text");
    return said != LOAD_WEFTCTL_OTHER;
}

/*
 * Revision 1 is the creation, each further one an acknowledged op: as long as every op was answered
 * and no session was ended, which takes a revision too.
 */
static void revisions_count(struct load_doc *d, struct load_tally *tally)
{
    uint64_t revisions = client_doc_position(load_reader(d)->client).rev - 1;

    if (revisions < d->acked) {
        tally->lost += d->acked - revisions;
        say(d, "has fewer revisions than ops were acknowledged");
    } else if (revisions > d->acked && !d->session_ended) {
        tally->doubled += revisions - d->acked;
        say(d, "has more revisions than ops were sent");
    }
}

static uint64_t unanswered(const struct load_doc *d)
{
    uint64_t count = 0;

    for (size_t i = 0; i < d->world->doc_editors; i++)
        count += !client_doc_saved(d->editors[i].client);
    return count;
}

void load_check(struct load_world *w, struct load_tally *tally)
{
    struct bytes mine = BYTES_INIT, theirs = BYTES_INIT;
    struct arena mem;

    arena_init(&mem, 1u << 30);
    for (size_t i = 0; i < w->doc_count; i++) {
        struct load_doc *d = &w->docs[i];
        uint64_t missing = unanswered(d);
        arena_reset(&mem);
        if (missing) {
            tally->lost += missing;
            say(d, "has ops that were never acknowledged");
        }
        if (!texts_equal(d, &mem, &mine, &theirs)) {
            tally->diverged++;
            continue;
        }
        if (!missing)
            revisions_count(d, tally);
        bool asked;
        if (!weftctl_agrees(d, &mem, &asked))
            tally->diverged++;
        tally->weftctl_asked += asked;
    }
    if (w->mode->check)
        w->mode->check(w, tally);
    arena_fini(&mem);
    bytes_fini(&mine);
    bytes_fini(&theirs);
}
