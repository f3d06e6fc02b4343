/* The numbers of the process itself: what every service's page of metrics ends with. */
#ifndef WEFT_SHELL_METRICS_H
#define WEFT_SHELL_METRICS_H

#include "bytes.h"
#include "obs_stats.h"

struct shell;

#define SHELL_PROCESS_STATS(X)                                                                     \
    X(SECONDS, cpu_us, "process_cpu_seconds_total", "", "User and system CPU time.")               \
    X(GAUGE, resident, "process_resident_memory_bytes", "", "Resident memory.")                    \
    X(GAUGE, files, "process_open_fds", "", "Open file descriptors.")                              \
    X(GAUGE, files_max, "process_max_fds", "", "The limit of open file descriptors.")              \
    X(AGE, start_us, "process_start_time_seconds", "", "When the process started, since 1970.")    \
    X(TIMES, turn_us, "weft_loop_turn_seconds", "",                                                \
      "Turns of the event loop: whatever comes meanwhile waits this long.")                        \
    X(COUNTER, reads, "weft_socket_calls_total", "call=\"read\"",                                  \
      "System calls on sockets of clients.")                                                       \
    X(COUNTER, writes, "weft_socket_calls_total", "call=\"write\"",                                \
      "System calls on sockets of clients.")                                                       \
    X(COUNTER, bytes_in, "weft_socket_bytes_total", "direction=\"in\"",                            \
      "Bytes on sockets of clients.")                                                              \
    X(COUNTER, bytes_out, "weft_socket_bytes_total", "direction=\"out\"",                          \
      "Bytes on sockets of clients.")                                                              \
    X(COUNTER, writes_blocked, "weft_socket_writes_blocked_total", "",                             \
      "Writes that the kernel took only in part: the reader is slow.")                             \
    X(COUNTER, sends_full, "weft_socket_sends_full_total", "full=\"queue\"",                       \
      "Frames not queued because a socket's queue or the account of all was full.")                \
    X(COUNTER, sends_full_all, "weft_socket_sends_full_total", "full=\"all\"",                     \
      "Frames not queued because a socket's queue or the account of all was full.")                \
    X(COUNTER, accepted, "weft_socket_accepts_total", "result=\"taken\"", "Sockets that came.")    \
    X(COUNTER, refused, "weft_socket_accepts_total", "result=\"refused\"", "Sockets that came.")

OBS_STATS_STRUCT(shell_process_stats, SHELL_PROCESS_STATS)

void shell_process_metrics(struct shell *s, struct bytes *out);

#endif
