/*
 * What clients can make a gateway hold or do, and where that ends (conf_limit.h has the columns).
 *
 * All of it together bounds the process's memory, whatever clients do: docs/limits.md, "A gateway's
 * memory", has the sum.
 */
#ifndef WEFT_GW_LIMITS_H
#define WEFT_GW_LIMITS_H

#include "conf_limit.h"
#include "http1_head.h"
#include "wire_limits.h"

/* One connection without queues and documents: socket, core's part, stream, and the allocator's
 * share. A request head that comes in part is charged to input-max. */
#define GW_CONN_BYTES 2048
/* One open document of one connection: the core's part of it, and of the document itself. */
#define GW_DOCUMENT_BYTES 512

/* What a JSON message may take while it is read: an array of empty arrays takes 50 times its text,
 * so this lets everything through that fits a frame and stops what is made to take more. */
#define GW_MESSAGE_MEMORY_MAX (64u << 20)
/* Files of the page are shared, so what waits for slow readers costs no memory; but it counts in
 * the loop's account, where it must not stand in the way of what waits for editors. */
#define GW_ANSWER_BYTES_MAX (32u << 20)
#define GW_ANSWER_MS 60000
/* Sockets beyond connections-max, while they are told so. */
#define GW_REFUSED_MAX 256

#define GW_LIMIT(word) "weft_gateway_limits_total{limit=\"" word "\"}"
#define GW_SOCKET_LIMIT(word) "weft_gateway_socket_limits_total{limit=\"" word "\"}"
#define GW_ERROR_COUNTER(word) "weft_gateway_client_errors_total{error=\"" word "\"}"

