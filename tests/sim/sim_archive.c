/*
 * What an archiver commits is looked at in that very step (I6): with it PostgreSQL replays to the
 * position that it then has, and a new snapshot is equal to that replay.
 */
#include "doc_stored.h"
#include "sim_world.h"

#define ATTRS_BYTES_MAX (16u << 20)
#define SEGMENTS_MAX 512

/* What PostgreSQL has, and this segment. */
static int stored_replay(const struct sim_doc *stored, struct slice segment, struct doc *doc)
{
    struct slice segments[SEGMENTS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < stored->segment_count; i++)
        if (stored->segments[i].last_rev > stored->snapshot_rev && count < SEGMENTS_MAX - 1)
            segments[count++] = bytes_slice(&stored->segments[i].bytes);
    segments[count++] = segment;
    return doc_stored_load(doc, bytes_slice(&stored->snapshot), segments, count, NULL);
}

static void snapshot_check(struct sim_store *store, const struct sim_doc *stored,
                           const struct doc *replay, struct slice snapshot,
                           struct ot_attrs_table *attrs)
{
    struct doc *doc = doc_new(bytes_slice(&stored->id), attrs);

    MUST(doc);
    if (doc_stored_load(doc, snapshot, NULL, 0, NULL) || !doc_equal(doc, replay))
        sim_store_violate(store, SIM_LOG, "a snapshot is not the replay of the history", stored,
                          doc_position(doc).rev);
    doc_free(doc);
}

void sim_archive_check(struct sim_store *store, const struct storage_call *commit)
{
    const struct sim_doc *stored = sim_store_doc(store, commit->doc);
    struct chain_position head =
        stored->stored ? stored->stored_head : chain_position_start(commit->doc);

    if (!chain_position_equal(&head, &commit->expect) || stored->stored_damage.is)
        return; /* it will be refused, or does not replay before it is mended */
    struct ot_attrs_table *attrs = ot_attrs_table_new(ATTRS_BYTES_MAX);
    struct doc *replay = attrs ? doc_new(commit->doc, attrs) : NULL;
    MUST(replay);
    int r = stored_replay(stored, commit->segment, replay);
    struct chain_position at = doc_position(replay);
    if (r || !chain_position_equal(&at, &commit->position))
        sim_store_violate(store, SIM_LOG, "what PostgreSQL gets does not replay to its head",
                          stored, commit->position.rev);
    else if (commit->snapshot.size)
        snapshot_check(store, stored, replay, commit->snapshot, attrs);
    doc_free(replay);
    ot_attrs_table_free(attrs);
}
