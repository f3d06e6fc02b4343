#include "cluster_view.h"

#include <errno.h>
#include <stdlib.h>

static const char *const state_names[] = {"joining", "live", "leaving"};

const char *cluster_state_name(enum cluster_state state)
{
    MUST(state <= CLUSTER_LEAVING);
    return state_names[state];
}

bool cluster_state_parse(struct slice name, enum cluster_state *ret)
{
    for (unsigned i = 0; i < sizeof state_names / sizeof *state_names; i++) {
        if (slice_equal(name, slice_str(state_names[i]))) {
            *ret = (enum cluster_state)i;
            return true;
        }
    }
    return false;
}

static bool id_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

int cluster_member_make(struct slice id, struct slice address, uint64_t boot_id,
                        enum cluster_state state, struct cluster_member *ret)
{
    if (id.size == 0 || id.size > CLUSTER_ID_SIZE_MAX)
        return CLUSTER_BAD_MEMBER;
    if (address.size == 0 || address.size > CLUSTER_ADDRESS_SIZE_MAX)
        return CLUSTER_BAD_MEMBER;
    for (size_t i = 0; i < id.size; i++) {
        if (!id_byte(id.data[i]))
            return CLUSTER_BAD_MEMBER;
    }
    for (size_t i = 0; i < address.size; i++) {
        if (address.data[i] <= ' ' || address.data[i] > '~')
            return CLUSTER_BAD_MEMBER;
    }
    if ((unsigned)state > CLUSTER_LEAVING)
        return CLUSTER_BAD_MEMBER;
    *ret = (struct cluster_member){.boot_id = boot_id, .state = state};
    memcpy(ret->id, id.data, id.size);
    memcpy(ret->address, address.data, address.size);
    return 0;
}

void cluster_view_init(struct cluster_view *v, uint64_t number)
{
    *v = (struct cluster_view){.number = number};
}

void cluster_view_fini(struct cluster_view *v)
{
    free(v->members);
    *v = (struct cluster_view){0};
}

int cluster_view_add(struct cluster_view *v, const struct cluster_member *member)
{
    MUST(!v->sealed);
    if (v->count == CLUSTER_MEMBERS_MAX)
        return CLUSTER_FULL;
    if (v->count == v->capacity) {
        size_t capacity = v->capacity ? v->capacity * 2 : 8;
        struct cluster_member *members = realloc(v->members, capacity * sizeof *members);
        if (!members)
            return -ENOMEM;
        v->members = members;
        v->capacity = capacity;
    }
    v->members[v->count++] = *member;
    return 0;
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(((const struct cluster_member *)a)->id, ((const struct cluster_member *)b)->id);
}

static uint64_t weight_of(const struct cluster_member *m, uint16_t shard)
{
    uint8_t key[CLUSTER_ID_SIZE_MAX + 2];
    size_t size = strlen(m->id);
    memcpy(key, m->id, size);
    key[size] = (uint8_t)(shard >> 8);
    key[size + 1] = (uint8_t)shard;
    return hash_stable(key, size + 2);
}

/* The members are sorted by id, so the lower id keeps its place on a tie. */
static void rank(struct cluster_view *v, uint16_t shard)
{
    uint16_t best = CLUSTER_NOBODY, second = CLUSTER_NOBODY;
    uint64_t best_weight = 0, second_weight = 0;
    for (size_t i = 0; i < v->count; i++) {
        if (v->members[i].state != CLUSTER_LIVE)
            continue;
        uint64_t weight = weight_of(&v->members[i], shard);
        if (best == CLUSTER_NOBODY || weight > best_weight) {
            second = best;
            second_weight = best_weight;
            best = (uint16_t)i;
            best_weight = weight;
        } else if (second == CLUSTER_NOBODY || weight > second_weight) {
            second = (uint16_t)i;
            second_weight = weight;
        }
    }
    v->owner[shard] = best;
    v->runner_up[shard] = second;
}

