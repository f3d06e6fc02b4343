/*
 * An OT worker's way with one document: services/ot-worker/core. One step is one storage call with
 * what the code does when it is answered; what happens elsewhere happens between the steps, so a
 * step that is late is a worker that was paused.
 *
 * Names of states are those of wk_doc.h. Not modelled: bases and transforms (an op is its name),
 * sessions that end, handoff, eviction, history asked for by openers.
 */
mtype = { READING, STORED, LOCKING, ADOPTING, REBASING, LIVE, APPENDING, FOLLOWING, CONFIRMING }

typedef worker {
    mtype state = READING;
    mtype asked;     /* REPLICA: the call that waits for its WAIT */
    byte at;         /* where the document stands: the end of the ring */
    byte from;       /* where the ring begins */
    byte confirmed;  /* entries of the ring; of others the bits mean nothing and are 0 */
    byte archived;
    byte submits;    /* whose submits it still has */
    byte pending;    /* ops */
    byte appending;
    byte read_head, read_stream, stored_head;
    bool rebase;
    bool waits;      /* until there is news */
}
worker W[WORKERS]

#define HOLDS(w, n) (n <= ENTRIES && HAS(W[w].submits, n) -> ops[n] : 0)
#define KEPT(w) (W[w].pending | HOLDS(w, 1) | HOLDS(w, 2) | HOLDS(w, 3) | HOLDS(w, 4))
#define NOBODY_HAS(o) (!HAS(KEPT(0) | KEPT(WORKERS - 1), o))

#define RING(w) BEHIND(W[w].from, W[w].at)
/* wk_ring_from: is there an entry in the ring that begins at h? */
#define RING_FROM(w, h) (h != NONE && h != W[w].at && ON(h, W[w].at) && ON(W[w].from, h))

inline shown(n)
{
#ifdef STRICT
    assert(one_history || ON(n, tip) || ON(tip, n));
    if
    :: rev[n] > rev[tip] -> tip = n
    :: else
    fi
#else
    skip
#endif
}

/* What was read before a failover is taken for the history: a repeat is answered from it, and a
 * submit that it has by another way is not kept. If it is lost, only its bytes are held. */
inline read_is_old(w)
{
#if !defined(STRICT) && FAILOVERS > 0
    for (m : 0 .. OPS - 1) {
        if
        :: HAS(acked & named[W[w].at] & ~named[TRUTH], m) && NOBODY_HAS(m) -> forgiven = forgiven | BIT(m)
        :: else
        fi
    }
    m = 0
#else
    skip
#endif
}

inline ack(mask)
{
    acked = acked | (mask);
#ifdef STRICT
    assert(durable_then_visible || (acked & ~named[TRUTH]) == 0)
#endif
}

/* wk_entry_confirm */
inline entry_confirm(w, n)
{
    if
    :: !HAS(W[w].confirmed, n) ->
        if
        :: HAS(W[w].submits, n) -> ack(ops[n])
        :: else
        fi;
        W[w].confirmed = W[w].confirmed | BIT(n);
    :: else
    fi;
#ifdef REPLICA
    W[w].submits = W[w].submits & ~BIT(n) /* wk_entry_settled */
#endif
}

/* wk_settled */
inline settled(w)
{
    for (i : 1 .. ENTRIES) {
        if
        :: HAS(RING(w), i) -> entry_confirm(w, i)
        :: else
        fi
    }
    W[w].state = LIVE; W[w].appending = 0;
    W[w].read_head = 0; W[w].read_stream = 0; W[w].stored_head = 0;
    read_is_old(w);
    shown(W[w].at)
}

/* The entry of the ring that begins at h. */
inline entry_after(w, h)
{
    c = 0;
    for (i : 1 .. ENTRIES) {
        if
        :: par[i] == h && ON(i, W[w].at) -> c = i
        :: else
        fi
    }
}

inline append_send(w, n)
{
    W[w].appending = n; W[w].state = APPENDING;
    W[w].read_head = 0; W[w].read_stream = 0; W[w].stored_head = 0
}

inline load_begin(w)
{
    W[w].state = READING; W[w].appending = 0; W[w].read_head = 0; W[w].read_stream = 0;
    W[w].stored_head = 0; W[w].rebase = false
}

