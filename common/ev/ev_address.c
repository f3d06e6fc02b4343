#include "ev_address.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool port_parse(const char *text, in_port_t *ret)
{
    unsigned long port = 0;

    if (!*text || strlen(text) > 5)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        port = port * 10 + (unsigned long)(*text - '0');
    }
    if (port > 65535)
        return false;
    *ret = htons((uint16_t)port);
    return true;
}

static bool unix_parse(const char *path, struct ev_address *ret)
{
    size_t size = strlen(path);

    if (size == 0 || size >= sizeof ret->un.sun_path)
        return false;
    ret->un.sun_family = AF_UNIX;
    memcpy(ret->un.sun_path, path, size + 1);
    ret->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + 1);
    return true;
}

static bool inet_parse(const char *host, const char *port, struct ev_address *ret)
{
    ret->in.sin_family = AF_INET;
    ret->size = sizeof ret->in;
    return inet_pton(AF_INET, host, &ret->in.sin_addr) == 1 && port_parse(port, &ret->in.sin_port);
}

static bool inet6_parse(const char *host, const char *port, struct ev_address *ret)
{
    ret->in6.sin6_family = AF_INET6;
    ret->size = sizeof ret->in6;
    return inet_pton(AF_INET6, host, &ret->in6.sin6_addr) == 1 &&
           port_parse(port, &ret->in6.sin6_port);
}

bool ev_address_parse(const char *text, struct ev_address *ret)
{
    struct ev_address parsed = {0};
    char host[EV_ADDRESS_TEXT_MAX];
    const char *colon = strrchr(text, ':');
    bool good;

    if (strncmp(text, "unix:", 5) == 0) {
        good = unix_parse(text + 5, &parsed);
    } else if (!colon || (size_t)(colon - text) >= sizeof host) {
        return false;
    } else if (text[0] == '[' && colon > text + 1 && colon[-1] == ']') {
        snprintf(host, sizeof host, "%.*s", (int)(colon - text) - 2, text + 1);
        good = inet6_parse(host, colon + 1, &parsed);
    } else {
        snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
        good = inet_parse(host, colon + 1, &parsed);
    }
    if (good)
        *ret = parsed;
    return good;
}

void ev_address_format(const struct ev_address *address, char out[static EV_ADDRESS_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN] = "?";

    switch (address->sa.sa_family) {
    case AF_INET:
        inet_ntop(AF_INET, &address->in.sin_addr, host, sizeof host);
        snprintf(out, EV_ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(address->in.sin_port));
        return;
    case AF_INET6:
        inet_ntop(AF_INET6, &address->in6.sin6_addr, host, sizeof host);
        snprintf(out, EV_ADDRESS_TEXT_MAX, "[%s]:%u", host, ntohs(address->in6.sin6_port));
        return;
    case AF_UNIX:
        /* A client that did not bind has no path. */
        snprintf(out, EV_ADDRESS_TEXT_MAX, "unix:%s",
                 address->size > offsetof(struct sockaddr_un, sun_path) ? address->un.sun_path
                                                                        : "");
        return;
    default:
        snprintf(out, EV_ADDRESS_TEXT_MAX, "?");
    }
}

bool ev_address_is_local(const struct ev_address *address)
{
    switch (address->sa.sa_family) {
    case AF_INET:
        return ntohl(address->in.sin_addr.s_addr) >> 24 == 127;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(&address->in6.sin6_addr);
    default:
        return address->sa.sa_family == AF_UNIX;
    }
}
