/*
 * weftctl find: which document a log speaks of. Logs, metrics and dashboards name a document by 12
 * digits (obs_doc_tag), because to know an id is to be permitted.
 */
#include <string.h>

#include "ctl_docs.h"
#include "ctl_print.h"
#include "json_delta.h"
#include "obs_log.h"

struct find {
    struct ctl *ctl;
    uint64_t found;
};

static bool wants(void *arg, struct slice id)
{
    const struct find *f = arg;
    char tag[OBS_DOC_TAG_SIZE + 1];

    obs_doc_tag(id, tag);
    return strcmp(tag, f->ctl->args.doc) == 0;
}

static enum ctl_exit each(void *arg, struct slice id)
{
    struct find *f = arg;

    f->found++;
    if (f->ctl->args.json) {
        struct bytes out = BYTES_INIT;
        bytes_append_str(&out, "{\"doc\":");
        json_string_write(id, &out);
        bytes_append_str(&out, "}\n");
        ctl_write(f->ctl, &out);
    } else {
        fprintf(f->ctl->out, "%.*s\n", (int)id.size, (const char *)id.data);
    }
    return CTL_YES;
}

static enum ctl_exit find(struct ctl *ctl, struct ctl_servers *servers, void *arg)
{
    struct find f = {.ctl = ctl};
    const struct ctl_docs_visitor visitor = {.wants = wants, .each = each, .arg = &f};
    enum ctl_exit status = ctl_docs_visit(ctl, servers, &visitor);

    if (status == CTL_YES && !f.found) {
        fprintf(ctl->err, "weftctl: no document that is stored has the digits %s\n", ctl->args.doc);
        status = CTL_NO;
    }
    return status;
}

static bool args_check(struct ctl *ctl)
{
    const char *tag = ctl->args.doc;

    if (tag && strlen(tag) == OBS_DOC_TAG_SIZE && strspn(tag, "0123456789abcdef") == strlen(tag))
        return true;
    fprintf(ctl->err, "weftctl find: which %d digits, as a log has them? (--help tells)\n",
            OBS_DOC_TAG_SIZE);
    return false;
}

static enum ctl_exit run(struct ctl *ctl)
{
    return args_check(ctl) ? ctl_servers_with(ctl, find, NULL) : CTL_USAGE;
}

static const struct ctl_option options[] = {
    {"json", NULL, offsetof(struct ctl_args, json), "An object instead of the id alone."},
    CTL_WHERE_OPTIONS,
};

const struct ctl_verb ctl_verb_find = {
    .name = "find",
    .operand = "DIGITS",
    .summary = "tells the id of a document that a log names by 12 digits",
    .more =
        "All documents that are stored are looked at, so it takes some seconds for each million.\n"
        "\n"
        "  weftctl verify \"$(weftctl find 3f09a1b2c4d5)\"\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
