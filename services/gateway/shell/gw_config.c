#include "gw_config.h"

#include "gw_limits.h"

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
    CONF_MS(struct gw_options, drain_ms, "drain", "10s", 0, 3600000,
            "When asked to stop, clients are told to go within this, each at its own moment."),
#define OPTION(kind, field, name, fallback, min, max, help, ...)                                   \
    CONF_##kind(struct gw_options, field, name, fallback, min, max, help),
    GW_LIMITS(OPTION, CONF_NO_OPTION)
#undef OPTION
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
