/*
 * The numbered list of members that everybody shares, and who owns which shard by it.
 *
 * A view is built once (init, add ..., seal) and only read afterwards: seal sorts the members by id
 * and computes owner and runner-up of all shards, so that looking one up is an array access. All
 * processes compute the same owners from the same view.
 *
 * Ownership is by rendezvous hashing: weight = XXH64(member id || shard, 2 bytes, big-endian), the
 * highest weight among *live* members wins, the lower id on a tie. Joining members do not own yet,
 * leaving ones do not any more. A member that comes or goes therefore moves only its own shards.
 *
 * Lifetime: the view owns its members; pointers to them are good until the view is finished.
 */
#ifndef WEFT_CLUSTER_VIEW_H
#define WEFT_CLUSTER_VIEW_H

#include <stdbool.h>

#include "cluster_shard.h"
#include "must.h"

#define CLUSTER_ID_SIZE_MAX 63
#define CLUSTER_ADDRESS_SIZE_MAX 127
/* Bounds what a damaged membership hash can make everybody hold (about 200 KB). */
#define CLUSTER_MEMBERS_MAX 1024

enum cluster_state { CLUSTER_JOINING, CLUSTER_LIVE, CLUSTER_LEAVING };

struct cluster_member {
    char id[CLUSTER_ID_SIZE_MAX + 1];           /* letters, digits, '.', '_', '-' */
    char address[CLUSTER_ADDRESS_SIZE_MAX + 1]; /* printable ASCII without space, not empty */
    uint64_t boot_id;                           /* names one run of the process */
    enum cluster_state state;
};

struct cluster_view {
    uint64_t number;
    struct cluster_member *members; /* owned; sorted by id once sealed */
    size_t count;
    size_t capacity;
    bool sealed;
    uint16_t owner[CLUSTER_SHARD_COUNT];     /* index into members, or CLUSTER_NOBODY */
    uint16_t runner_up[CLUSTER_SHARD_COUNT]; /* likewise */
};
#define CLUSTER_NOBODY UINT16_MAX

/* Positive outcomes. */
enum cluster_outcome {
    CLUSTER_BAD_MEMBER = 1, /* id, address or state not as described above */
    CLUSTER_DUPLICATE,      /* two members with one id; found by seal */
    CLUSTER_FULL,           /* more than CLUSTER_MEMBERS_MAX */
};

/* "joining", "live", "leaving". */
const char *cluster_state_name(enum cluster_state state);
/* False if the name is none of the three. */
bool cluster_state_parse(struct slice name, enum cluster_state *ret);

/* Fills in a member. 0 or CLUSTER_BAD_MEMBER. */
MUST_CHECK int cluster_member_make(struct slice id, struct slice address, uint64_t boot_id,
                                   enum cluster_state state, struct cluster_member *ret);

void cluster_view_init(struct cluster_view *v, uint64_t number);
void cluster_view_fini(struct cluster_view *v);
/* Copies the member. 0, CLUSTER_FULL or -ENOMEM. */
MUST_CHECK int cluster_view_add(struct cluster_view *v, const struct cluster_member *member);
/* Ends the building: 0 or CLUSTER_DUPLICATE (the view can then only be finished). */
MUST_CHECK int cluster_view_seal(struct cluster_view *v);
/* A sealed copy in an uninitialised view. 0 or -ENOMEM. */
MUST_CHECK int cluster_view_copy(const struct cluster_view *from, struct cluster_view *ret);
/* Moves the contents out; the source is empty and unsealed afterwards. */
struct cluster_view cluster_view_steal(struct cluster_view *v);

/* Everything below wants a sealed view. NULL: nobody. */
const struct cluster_member *cluster_view_find(const struct cluster_view *v, const char *id);
const struct cluster_member *cluster_view_owner(const struct cluster_view *v, uint16_t shard);
const struct cluster_member *cluster_view_runner_up(const struct cluster_view *v, uint16_t shard);
/* Who would own the shard if `without` were not live: the target of its planned handoff. */
const struct cluster_member *cluster_view_next_owner(const struct cluster_view *v, uint16_t shard,
                                                     const char *without);
/*
 * Who would own the shard if the member `with`, of whatever state, were live too: equal to `with`
 * for the shards that a joining member has to preload. NULL also if there is no such member.
 */
const struct cluster_member *cluster_view_owner_with(const struct cluster_view *v, uint16_t shard,
                                                     const char *with);

/*
 * Comparison. Walks the runs (id and boot id) of `from` that `in` does not have; start with
 * *cursor = 0, ends with NULL. (old, new) gives the lost, (new, old) the added; a member that
 * restarted is in both.
 */
const struct cluster_member *cluster_view_next_missing(const struct cluster_view *from,
                                                       const struct cluster_view *in,
                                                       size_t *cursor);
/* How many ids of `from` are not in `in`, whatever their boot ids. */
size_t cluster_view_count_missing_ids(const struct cluster_view *from,
                                      const struct cluster_view *in);
bool cluster_view_equal(const struct cluster_view *a, const struct cluster_view *b);

#endif
