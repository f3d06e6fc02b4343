#include "gw_config.h"

static const struct conf_option options[] = {
    SHELL_OPTIONS(struct gw_options, shell),
    CONF_STRING(struct gw_options, listen, "listen", "127.0.0.1:8080", 127,
                "Where clients connect: ADDRESS:PORT, numbers only. Gateways may share one port."),
    CONF_BOOL(struct gw_options, insecure_public, "insecure-public", "false",
              "Listen on an address that is not loopback, though everybody may do everything."),
    CONF_STRING(
        struct gw_options, web, "web", NULL, 4095,
        "Directory of the page, read at start and served where clients connect; none: no page."),
    CONF_STRING(struct gw_options, drain_to, "drain-to", NULL, 4095,
                "Addresses for clients to go to when this gateway stops, with commas between."),
    SHELL_LINK_OPTIONS(struct gw_options, link),
    CONF_INT(struct gw_options, connections_max, "connections-max", "100000", 1, 10000000,
             "Client connections; beyond it they are answered 503."),
    CONF_INT(struct gw_options, frames_per_s_max, "frames-per-second", "50000", 1, 10000000,
             "Frames of one connection in a second; beyond it the connection is closed."),
    CONF_MS(struct gw_options, request_ms, "request", "10s", 100, 600000,
            "A new connection's time to send its HTTP request."),
    CONF_MS(struct gw_options, hello_ms, "hello", "10s", 100, 600000,
            "Its time from then to the first frame."),
    CONF_MS(struct gw_options, heartbeat_ms, "heartbeat", "30s", 100, 3600000,
            "How often clients are to send something; silent for twice this, they are closed."),
    CONF_MS(struct gw_options, drain_ms, "drain", "10s", 0, 3600000,
            "When asked to stop, clients are told to go within this, each at its own moment."),
    CONF_BYTES(struct gw_options, out_bytes_max, "out-max", "1MiB", 64 << 10, 1 << 30,
               "Per connection: bytes that wait for a slow reader; past it, it is closed."),
    CONF_BYTES(struct gw_options, input_bytes_max, "input-max", "256MiB", 2 << 20, (int64_t)1 << 40,
               "All connections: messages that have come in part."),
    CONF_BYTES(struct gw_options, unacked_bytes_max, "unacked-max", "256MiB", 1 << 20,
               (int64_t)1 << 40, "All connections: ops kept until they are acked."),
    CONF_BYTES(struct gw_options, payload_bytes_max, "payload-max", "256MiB", 64 << 20,
               (int64_t)1 << 40, "All connections: documents that are being given in pieces."),
};

static const char *const others[] = {"worker", "archiver", NULL};

const struct conf_spec gw_spec = {
    .program = "weft-gateway",
    .version = WEFT_VERSION,
    .summary = "Holds clients' WebSockets and routes their edits to workers.",
    .section = "gateway",
    .other_sections = others,
    .options = options,
    .count = sizeof options / sizeof *options,
};
