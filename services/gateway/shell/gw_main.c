/* The gateway's life: start, the core's time, drain, stop. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "crypto_chain.h"
#include "ev_timer.h"
#include "gw_metrics.h"
#include "gw_process.h"
#include "gw_socket.h"

/* Beyond the drain window: the core's grace for the last client told, and a close handshake. */
#define DRAIN_EXTRA_MS 4000
/* What a frame has besides its op. */
#define OP_ROOM 2048
/* Descriptors that are no client's: listener, admin port, Redis, workers, nng's own. */
#define DESCRIPTORS_KEPT 512

/* ---- what the core is given ---- */

static uint64_t io_now_us(void *ctx)
{
    struct gw_process *p = ctx;

    return (uint64_t)ev_loop_now_us(p->shell.loop);
}

static uint64_t io_clock_us(void *ctx)
{
    (void)ctx;
    return (uint64_t)ev_clock_us();
}

static uint64_t io_random(void *ctx)
{
    struct gw_process *p = ctx;

    return rng_u64(&p->shell.rng);
}

static struct refbuf *io_encode(void *ctx, enum gw_variant variant,
                                const struct wire_server_frame *frame, struct slice encoded)
{
    struct gw_process *p = ctx;
    struct refbuf *made = gw_encode_frame(&p->encoder, variant, frame, encoded);

    if (!made)
        obs_log_event(&p->shell.log, OBS_ERROR, "encode-failed",
                      OBS_FIELDS(obs_u64("frame", frame->type), obs_u64("variant", variant)),
                      "no memory, or stored bytes that are damaged; closing the connection");
    return made;
}

static bool io_payload(void *ctx, enum gw_variant variant, const struct wire_opened *opened,
                       struct bytes *out)
{
    struct gw_process *p = ctx;

    return gw_encode_payload(&p->encoder, variant, opened, out);
}

static enum gw_send io_send(void *ctx, void *conn, struct refbuf *frame)
{
    (void)ctx;
    return gw_socket_send(conn, frame);
}

static void io_close(void *ctx, void *conn, uint32_t code)
{
    (void)ctx;
    gw_socket_close(conn, code);
}

static void io_told(void *ctx, void *conn, const struct gw_told *told)
{
    (void)ctx;
    gw_socket_told(conn, told);
}

static void io_link_open(void *ctx, const struct cluster_member *worker)
{
    struct gw_process *p = ctx;

    gw_links_peer_open(&p->links, worker);
}

static void io_link_close(void *ctx, uint64_t worker_boot)
{
    struct gw_process *p = ctx;

    gw_links_peer_close(&p->links, worker_boot);
}

static bool io_link_send(void *ctx, uint64_t worker_boot, struct slice item)
{
    struct gw_process *p = ctx;

    return gw_links_send(&p->links, worker_boot, item);
}

/* ---- stop ---- */

static void on_closed(void *arg)
{
    struct gw_process *p = arg;

    if (--p->open == 0)
        shell_stop(&p->shell);
}

static void end(struct gw_process *p)
{
    p->phase = GW_ENDING;
    ev_task_cancel(&p->settle);
    if (p->links.node)
        gw_links_close(&p->links, on_closed, p);
    p->core = gw_core_free(p->core);
    if (p->beat.backend)
        backend_close(p->beat.backend, on_closed, p);
    p->tick = p->tick ? ev_timer_free(p->tick) : NULL;
    p->drain_end = p->drain_end ? ev_timer_free(p->drain_end) : NULL;
    if (p->server.loop)
        gw_server_fini(&p->server);
    gw_encoder_fini(&p->encoder);
    if (p->open == 0)
        shell_stop(&p->shell);
}

/* Sockets are gone at the end of the turn; then the rest. */
static void close_all(struct gw_process *p)
{
    if (p->phase >= GW_CLOSING)
        return;
    p->phase = GW_CLOSING;
    if (p->server.loop)
        gw_server_abort(&p->server);
    gw_process_settle(p);
}

static void on_drain_end(void *arg)
{
    struct gw_process *p = arg;

    obs_log_event(&p->shell.log, OBS_WARN, "drain-cut",
                  OBS_FIELDS(obs_u64("sockets", (uint64_t)p->server.stats.sockets)),
                  "not all clients have gone in time; closing");
    close_all(p);
}

static void on_stop(void *arg)
{
    struct gw_process *p = arg;

    p->phase = GW_DRAINING;
    gw_server_stop(&p->server);
    gw_core_drain(p->core);
    ev_timer_start(p->drain_end, (int64_t)p->options.drain_ms + DRAIN_EXTRA_MS);
    gw_process_settle(p);
}

/* ---- the core's time ---- */

static void on_tick(void *arg)
{
    struct gw_process *p = arg;

    p->tick_due_ms = 0;
    gw_core_tick(p->core);
    gw_process_settle(p);
}

void gw_process_settle(void *arg)
{
    struct gw_process *p = arg;

    if (p->phase != GW_ENDING)
        ev_loop_later(p->shell.loop, &p->settle);
}

