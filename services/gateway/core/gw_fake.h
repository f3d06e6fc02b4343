/*
 * For the tests of this folder: a shell made of plain memory. Time stands until it is moved; what
 * the core sends to clients and workers is kept, decoded, in order.
 */
#ifndef WEFT_GW_FAKE_H
#define WEFT_GW_FAKE_H

#include "gw_core.h"
#include "rng.h"

#define FAKE_WORKERS 3
#define FAKE_FRAMES_MAX 4096

struct fake_conn {
    struct gw_conn *gw; /* NULL: gone */
    struct refbuf *frames[FAKE_FRAMES_MAX];
    size_t count, seen;
    enum gw_send answer; /* to each send */
    bool closed;
    uint32_t close_code;
};

struct fake_item {
    uint64_t boot;
    struct refbuf *bytes;
};

struct fake {
    struct gw_core *core;
    struct gw_config config;
    uint64_t now_ms;
    struct rng rng;
    struct storage_call *beat_view, *beat_self; /* waiting for an answer */
    struct fake_item items[FAKE_FRAMES_MAX];
    size_t item_count, item_seen;
    bool link_down[FAKE_WORKERS + 1]; /* by number; worker n has boot id n */
    unsigned links_opened, links_closed;
    struct arena mem; /* of decoded frames and items */
    uint64_t view_number;
    unsigned live; /* bit n: worker n is in the view */
    bool encode_fails;
};

/* One gateway; workers whose bit is set in `live` are in its view. `edit` may change the config. */
void fake_start(struct fake *f, unsigned live, void (*edit)(struct gw_config *config));
/* Ends all connections; asserts that nothing is left. */
void fake_stop(struct fake *f);
void fake_view(struct fake *f, unsigned live);
/* Moves time in steps of 10 ms; beats are answered with the view as it is. */
void fake_run(struct fake *f, uint64_t ms);
void fake_beats(struct fake *f);

void fake_connect(struct fake *f, struct fake_conn *c, enum gw_variant variant);
void fake_welcome(struct fake *f, struct fake_conn *c, enum gw_variant variant);
void fake_gone(struct fake_conn *c);
void fake_up(struct fake_conn *c, struct wire_client_frame frame);

/* The next frame that the client has not seen; false: none. */
bool fake_next(struct fake *f, struct fake_conn *c, struct wire_server_frame *ret);
/* The next frame, which must be of this type. */
struct wire_server_frame fake_expect(struct fake *f, struct fake_conn *c, enum wire_down_type type);
void fake_expect_error(struct fake *f, struct fake_conn *c, uint32_t code);
void fake_expect_none(struct fake *f, struct fake_conn *c);

bool fake_item(struct fake *f, uint64_t *ret_boot, struct wire_to_worker *ret);
/* The next item to a worker, of this type; *ret_boot may be NULL. */
struct wire_to_worker fake_expect_item(struct fake *f, enum wire_to_worker_type type,
                                       uint64_t *ret_boot);
void fake_expect_no_item(struct fake *f);

/* An item of worker `boot`. */
void fake_down(struct fake *f, uint64_t boot, const struct wire_to_gateway *item);

#endif
