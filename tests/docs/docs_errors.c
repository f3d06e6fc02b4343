/* docs/errors.md, and the same for the test that provokes each of them. */
#include "docs_page.h"
#include "wire_error.h"

static const char intro[] = DOCS_GENERATED
    "# Errors\n\n"
    "What a client can be told, and what it should do. [protocol.md](protocol.md) has the form of "
    "an\n"
    "Error and the close codes. N is the number in the sentence; it comes as `detail`. A name in "
    "its\n"
    "column is one of the [limits](limits.md).\n\n"
    "*again after*: the same again, a client's jitter added, may get another answer after this "
    "time;\n"
    "*never*: the same again gets the same answer. Every error costs its sender at most its\n"
    "connection: the document, and everybody else at it, go on.\n";

static const struct {
    enum wire_scope scope;
    const char *title, *text;
} sections[] = {
    {WIRE_SCOPE_CONN, "Connection",
     "The connection has ended: a close frame follows, its reason is the name."},
    {WIRE_SCOPE_DOC, "Document",
     "The use of the document on this connection has ended: Closed follows unless it was not "
     "open."},
    {WIRE_SCOPE_OP, "Op", "This op (or presence) is refused, nothing else has ended."},
};

/* The table, by scope. */
static const struct wire_error_info *next(uint32_t *code, enum wire_scope scope)
{
    while (++*code < WIRE_ERROR_CODES) {
        const struct wire_error_info *info = wire_error_info(*code);
        if (info && info->scope == scope)
            return info;
    }
    return NULL;
}

static void append_sentence(struct bytes *out, const char *sentence)
{
    const char *hole = strstr(sentence, "%llu");

    bytes_append(out, sentence, hole ? (size_t)(hole - sentence) : strlen(sentence));
    if (hole)
        bytes_printf(out, "N%s", hole + strlen("%llu"));
}

static void append_detail(struct bytes *out, const char *detail)
{
    /* A word of dashes that is no limit's name is a limit that was renamed. */
    MUST(!strchr(detail, '-') || strchr(detail, ' ') || docs_limit_known(detail));
    bytes_printf(out, docs_limit_known(detail) ? "`%s`" : "%s", detail);
}

static void append_row(struct bytes *out, const struct wire_error_info *info)
{
    bytes_printf(out, "| %u | `%s`%s | ", info->code, info->word,
                 info->form == WIRE_FORM_JSON    ? " (`weft.v1.json` only)"
                 : info->form == WIRE_FORM_PROTO ? " (`weft.v1.proto` only)"
                                                 : "");
    append_sentence(out, info->sentence);
    bytes_append_str(out, " | ");
    append_detail(out, info->detail);
    if (info->permanent)
        bytes_append_str(out, " | never");
    else
        bytes_printf(out, " | %u ms", info->retry_ms);
    bytes_printf(out, " | %s |\n", info->client);
}

static void append_tests(struct bytes *out)
{
    bytes_append_str(out, "\n## How each is shown\n\n"
                          "`tests/errors` provokes each of them against a running Weft, with a "
                          "client that is not ours,\non each subprotocol that can have it. What "
                          "nobody can provoke from outside is shown by a unit\ntest:\n\n"
                          "| name | test |\n| --- | --- |\n");
    for (uint32_t code = 1; code < WIRE_ERROR_CODES; code++) {
        const struct wire_error_info *info = wire_error_info(code);
        if (info && info->shown)
            bytes_printf(out, "| `%s` | `%s` |\n", info->word, info->shown);
    }
}

void docs_errors(struct bytes *out)
{
    bytes_append_str(out, intro);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        const struct wire_error_info *info;
        bytes_printf(out,
                     "\n## %s\n\n%s\n\n"
                     "| code | name | what was wrong | N | again after | what the client does |\n"
                     "| --- | --- | --- | --- | --- | --- |\n",
                     sections[i].title, sections[i].text);
        for (uint32_t code = 0; (info = next(&code, sections[i].scope));)
            append_row(out, info);
    }
    append_tests(out);
}

/* No member needs escaping: the page's check for a stale file would show it. */
void docs_errors_json(struct bytes *out)
{
    static const char *const scopes[] = {"", "op", "doc", "connection"};
    const char *comma = "";

    bytes_append_str(out, "[\n");
    for (uint32_t code = 1; code < WIRE_ERROR_CODES; code++) {
        const struct wire_error_info *info = wire_error_info(code);
        if (!info)
            continue;
        bytes_printf(out,
                     "%s{\"code\":%u,\"name\":\"%s\",\"scope\":\"%s\",\"permanent\":%s,"
                     "\"retry_after_ms\":%u,\"proto\":%s,\"json\":%s,\"sentence\":\"%s\","
                     "\"detail\":\"%s\",\"shown\":\"%s\"}",
                     comma, code, info->word, scopes[info->scope],
                     info->permanent ? "true" : "false", info->retry_ms,
                     info->form & WIRE_FORM_PROTO ? "true" : "false",
                     info->form & WIRE_FORM_JSON ? "true" : "false", info->sentence, info->detail,
                     info->shown ? info->shown : "");
        comma = ",\n";
    }
    bytes_append_str(out, "\n]\n");
}
