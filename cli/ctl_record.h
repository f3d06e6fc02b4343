/*
 * One change as a line, for history and tail: which revision, when, who, what, how much. Records
 * that are stored and records that a gateway sends look the same here.
 */
#ifndef WEFT_CTL_RECORD_H
#define WEFT_CTL_RECORD_H

#include "arena.h"
#include "ctl_verb.h"
#include "wire_client.h"

struct ctl_record {
    uint64_t rev, count; /* the last revision of a run, and how many it is of */
    uint64_t time_ms;    /* 0: not known */
    bool has_author;     /* a run of several authors has none */
    uint8_t author[WIRE_AUTHOR_SIZE];
    enum wire_kind kind;
    struct slice body;
};

struct ctl_record ctl_record_stored(struct slice doc, const struct wire_entry *entry, size_t index);
/*
 * One line, or with args.json an object: {"rev","count","time","author","kind","inserted",
 * "deleted","bytes"}; with `op` also what the change is: a Delta, or the title.
 */
void ctl_record_print(struct ctl *ctl, const struct ctl_record *record, bool op);

#endif
