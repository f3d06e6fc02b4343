/*
 * What clients can make an archiver hold or do, and where that ends (conf_limit.h has the columns).
 */
#ifndef WEFT_ARCHIVER_LIMITS_H
#define WEFT_ARCHIVER_LIMITS_H

#include "ar_job.h"
#include "conf_limit.h"

#define ARCHIVER_LIMIT(word) "weft_archiver_limits_total{limit=\"" word "\"}"

#define ARCHIVER_LIMITS(O, F)                                                                      \
    O(INT, jobs_max, "jobs", "8", 1, 1024, "Documents worked on at once.", "the process",          \
      "others wait, or another archiver claims them", ARCHIVER_LIMIT("jobs"),                      \
      "those who keep very many documents busy")                                                   \
    O(INT, entries_max, "entries", "4096", 1, 100000, "Entries folded into one segment.",          \
      "the document", "the rest becomes the next segment", ARCHIVER_LIMIT("entries"),              \
      "a stream that grew while PostgreSQL was away")                                              \
    F(BYTES, "segment-bytes", AR_SEGMENT_BYTES_MAX, "Bytes folded into one segment.",              \
      "the document", "the rest becomes the next segment", ARCHIVER_LIMIT("segment-bytes"),        \
      "few entries that are large")                                                                \
    O(BYTES, cache_bytes_max, "cache-max", "256MiB", 1 << 20, (int64_t)1 << 40,                    \
      "Memory for documents kept between two claims.", "all documents",                            \
      "the least recently used goes, and is loaded when it is claimed again",                      \
      ARCHIVER_LIMIT("cache-max"), "those who keep very many documents busy")

#endif