int cluster_view_seal(struct cluster_view *v)
{
    MUST(!v->sealed);
    if (v->count)
        qsort(v->members, v->count, sizeof *v->members, compare_ids);
    for (size_t i = 1; i < v->count; i++) {
        if (strcmp(v->members[i - 1].id, v->members[i].id) == 0)
            return CLUSTER_DUPLICATE;
    }
    for (uint16_t shard = 0; shard < CLUSTER_SHARD_COUNT; shard++)
        rank(v, shard);
    v->sealed = true;
    return 0;
}

int cluster_view_copy(const struct cluster_view *from, struct cluster_view *ret)
{
    MUST(from->sealed);
    struct cluster_member *members = NULL;
    if (from->count) {
        members = malloc(from->count * sizeof *members);
        if (!members)
            return -ENOMEM;
        memcpy(members, from->members, from->count * sizeof *members);
    }
    *ret = *from;
    ret->members = members;
    ret->capacity = from->count;
    return 0;
}

struct cluster_view cluster_view_steal(struct cluster_view *v)
{
    struct cluster_view moved = *v;
    *v = (struct cluster_view){0};
    return moved;
}

const struct cluster_member *cluster_view_find(const struct cluster_view *v, const char *id)
{
    MUST(v->sealed);
    size_t low = 0, high = v->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(v->members[middle].id, id);
        if (order == 0)
            return &v->members[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static const struct cluster_member *member_at(const struct cluster_view *v, uint16_t index)
{
    return index == CLUSTER_NOBODY ? NULL : &v->members[index];
}

const struct cluster_member *cluster_view_owner(const struct cluster_view *v, uint16_t shard)
{
    MUST(v->sealed && shard < CLUSTER_SHARD_COUNT);
    return member_at(v, v->owner[shard]);
}

const struct cluster_member *cluster_view_runner_up(const struct cluster_view *v, uint16_t shard)
{
    MUST(v->sealed && shard < CLUSTER_SHARD_COUNT);
    return member_at(v, v->runner_up[shard]);
}

const struct cluster_member *cluster_view_next_owner(const struct cluster_view *v, uint16_t shard,
                                                     const char *without)
{
    const struct cluster_member *owner = cluster_view_owner(v, shard);
    if (owner && strcmp(owner->id, without) == 0)
        return cluster_view_runner_up(v, shard);
    return owner;
}

const struct cluster_member *cluster_view_owner_with(const struct cluster_view *v, uint16_t shard,
                                                     const char *with)
{
    const struct cluster_member *owner = cluster_view_owner(v, shard);
    const struct cluster_member *member = cluster_view_find(v, with);
    if (!member || !owner || owner == member)
        return member;
    uint64_t a = weight_of(owner, shard), b = weight_of(member, shard);
    if (a != b)
        return a > b ? owner : member;
    return owner < member ? owner : member; /* sorted by id */
}

const struct cluster_member *cluster_view_next_missing(const struct cluster_view *from,
                                                       const struct cluster_view *in,
                                                       size_t *cursor)
{
    while (*cursor < from->count) {
        const struct cluster_member *member = &from->members[(*cursor)++];
        const struct cluster_member *same = cluster_view_find(in, member->id);
        if (!same || same->boot_id != member->boot_id)
            return member;
    }
    return NULL;
}

size_t cluster_view_count_missing_ids(const struct cluster_view *from,
                                      const struct cluster_view *in)
{
    size_t count = 0;
    for (size_t i = 0; i < from->count; i++) {
        if (!cluster_view_find(in, from->members[i].id))
            count++;
    }
    return count;
}

bool cluster_view_equal(const struct cluster_view *a, const struct cluster_view *b)
{
    MUST(a->sealed && b->sealed);
    if (a->number != b->number || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct cluster_member *x = &a->members[i], *y = &b->members[i];
        if (strcmp(x->id, y->id) != 0 || strcmp(x->address, y->address) != 0 ||
            x->boot_id != y->boot_id || x->state != y->state)
            return false;
    }
    return true;
}
