/*
 * Socket addresses as text: "127.0.0.1:8080", "[::1]:8080", "unix:/run/x.sock". Numbers only: name
 * lookup blocks, so names are resolved before a loop runs.
 */
#ifndef WEFT_EV_ADDRESS_H
#define WEFT_EV_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#define EV_ADDRESS_TEXT_MAX 128

struct ev_address {
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    };
    socklen_t size;
};

/* False if the text is none of the forms above (a unix path may have at most 107 bytes). */
bool ev_address_parse(const char *text, struct ev_address *ret);
void ev_address_format(const struct ev_address *address, char out[static EV_ADDRESS_TEXT_MAX]);
/* 127.0.0.0/8, ::1 or a unix socket. */
bool ev_address_is_local(const struct ev_address *address);

#endif
