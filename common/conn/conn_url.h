/*
 * Where a gateway is: ws://HOST[:PORT][/TARGET]. HOST is a name, an IPv4 address or an IPv6 address
 * in brackets; the port is 80 unless it is given.
 */
#ifndef WEFT_CONN_URL_H
#define WEFT_CONN_URL_H

#include <stdint.h>

#include "ev_address.h"

#define CONN_HOST_MAX 253 /* the longest name in DNS */
#define CONN_TARGET_MAX 1024

struct conn_url {
    char host[CONN_HOST_MAX + 1]; /* without the brackets */
    char port[6];
    char target[CONN_TARGET_MAX + 1]; /* begins with '/' */
};

/* NULL, or what is wrong with it in words; then *ret is untouched. */
const char *conn_url_parse(const char *text, struct conn_url *ret);
/*
 * Looks the host up, which blocks: before a loop runs. Of several addresses an IPv4 one is taken:
 * "localhost" is often both, and listeners are more often on that one. NULL, or what went wrong.
 */
const char *conn_url_resolve(const struct conn_url *url, struct ev_address *ret);
/* HOST:PORT as the Host field of a request has it. */
#define CONN_AUTHORITY_MAX (CONN_HOST_MAX + 2 + 6)
void conn_url_authority(const struct conn_url *url, char ret[CONN_AUTHORITY_MAX + 1]);

#endif
