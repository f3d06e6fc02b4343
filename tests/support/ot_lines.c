/*
 * Requests about the algebra on stdin, answers on stdout, one line each (json_ot.h): what the judge
 * in tests/judge talks to.
 */
#include <stdio.h>
#include <stdlib.h>

#include "json_ot.h"

#define REQUEST_MEMORY_MAX ((size_t)1 << 30)

int main(void)
{
    struct arena mem;
    struct bytes out = BYTES_INIT;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    int status = EXIT_SUCCESS;

    arena_init(&mem, REQUEST_MEMORY_MAX);
    while (status == EXIT_SUCCESS && (size = getline(&line, &capacity, stdin)) > 0) {
        arena_reset(&mem);
        bytes_reset(&out);
        if (line[size - 1] == '\n')
            size--;
        if (json_ot_answer(&mem, slice_of(line, (size_t)size), &out) < 0)
            status = EXIT_FAILURE;
        bytes_append_u8(&out, '\n');
        fwrite(out.data, 1, out.size, stdout);
        fflush(stdout);
    }
    free(line);
    bytes_fini(&out);
    arena_fini(&mem);
    return status;
}
