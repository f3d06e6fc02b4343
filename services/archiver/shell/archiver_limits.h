/*
 * What clients can make an archiver hold or do, and where that ends (conf_limit.h has the columns).
 */
#ifndef WEFT_ARCHIVER_LIMITS_H
#define WEFT_ARCHIVER_LIMITS_H

#include "conf_limit.h"

#define ARCHIVER_LIMITS(O, F)                                                                      \
    O(INT, jobs_max, "jobs", "8", 1, 1024, "Documents worked on at once.", "the process",          \
      "others wait, or another archiver claims them", "weft_archiver_claims_total",                \
      "those who keep very many documents busy")                                                   \
    O(INT, entries_max, "entries", "4096", 1, 100000, "Entries folded into one segment.",          \
      "the document", "the rest becomes the next segment", "weft_archiver_commits_total",          \
      "a stream that grew while PostgreSQL was away")

#endif