/* wk_follow_done, with others_follow */
#ifdef BROKEN_NO_CHAIN_CHECK
#define OTHERS_FOLLOW(w, h) (rev[h] > rev[W[w].at])
#else
#define OTHERS_FOLLOW(w, h) \
    (ON(W[w].at, h) && (BEHIND(W[w].at, h) & ~W[w].read_stream) == 0)
#endif
#define LAST_CONFIRMED(w) (RING(w) == 0 || HAS(W[w].confirmed, W[w].at))
inline follow_done(w)
{
    if
    :: W[w].read_head == NONE -> load_begin(w)
    :: else ->
        if
        :: W[w].read_head == W[w].at -> settled(w)
        :: else ->
            c = 0;
            if
            :: RING_FROM(w, W[w].read_head) -> entry_after(w, W[w].read_head)
            :: else
            fi;
            if
            :: c != 0 && !HAS(W[w].archived, c) -> append_send(w, c)
            :: c == 0 && LAST_CONFIRMED(w) && OTHERS_FOLLOW(w, W[w].read_head) ->
                W[w].confirmed = W[w].confirmed | BEHIND(W[w].at, W[w].read_head);
#ifdef BROKEN_NO_CHAIN_CHECK
                W[w].from = par[W[w].read_head];
#endif
                W[w].at = W[w].read_head;
                settled(w)
            :: else -> load_begin(w)
            fi
        fi
    fi
}

/* ring_replace, superseded_return */
inline ring_replace(w)
{
    k = BEHIND(W[w].stored_head, W[w].read_head);
    for (i : 1 .. ENTRIES) {
        if
        :: HAS(RING(w), i) && !HAS(k, i) && HAS(W[w].submits, i) ->
#ifdef BROKEN_TAIL_DROPPED
            skip
#else
            if
            :: !HAS(W[w].confirmed, i) -> W[w].pending = W[w].pending | ops[i]
            :: else -> W[w].pending = W[w].pending | (ops[i] & ~named[W[w].read_head])
            fi
#endif
        :: else
        fi
    }
    /* An entry that both have keeps what is known of it; what was read is confirmed. */
    W[w].submits = W[w].submits & k;
    W[w].archived = 0;
    m = RING(w);
    W[w].confirmed = (W[w].confirmed & m & k) | (k & ~m);
    W[w].from = W[w].stored_head; W[w].at = W[w].read_head;
    k = 0; m = 0
}

/* stored_done: tail_apply, loaded. P is PostgreSQL's head, h Redis' head as it was read. */
#define P W[w].stored_head
inline stored_done(w)
{
    P = pg;
    if
    :: ON(P, W[w].read_head) && (BEHIND(P, W[w].read_head) & ~W[w].read_stream) == 0 ->
        if
        :: RING_FROM(w, W[w].read_head) -> entry_after(w, W[w].read_head); append_send(w, c)
        :: else -> ring_replace(w); settled(w)
        fi
#ifdef BROKEN_NO_REBASE
    :: else -> W[w].waits = true; load_begin(w)
#else
    :: else ->
        /* Beside or ahead: rebase. A gap: once more, when there is something new to read. */
        c = (rev[W[w].read_head] <= rev[P]);
        for (i : 1 .. ENTRIES) {
            if
            :: HAS(W[w].read_stream, i) && rev[i] >= rev[P] && rev[par[i]] <= rev[P] &&
               i != P && !ON(P, i) -> c = 1
            :: else
            fi
        }
        if
        :: c -> W[w].rebase = true; W[w].read_stream = 0; W[w].state = LOCKING
        :: else -> W[w].waits = true; load_begin(w)
        fi
#endif
    fi
}
#undef P

/* A read: head and entries of one moment. At `replica` nothing of it is used before its WAIT. */
inline redis_read(w)
{
    W[w].read_head = head; W[w].read_stream = stream;
#ifdef BROKEN_READ_WITHOUT_WAIT
    read_done(w, W[w].state)
#elif defined(REPLICA)
    if
    :: failovers == 0 -> read_done(w, W[w].state)
    :: else -> W[w].asked = W[w].state; W[w].state = CONFIRMING; synced[w] = 0
    fi
#else
    read_done(w, W[w].state)
#endif
}

