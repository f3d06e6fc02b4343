/*
 * Who is it? Asked once per connection with the token of its Hello. The only member today is
 * *open*: everybody may do everything, knowing a document's id is the permission (and gateways bind
 * to loopback unless told otherwise).
 */
#ifndef WEFT_GW_AUTH_H
#define WEFT_GW_AUTH_H

#include "wire_record.h"

struct gw_auth {
    const char *name;
    /* False: WIRE_E_UNAUTHENTICATED. *ret_role is what a document's own permissions start from. */
    bool (*check)(struct slice token, enum wire_role *ret_role);
};

extern const struct gw_auth gw_auth_open;

#endif
