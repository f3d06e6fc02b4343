/*
 * What an address of an inbox may be, and the private directory of an ipc:// one. Knows no nng.
 *
 * Errors are a negative errno and a sentence for the operator, which stays until this thread's next
 * one.
 */
#ifndef WEFT_LINK_ADDRESS_H
#define WEFT_LINK_ADDRESS_H

#include <stdbool.h>

/* Of sun_path, without the terminator. */
#define LINK_PATH_SIZE_MAX 107

enum link_scheme {
    LINK_SCHEME_IPC,
    LINK_SCHEME_TLS,
    LINK_SCHEME_TCP,
};

/* Which schemes besides ipc:// are open to this process. */
struct link_address_rules {
    bool tls;
    bool plain_tcp;
};

/* -EINVAL: no address, or of a scheme that the rules do not open. */
int link_address_check(const char *address, const struct link_address_rules *rules,
                       enum link_scheme *ret, const char **ret_why)
    __attribute__((warn_unused_result));
/*
 * Makes the directory of an ipc:// address if it is missing (not its parents), and refuses one that
 * others could enter: who can reach an inbox is believed. -EPERM: not ours, or open to others;
 * other errno: the system's.
 */
int link_address_prepare_directory(const char *address, const char **ret_why)
    __attribute__((warn_unused_result));
/* Returns `error`, with the sentence. */
int link_address_why(const char **ret_why, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
