"""What scripts/model runs: models with their bounds, and the rules that are broken on purpose.

A bound that a model does not name has the value of DEFAULTS. `long` widens it for --long.
"""

DEFAULTS = {"WORKERS": 2, "ARCHIVERS": 0, "OPS": 2, "ENTRIES": 3, "HEAD_AT_START": 0, "CRASHES": 0,
            "LOST": 0, "TWICE": 0, "FAILOVERS": 0, "LOSSES": 0, "FULL_SEGMENTS": 0}

# name, what it is about, bounds, wider bounds of --long
MODELS = [
    ("append", "group commit, lost replies, one death",
     {"OPS": 3, "LOST": 1, "CRASHES": 1},
     {"ENTRIES": 4, "CRASHES": 2, "TWICE": 1}),
    ("resend", "ops sent to both workers, two deaths",
     {"LOST": 1, "CRASHES": 2, "TWICE": 1},
     {"ENTRIES": 4}),
    ("archive", "two archivers, trim to empty, a COMMIT without an answer",
     {"ARCHIVERS": 2, "ENTRIES": 2, "LOST": 1, "FULL_SEGMENTS": 1},
     {"ENTRIES": 3, "CRASHES": 1}),
    ("archive-deaths", "one worker, two archivers that die",
     {"WORKERS": 1, "ARCHIVERS": 2, "CRASHES": 1, "FULL_SEGMENTS": 1},
     {"OPS": 3, "LOST": 1, "CRASHES": 2}),
    ("failover", "a failover that loses the tail, both workers append it again",
     {"OPS": 3, "ENTRIES": 4, "FAILOVERS": 1},
     {"CRASHES": 1, "LOST": 1}),
    ("failover-death", "the same, and workers die twice",
     {"ENTRIES": 4, "FAILOVERS": 1, "CRASHES": 2},
     {"OPS": 3}),
    ("failover-archived", "a failover that loses what is archived: PostgreSQL is ahead or beside",
     {"ARCHIVERS": 1, "FAILOVERS": 1},
     {"OPS": 3, "ENTRIES": 4}),
    ("failover-archived-death", "the same, one worker, which dies: only the sweep over the heads notices",
     {"WORKERS": 1, "ARCHIVERS": 1, "FAILOVERS": 1, "CRASHES": 1},
     {"WORKERS": 2}),
    ("replica", "a failover with a confirmed tail: nothing is lost",
     {"ARCHIVERS": 1, "FAILOVERS": 1, "REPLICA": 1},
     {"ENTRIES": 4, "CRASHES": 1, "LOST": 1}),
    ("loss", "all Redis data lost: adoption against commits of the archiver",
     {"ARCHIVERS": 1, "LOSSES": 1, "HEAD_AT_START": "NONE"},
     {"ARCHIVERS": 2, "LOST": 1, "CRASHES": 1}),
]

# rule, the model that must fail with it, the promise that it breaks, other bounds
BROKEN = [
    ("BARE_XADD", "failover", "", {}),
    ("REVISION_WITHOUT_HASH", "failover", "", {}),
    ("MISSING_IS_ZERO", "loss", "", {}),
    ("UNKNOWN_IS_DONE", "append", "durable_then_visible", {}),
    ("ACK_BEFORE_APPEND", "append", "durable_then_visible", {}),
    ("NO_DEDUPE", "resend", "exactly_once", {}),
    ("NO_CHAIN_CHECK", "failover", "", {}),
    ("TAIL_DROPPED", "failover", "", {}),
    ("NO_REVALIDATION", "append", "settles", {}),
    ("TRIM_BEFORE_COMMIT", "archive", "trim_behind_proof", {}),
    ("TRIM_PAST", "archive", "trim_behind_proof", {}),
    ("TRIM_BY_REVISION", "failover-archived", "", {}),
    ("CLEAR_MARK", "archive", "dirty_is_not_empty", {}),
    ("NO_RECHECK", "loss", "", {}),
    ("COMMIT_BLIND", "archive", "archive_is_a_chain", {}),
    ("UNKNOWN_COMMIT_TRIMS", "archive", "trim_behind_proof", {}),
    ("ADOPT_WITHOUT_LOCK", "loss", "", {}),
    ("ADOPT_OVERWRITES", "loss", "", {}),
    ("REBASE_BLIND", "failover-archived", "", {}),
    # The sweep over the heads would do it in the worker's place.
    ("NO_REBASE", "failover-archived", "", {"BROKEN_NO_HEAD_SWEEP": 1}),
    ("NO_HEAD_SWEEP", "failover-archived-death", "settles", {}),
    ("SPAN_IS_DAMAGE", "failover-archived-death", "settles", {}),
    ("READ_WITHOUT_WAIT", "replica", "", {}),
    ("APPEND_WITHOUT_WAIT", "replica", "durable_then_visible", {}),
]