static void settle(void *arg)
{
    struct gw_process *p = arg;

    if (p->phase == GW_DRAINING && gw_core_drained(p->core) && gw_server_empty(&p->server))
        close_all(p);
    if (p->phase == GW_CLOSING) {
        if (!p->server.loop || gw_server_empty(&p->server))
            end(p);
        return;
    }
    gw_core_turn_end(p->core);
    uint64_t now_ms = (uint64_t)ev_loop_now_ms(p->shell.loop);
    uint64_t due_ms = gw_core_due_ms(p->core);
    if (due_ms == p->tick_due_ms)
        return;
    p->tick_due_ms = due_ms;
    ev_timer_start(p->tick, due_ms > now_ms ? (int64_t)(due_ms - now_ms) : 0);
}

/* ---- start ---- */

static bool refuse(struct gw_process *p, const char *words)
{
    obs_log_event(&p->shell.log, OBS_ERROR, "start-failed", OBS_NO_FIELDS, "%s", words);
    return false;
}

static bool options_check(struct gw_process *p, struct ev_address *ret_listen)
{
    const struct gw_options *o = &p->options;
    struct cluster_member member;

    if (!o->shell.id || !o->link.address)
        return refuse(p, "--id and --link must be given");
    if (cluster_member_make(slice_str(o->shell.id), slice_str(o->link.address), p->shell.boot_id,
                            CLUSTER_LIVE, &member))
        return refuse(p, "--id may have letters, digits, '.', '_' and '-'; --link no spaces");
    if (!ev_address_parse(o->listen, ret_listen))
        return refuse(p, "--listen is not ADDRESS:PORT in numbers");
    if (!ev_address_is_local(ret_listen) && !o->insecure_public)
        return refuse(p, "--listen is not a loopback address, and there is no authentication yet: "
                         "--insecure-public says that this is meant");
    if (o->frame_bytes_max < o->op_bytes_max + OP_ROOM)
        return refuse(p, "--frame-max must hold an op of --op-max and 2 KiB");
    if (crypto_init())
        return refuse(p, "OpenSSL gives no SHA-256 or SHA-1");
    return true;
}

/* Commas become ends of strings. */
static void drain_to_split(struct gw_process *p)
{
    char *rest = p->options.drain_to, *one;

    while (rest && p->drain_to_count < GW_DRAIN_ADDRESSES_MAX && (one = strsep(&rest, ",")))
        if (*one)
            p->drain_to[p->drain_to_count++] = one;
}

/* Who is too many is to be told so, which takes a descriptor. */
static uint32_t connections_max(struct gw_process *p)
{
    uint64_t wanted = (uint64_t)p->options.connections_max, room;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return (uint32_t)wanted;
    room = limit.rlim_cur > 2 * DESCRIPTORS_KEPT ? limit.rlim_cur - DESCRIPTORS_KEPT
                                                 : limit.rlim_cur / 2;
    if (wanted <= room)
        return (uint32_t)wanted;
    obs_log_event(&p->shell.log, OBS_INFO, "connections-max", OBS_FIELDS(obs_u64("max", room)),
                  "the limit of open files allows no more; going on with these");
    return (uint32_t)room;
}

static bool core_start(struct gw_process *p)
{
    const struct gw_options *o = &p->options;
    struct gw_config config = {.id = o->shell.id,
                               .address = o->link.address,
                               .boot_id = p->shell.boot_id,
                               .heartbeat_ms = (uint32_t)o->heartbeat_ms,
                               .hello_ms = (uint32_t)o->hello_ms,
                               .frames_per_s_max = (uint32_t)o->frames_per_s_max,
                               .connections_max = p->server.config.connections_max,
                               .out_bytes_max = o->out_bytes_max,
                               .unacked_bytes_max = o->unacked_bytes_max,
                               .payload_bytes_max = o->payload_bytes_max,
                               .attachments_max = (uint64_t)o->open_documents_max,
                               .frame_bytes_max = (uint32_t)o->frame_bytes_max,
                               .op_bytes_max = (uint32_t)o->op_bytes_max,
                               .presence_bytes_max = (uint32_t)o->presence_bytes_max,
                               .presence_per_s_max = (uint32_t)o->presence_per_s_max,
                               .documents_max = (uint32_t)o->documents_max,
                               .drain_ms = (uint32_t)o->drain_ms,
                               .addresses = p->drain_to,
                               .address_count = p->drain_to_count};
    struct gw_io io = {.ctx = p,
                       .now_us = io_now_us,
                       .clock_us = io_clock_us,
                       .random = io_random,
                       .storage = backend_storage(p->beat.backend),
                       .encode = io_encode,
                       .payload = io_payload,
                       .send = io_send,
                       .close = io_close,
                       .told = io_told,
                       .link_open = io_link_open,
                       .link_close = io_link_close,
                       .link_send = io_link_send};

    p->core = gw_core_new(&config, &io);
    if (!p->core)
        return refuse(p, "memory is out");
    p->server.core = p->links.core = p->beat.core = p->core;
    return true;
}