#define GW_LIMITS(O, F)                                                                            \
    O(INT, connections_max, "connections-max", "100000", 1, 10000000,                              \
      "Client connections; beyond it they are answered 503.", "the process",                       \
      "503 with Retry-After", GW_SOCKET_LIMIT("connections-max"),                                  \
      "one who opens connections without end")                                                     \
    F(INT, "refusals", GW_REFUSED_MAX, "Connections beyond that, while they are told so.",         \
      "the process", "closed without an answer",                                                   \
      "weft_gateway_dropped_total{reason=\"overload\"}",                                           \
      "the same one, who does not take the answer either")                                         \
    O(MS, request_ms, "request", "10s", 100, 600000,                                               \
      "A new connection's time to send its HTTP request.", "the connection", "closed",             \
      "weft_gateway_dropped_total{reason=\"no-request\"}", "one who sends a byte a minute")        \
    F(BYTES, "request-head", HTTP1_HEAD_SIZE_MAX, "A request's head.", "the connection", "431",    \
      GW_SOCKET_LIMIT("request-head"), "a request without end")                                    \
    F(INT, "request-fields", HTTP1_FIELDS_MAX, "Fields of a request's head.", "the connection",    \
      "431", GW_SOCKET_LIMIT("request-fields"), "a head that is slow to read")                     \
    F(BYTES, "answers", GW_ANSWER_BYTES_MAX, "Files of the page on their way to clients.",         \
      "all connections", "503; whoever has had 5 s makes room", GW_SOCKET_LIMIT("answers"),        \
      "those who ask for files and do not "                                                        \
      "read them")                                                                                 \
    F(MS, "answer-time", GW_ANSWER_MS, "A client's time to take a file.", "the connection",        \
      "closed", "weft_gateway_dropped_total{reason=\"slow-answer\"}",                              \
      "one who reads a byte a minute")                                                             \
    O(MS, hello_ms, "hello", "10s", 100, 600000, "Its time from then to the first frame.",         \
      "the connection", "silent", GW_LIMIT("hello"), "one who connects and says nothing")          \
    O(MS, heartbeat_ms, "heartbeat", "30s", 100, 3600000,                                          \
      "How often clients are to send something; silent for twice this, they are closed. "          \
      "Welcome: heartbeat_ms.",                                                                    \
      "the connection", "silent", GW_LIMIT("heartbeat"), "connections whose other end is gone")    \
    O(INT, frames_per_s_max, "frames-per-second", "50000", 1, 10000000,                            \
      "Frames of one connection in a second; beyond it the connection is closed. "                 \
      "Welcome: frames_per_s_max.",                                                                \
      "the connection", "too-fast", GW_ERROR_COUNTER("too-fast"),                                  \
      "one who takes the others' share of the processor")                                          \
    O(BYTES, frame_bytes_max, "frame-max", "1MiB", 4096, WIRE_FRAME_BYTES_MAX,                     \
      "A client's frame; it must hold an op and 2 KiB. Welcome: frame_bytes_max.",                 \
      "the connection", "frame-too-large", GW_ERROR_COUNTER("frame-too-large"),                    \
      "a message without end")                                                                     \
    F(BYTES, "message-memory", GW_MESSAGE_MEMORY_MAX,                                              \
      "One message while it is read; likewise one answer while it is written.", "the process",     \
      "bad-frame or bad-json", GW_SOCKET_LIMIT("message-memory"),                                  \
      "a small message that takes much memory")                                                    \
    O(BYTES, input_bytes_max, "input-max", "256MiB", 2 << 20, (int64_t)1 << 40,                    \
      "Messages and requests that have come in part.", "all connections", "overloaded, or 503",    \
      "weft_gateway_input_full_total", "many who begin messages and end none")                     \
    O(BYTES, op_bytes_max, "op-max", "256KiB", 1024, WIRE_OP_BYTES_MAX,                            \
      "An op in its binary form. Welcome: op_bytes_max.", "the document", "op-too-large",          \
      GW_LIMIT("op-max"), "one op that keeps all others waiting")                                  \
    O(INT, documents_max, "documents-per-connection", "1000", 1, 1000000,                          \
      "Documents open on one connection. Welcome: documents_max.", "the connection",               \
      "too-many-documents", GW_ERROR_COUNTER("too-many-documents"),                                \
      "one who has every document loaded")                                                         \
    O(INT, open_documents_max, "open-documents-max", "1000000", 1, 1000000000,                     \
      "Open documents, summed over connections.", "all connections", "retry-later",                \
      GW_LIMIT("open-documents-max"), "many who each open as many as they may")                    \
    O(BYTES, presence_bytes_max, "presence-max", "1KiB", 16, 16 << 10,                             \
      "A presence. Welcome: presence_bytes_max.", "the document", "presence-too-large",            \
      GW_ERROR_COUNTER("presence-too-large"), "presence as a way to send data to everybody")       \
    O(INT, presence_per_s_max, "presence-per-second", "20", 1, 1000,                               \
      "Presences of one connection in a second. Welcome: presence_per_s_max.", "the connection",   \
      "dropped", GW_LIMIT("presence-per-second"), "one who keeps everybody's screen busy")         \
    O(BYTES, unacked_bytes_max, "unacked-max", "256MiB", 1 << 20, (int64_t)1 << 40,                \
      "Ops kept until they are acked.", "all connections", "retry-later", GW_LIMIT("unacked-max"), \
      "many who send while no worker answers")                                                     \
    O(BYTES, payload_bytes_max, "payload-max", "256MiB", 64 << 20, (int64_t)1 << 40,               \
      "Documents that are being given in pieces.", "all connections",                              \
      "opens wait, then retry-later", GW_LIMIT("payload-max"),                                     \
      "many who open large documents and do not read")                                             \
    O(BYTES, out_bytes_max, "out-max", "1MiB", 64 << 10, 1 << 30,                                  \
      "What waits for one slow reader. From half of it on entries are not queued; it gets one "    \
      "composed answer when it has read.",                                                         \
      "the connection", "slow-reader", GW_ERROR_COUNTER("slow-reader"), "one who does not read")   \
    O(BYTES, out_total_bytes_max, "out-total", "256MiB", 8 << 20, (int64_t)1 << 40,                \
      "What waits for all readers together.", "all connections", "slow-reader",                    \
      "weft_socket_sends_full_total{full=\"all\"}", "many who do not read")

#endif
