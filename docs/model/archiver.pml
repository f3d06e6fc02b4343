/*
 * An archiver's job with one document: services/archiver/core/ar_job.c. Names of states are those
 * of ar_job.h. A claim's lease may have expired, so any archiver may have any marked document.
 */
mtype = { IDLE, LOADING, AR_READING, AR_CONFIRMING, AR_LOCKING, REBASE_LOCKING, CHECKING,
          COMMITTING, TRIMMING, AR_REBASING }

typedef archiver {
    mtype state = IDLE;
    bool kept;   /* a document at `base` is in the cache */
    bool fresh;  /* loaded for this job */
    byte base, to;
    byte read_head, read_stream;
    bool found;
}
archiver A[ARCHIVERS + 1]

#define AR(a) (WORKERS + (a))

inline job_done(a, keeps)
{
    A[a].state = IDLE; A[a].kept = keeps; A[a].fresh = false; A[a].to = 0;
    A[a].read_head = 0; A[a].read_stream = 0; A[a].found = false;
    if
    :: !keeps -> A[a].base = 0
    :: else
    fi
}

inline load_job(a)
{
    A[a].state = LOADING; A[a].base = 0; A[a].kept = false; A[a].to = 0;
    A[a].read_head = 0; A[a].read_stream = 0; A[a].found = false
}

inline ar_unlock(a)
{
    if
    :: lock == AR(a) + 1 -> lock = 0; news = 255
    :: else
    fi
}

/* read_done, entries_fold. all: else the segment is full after its first entry. */
inline fold(a, all)
{
    c = 0; m = 0;
    for (i : 1 .. ENTRIES) {
        if
        :: HAS(A[a].read_stream, i) && rev[par[i]] == rev[A[a].base] -> c = i
#ifndef BROKEN_SPAN_IS_DAMAGE
        :: HAS(A[a].read_stream, i) && rev[par[i]] < rev[A[a].base] && rev[i] > rev[A[a].base] -> m = i
#endif
        :: else
        fi
    }
    if
    :: A[a].read_head == NONE -> job_done(a, false)
    :: A[a].read_head == A[a].base -> A[a].to = A[a].base; A[a].state = TRIMMING
    :: A[a].read_head != NONE && A[a].read_head != A[a].base &&
       (rev[A[a].read_head] <= rev[A[a].base] || m != 0 || (c != 0 && par[c] != A[a].base)) ->
        if
        :: !A[a].fresh -> load_job(a)
        :: else -> A[a].state = REBASE_LOCKING
        fi
    :: A[a].read_head != NONE && rev[A[a].read_head] > rev[A[a].base] && c == 0 && m == 0 ->
        /* Another has committed and trimmed since. If that were not so it would go on for ever:
         * it waits for news. */
        job_done(a, false)
    :: else ->
        assert(never_quarantined || (BEHIND(A[a].base, A[a].read_head) & ~A[a].read_stream) == 0);
        A[a].to = (all -> A[a].read_head : c);
        A[a].state = AR_LOCKING
    fi;
    A[a].read_stream = 0; m = 0
}

/* At `replica` nothing of a read is used before its WAIT. */
inline ar_read_confirm(a, next)
{
#if defined(REPLICA) && !defined(BROKEN_READ_WITHOUT_WAIT)
    if
    :: failovers > 0 -> synced[AR(a)] = 0; A[a].state = AR_CONFIRMING
    :: else -> A[a].state = next
    fi
#else
    A[a].state = next
#endif
}

proctype ar_archiver(byte a)
{
end:
    do
    :: d_step { A[a].state == IDLE && dirty && HAS(news, AR(a)) ->
        news = news & ~BIT(AR(a));
        if
        :: A[a].kept -> A[a].state = AR_READING
        :: else -> load_job(a)
        fi }
#ifndef BROKEN_NO_HEAD_SWEEP
    /* ar_heads.c: nobody claims what is not marked. */
    :: d_step { A[a].state == IDLE && !dirty && head != NONE && head != pg && rev[head] <= rev[pg] ->
        load_job(a) }
#endif
    :: d_step { A[a].state == LOADING ->
        A[a].base = pg; A[a].fresh = true; A[a].state = AR_READING }
    :: d_step { A[a].state == AR_READING ->
        A[a].read_head = head; A[a].read_stream = stream;
        A[a].to = 0;
        ar_read_confirm(a, IDLE);
        if
        :: A[a].state == IDLE -> fold(a, true)
        :: else
        fi }
    /* The same, with a segment that is full after one entry. */
    :: d_step { A[a].state == AR_READING && FULL_SEGMENTS && failovers == 0 ->
        A[a].read_head = head; A[a].read_stream = stream;
        fold(a, false) }
#ifdef REPLICA
    :: d_step { A[a].state == AR_CONFIRMING && synced[AR(a)] == 1 ->
        synced[AR(a)] = FREE;
        if
        :: A[a].to == 0 -> fold(a, true)
        :: A[a].to != 0 && A[a].found -> A[a].state = COMMITTING
        :: else -> ar_unlock(a); job_done(a, false)
        fi }
    :: d_step { A[a].state == AR_CONFIRMING && synced[AR(a)] == 2 ->
        synced[AR(a)] = FREE; ar_unlock(a); job_done(a, false); news = 255 }
#endif
    :: d_step { (A[a].state == AR_LOCKING || A[a].state == REBASE_LOCKING) && lock == 0 ->
        lock = AR(a) + 1;
        if
#ifdef BROKEN_COMMIT_BLIND
        :: A[a].state == AR_LOCKING -> A[a].state = CHECKING
#else
        :: pg == A[a].base && A[a].state == AR_LOCKING -> A[a].state = CHECKING
#endif
        :: pg == A[a].base && A[a].state == REBASE_LOCKING -> A[a].state = AR_REBASING
        :: else -> ar_unlock(a); job_done(a, false)
        fi }
    :: d_step { A[a].state == CHECKING ->
#ifdef BROKEN_NO_RECHECK
        A[a].found = true;
#else
        A[a].found = HAS(stream, A[a].to);
#endif
        ar_read_confirm(a, COMMITTING);
        if
        :: A[a].state == COMMITTING && !A[a].found -> ar_unlock(a); job_done(a, false)
        :: else
        fi;
#ifdef BROKEN_TRIM_BEFORE_COMMIT
        redis_trim(A[a].to)
#endif
        }
    :: d_step { A[a].state == COMMITTING ->
        ar_unlock(a);
        pg_commit(A[a].base, A[a].to);
        if
        :: k == 0 -> A[a].state = TRIMMING
        :: else -> load_job(a)
        fi;
        k = 0 }
    /* Its answer is lost. It, and the lock, end on the server when they end. */
    :: d_step { A[a].state == COMMITTING && lost > 0 && late_to == 0 ->
        lost--;
        late_base = A[a].base; late_to = A[a].to; lock = LATE_COMMIT;
#ifdef BROKEN_UNKNOWN_COMMIT_TRIMS
        A[a].state = TRIMMING
#else
        load_job(a)
#endif
        }
    :: d_step { A[a].state == TRIMMING ->
        redis_trim(A[a].to);
        A[a].base = A[a].to;
        job_done(a, true) /* what is left is due again */ }
    :: d_step { A[a].state == AR_REBASING ->
        redis_rebase(A[a].read_head, A[a].base); ar_unlock(a); job_done(a, false) }
    :: d_step { crashes > 0 && A[a].state != IDLE && A[a].state != COMMITTING ->
        crashes--;
        ar_unlock(a); job_done(a, false); synced[AR(a)] = FREE; news = 255 }
    od
}
