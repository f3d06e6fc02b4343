/*
 * A run: the ops of consecutive entries composed into one, which does what all of them did (the
 * composition law, docs/algebra.md).
 */
#ifndef WEFT_CTL_RUN_OP_H
#define WEFT_CTL_RUN_OP_H

#include "bytes.h"
#include "ot_codec.h"
#include "wire_record.h"

/* A run may be larger than any op that is stored: all that was deleted meanwhile is in it, too. */
extern const struct ot_limits ctl_run_op_limits;

struct ctl_run_op {
    struct bytes op; /* encoded; owned. Empty: the identity */
};

void ctl_run_op_init(struct ctl_run_op *run);
void ctl_run_op_fini(struct ctl_run_op *run);
/* Back to the identity. */
void ctl_run_op_reset(struct ctl_run_op *run);
/* Titles, permissions and closes change no text. */
void ctl_run_op_add(struct ctl_run_op *run, const struct wire_entry *entry);
/* Lives in mem and borrows from the run until it changes. */
struct ot_op ctl_run_op_get(const struct ctl_run_op *run, struct arena *mem);
/* As a Delta. */
void ctl_run_op_write(const struct ctl_run_op *run, struct bytes *out);

#endif
