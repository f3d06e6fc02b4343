#include "conn_url.h"

#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "must.h"

static const char *const scheme = "ws://";

/* The host's characters, as many as there are. Brackets make it an IPv6 address. */
static size_t host_size(const char *text, bool brackets)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    static const char ipv6[] = "abcdefABCDEF0123456789:.";

    return strspn(text, brackets ? ipv6 : name);
}

/* Takes HOST off the front of *text. */
static const char *take_host(const char **text, struct conn_url *url)
{
    bool brackets = **text == '[';
    const char *at = *text + brackets;
    size_t size = host_size(at, brackets);

    if (size == 0)
        return "has no host";
    if (size > CONN_HOST_MAX)
        return "has a host of more than 253 characters";
    memcpy(url->host, at, size);
    url->host[size] = 0;
    at += size;
    if (brackets && *at++ != ']')
        return "has a bracket that is not closed";
    *text = at;
    return NULL;
}

static const char *take_port(const char **text, struct conn_url *url)
{
    if (**text != ':') {
        strcpy(url->port, "80");
        return NULL;
    }
    const char *digits = *text + 1;
    size_t size = strspn(digits, "0123456789");
    unsigned long port = strtoul(digits, NULL, 10);
    if (size == 0 || size > 5 || port == 0 || port > 65535)
        return "has a port that is not 1 to 65535";
    snprintf(url->port, sizeof url->port, "%u", (unsigned)port % 65536);
    *text = digits + size;
    return NULL;
}

static const char *take_target(const char *text, struct conn_url *url)
{
    if (*text == 0) {
        strcpy(url->target, "/");
        return NULL;
    }
    if (*text != '/')
        return "has something other than a port or a '/' behind its host";
    for (const char *c = text; *c; c++) {
        if (*c <= ' ' || *c >= 0x7f || *c == '#')
            return "has a character in its path that does not belong there";
    }
    if (strlen(text) > CONN_TARGET_MAX)
        return "has a path of more than 1024 characters";
    strcpy(url->target, text);
    return NULL;
}

const char *conn_url_parse(const char *text, struct conn_url *ret)
{
    struct conn_url url;

    if (strncmp(text, scheme, strlen(scheme)) != 0)
        return "does not begin with ws://";
    text += strlen(scheme);
    const char *wrong = take_host(&text, &url);
    if (!wrong)
        wrong = take_port(&text, &url);
    if (!wrong)
        wrong = take_target(text, &url);
    if (!wrong)
        *ret = url;
    return wrong;
}

const char *conn_url_resolve(const struct conn_url *url, struct ev_address *ret)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int r = getaddrinfo(url->host, url->port, &hints, &found);

    if (r)
        return gai_strerror(r);
    MUST(found); /* getaddrinfo(3): one at least */
    const struct addrinfo *best = found;
    while (best && best->ai_family != AF_INET)
        best = best->ai_next;
    if (!best)
        best = found;
    *ret = (struct ev_address){.size = best->ai_addrlen};
    memcpy(&ret->sa, best->ai_addr, best->ai_addrlen);
    freeaddrinfo(found);
    return NULL;
}

void conn_url_authority(const struct conn_url *url, char ret[CONN_AUTHORITY_MAX + 1])
{
    bool ipv6 = strchr(url->host, ':');

    snprintf(ret, CONN_AUTHORITY_MAX + 1, "%s%s%s:%s", ipv6 ? "[" : "", url->host, ipv6 ? "]" : "",
             url->port);
}
