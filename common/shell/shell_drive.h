/*
 * Drives a core that works on storage (worker, archiver): the backend's answers, the core's time,
 * and the end.
 *
 *   RUNNING --- shell_drive_stop ---> DRAINING --- drained, or drain_ms over ---> CLOSING
 *                                                                                    |
 *                            backend and all that is held are closed: shell_stop <---+
 *
 * The core is freed first, so what it waits for is abandoned; then what carries its words.
 */
#ifndef WEFT_SHELL_DRIVE_H
#define WEFT_SHELL_DRIVE_H

#include "shell_storage.h"

/* The core's functions; all get the service. */
struct shell_drive_core {
    void (*tick)(void *arg);
    uint64_t (*due_ms)(void *arg);
    void (*storage_done)(void *arg, struct storage_call *call);
    void (*reconnected)(void *arg); /* may be NULL */
    void (*drain)(void *arg);
    bool (*drained)(void *arg);
    /* Frees the core and begins to close what the service holds. Also for a service that did not
       start. */
    void (*close)(void *arg);
};

enum shell_phase { SHELL_RUNNING, SHELL_DRAINING, SHELL_CLOSING };

struct shell_drive {
    struct shell *shell;                 /* borrowed */
    const struct shell_drive_core *core; /* borrowed: static */
    void *arg;
    enum shell_phase phase;
    struct backend *backend; /* owned */
    /* private */
    struct shell_storage storage;
    struct ev_timer *tick;      /* owned */
    struct ev_timer *drain_end; /* owned */
    struct ev_task settle;
    uint64_t drain_ms;
    unsigned held; /* not closed yet */
};

/* Starts connecting to the servers. False, and it has been logged: memory. The core may be made
   with backend_storage(d->backend) then, and shell_drive_settle() begins its time. */
MUST_CHECK bool shell_drive_start(struct shell_drive *d, struct shell *shell,
                                  const struct shell_drive_core *core, void *arg,
                                  const struct backend_config *config, uint64_t drain_ms);
/* After each call into the core: at the turn's end its next time, and whether a drain is over, are
   looked at. */
void shell_drive_settle(struct shell_drive *d);
/* A signal asked for the end. */
void shell_drive_stop(struct shell_drive *d);
/* Something that must be closed before the loop may end, and that it is. */
void shell_drive_hold(struct shell_drive *d);
void shell_drive_release(void *drive);
/* After shell_run(), or when the start failed: closes what is open and turns the loop until it is.
   True if the end was no failure. */
MUST_CHECK bool shell_drive_end(struct shell_drive *d);

#endif
