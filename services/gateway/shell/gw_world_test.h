/*
 * For the tests of this folder: listener, sockets and encoding with the real core on a real loop,
 * in one process. A client is a raw socket, and the loop takes a step whenever the client waits, so
 * live objects and accounts can be looked at. Storage and links lead nowhere.
 */
#ifndef WEFT_GW_WORLD_TEST_H
#define WEFT_GW_WORLD_TEST_H

#include "ev_loop.h"
#include "gw_encode.h"
#include "gw_socket.h"
#include "support_client.h"

extern struct ev_loop *loop;
extern struct gw_encoder encoder;
extern struct gw_server server;
extern struct gw_core *core;
extern struct ev_address address;

void world_start(uint32_t connections_max, uint32_t request_ms, size_t input_bytes_max);
/* Waits until all sockets are gone; nothing may be left. */
void world_stop(void);
/* Checked fixture. */
void world_setup(void);
/* One step of the loop. */
void world_pump(int fd);
/* Answers what the core has asked of storage: it is down. */
void world_storage_down(void);

void world_open(struct support_client *c, enum ws_protocol protocol);
/* The same, and Hello. */
void world_welcome(struct support_client *c, enum ws_protocol protocol);
/* The connection works. */
void world_ping(struct support_client *c, uint64_t nonce);
/* What was asked over HTTP is answered with this status and these words, and the end. */
void world_asks(const char *request, const char *status, const char *words);

#endif
