#include "link_session.h"

void link_session_init(struct link_session *s, uint64_t out_epoch)
{
    *s = (struct link_session){.out_epoch = out_epoch};
}

static bool starts_epoch(const struct link_head *head)
{
    return head->seq == (head->type == LINK_BATCH ? 1 : 0);
}

static enum link_verdict in_order(struct link_session *s, const struct link_head *head)
{
    uint64_t expected = head->type == LINK_BATCH ? s->in_seq + 1 : s->in_seq;

    if (head->seq < expected)
        return LINK_STALE;
    if (head->seq > expected)
        return LINK_GAP;
    s->in_seq = head->seq;
    return LINK_TAKE;
}

/* True if the message goes with our epoch: with it, or with none in particular. */
static bool is_of_this_pair(const struct link_session *s, const struct link_head *head)
{
    return head->heard_kind != LINK_HEARD || head->heard == s->out_epoch;
}

enum link_verdict link_session_receive(struct link_session *s, const struct link_head *head)
{
    enum link_verdict verdict;

    /* A refusal is final, so it counts however old the message that brings it. */
    if (head->heard_kind == LINK_REFUSED && head->heard == s->out_epoch)
        return LINK_PEER_RESET;
    if (head->epoch <= s->in_refused || head->epoch < s->in_epoch || !is_of_this_pair(s, head))
        return LINK_STALE;
    if (head->epoch > s->in_epoch && s->in_epoch != 0)
        return LINK_PEER_RESET;
    if (s->in_epoch == 0) {
        /* Also where its start was lost: a reset then refuses this epoch by name. */
        s->in_epoch = head->epoch;
        s->in_seq = 0;
        if (!starts_epoch(head))
            return LINK_GAP;
    }
    verdict = in_order(s, head);
    if (verdict == LINK_TAKE && head->heard_kind == LINK_HEARD)
        s->agreed = true;
    return verdict;
}

void link_session_reset(struct link_session *s, uint64_t out_epoch)
{
    MUST(out_epoch > s->out_epoch);
    MUST(s->in_epoch == 0 || s->in_epoch > s->in_refused);
    if (s->in_epoch != 0)
        s->in_refused = s->in_epoch;
    s->in_epoch = 0;
    s->in_seq = 0;
    s->out_epoch = out_epoch;
    s->out_seq = 0;
    s->agreed = false;
}

void link_session_stamp(struct link_session *s, enum link_type type, struct link_head *head)
{
    head->type = type;
    head->epoch = s->out_epoch;
    head->seq = type == LINK_BATCH ? ++s->out_seq : s->out_seq;
    if (s->in_epoch != 0) {
        head->heard_kind = LINK_HEARD;
        head->heard = s->in_epoch;
    } else if (s->in_refused != 0) {
        head->heard_kind = LINK_REFUSED;
        head->heard = s->in_refused;
    } else {
        head->heard_kind = LINK_HEARD_NOTHING;
        head->heard = 0;
    }
}
