/* What this folder counts; the core has its own table (gw_core.h). */
#ifndef WEFT_GW_STATS_H
#define WEFT_GW_STATS_H

#include "obs_stats.h"

/* Where an answer or an error does not tell by itself which limit it was. */
#define GW_SOCKET_LIMITS_HELP                                                                      \
    "Times that a limit on connections, requests and messages was reached."
#define GW_STATS(X)                                                                                \
    X(GAUGE, sockets, "weft_gateway_sockets", "", "Client sockets of any state.")                  \
    X(COUNTER, upgrades_proto, "weft_gateway_upgrades_total", "protocol=\"weft.v1.proto\"",        \
      "WebSockets opened.")                                                                        \
    X(COUNTER, upgrades_json, "weft_gateway_upgrades_total", "protocol=\"weft.v1.json\"",          \
      "WebSockets opened.")                                                                        \
    X(COUNTER, pages, "weft_gateway_http_total", "answer=\"page\"",                                \
      "Requests answered without a WebSocket.")                                                    \
    X(COUNTER, refused, "weft_gateway_http_total", "answer=\"refused\"",                           \
      "Requests answered without a WebSocket.")                                                    \
    X(COUNTER, unavailable, "weft_gateway_http_total", "answer=\"unavailable\"",                   \
      "Requests answered without a WebSocket.")                                                    \
    X(COUNTER, dropped, "weft_gateway_dropped_total", "reason=\"overload\"",                       \
      "Sockets closed without an answer.")                                                         \
    X(COUNTER, late, "weft_gateway_dropped_total", "reason=\"no-request\"",                        \
      "Sockets closed without an answer.")                                                         \
    X(COUNTER, answers_cut, "weft_gateway_dropped_total", "reason=\"slow-answer\"",                \
      "Sockets closed without an answer.")                                                         \
    X(COUNTER, ws_bad, "weft_gateway_ws_errors_total", "",                                         \
      "WebSockets closed because of a frame that breaks RFC 6455.")                                \
    X(COUNTER, input_full, "weft_gateway_input_full_total", "",                                    \
      "Connections ended because all messages held in part reached their bound.")                  \
    X(COUNTER, limit_connections, "weft_gateway_socket_limits_total", "limit=\"connections-max\"", \
      GW_SOCKET_LIMITS_HELP)                                                                       \
    X(COUNTER, limit_request_head, "weft_gateway_socket_limits_total", "limit=\"request-head\"",   \
      GW_SOCKET_LIMITS_HELP)                                                                       \
    X(COUNTER, limit_request_fields, "weft_gateway_socket_limits_total",                           \
      "limit=\"request-fields\"", GW_SOCKET_LIMITS_HELP)                                           \
    X(COUNTER, limit_answers, "weft_gateway_socket_limits_total", "limit=\"answers\"",             \
      GW_SOCKET_LIMITS_HELP)                                                                       \
    X(COUNTER, limit_message, "weft_gateway_socket_limits_total", "limit=\"message-memory\"",      \
      GW_SOCKET_LIMITS_HELP)                                                                       \
    X(COUNTER, pings, "weft_gateway_pings_total", "", "WebSocket pings received.")                 \
    X(COUNTER, encode_failures, "weft_gateway_encode_failures_total", "",                          \
      "Frames that could not be made: no memory, or stored bytes that are damaged.")               \
    X(SIZES, message_bytes, "weft_gateway_message_bytes", "", "WebSocket messages received.")

struct gw_stats {
    GW_STATS(OBS_STATS_FIELD)
    int64_t held_bytes;   /* messages of clients that have come in part */
    int64_t answer_bytes; /* files of the page on their way to clients */
};
const struct obs_table *gw_stats_table(void);

#endif
