"""Deliberate bugs for the simulator to find (scripts/mutate sim): proof that its oracles can fail.

Each: name, the promises of which it must break one (tests/sim/sim_violation.h; another broken promise is no
catch), file, what stands there (once), what stands there instead."""

WORKER, GATEWAY, ARCHIVER = "services/ot-worker/core/", "services/gateway/core/", "services/archiver/core/"
DOC, CLIENT, STORE = "common/doc/", "common/client/", "tests/sim/sim_store.c"

MUTANTS = [
    # the append (I2, I4); Redis' and PostgreSQL's part of it is in the model
    ("bare-xadd", "I1,I2", STORE,
     "    if (!chain_position_equal(&doc->redis.head, &call->expect)) {\n        call->result = STORAGE_REFUSED;\n"
     "        return;\n    }\n    sim_entries_push",
     "    sim_entries_push"),
    ("broadcast-before-durable", "I4", WORKER + "wk_append.c",
     "    wk_append_send(d, e);\n    formed_measure", "    wk_broadcast(d, e);\n    wk_append_send(d, e);\n    formed_measure"),
    ("unknown-is-won", "I4,I1", WORKER + "wk_append.c",
     "        core->counters.appends_unknown++;\n", "        appended(d);\n        return;\n"),
    ("refused-is-won", "I4,I1", WORKER + "wk_append.c",
     "        core->counters.appends_refused++;\n", "        appended(d);\n        return;\n"),
    ("down-is-won", "I4,I1", WORKER + "wk_append.c",
     "        wk_retry(d); /* certainly not done", "        appended(d);\n        return;\n        wk_retry(d); /* certainly not done"),
    # the chain (I3), and looking before something final is said
    ("no-chain-check", "I1,I3,I6,stream,converge", DOC + "doc.c",
     "            r = DOC_BAD_CHAIN;\n        else if", "            after = *expect;\n        else if"),
    ("resync-from-stale-view", "I3,client", WORKER + "wk_open.c",
     "    if (!o->confirmed) {\n        wk_check_begin(d);\n        return false;\n    }\n    switch", "    switch"),
    # lost tails
    ("lost-tail-dropped-on-load", "I1,I3,I5", WORKER + "wk_load.c",
     "    struct wk_entry *lost = wk_ring_from(d, &d->read_head);\n\n", "    struct wk_entry *lost = NULL;\n\n"),
    ("superseded-dropped", "settle,I5", WORKER + "wk_load.c",
     "        if (superseded_wanted(d, e, s)) {", "        if (superseded_wanted(d, e, s) && !s) {"),
    ("archived-too-early", "I1,I3,I5", WORKER + "wk_follow.c",
     "        if (e->before.rev + 1 >= first)\n            break;\n", ""),
    ("no-revalidation", "settle", WORKER + "wk_append.c",
     "    if (wk_now_ms(d->core) >= d->check_ms)", "    if (!d->doc)"),
    # adoption, rebase, locks (I7)
    ("missing-head-is-revision-0", "I1,I2,I3,I6,settle", WORKER + "wk_load.c",
     "    struct chain_position head = call->has_head ? call->head : start;", "    struct chain_position head = start;"),
    ("no-rebase-by-worker", "settle,I3", WORKER + "wk_load.c",
     "        lock_begin(d, true);\n    } else if", "        wk_load_retry(d);\n    } else if"),
    ("no-rebase-by-anybody", "settle,I3", STORE,
     "    doc->redis.head = call->position;\n    store->rebased++;", "    call->result = STORAGE_REFUSED;\n    return;\n    store->rebased++;"),
    # archiving and trimming (I7)
    ("trim-before-commit", "I7", ARCHIVER + "ar_commit.c",
     "    struct storage_call *commit = ar_job_call_begin(job, AR_COMMITTING, STORAGE_COMMIT);\n",
     "    if (job->call.kind != STORAGE_TRIM) {\n        ar_trim_begin(job, AR_CHECKING);\n        return;\n    }\n"
     "    struct storage_call *commit = ar_job_call_begin(job, AR_COMMITTING, STORAGE_COMMIT);\n"),
    ("unknown-commit-is-done", "I7", ARCHIVER + "ar_commit.c",
     "        ar_job_event(job, AR_EVENT_UNKNOWN, job->base.rev);\n        ar_job_again(job);",
     "        ar_job_event(job, AR_EVENT_UNKNOWN, job->base.rev);\n        ar_trim_begin(job, AR_TRIMMING);"),
    ("trim-past-the-segment", "I7", STORE,
     "    trim_check(store, doc, at + 1);\n", "    at += at + 1 < doc->redis.log.count;\n    trim_check(store, doc, at + 1);\n"),
    ("mark-cleared-too-early", "I7", STORE,
     "    if (doc->redis.log.count == 0)\n        doc->redis.dirty = false;\n    else", "    doc->redis.dirty = false;\n    if (doc->redis.log.count)"),
    ("claims-never-expire", "settle", STORE, "store->now_ms + call->lease_ms;", "UINT64_MAX;"),
    ("segment-misses-an-entry", "I6,I3", ARCHIVER + "ar_job.c",
     "        archive_writer_add(&job->writer, entry->payload);", "        if (i == 0)\n            archive_writer_add(&job->writer, entry->payload);"),
    ("snapshot-forgets-results", "I6,I5", DOC + "doc_snapshot.c",
     ".session_count = HASH_COUNT(doc->sessions),", ".session_count = 0,"),
    ("snapshot-forgets-creator", "I6", DOC + "doc_snapshot.c",
     "    doc->creator = s->creator;\n", ""),
    # names of ops (I5)
    ("no-dedupe", "I5", DOC + "doc.c",
     "        *ret_detail = session->result.rev;\n        return DOC_REPEAT;", "        return DOC_ADMIT;"),
    ("old-seq-admitted", "I5", DOC + "doc.c", "    if (seq < last || seq == 0)\n        return DOC_SEQ_OLD;\n", ""),
    ("gap-admitted", "I5", DOC + "doc.c", "    if (seq > last + 1) {", "    if (seq > last + 100) {"),
    ("closed-session-admitted", "I5", DOC + "doc.c",
     "    if (session && session->result.closed)\n        return DOC_SESSION_CLOSED;\n    if (seq", "    if (seq"),
    ("no-op-not-recorded", "settle", WORKER + "wk_admit.c",
     "    return record_add(d, s);\n}\n\nenum wk_admit wk_submit_admit",
     "    if (s->stored.size <= 1) {\n        accepted(d, s, doc_position(d->doc).rev);\n        return WK_ADMIT_ANSWERED;\n"
     "    }\n    return record_add(d, s);\n}\n\nenum wk_admit wk_submit_admit"),
    ("older-attempt-holds", "client", WORKER + "wk_open.c", "other->attempt > a->attempt)", "!other)"),
    ("time-goes-back", "I3", DOC + "doc.c", ".time_ms = now_ms > doc->time_ms ? now_ms : doc->time_ms,", ".time_ms = now_ms,"),
    # transforming
    ("run-over-own-op", "stream,client", WORKER + "wk_ops.c",
     "    bool own = b->session && memcmp", "    bool own = !b && memcmp"),
    ("tie-reversed", "stream,client", WORKER + "wk_ops.c", "ot_transform(mem, &theirs, op, true, &after)", "ot_transform(mem, &theirs, op, false, &after)"),
    ("mates-in-entry-ignored", "stream,client,I3", WORKER + "wk_admit.c",
     "earlier->kind != WIRE_KIND_EDIT || earlier->code", "true"),
    ("catch-up-misses-a-record", "client", WORKER + "wk_open.c",
     "        ops_send(d, o, a, first, 0, last_seq);", "        ops_send(d, o, a, first, 1, last_seq);"),
    ("buffer-not-transformed", "stream,client,converge", CLIENT + "client_records.c",
     "    if (!r && c->has_buffer)\n        r = pass", "    if (!r && c->has_buffer && !c->in_flight)\n        r = pass"),
    ("resent-with-new-base", "stream,client", CLIENT + "client_doc.c", ".base = c->sent_base,", ".base = c->position,"),
    ("two-ops-in-flight", "stream,client,settle,I5", CLIENT + "client_doc.c",
     "    if (!c->in_flight && c->has_buffer)", "    if (c->has_buffer)"),
    ("reload-forgets-flight", "stream,client,converge", CLIENT + "client_save.c",
     "    c->in_flight = flight;", "    c->in_flight = false;"),
    # gateways
    ("no-gap-check-after-open", "stream", GATEWAY + "gw_att.c",
     "att->shown && opened->outcome == WIRE_OPENED_UP_TO_DATE;", "att->shown;"),
    ("slow-reader-misses-entries", "stream,settle", GATEWAY + "gw_att.c",
     "    if (att->attached && doc->has_position &&\n        chain_position_equal(&doc->position, &att->position)) {",
     "    if (att->attached && doc->has_position) {"),
    ("submit-not-sent-again", "settle", GATEWAY + "gw_route.c",
     "        if (att->unacked)\n            att->unacked->sent = false;\n", ""),
    ("ack-of-another-author", "settle,stream,client", GATEWAY + "gw_doc.c",
     "record->seq <= att->seen_seq ||\n            memcmp(record->author, att->author, WIRE_AUTHOR_SIZE) != 0)",
     "record->seq <= att->seen_seq)"),
    ("put-off-for-ever", "settle", GATEWAY + "gw_att.c",
     "    trouble_begins(core, att);\n    wheel_add(core, att, retry_delay_ms(core, att));\n}\n\nvoid att_detached", "}\n\nvoid att_detached"),
    # bounds (I8), and who is away
    ("tail-without-bound", "I8", WORKER + "wk_append.c",
     "    if (d->tail_bytes <= d->core->config.tail_bytes_max) {", "    if (d) {"),
    ("cache-without-bound", "I8", ARCHIVER + "ar_cache.c",
     "    while (core->cache_bytes > core->config.cache_bytes_max) {", "    while (false) {"),
    ("away-is-final", "client", WORKER + "wk_items.c",
     "        core->counters.stale++;\n        return WIRE_E_RETRY_LATER;", "        core->counters.stale++;\n        return WIRE_E_READ_ONLY;"),
]
