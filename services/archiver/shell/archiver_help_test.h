/*
 * weft-archiver as a process over private servers, and documents written as workers write them.
 * For the parts of archiver_test, a file per subject.
 */
#ifndef WEFT_ARCHIVER_HELP_TEST_H
#define WEFT_ARCHIVER_HELP_TEST_H

#include "backend_help_test.h"
#include "doc.h"
#include "support_process.h"

#define DOCS 6

/* ---- the process ---- */

/* The one that was started last; a test of two keeps the other. */
struct archiver_process {
    struct support_process *process;
    char admin_file[96];
};
extern struct archiver_process archiver;

/* With these arguments besides those that every one gets. */
void archiver_spawn(const char *name, const char *const *args);
void archiver_start(const char *name);
/* Waits for its end; 128 + signal if it was killed. */
int archiver_ended(void);
int archiver_stop(int number);
bool archiver_log_has(const char *words);
/* Has the answer of its admin port these words? */
bool archiver_says(const char *path, const char *words);
bool archiver_is_ready(void);

/* ---- documents ---- */

struct writer {
    char name[16];
    struct doc *doc; /* owned: what the log must lead to */
    struct wire_session session;
    uint64_t seq;
};
extern struct writer writers[DOCS];

/* All documents, of one record each. */
void writers_create(void);
/* So many entries more on each. */
void writers_write(unsigned entries);
/* One entry of one record, appended as a worker does. */
void writer_write(struct writer *w, enum wire_kind kind, const char *text);
/* One entry of so many edits. */
void writer_write_together(struct writer *w, const char *text, unsigned records);
/* One entry of a version that no release has yet. */
void writer_write_newer(struct writer *w);
/* A second history of the same document, from its first record on; its doc is the caller's. */
struct writer writer_beside(const struct writer *w);
/* Whether PostgreSQL leads to the document as it was written. Damage fails the test at once. */
bool writer_is_stored(const struct writer *w);
/* Whether its stream is empty and its head where it was written. */
bool writer_is_trimmed(const struct writer *w);
void writers_await_archived(void);
unsigned long sql_number(const char *statement);

/* ---- the suite ---- */

/* A case whose tests share their servers, or have each its own, because they kill them. */
TCase *archiver_case(Suite *suite, const char *name, bool own_servers);
int archiver_main(int argc, char **argv, void (*add)(Suite *suite));

void archiver_damage_add(Suite *suite);
void archiver_ends_add(Suite *suite);

#endif
