/* weftctl shards: which worker owns which shard, by the view that Redis has now. */
#include "ctl_args.h"
#include "ctl_members.h"
#include "json_delta.h"

#define DASH(member) ((member) ? (member)->id : "-")

static void shard_print(struct ctl *ctl, const struct cluster_view *view, uint16_t shard)
{
    const struct cluster_member *owner = cluster_view_owner(view, shard);
    const struct cluster_member *next = cluster_view_runner_up(view, shard);

    fprintf(ctl->out,
            ctl->args.json ? "{\"shard\":%u,\"lane\":%u,\"owner\":\"%s\",\"runner_up\":\"%s\"}\n"
                           : "%5u  %4u  %-16s  %s\n",
            shard, cluster_lane_of_shard(shard), DASH(owner), DASH(next));
}

static void sum_print(struct ctl *ctl, const struct cluster_view *view,
                      const struct cluster_member *m, unsigned count)
{
    fprintf(ctl->out,
            ctl->args.json ? "{\"worker\":\"%s\",\"shards\":%u,\"share\":%.3f}\n"
                           : "%-16s  %4u shards  %5.3f of all\n",
            DASH(m), count, count / (double)CLUSTER_SHARD_COUNT);
}

static void sums_print(struct ctl *ctl, const struct cluster_view *view)
{
    unsigned ownerless = 0;

    for (size_t i = 0; i < view->count; i++) {
        unsigned count = 0;
        for (unsigned shard = 0; shard < CLUSTER_SHARD_COUNT; shard++)
            count += view->owner[shard] == i;
        sum_print(ctl, view, &view->members[i], count);
    }
    for (unsigned shard = 0; shard < CLUSTER_SHARD_COUNT; shard++)
        ownerless += view->owner[shard] == CLUSTER_NOBODY;
    if (ownerless)
        sum_print(ctl, view, NULL, ownerless);
}

static enum ctl_exit shards(struct ctl *ctl, struct ctl_servers *servers, void *arg)
{
    struct ctl_members members;
    enum ctl_exit status = ctl_members_read(ctl, servers, REDIS_LIST_WORKERS, &members);

    if (status != CTL_YES)
        return status;
    const struct cluster_view *view = &members.view;
    if ((ctl->args.doc || ctl->args.all) && !ctl->args.json)
        fprintf(ctl->out, "view %llu\n%5s  %4s  %-16s  %s\n", (unsigned long long)view->number,
                "shard", "lane", "owner", "runner-up");
    if (ctl->args.doc)
        shard_print(ctl, view, cluster_shard_of(slice_str(ctl->args.doc)));
    for (unsigned shard = 0; ctl->args.all && shard < CLUSTER_SHARD_COUNT; shard++)
        shard_print(ctl, view, (uint16_t)shard);
    if (!ctl->args.doc && !ctl->args.all)
        sums_print(ctl, view);
    status = cluster_view_owner(view, 0) ? CTL_YES : CTL_NO;
    ctl_members_fini(&members);
    return status;
}

static enum ctl_exit run(struct ctl *ctl)
{
    if (ctl->args.doc && (ctl->args.all || !ctl_args_doc(ctl))) {
        if (ctl->args.all)
            fprintf(ctl->err, "weftctl: --all and a document exclude each other\n");
        return CTL_USAGE;
    }
    return ctl_servers_with(ctl, shards, NULL);
}

static const struct ctl_option options[] = {
    {"all", NULL, offsetof(struct ctl_args, all), "Each of the 1,024 shards instead of sums."},
    {"json", NULL, offsetof(struct ctl_args, json), "One object a line, for programs."},
    CTL_WHERE_OPTIONS,
};

const struct ctl_verb ctl_verb_shards = {
    .name = "shards",
    .operand = "[DOC]",
    .summary = "tells which worker owns which shards, or whose a document is",
    .more = "Owners follow from the list of live workers alone. The runner-up takes over when the\n"
            "owner cannot be reached. Exit status 1 if there is no worker.\n"
            "\n"
            "  weftctl shards\n"
            "  weftctl shards 5f0c\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
