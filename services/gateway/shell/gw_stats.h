/* What this folder counts; the core has its own table (gw_core.h). */
#ifndef WEFT_GW_STATS_H
#define WEFT_GW_STATS_H

#include "obs_stats.h"

#define GW_STATS(X)                                                                                \
    X(GAUGE, sockets, "weft_gateway_sockets", "", "Client sockets of any state.")                  \
    X(GAUGE, held_bytes, "weft_gateway_input_held_bytes", "",                                      \
      "Messages of clients that have come in part.")                                               \
    X(GAUGE, answer_bytes, "weft_gateway_answer_bytes", "",                                        \
      "Files of the page on their way to clients.")                                                \
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
      "WebSockets closed because all messages held in part reached their bound.")                  \
    X(COUNTER, pings, "weft_gateway_pings_total", "", "WebSocket pings received.")                 \
    X(SIZES, message_bytes, "weft_gateway_message_bytes", "", "WebSocket messages received.")

OBS_STATS_STRUCT(gw_stats, GW_STATS)

#endif