inline read_done(w, what)
{
    if
    :: what == FOLLOWING -> follow_done(w)
    :: else -> /* read_done of wk_load.c */
        if
        :: W[w].read_head == NONE ->
            W[w].rebase = false; W[w].read_head = 0; W[w].read_stream = 0;
            W[w].state = LOCKING
        :: else -> W[w].state = STORED
        fi
    fi
}

/* wk_append_done. result: 0 ok, else refused or missing. */
inline append_done(w, result)
{
    if
    :: result == 0 ->
        entry_confirm(w, W[w].appending);
        if
        :: W[w].appending != W[w].at -> /* the rest of a lost tail, one at a time */
            entry_after(w, W[w].appending); append_send(w, c)
        :: else -> settled(w)
        fi
    :: else -> W[w].state = FOLLOWING; W[w].appending = 0
    fi
}

/* entry_form: admission answers repeats; at most two of the others make an entry. */
#define REPEATS(w) (W[w].pending & named[W[w].at])
#ifdef BROKEN_NO_DEDUPE
#define NEW(w) W[w].pending
#else
#define NEW(w) (W[w].pending & ~named[W[w].at])
#endif
/* The lowest one or two bits. */
#define REST(mask) ((mask) & ((mask) - 1))
#define TWO(mask) ((mask) & ~REST(REST(mask)))

inline admit(w)
{
    ack(REPEATS(w));
#ifndef BROKEN_NO_DEDUPE
    W[w].pending = W[w].pending & ~named[W[w].at];
#endif
    read_is_old(w)
}

/* The last entry of the ring is n now, and its append goes out. */
inline entry_send(w, n)
{
    W[w].submits = W[w].submits | BIT(n);
    W[w].confirmed = W[w].confirmed & ~BIT(n);
    W[w].archived = W[w].archived & ~BIT(n);
    W[w].pending = W[w].pending & ~ops[n];
    W[w].at = n;
#ifdef BROKEN_ACK_BEFORE_APPEND
    ack(ops[n]); shown(n);
#endif
    append_send(w, n)
}

inline entry_make(w)
{
    admit(w);
    entries++;
    par[entries] = W[w].at;
    ops[entries] = TWO(W[w].pending);
    anc[entries] = anc[W[w].at] | BIT(entries);
    named[entries] = named[W[w].at] | ops[entries];
    rev[entries] = rev[W[w].at] + (REST(ops[entries]) != 0 -> 2 : 1);
    entry_send(w, entries)
}

/* Bytes that another made, too: same ops, same place, same millisecond. */
#define SAME(w, n) (n <= entries && par[n] == W[w].at && ops[n] == TWO(NEW(w)) && NEW(w) != 0)

inline stray_make(w, what, to_, expect)
{
    stray[w] = what; stray_to[w] = to_; stray_expect[w] = expect
}

/* What is under way may land although nobody waits for it. */
inline call_abandon(w)
{
    if
    :: W[w].state == APPENDING -> stray_make(w, APPEND, W[w].appending, 0)
    :: W[w].state == ADOPTING -> stray_make(w, ADOPT, W[w].stored_head, 0)
    :: W[w].state == REBASING -> stray_make(w, REBASE, W[w].stored_head, W[w].read_head)
    :: else
    fi
}

inline unlock(w)
{
    if
    :: lock == w + 1 -> lock = 0; news = 255
    :: else
    fi
}

#define IN_FLIGHT(w) (W[w].state == APPENDING || W[w].state == ADOPTING || W[w].state == REBASING)

