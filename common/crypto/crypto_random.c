#include "crypto_random.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

#include "must.h"

void crypto_random(void *data, size_t size)
{
    uint8_t *at = data;
    while (size) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        MUST(got > 0);
        at += got;
        size -= (size_t)got;
    }
}
