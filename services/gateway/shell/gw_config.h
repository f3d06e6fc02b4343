/* The gateway's options. */
#ifndef WEFT_GW_CONFIG_H
#define WEFT_GW_CONFIG_H

#include "shell_link.h"
#include "shell_options.h"

struct gw_options {
    struct shell_options shell;
    char *listen;
    bool insecure_public;
    char *web;
    char *drain_to;
    struct shell_link link;
    uint64_t drain_ms;
    /* limits (gw_limits.h) */
    int64_t connections_max, open_documents_max;
    int64_t frames_per_s_max, documents_max, presence_per_s_max;
    uint64_t request_ms, hello_ms, heartbeat_ms;
    uint64_t frame_bytes_max, op_bytes_max, presence_bytes_max;
    uint64_t out_bytes_max, out_total_bytes_max;
    uint64_t input_bytes_max, unacked_bytes_max, payload_bytes_max;
};

extern const struct conf_spec gw_spec;

#endif