static bool links_start(struct gw_process *p)
{
    const struct gw_options *o = &p->options;
    const char *why = "";
    struct link_node_config config = shell_link_config(&o->link, p->shell.boot_id);
    int rc = gw_links_init(&p->links, p->shell.loop, &config, &p->shell.log, &why);

    if (rc == 0) {
        p->links.stirred = gw_process_settle;
        p->links.stirred_arg = p;
        p->open++;
        return true;
    }
    obs_log_event(&p->shell.log, OBS_ERROR, "start-failed",
                  OBS_FIELDS(obs_str("link", o->link.address)), "%s: %s", why, strerror(-rc));
    return false;
}

static bool server_start(struct gw_process *p)
{
    const struct gw_options *o = &p->options;
    struct gw_server_config config = {.connections_max = connections_max(p),
                                      .request_ms = (uint32_t)o->request_ms,
                                      .out_bytes_max = (uint32_t)o->out_bytes_max,
                                      .frame_bytes_max = (uint32_t)o->frame_bytes_max,
                                      .input_bytes_max = o->input_bytes_max};

    if (gw_server_init(&p->server, &config, p->shell.loop, &p->shell.log))
        return refuse(p, "memory is out");
    ev_loop_set_out_max(p->shell.loop, o->out_total_bytes_max);
    p->server.stirred = gw_process_settle;
    p->server.stirred_arg = p;
    return true;
}

static bool page_start(struct gw_process *p)
{
    struct bytes why = BYTES_INIT;
    struct gw_page *page = &p->server.page;

    if (!p->options.web)
        return true;
    int rc = gw_page_load(page, p->options.web, p->drain_to, p->drain_to_count, &why);
    if (rc)
        obs_log_event(&p->shell.log, OBS_ERROR, "start-failed",
                      OBS_FIELDS(obs_str("web", p->options.web)), "%.*s", (int)why.size,
                      why.data ? (char *)why.data : "");
    else
        obs_log_event(&p->shell.log, OBS_INFO, "page",
                      OBS_FIELDS(obs_str("web", p->options.web), obs_u64("files", page->web.count),
                                 obs_u64("bytes", page->web.bytes)),
                      "serving the page");
    bytes_fini(&why);
    return rc == 0;
}

static bool listen_start(struct gw_process *p, const struct ev_address *address)
{
    int rc = gw_server_listen(&p->server, address);

    if (rc == 0)
        return true;
    obs_log_event(&p->shell.log, OBS_ERROR, "start-failed",
                  OBS_FIELDS(obs_str("listen", p->options.listen)), "cannot listen there: %s",
                  strerror(-rc));
    return false;
}

static bool start(struct gw_process *p)
{
    struct ev_address address;

    if (!options_check(p, &address))
        return false;
    drain_to_split(p);
    p->tick = ev_timer_new(p->shell.loop, on_tick, p);
    p->drain_end = ev_timer_new(p->shell.loop, on_drain_end, p);
    if (!p->tick || !p->drain_end)
        return refuse(p, "memory is out");
    if (!gw_beat_start(&p->beat, &p->shell, &p->options.shell))
        return false;
    p->open++;
    p->beat.stirred = gw_process_settle;
    p->beat.stirred_arg = p;
    return links_start(p) && server_start(p) && page_start(p) && core_start(p) &&
           listen_start(p, &address);
}

/* ---- the process ---- */

static bool ready(void *arg, struct bytes *words)
{
    struct gw_process *p = arg;

    if (p->phase != GW_RUNNING || !p->core || !shell_storage_ready(p->beat.backend, words))
        return false;
    if (!gw_core_ready(p->core))
        bytes_append_str(words, "no worker in the view yet");
    return gw_core_ready(p->core);
}

static const struct cluster_view *view(void *arg)
{
    struct gw_process *p = arg;

    return p->phase == GW_ENDING || !p->core ? NULL : gw_core_view(p->core);
}

static const struct shell_service service = {
    .name = "gateway", .on_stop = on_stop, .ready = ready, .metrics = gw_metrics, .view = view};

static void started(struct gw_process *p)
{
    char listen[EV_ADDRESS_TEXT_MAX];
    struct ev_address address;

    gw_server_address(&p->server, &address);
    ev_address_format(&address, listen);
    obs_log_event(&p->shell.log, OBS_INFO, "started",
                  OBS_FIELDS(obs_str("gateway", p->options.shell.id),
                             obs_boot("boot", p->shell.boot_id), obs_str("listen", listen),
                             obs_str("link", link_node_address(p->links.node))),
                  "taking clients");
}

static int run(struct gw_process *p)
{
    bool good = shell_start(&p->shell, &service, &p->options.shell, p);

    ev_task_init(&p->settle, settle, p);
    gw_encoder_init(&p->encoder);
    good = good && start(p);
    if (good) {
        started(p);
        shell_run(&p->shell);
    }
    /* Stopped without a drain, or never started: what is open still has to close. */
    if (p->phase != GW_ENDING && p->shell.loop) {
        close_all(p);
        shell_run(&p->shell);
    }
    shell_end(&p->shell);
    return good && !p->beat.storage.refused ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static struct gw_process process;
    int status;

    if (shell_configure(&gw_spec, argc, argv, &process.options, &status))
        return status;
    status = run(&process);
    conf_fini(&gw_spec, &process.options);
    return status;
}
