/*
 * The live dashboard at /dashboard of every admin port: one page without outside assets, which asks
 * the processes of this machine for their /metrics itself and keeps the last minutes in memory.
 *
 *     /dashboard            the page (dashboard.html and dashboard.js, embedded as one)
 *     /dashboard/services   [{"name":"gateway-1","address":"127.0.0.1:9101"},...]
 *     /dashboard/view       who serves what, from a gateway or a worker; 404 from others
 *
 * Which processes there are is told by the directory of --admin-file: each writes its address there
 * when it starts and takes it away when it ends. The lists of members in Redis would not do: they
 * have no archivers and no admin ports, and an admin port is on loopback, so whatever another
 * machine runs could not be asked from here anyway. For many machines there is Prometheus.
 */
#ifndef WEFT_SHELL_DASHBOARD_H
#define WEFT_SHELL_DASHBOARD_H

#include <stdbool.h>

#include "cluster_view.h"
#include "ev_http.h"

struct shell;

/* False: not one of these paths. */
bool shell_dashboard_answer(struct shell *s, const char *path, struct ev_http_reply *reply);
/* {"number":7,"members":[{"id":"w1","state":"live"},...],"owners":[0,1,...]}; -1: nobody. */
void shell_view_append(struct bytes *out, const struct cluster_view *view);

#endif
