/*
 * The two halves of a link between two processes X and Y, seen from X: what X sends (its epoch and
 * sequence) and what X takes from Y. Pure: no clock, no socket.
 *
 * Losing a batch is not repaired here. Upper layers hold state that follows from the batches before
 * (subscriptions), so when anything is lost both sides must throw that state away and start anew,
 * and must agree where the new start is. That is what this machine decides.
 *
 * Every process numbers its epochs upwards; an epoch is one unbroken run of batches 1, 2, 3, … on
 * one socket. Everything X sends says which epoch of Y it goes with:
 *
 *     NOTHING   X has not heard Y yet
 *     HEARD g   X accepts Y's epoch g; what X sends belongs to the pair (X's epoch, g)
 *     REFUSED g X takes nothing of epochs up to g any more
 *
 *            open, or Y's object new
 *                     |
 *                     v           batch 1 or heartbeat 0 of an epoch > refused
 *     +------> LISTENING (NOTHING, REFUSED) -------------------------------> HEARING (HEARD g)
 *     |               ^                                                        |        |
 *     |               +---- gap, full, asked, bad records: X's reset ----------+        |
 *     |                     refused = g, X's epoch + 1, new socket                      |
 *     +---- Y's reset: Y's epoch is above g, or Y refuses X's epoch --------------------+
 *           the same, and the message that told it is then looked at again
 *
 * A reset on one side becomes one on the other: Y sees a higher epoch, or REFUSED with its own
 * epoch. It answers with a new epoch of its own that says HEARD <X's new epoch>, which X takes in
 * LISTENING without another reset. Resets that cross cancel: both listen, both hear an epoch above
 * what they refuse, and a REFUSED below one's own epoch is old news. What says HEARD with an older
 * epoch of X belongs to a pair that is gone: dropped, Y will follow. So there is no ping-pong.
 */
#ifndef WEFT_LINK_SESSION_H
#define WEFT_LINK_SESSION_H

#include "link_frame.h"

struct link_session {
    uint64_t out_epoch;
    uint64_t out_seq;    /* of the last batch sent in out_epoch */
    uint64_t in_epoch;   /* HEARING: the peer's epoch; LISTENING: 0 */
    uint64_t in_seq;     /* of the last batch taken in in_epoch */
    uint64_t in_refused; /* epochs up to here are refused */
    bool agreed;         /* the peer has said that it hears out_epoch */
};

enum link_verdict {
    LINK_TAKE,       /* deliver */
    LINK_STALE,      /* of an older epoch or pair, or a duplicate: drop */
    LINK_GAP,        /* something was lost: reset; drop */
    LINK_PEER_RESET, /* the peer has reset: reset, then ask again */
};

/* out_epoch: above every epoch this process has used towards this peer. */
void link_session_init(struct link_session *s, uint64_t out_epoch);
/* Judges a message of the peer's, and takes note of it if the verdict is LINK_TAKE. */
enum link_verdict link_session_receive(struct link_session *s, const struct link_head *head);
/* Starts a new epoch. What was sent before and not taken is lost. */
void link_session_reset(struct link_session *s, uint64_t out_epoch);
/* Fills in type, epoch, seq and heard; counts a batch. */
void link_session_stamp(struct link_session *s, enum link_type type, struct link_head *head);

#endif
