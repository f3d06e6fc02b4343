/*
 * Intrusive doubly linked list with a head node. A node that is in no list points to itself, so
 * removal is safe at any time and "is it queued?" needs no flag.
 */
#ifndef WEFT_LIST_H
#define WEFT_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "must.h"

struct list {
    struct list *next, *prev;
};

/*
 * What is linked to the right is linked back. Clang's analyzer knows only what it saw stored, takes
 * `next->prev` for something unknown, and so a node that was removed for the first one still; it is
 * told by a store that would change nothing.
 */
#ifdef __clang_analyzer__
#define LIST_LINKED(node) ((node)->next->prev = (struct list *)(node))
#else
#define LIST_LINKED(node) MUST_SLOW((node)->next->prev == (node))
#endif

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline struct list *list_next(const struct list *l)
{
    LIST_LINKED(l);
    return l->next;
}

static inline bool list_empty(const struct list *l)
{
    return list_next(l) == l;
}

static inline void list_insert_before(struct list *at, struct list *node)
{
    node->prev = at->prev;
    node->next = at;
    at->prev->next = node;
    at->prev = node;
}

static inline void list_push_back(struct list *head, struct list *node)
{
    list_insert_before(head, node);
}

static inline void list_push_front(struct list *head, struct list *node)
{
    list_insert_before(head->next, node);
}

static inline void list_remove(struct list *node)
{
    LIST_LINKED(node);
    MUST_SLOW(node->prev->next == node);
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* Moves all of `from` behind all of `to`. */
static inline void list_splice_back(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#define list_entry(node, type, member) container_of(node, type, member)
#define list_first(head, type, member)                                                             \
    (list_empty(head) ? NULL : list_entry(list_next(head), type, member))

#define list_for_each(node, head)                                                                  \
    for (struct list *node = (head)->next; node != (head); node = node->next)
/* The body may remove and free the node. */
#define list_for_each_safe(node, head)                                                             \
    for (struct list *node = list_next(head), *node##_next = node->next; node != (head);           \
         node = node##_next, node##_next = node->next)

#endif
