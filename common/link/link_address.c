#include "link_address.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "link_frame.h"

#define IPC_PREFIX "ipc://"

int link_address_why(const char **ret_why, int error, const char *format, ...)
{
    static _Thread_local char why[512];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    *ret_why = why;
    return error;
}

static bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static int path_check(const char *address, const char **ret_why)
{
    const char *path = address + strlen(IPC_PREFIX);
    const char *name = strrchr(path, '/');
    size_t size = strlen(path);

    if (*path != '/' || name == path || name[1] == 0)
        return link_address_why(ret_why, -EINVAL,
                                "'%s': must be ipc:// and the absolute path of a socket in a "
                                "directory of its own",
                                address);
    if (size > LINK_PATH_SIZE_MAX)
        return link_address_why(ret_why, -EINVAL,
                                "'%s': the path has %zu bytes, and that of a unix socket at most "
                                "%d",
                                address, size, LINK_PATH_SIZE_MAX);
    return 0;
}

/* The inbox's address is also what peers dial, so a wildcard makes no sense there either. */
static int host_check(const char *address, const char **ret_why)
{
    const char *host = strstr(address, "://") + 3;
    const char *colon = strrchr(host, ':');

    if (colon && colon > host && colon[1] >= '0' && colon[1] <= '9' && *host != '*' &&
        !starts_with(host, "0.0.0.0") && !starts_with(host, "[::]") && !strchr(host, '/'))
        return 0;
    return link_address_why(ret_why, -EINVAL,
                            "'%s': must name one host and a port, as peers dial them", address);
}

int link_address_check(const char *address, const struct link_address_rules *rules,
                       enum link_scheme *ret, const char **ret_why)
{
    enum link_scheme scheme;
    int r;

    if (!link_address_is_plain(slice_str(address)))
        return link_address_why(ret_why, -EINVAL,
                                "an inbox's address has 1 to %d printable ASCII characters and no "
                                "space",
                                LINK_ADDRESS_SIZE_MAX);
    if (starts_with(address, IPC_PREFIX)) {
        scheme = LINK_SCHEME_IPC;
        r = path_check(address, ret_why);
    } else if (starts_with(address, "tls+tcp://")) {
        scheme = LINK_SCHEME_TLS;
        if (!rules->tls)
            return link_address_why(ret_why, -EINVAL,
                                    "'%s': needs the CA's file, a file with certificate and key, "
                                    "and the certificates' name",
                                    address);
        r = host_check(address, ret_why);
    } else if (starts_with(address, "tcp://")) {
        scheme = LINK_SCHEME_TCP;
        if (!rules->plain_tcp)
            return link_address_why(ret_why, -EINVAL,
                                    "'%s': an inbox believes whoever reaches it, so plain TCP must "
                                    "be allowed explicitly; tls+tcp:// is the way",
                                    address);
        r = host_check(address, ret_why);
    } else {
        return link_address_why(ret_why, -EINVAL,
                                "'%s': not one of ipc:///DIRECTORY/NAME, tls+tcp://HOST:PORT and "
                                "tcp://HOST:PORT",
                                address);
    }
    if (r == 0)
        *ret = scheme;
    return r;
}

static int directory_check(const char *directory, const char **ret_why)
{
    struct stat st;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) < 0) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return link_address_why(ret_why, -error, "directory '%s' of the inbox: %s", directory,
                                strerror(error));
    }
    close(fd);
    if (st.st_uid != geteuid())
        return link_address_why(ret_why, -EPERM,
                                "directory '%s' of the inbox: belongs to user %u, must belong to "
                                "user %u",
                                directory, (unsigned)st.st_uid, (unsigned)geteuid());
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return link_address_why(ret_why, -EPERM,
                                "directory '%s' of the inbox: its mode is 0%o, must be 0700: who "
                                "can enter it is believed",
                                directory, (unsigned)(st.st_mode & 07777));
    return 0;
}

int link_address_prepare_directory(const char *address, const char **ret_why)
{
    char directory[LINK_PATH_SIZE_MAX + 1];
    const char *path = address + strlen(IPC_PREFIX);
    size_t size = (size_t)(strrchr(path, '/') - path);

    memcpy(directory, path, size);
    directory[size] = 0;
    if (mkdir(directory, S_IRWXU) < 0 && errno != EEXIST) {
        int error = errno;
        return link_address_why(ret_why, -error, "making directory '%s' of the inbox: %s",
                                directory, strerror(error));
    }
    return directory_check(directory, ret_why);
}
