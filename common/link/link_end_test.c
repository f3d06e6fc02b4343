#include "link_end_test.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

struct ev_loop *loop;
char directory[64];

/* ---- callbacks ------------------------------------------------------------------------------ */

static void on_contact(void *arg, uint64_t boot_id, const char *address)
{
    struct end *e = arg;

    e->contacts++;
    struct link_peer *before = e->peer;
    if (link_node_peer_open(e->node, address, boot_id, e, &e->peer) < 0)
        e->contacts_refused++;
    else if (before)
        e->expected = 1; /* another process begins anew */
}

static uint8_t item_byte(uint64_t number, size_t i)
{
    return (uint8_t)(number * 31 + i * 7);
}

static void item_check(struct end *e, struct slice item)
{
    ck_assert_uint_ge(item.size, 8);
    uint64_t number = load_be64(item.data);

    if (e->gap_allowed)
        ck_assert_uint_ge(number, e->expected);
    else
        ck_assert_uint_eq(number, e->expected);
    for (size_t at = 8; at < item.size; at++)
        if (item.data[at] != item_byte(number, at))
            ck_abort_msg("item %lu is damaged at %zu", (unsigned long)number, at);
    e->expected = number + 1;
    e->received++;
}

static void on_items(void *arg, struct link_peer *peer, const struct slice *items, size_t count)
{
    struct end *e = arg;

    /* What a peer that was replaced had sent may be told before it is closed. */
    for (size_t i = 0; i < count && peer == e->peer; i++)
        item_check(e, items[i]);
    if (e->close_on_item)
        end_close_begin(e);
}

static void on_reset(void *arg, struct link_peer *peer, enum link_reset reason)
{
    struct end *e = arg;

    e->resets[reason]++;
    if (reason != LINK_RESET_REPLACED)
        return;
    link_peer_close(peer);
    if (e->peer == peer)
        e->peer = NULL;
}

static void on_silent(void *arg, struct link_peer *peer)
{
    ((struct end *)arg)->silent++;
}

static void on_heard(void *arg, struct link_peer *peer)
{
    ((struct end *)arg)->heard++;
}

/* ---- ends ----------------------------------------------------------------------------------- */

void end_init(struct end *e, const char *name, uint64_t boot_id)
{
    *e = (struct end){.expected = 1};
    snprintf(e->address, sizeof e->address, "ipc://%s/%s", directory, name);
    e->config.link = (struct link_config){
        .boot_id = boot_id,
        .address = e->address,
        .callbacks = {.on_contact = on_contact,
                      .on_items = on_items,
                      .on_reset = on_reset,
                      .on_silent = on_silent,
                      .on_heard = on_heard},
        .arg = e,
    };
}

void end_open(struct end *e)
{
    int r = link_node_new(loop, &e->config, &e->node, &e->why);

    ck_assert_msg(r == 0, "%s", e->why);
    if (strncmp(e->address, "ipc", 3) == 0)
        ck_assert_str_eq(link_node_address(e->node), e->address);
    snprintf(e->address, sizeof e->address, "%s", link_node_address(e->node));
}

void end_start(struct end *e, const char *name, uint64_t boot_id)
{
    end_init(e, name, boot_id);
    end_open(e);
}

void end_dial(struct end *e, const char *address, uint64_t boot_id)
{
    ck_assert_int_eq(link_node_peer_open(e->node, address, boot_id, e, &e->peer), 0);
}

int end_send(struct end *e, size_t size)
{
    uint8_t *item = malloc(size);

    ck_assert_ptr_nonnull(item);
    store_be64(item, ++e->sent);
    for (size_t i = 8; i < size; i++)
        item[i] = item_byte(e->sent, i);
    int r = link_peer_send(e->peer, item, size);
    free(item);
    return r;
}

static void end_closed(void *arg)
{
    struct end *e = arg;

    e->closed = true;
    e->node = NULL;
}

void end_close_begin(struct end *e)
{
    e->closing = true;
    e->close_on_item = false;
    e->peer = NULL;
    link_node_close(e->node, end_closed, e);
}

void end_close(struct end *e)
{
    if (!e->closing)
        end_close_begin(e);
    WAIT(e->closed);
    if (strncmp(e->address, "ipc://", 6) == 0)
        ck_assert_msg(access(e->address + 6, F_OK) < 0, "the socket's file is left");
}

uint64_t end_resets(const struct end *e)
{
    uint64_t n = 0;

    for (int reason = 0; reason <= LINK_RESET_REPLACED; reason++)
        n += e->resets[reason];
    return n;
}

struct link_stats *end_stats(struct end *e)
{
    return &link_node_core(e->node)->stats;
}

/* ---- fixtures ------------------------------------------------------------------------------- */

/* Entries of a directory of links that point to something of this kind. */
static int entries(const char *path, const char *kind)
{
    DIR *d = opendir(path);
    struct dirent *e;
    int n = 0;

    ck_assert_ptr_nonnull(d);
    while ((e = readdir(d))) {
        char target[64] = "";
        if (*kind && readlinkat(dirfd(d), e->d_name, target, sizeof target - 1) < 0)
            continue;
        n += strncmp(target, kind, strlen(kind)) == 0;
    }
    closedir(d);
    return n;
}

static int threads(void)
{
    return entries("/proc/self/task", "");
}

static int sockets(void)
{
    return entries("/proc/self/fd", "socket:");
}

static int threads_before, sockets_before;

void end_setup(void)
{
    struct end e;

    loop = ev_loop_new(NULL);
    ck_assert_ptr_nonnull(loop);
    strcpy(directory, "/tmp/weft-link-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    sockets_before = sockets();
    /* nng's own threads stay once they are there. */
    end_start(&e, "first", 1);
    end_close(&e);
    threads_before = threads();
}

void end_teardown(void)
{
    /* nng lets go of a connection a moment after its socket was closed. */
    WAIT(sockets() == sockets_before);
    ck_assert_int_eq(threads(), threads_before);
    /* MUSTs that nothing is alive. */
    loop = ev_loop_free(loop);
    ck_assert_int_eq(rmdir(directory), 0);
}