proctype ot_worker(byte w)
{
end:
    do
    /* --- LIVE: wk_doc_next --- */
    :: d_step { W[w].state == LIVE && NEW(w) != 0 && entries < ENTRIES -> entry_make(w) }
    :: d_step { W[w].state == LIVE && SAME(w, 1) -> admit(w); entry_send(w, 1) }
    :: d_step { W[w].state == LIVE && SAME(w, 2) -> admit(w); entry_send(w, 2) }
    :: d_step { W[w].state == LIVE && SAME(w, 3) -> admit(w); entry_send(w, 3) }
    :: d_step { W[w].state == LIVE && NEW(w) != 0 && entries == ENTRIES && !out_of_entries ->
        out_of_entries = true }
    :: d_step { W[w].state == LIVE && NEW(w) == 0 && REPEATS(w) != 0 -> admit(w) }
#ifndef BROKEN_NO_REVALIDATION
    /* wk_check_done: another's head is followed; what left the stream is archived. A look that
     * would find nothing is left out. */
    :: d_step { W[w].state == LIVE && head != W[w].at -> W[w].state = FOLLOWING }
#endif
#if ARCHIVERS > 0
    :: d_step { W[w].state == LIVE && head == W[w].at &&
               (RING(w) & ~stream & ~W[w].archived) != 0 ->
        W[w].archived = W[w].archived | (RING(w) & ~stream);
        W[w].submits = W[w].submits & ~W[w].archived }
#endif

    /* --- APPENDING: wk_append_done --- */
    :: d_step { W[w].state == APPENDING ->
        redis_append(W[w].appending);
#if defined(REPLICA) && !defined(BROKEN_APPEND_WITHOUT_WAIT)
        if
        :: k == 0 && failovers > 0 ->
            W[w].asked = APPENDING; W[w].state = CONFIRMING; synced[w] = 0
        :: else -> append_done(w, k)
        fi;
#else
        append_done(w, k);
#endif
        k = 0 }
    :: d_step { W[w].state == APPENDING && lost > 0 && stray[w] == NO ->
        lost--;
        call_abandon(w);
#ifdef BROKEN_UNKNOWN_IS_DONE
        append_done(w, 0)
#else
        W[w].state = FOLLOWING; W[w].appending = 0
#endif
        }
#ifdef REPLICA
    :: d_step { W[w].state == CONFIRMING && synced[w] == 1 ->
        if
        :: W[w].asked == APPENDING -> append_done(w, 0)
        :: else -> read_done(w, W[w].asked)
        fi;
        W[w].asked = 0; synced[w] = FREE }
    :: d_step { W[w].state == CONFIRMING && synced[w] == 2 ->
        W[w].state = (W[w].asked == APPENDING -> FOLLOWING : W[w].asked);
        W[w].asked = 0; synced[w] = FREE; W[w].read_head = 0; W[w].read_stream = 0;
        W[w].appending = 0 }
#endif

    /* --- FOLLOWING, and the load --- */
    :: d_step { W[w].state == FOLLOWING -> redis_read(w) }
    :: d_step { W[w].state == READING && (!W[w].waits || HAS(news, w)) ->
        W[w].waits = false; news = news & ~BIT(w);
        redis_read(w) }
    :: d_step { W[w].state == STORED -> stored_done(w) }
    :: d_step { W[w].state == LOCKING &&
#ifdef BROKEN_ADOPT_WITHOUT_LOCK
               true ->
#else
               lock == 0 -> lock = w + 1;
#endif
        if
        :: W[w].rebase && pg != W[w].stored_head -> unlock(w); load_begin(w)
        :: W[w].rebase && pg == W[w].stored_head -> W[w].state = REBASING
        :: else -> W[w].stored_head = pg; W[w].state = ADOPTING
        fi }
    :: d_step { W[w].state == ADOPTING ->
        redis_adopt(W[w].stored_head); unlock(w); load_begin(w) }
    :: d_step { W[w].state == REBASING ->
        redis_rebase(W[w].read_head, W[w].stored_head); unlock(w); load_begin(w) }
    :: d_step { (W[w].state == ADOPTING || W[w].state == REBASING) && lost > 0 && stray[w] == NO ->
        lost--;
        call_abandon(w); unlock(w); load_begin(w) }

    /* --- it dies, at any moment; a new one loads --- */
    :: d_step { crashes > 0 && (W[w].state != READING || W[w].at != 0 || W[w].pending != 0) &&
               (!IN_FLIGHT(w) || stray[w] == NO) ->
        crashes--;
        call_abandon(w); unlock(w); load_begin(w);
        W[w].at = 0; W[w].from = 0; W[w].confirmed = 0; W[w].archived = 0; W[w].submits = 0;
        W[w].pending = 0; W[w].waits = false; W[w].asked = 0; synced[w] = FREE;
        forgive() }
    od
}
