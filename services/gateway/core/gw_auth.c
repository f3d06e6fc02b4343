#include "gw_auth.h"

static bool open_check(struct slice token, enum wire_role *ret_role)
{
    *ret_role = WIRE_ROLE_OWN;
    return true;
}

const struct gw_auth gw_auth_open = {.name = "open", .check = open_check};
