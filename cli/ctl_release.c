/*
 * weftctl release: ends a document's quarantine. Every process is asked, because the worker that
 * put the document into quarantine need not be the one that owns it by now.
 */
#include "ctl_admin.h"
#include "ctl_args.h"
#include "ctl_print.h"
#include "ev_loop.h"
#include "json_delta.h"

#define RELEASED 200
#define NOT_HERE 409 /* a worker, at which it is in no quarantine */

static void released_print(struct ctl *ctl, const struct ctl_process *p)
{
    struct bytes out = BYTES_INIT;

    if (ctl->args.json) {
        bytes_append_str(&out, "{\"doc\":");
        json_string_write(slice_str(ctl->args.doc), &out);
        bytes_append_str(&out, ",\"worker\":");
        json_string_write(slice_str(p->name), &out);
        bytes_append_str(&out, "}\n");
    } else {
        bytes_printf(&out, "%s: %s\n", p->name, p->why);
    }
    ctl_write(ctl, &out);
}

static enum ctl_exit answer(struct ctl *ctl, const struct ctl_admin *admin)
{
    size_t released = 0, workers = 0, silent = 0;

    for (size_t i = 0; i < admin->count; i++) {
        const struct ctl_process *p = &admin->processes[i];
        if (p->status == RELEASED)
            released_print(ctl, p);
        if (p->status == 0)
            fprintf(ctl->err, "weftctl: %s: %s\n", p->name, p->why);
        released += p->status == RELEASED;
        workers += p->status == NOT_HERE;
        silent += p->status == 0;
    }
    if (released)
        return CTL_YES;
    if (workers)
        fprintf(ctl->err, "weftctl: '%s' is in no quarantine at any worker that answers\n",
                ctl->args.doc);
    else
        fprintf(ctl->err,
                "weftctl: no worker answers (--admin or WEFT_ADMIN says where they are)\n");
    return silent || !workers ? CTL_UNREACHABLE : CTL_NO;
}

static enum ctl_exit run(struct ctl *ctl)
{
    struct ctl_where where;
    struct ctl_admin admin;

    if (!ctl_args_doc(ctl) || !ctl_where_find(ctl, &where))
        return CTL_USAGE;
    enum ctl_exit status = ctl_admin_find(ctl, &where, &admin);
    if (status != CTL_YES)
        return status;
    struct ev_loop *loop = ev_loop_new(NULL);
    MUST(loop);
    ctl_admin_command(&admin, loop, "/release", slice_str(ctl->args.doc));
    status = answer(ctl, &admin);
    ev_loop_free(loop);
    ctl_admin_fini(&admin);
    return status;
}

static const struct ctl_option options[] = {
    {"json", NULL, offsetof(struct ctl_args, json), "One object a line, for programs."},
    CTL_WHERE_OPTIONS,
};

const struct ctl_verb ctl_verb_release = {
    .name = "release",
    .operand = "DOC",
    .summary = "ends a document's quarantine",
    .more =
        "A document is put into quarantine, and nobody can open it, where what is stored of it\n"
        "cannot be right. Find out why first (weftctl verify) and mend it; then this has it\n"
        "loaded anew. If it still cannot be right it is back in quarantine at once: get --live\n"
        "tells. Exit status 1 if it is in no quarantine.\n"
        "\n"
        "  weftctl verify \"$(weftctl find 3f09a1b2c4d5)\"\n"
        "  weftctl release 5f0c && weftctl get --live 5f0c\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
