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

/* Both programs keep their half of a link. */
#define INBOX "inbox (64 MiB)"

static const char memory[] =
    "\n## A gateway's memory\n\n"
    "Whatever clients do, the process stays below\n\n"
    "```\n"
    "connections-max x %u bytes + open-documents-max x %u bytes\n"
    "    + out-total + input-max + unacked-max + payload-max\n"
    "    + 2 x message-memory: one message that is read, and one answer that is written\n"
    "    + links + " INBOX " + workers x link-item\n"
    "    + what it has before anybody connects (about 12 MiB)\n"
    "```\n\n"
    "- What is queued for readers is charged with what keeping it takes besides: a pong of 16\n"
    "  bytes costs its reader 112.\n"
    "- A message or an answer gives back what it took as soon as it is dealt with.\n"
    "- A document on its way to a client on `weft.v1.json` takes what its JSON has, in\n"
    "  `payload-max`, and nothing besides: its op is written piece by piece, never decoded as a\n"
    "  whole. (A document of 32 MiB in pieces of a letter each would take 335 MB for that.) Where\n"
    "  there is no room for the JSON, the opener waits.\n"
    "\n## A worker's memory\n\n"
    "Whatever gateways pass on, the process stays below\n\n"
    "```\n"
    "documents-max x 5/4 + attachments x 150 bytes\n"
    "    + the documents that are being read from the servers\n"
    "    + links + " INBOX " + gateways x link-item\n"
    "    + what it has before anybody opens a document (about 12 MiB)\n"
    "```\n\n"
    "- Cold documents are put off from `documents-max` on. Who is in a document that is loaded\n"
    "  can go on writing until all documents together have grown by a quarter of it; then ops,\n"
    "  too, are told `retry-later`, until what is idle was evicted or what is archived let go.\n"
    "- What a document takes is known when it is read; if that is too much, who asked for it\n"
    "  waits; it goes once its last entry is archived.\n"
    "\n`tests/errors/flood.test.mjs` floods a gateway with connections of many hostile sorts, and\n"
    "holds it to this sum.\n";

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
            bytes_printf(out,
                         "%s{\"service\":\"%s\",\"name\":\"%s\",\"option\":%s,"
                         "\"value\":%lld,\"counter\":\"",
                         comma, service_of(t, l), l->name, l->fallback ? "true" : "false",
                         (long long)(l->fallback ? 0 : l->max));
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
