/*
 * "The head is the lock" (I2, I7): two workers that both believe they own a document, and archivers,
 * before one Redis and one PostgreSQL that fail. docs/model/README.md says what is in it;
 * scripts/model has the bounds of each run.
 *
 * -D: WORKERS, ARCHIVERS, OPS, ENTRIES, HEAD_AT_START (0, or NONE: nobody has adopted it),
 * CRASHES, LOST (calls without an answer), TWICE (ops sent to both workers), FAILOVERS, LOSSES
 * (of all Redis data), FULL_SEGMENTS, REPLICA (WAIT behind reads and appends), BROKEN_….
 */
#include "store.pml"
#include "worker.pml"
#include "archiver.pml"

#define ALL_OPS (BIT(OPS) - 1)
#define LAST (WORKERS - 1)

byte given /* how many ops were sent */
#define NOBODYS(o) (!HAS(acked, o) && NOBODY_HAS(o))
inline give(w, o) { W[w].pending = W[w].pending | BIT(o) }

/* An op goes to any worker. While it is not acked, and the worker that had it is gone, it goes
 * again; a gateway that gave up too early sends it to both. */
proctype clients()
{
end:
    do
    :: d_step { given < OPS -> give(0, given); given++ }
    :: d_step { given < OPS && WORKERS > 1 -> give(LAST, given); given++ }
    :: d_step { given < OPS && twice > 0 -> twice--; give(0, given); give(LAST, given); given++ }
#define AGAIN(o) \
    :: d_step { o < given && NOBODYS(o) -> give(0, o) } \
    :: d_step { o < given && WORKERS > 1 && NOBODYS(o) -> give(LAST, o) }
    AGAIN(0)
    AGAIN(1)
    AGAIN(2)
    AGAIN(3)
    od
}

inline land(w)
{
    if
    :: stray[w] == APPEND -> redis_append(stray_to[w]); k = 0
    :: stray[w] == ADOPT -> redis_adopt(stray_to[w])
    :: stray[w] == REBASE -> redis_rebase(stray_expect[w], stray_to[w])
    :: else
    fi;
    stray[w] = NO; stray_to[w] = 0; stray_expect[w] = 0
}

#if WORKERS + ARCHIVERS > 2
#define UNSATISFIED_ANY (synced[0] == 0 || synced[1] == 0 || synced[WORKERS + ARCHIVERS - 1] == 0)
#else
#define UNSATISFIED_ANY (synced[0] == 0 || synced[WORKERS + ARCHIVERS - 1] == 0)
#endif
inline conns_lost()
{
    for (i : 0 .. WORKERS + ARCHIVERS - 1) {
        if
        :: synced[i] == 0 -> synced[i] = 2
        :: else
        fi
    }
}

/* The network and the servers. */
proctype world()
{
end:
    do
    :: d_step { stray[0] != NO -> land(0) }
    :: d_step { stray[0] != NO -> stray[0] = NO; stray_to[0] = 0; stray_expect[0] = 0 }
#if WORKERS > 1
    :: d_step { stray[1] != NO -> land(1) }
    :: d_step { stray[1] != NO -> stray[1] = NO; stray_to[1] = 0; stray_expect[1] = 0 }
#endif
    :: d_step { late_to != 0 ->
        pg_commit(late_base, late_to); k = 0; lock = 0; late_base = 0; late_to = 0; news = 255 }
    :: d_step { late_to != 0 -> lock = 0; late_base = 0; late_to = 0; news = 255 }
#if FAILOVERS > 0
    /* The replica has everything up to now: who waits for that is satisfied. */
    :: d_step { failovers > 0 && (r_head != head || r_stream != stream || r_dirty != dirty ||
                UNSATISFIED_ANY) ->
        r_head = head; r_stream = stream; r_dirty = dirty;
        for (i : 0 .. WORKERS + ARCHIVERS - 1) { synced[i] = (synced[i] == 0 -> 1 : synced[i]) }
        i = 0 }
    :: d_step { failovers > 0 ->
        failovers--;
        head = r_head; stream = r_stream; dirty = r_dirty;
        r_head = 0; r_stream = 0; r_dirty = false;
        conns_lost();
        forgive(); store_check() }
#endif
#if LOSSES > 0
    :: d_step { losses > 0 && (head != NONE || HEAD_AT_START == 0) ->
        losses--;
        head = NONE; stream = 0; dirty = false;
        forgive(); store_check() }
#endif
    od
}

inline worker_ends(w)
{
    assert(settles || (W[w].state == LIVE && W[w].at == head && W[w].pending == 0))
}

/* When nothing can happen any more, all is well. */
init
{
    d_step {
        anc[0] = 1; news = 255;
    }
    atomic {
        run ot_worker(0);
        if
        :: WORKERS > 1 -> run ot_worker(1)
        :: else
        fi;
        if
        :: ARCHIVERS > 0 -> run ar_archiver(0)
        :: else
        fi;
        if
        :: ARCHIVERS > 1 -> run ar_archiver(1)
        :: else
        fi;
        run clients();
        run world()
    }
    timeout;
    if
    :: !out_of_entries && given == OPS ->
        worker_ends(0);
        worker_ends(LAST);
        assert(settles || acked == ALL_OPS);
        assert(durable_then_visible || (acked & ~forgiven & ~named[head]) == 0);
        assert(settles || lock == 0);
        assert(settles || ARCHIVERS == 0 || (pg == head && stream == 0 && !dirty))
    :: else
    fi
}
