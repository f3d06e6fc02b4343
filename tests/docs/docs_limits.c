/* docs/limits.md, and the counters of it for the test that looks for them. */
#include "archiver_limits.h"
#include "docs_page.h"
#include "gw_limits.h"
#include "link_limits.h"
#include "worker_limits.h"

static const char intro[] = DOCS_GENERATED
    "# Limits\n\n"
    "Everything that a client can make Weft hold or do has a number. Past it a stated thing "
    "happens,\n"
    "which costs the one who passed it, and a counter of `/metrics` moves.\n\n"
    "A value with a range is an option of the program: `--NAME VALUE`, `WEFT_NAME` in the\n"
    "environment (`_` for `-`), or `name = value` in the file; `--print-config` shows what is in\n"
    "force and where it comes from. A name that is not known, or a value out of range, is refused "
    "at\n"
    "the start, with the file's line. What has one value is fixed. What clients need to know is "
    "in\n"
    "Welcome, under the name that is given. A word like `too-fast` is an error:\n"
    "[errors.md](errors.md).\n";

static const char memory[] =
    "\n## A gateway's memory\n\n"
    "Whatever clients do, the process stays below\n\n"
    "```\n"
    "connections-max x %u bytes + open-documents-max x %u bytes\n"
    "    + out-total + input-max + unacked-max + payload-max + links + message-memory\n"
    "    + what it has before anybody connects (about 12 MiB)\n"
    "```\n\n"
    "With the defaults that is 2 GiB. `tests/errors` floods a gateway with connections that send\n"
    "noise, half a request or huge frames, that do not read, or that open documents without end, "
    "and\n"
    "holds the process to this sum.\n"
    "\nNot in the sum: making a large document into the pieces that its opener gets takes some "
    "times\n"
    "its size besides, one document at a time.\n";

static const struct conf_limit wire[] = {WIRE_LIMITS(CONF_LIMIT_FIXED)};
static const struct conf_limit gateway[] = {GW_LIMITS(CONF_LIMIT_OPTION, CONF_LIMIT_FIXED)};
static const struct conf_limit links[] = {LINK_LIMITS(CONF_LIMIT_FIXED)};
static const struct conf_limit worker[] = {WORKER_LIMITS(CONF_LIMIT_OPTION, CONF_LIMIT_FIXED)};
static const struct conf_limit archiver[] = {ARCHIVER_LIMITS(CONF_LIMIT_OPTION, CONF_LIMIT_FIXED)};

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])
static const struct {
    const char *title, *service;
    const struct conf_limit *rows;
    size_t count;
} tables[] = {
    {"Documents, everywhere the same", "gateway", wire, COUNT(wire)},
    {"Gateway", "gateway", gateway, COUNT(gateway)},
    {"OT worker", "worker", worker, COUNT(worker)},
    {"Links between gateways and workers, at both ends", "gateway", links, COUNT(links)},
    {"Archiver", "archiver", archiver, COUNT(archiver)},
};

static void append_row(struct bytes *out, const struct conf_limit *l)
{
    bytes_printf(out, "| `%s` | ", l->name);
    conf_limit_append_value(l, out);
    bytes_printf(out, " | %s | %s | %s | `%s` | %s |\n", l->help, l->charged, l->outcome,
                 l->counter, l->stops);
}

void docs_limits(struct bytes *out)
{
    bytes_append_str(out, intro);
    for (size_t t = 0; t < COUNT(tables); t++) {
        bytes_printf(out,
                     "\n## %s\n\n"
                     "| name | value | what | charged to | past it | counter | whom it stops |\n"
                     "| --- | --- | --- | --- | --- | --- | --- |\n",
                     tables[t].title);
        for (size_t i = 0; i < tables[t].count; i++)
            append_row(out, &tables[t].rows[i]);
    }
    bytes_printf(out, memory, GW_CONN_BYTES, GW_DOCUMENT_BYTES);
}

/* A counter's label has the only quotes. */
static void append_escaped(struct bytes *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '"')
            bytes_append_u8(out, '\\');
        bytes_append_u8(out, (uint8_t)*text);
    }
}

/* Some of what every service agrees on is checked, and counted, by workers. */
static const char *service_of(size_t table, const struct conf_limit *l)
{
    return strncmp(l->counter, "weft_worker_", strlen("weft_worker_")) == 0 ? "worker"
                                                                            : tables[table].service;
}

void docs_limits_json(struct bytes *out)
{
    const char *comma = "[\n";

    for (size_t t = 0; t < COUNT(tables); t++) {
        for (size_t i = 0; i < tables[t].count; i++) {
            const struct conf_limit *l = &tables[t].rows[i];
            bytes_printf(out, "%s{\"service\":\"%s\",\"name\":\"%s\",\"option\":%s,\"counter\":\"",
                         comma, service_of(t, l), l->name, l->fallback ? "true" : "false");
            append_escaped(out, l->counter);
            bytes_append_str(out, "\"}");
            comma = ",\n";
        }
    }
    bytes_append_str(out, "\n]\n");
}

bool docs_limit_known(const char *name)
{
    for (size_t t = 0; t < COUNT(tables); t++)
        for (size_t i = 0; i < tables[t].count; i++)
            if (strcmp(tables[t].rows[i].name, name) == 0)
                return true;
    return false;
}
