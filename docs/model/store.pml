/*
 * Redis, PostgreSQL and the promises. One document.
 *
 * A position is (revision, chained hash): here the number of the entry that ends there, because a
 * chain of hashes names its whole past. 0 is the position before revision 1. Masks hold one bit
 * for each entry; anc[n] has n, all before it, and 0.
 */
#define NONE 15
#define BIT(n) (1 << (n))
#define HAS(mask, n) (((mask) >> (n)) & 1)
#define ON(p, n) HAS(anc[n], p)             /* p stands on the chain that ends in n */
#define BEHIND(p, n) (anc[n] & ~anc[p])     /* entries after p, up to n */
#define TRUTH (head == NONE -> pg : head)   /* where the one history ends */

/* Entries that were ever made. */
byte entries
byte par[ENTRIES + 1], ops[ENTRIES + 1], anc[ENTRIES + 1], named[ENTRIES + 1], rev[ENTRIES + 1]
/* named: the ops of the whole chain up to here, which is what the session results remember */

/* Redis, and the replica that would be promoted. */
byte head = HEAD_AT_START, stream
bool dirty
byte r_head = HEAD_AT_START, r_stream
bool r_dirty

/* PostgreSQL. lock: who holds it, 0 nobody; LATE_COMMIT: a COMMIT whose client is gone. */
byte pg, pg_has = 1, lock
#define LATE_COMMIT 9
byte late_base, late_to

/* Requests whose sender knows no answer (any more): they may still land, or never. */
mtype = { NO, APPEND, ADOPT, REBASE }
mtype stray[WORKERS] = NO
byte stray_to[WORKERS], stray_expect[WORKERS]

/* Clients. forgiven: acked ops that this level of durability does allow to be lost. */
byte acked, forgiven, tip
bool out_of_entries

/* Set for everybody when anything changes: who has seen that nothing is to be done waits for it,
 * so that what turns in circles shows as a state without a way out. */
byte news

/* What is left to go wrong. */
byte crashes = CRASHES, lost = LOST, failovers = FAILOVERS, losses = LOSSES, twice = TWICE

/* Who waits for WAIT, by process. */
#define UNSATISFIED 0
#define SATISFIED 1
#define CONNECTION_LOST 2
#define FREE 3
byte synced[WORKERS + ARCHIVERS] = FREE

hidden byte i, c, m, k /* within one step */

/* The promises. Never set: they name the assertion in the checker's output. */
hidden byte one_history, stream_is_a_chain, exactly_once, durable_then_visible, trim_behind_proof,
    dirty_is_not_empty, archive_is_a_chain, nothing_acked_is_dropped, rebase_where_beside, never_quarantined, settles

#ifdef REPLICA
#define STRICT
#elif FAILOVERS == 0 && LOSSES == 0
#define STRICT
#endif

inline store_check()
{
    /* Exactly one entry's parent is not in the stream, and all are ancestors of the head. */
    c = 0;
    for (i : 1 .. ENTRIES) {
        if
        :: HAS(stream, i) && !HAS(stream, par[i]) -> c++; m = par[i]
        :: else
        fi
    }
    assert(stream_is_a_chain || stream == 0 ||
           (c == 1 && head != NONE && HAS(stream, head) && (stream & ~anc[head]) == 0));
    assert(dirty_is_not_empty || dirty == (stream != 0));
    assert(trim_behind_proof || (stream != 0 && ON(m, pg)) ||
           (stream == 0 && (head == NONE || ON(head, pg))));
    assert(archive_is_a_chain || pg_has == anc[pg]);
#ifdef STRICT
    assert(durable_then_visible || (acked & ~named[TRUTH]) == 0);
#endif
    news = 255;
    c = 0; m = 0; i = 0
}

/* Ops that only who is gone now knew. */
inline forgive()
{
#ifndef STRICT
    m = 0;
    for (i : 0 .. WORKERS - 1) {
        m = m | W[i].pending;
        for (c : 1 .. ENTRIES) {
            if
            :: HAS(W[i].submits, c) -> m = m | ops[c]
            :: else
            fi
        }
    }
    forgiven = forgiven | (acked & ~named[TRUTH] & ~m);
    m = 0; i = 0; c = 0
#else
    skip
#endif
}

/* weft.lua: append. k: 0 ok, 1 refused, 2 missing. */
#ifdef BROKEN_BARE_XADD
#define APPEND_FITS(n) (head == 0 || head == NONE || rev[par[n]] > rev[par[head]])
#elif defined(BROKEN_REVISION_WITHOUT_HASH)
#define APPEND_FITS(n) (head != NONE && rev[head] == rev[par[n]])
#elif defined(BROKEN_MISSING_IS_ZERO)
#define APPEND_FITS(n) (head == par[n] || (head == NONE && par[n] == 0))
#else
#define APPEND_FITS(n) (head == par[n])
#endif
inline redis_append(n)
{
    if
    :: APPEND_FITS(n) ->
        assert(exactly_once || (named[par[n]] & ops[n]) == 0);
        head = n; stream = stream | BIT(n); dirty = true; k = 0;
        store_check()
    :: else -> k = (head == NONE -> 2 : 1)
    fi
}

/* weft.lua: adopt */
inline redis_adopt(p)
{
    if
#ifdef BROKEN_ADOPT_OVERWRITES
    :: head != p -> head = p; store_check()
#else
    :: head == NONE -> head = p; store_check()
#endif
    :: else
    fi
}

/* weft.lua: rebase */
inline redis_rebase(expect, p)
{
    if
#ifdef BROKEN_REBASE_BLIND
    :: head != NONE && head != p ->
#else
    :: head == expect ->
#endif
#if defined(STRICT) || FAILOVERS == 0
        for (i : 1 .. ENTRIES) {
            assert(nothing_acked_is_dropped || !HAS(stream, i) ||
                   (ops[i] & acked & ~named[p]) == 0)
        }
#endif
        assert(rebase_where_beside || !ON(p, head) || head == p);
        head = p; stream = 0; dirty = false;
        forgive();
        store_check()
    :: else
    fi
}

/* weft.lua: trim */
inline redis_trim(n)
{
    if
    :: stream == 0 && head == n && dirty -> dirty = false; store_check()
#ifdef BROKEN_TRIM_BY_REVISION
    :: stream != 0 && head != NONE && rev[head] >= rev[n] ->
        for (i : 1 .. ENTRIES) {
            if
            :: rev[i] <= rev[n] -> stream = stream & ~BIT(i)
            :: else
            fi
        }
#elif defined(BROKEN_TRIM_PAST)
    :: HAS(stream, n) -> stream = 0;
#else
    :: HAS(stream, n) -> stream = stream & ~anc[n];
#endif
#ifdef BROKEN_CLEAR_MARK
        dirty = false;
#else
        dirty = (stream != 0);
#endif
        store_check()
    :: else
    fi
}

/* pg_statements.c: PG_STATEMENT_COMMIT. k: 0 committed, 1 lost. */
inline pg_commit(from_, to_)
{
    if
#ifdef BROKEN_COMMIT_BLIND
    :: true ->
#else
    :: pg == from_ ->
#endif
        pg = to_; pg_has = pg_has | BEHIND(from_, to_); k = 0; store_check()
    :: else -> k = 1
    fi
}
