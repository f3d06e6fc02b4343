/*
 * One of our own programs as a process: for tests of whole services. Its standard output and
 * error go to a file in a directory under /tmp (mode 0700, fit for link sockets), and it is killed
 * when the test process ends, however that ends.
 */
#ifndef WEFT_SUPPORT_PROCESS_H
#define WEFT_SUPPORT_PROCESS_H

#include <stdbool.h>

struct support_process;

/* A new directory; one at a time. Lent until the next call. */
const char *support_dir_make(void);
/* With the files in it. */
void support_dir_remove(const char *dir);

/* args: without the program, NULL-terminated; copied. name: of its log file in dir, begun
   anew. */
struct support_process *support_process_start(const char *program, const char *dir,
                                              const char *name, const char *const *args);
void support_process_signal(struct support_process *p, int number);
/* Waits for its end, which must come within wait_ms. The exit status, or 128 + signal. */
int support_process_wait(struct support_process *p, int wait_ms);
bool support_process_lives(struct support_process *p);
/* All that it has said so far; lent until the next call. */
const char *support_process_log(struct support_process *p);
/* Kills it if it lives, and frees. Returns NULL. */
struct support_process *support_process_stop(struct support_process *p);

/* Waits until the file exists and returns its first line; lent until the next call. */
const char *support_file_wait(const char *path, int wait_ms);

#endif
