#include "must.h"

#include <stdio.h>
#include <stdlib.h>

void must_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "weft: bug: %s:%d: %s does not hold; stopping before it can harm a document\n",
            file, line, what);
    fflush(stderr);
    abort();
}
