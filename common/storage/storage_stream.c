#include "storage_stream.h"

/* Neither empty, nor beyond the head, nor beside it. */
static bool entry_holds(const struct chain_position *head, const struct storage_entry *entry)
{
    const struct chain_position *end = &entry->position;

    return entry->first_rev > 0 && end->rev >= entry->first_rev &&
           (!head || end->rev < head->rev || chain_position_equal(end, head));
}

bool storage_stream_holds(const struct chain_position *head, const struct storage_entry *entries,
                          size_t count, bool ends)
{
    for (size_t i = 0; i < count; i++)
        if (!entry_holds(head, &entries[i]) ||
            (i > 0 && entries[i].first_rev != entries[i - 1].position.rev + 1))
            return false;
    return !head || !ends || count == 0 || chain_position_equal(head, &entries[count - 1].position);
}

void storage_stream_judge(struct storage_call *read)
{
    if (storage_stream_holds(read->has_head ? &read->head : NULL, read->entries, read->entry_count,
                             read->entry_count < read->count_max))
        return;
    read->result = STORAGE_DAMAGED;
    read->has_head = false;
    read->entry_count = 0;
}
