#include "ctl_members.h"

#include <stdlib.h>

#include "codec_text.h"

struct reading {
    struct ctl_members *members;
    bool damaged;
};

static bool member_take(struct cluster_view *view, const struct redis_member *from)
{
    struct cluster_member member;
    enum cluster_state state;
    uint64_t boot_id = 0;

    /* The boot id names a run of the process, in 16 digits; what is no number is shown as none. */
    for (size_t i = 0; i < from->boot.size && i < 16; i++) {
        int digit = from->boot.data[i] <= '9' ? from->boot.data[i] - '0'
                                              : (from->boot.data[i] | 32) - 'a' + 10;
        boot_id = boot_id << 4 | (unsigned)(digit & 15);
    }
    return cluster_state_parse(from->state, &state) &&
           cluster_member_make(from->id, from->address, boot_id, state, &member) == 0 &&
           cluster_view_add(view, &member) == 0;
}

static uint64_t silent_ms_of(const struct redis_beat_reply *reply, const char *id)
{
    for (size_t i = 0; i < reply->count; i++) {
        if (slice_equal(reply->members[i].id, slice_str(id)))
            return reply->members[i].silent_ms;
    }
    return 0;
}

static void members_take(void *arg, const struct redis_beat_reply *reply)
{
    struct reading *r = arg;
    struct cluster_view *view = &r->members->view;

    cluster_view_fini(view); /* of a question that was asked again */
    cluster_view_init(view, reply->view);
    r->members->now_ms = reply->now_ms;
    for (size_t i = 0; i < reply->count; i++)
        r->damaged = !member_take(view, &reply->members[i]) || r->damaged;
    r->damaged = cluster_view_seal(view) != 0 || r->damaged;
    free(r->members->silent_ms);
    r->members->silent_ms = calloc(view->count + 1, sizeof *r->members->silent_ms);
    MUST(r->members->silent_ms);
    for (size_t i = 0; i < view->count; i++)
        r->members->silent_ms[i] = silent_ms_of(reply, view->members[i].id);
}

enum ctl_exit ctl_members_read(struct ctl *ctl, struct ctl_servers *servers,
                               enum redis_member_list list, struct ctl_members *ret)
{
    struct reading r = {.members = ret};

    *ret = (struct ctl_members){0};
    cluster_view_init(&ret->view, 0);
    enum ctl_exit status = ctl_ask_members(servers, list, members_take, &r);
    if (status == CTL_YES && !r.damaged)
        return CTL_YES;
    if (status != CTL_UNREACHABLE)
        fprintf(ctl->err, "weftctl: the list of members in Redis cannot be used: %s\n",
                r.damaged ? "an entry in it is damaged" : ctl_servers_refusal(servers));
    ctl_members_fini(ret);
    return CTL_UNREACHABLE;
}

void ctl_members_fini(struct ctl_members *members)
{
    cluster_view_fini(&members->view);
    free(members->silent_ms);
    members->silent_ms = NULL;
}
