/*
 * weft-docs PAGE [--check FILE]: prints a page of docs/ that is made from tables in the code, or
 * says whether FILE is what would be printed. scripts/docs writes them all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docs_page.h"

static const struct {
    const char *name;
    void (*make)(struct bytes *out);
} pages[] = {{"errors", docs_errors},
             {"errors-json", docs_errors_json},
             {"limits", docs_limits},
             {"limits-json", docs_limits_json},
             {"metrics", docs_metrics}};

static void file_read(const char *path, struct bytes *out)
{
    FILE *file = fopen(path, "r");
    char part[4096];
    size_t n;

    if (!file) {
        perror(path);
        exit(1);
    }
    while ((n = fread(part, 1, sizeof part, file)) > 0)
        bytes_append(out, part, n);
    fclose(file);
}

static size_t line_of(struct slice text, size_t at)
{
    size_t line = 1;

    for (size_t i = 0; i < at; i++)
        line += text.data[i] == '\n';
    return line;
}

static int check(const char *path, struct slice made)
{
    struct bytes file = BYTES_INIT;
    size_t same = 0;

    file_read(path, &file);
    while (same < file.size && same < made.size && file.data[same] == made.data[same])
        same++;
    bool fresh = same == file.size && same == made.size;
    if (!fresh)
        fprintf(stderr, "%s is stale from line %zu on: scripts/docs makes it anew\n", path,
                line_of(made, same));
    bytes_fini(&file);
    return fresh ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct bytes out = BYTES_INIT;
    int status = EXIT_SUCCESS;

    for (size_t i = 0; argc > 1 && i < sizeof pages / sizeof *pages; i++)
        if (strcmp(argv[1], pages[i].name) == 0)
            pages[i].make(&out);
    if (out.failed || !out.size || (argc != 2 && !(argc == 4 && strcmp(argv[2], "--check") == 0))) {
        fprintf(stderr, "usage: weft-docs PAGE [--check FILE]\n");
        bytes_fini(&out);
        return 2;
    }
    if (argc == 4)
        status = check(argv[3], bytes_slice(&out));
    else
        fwrite(out.data, 1, out.size, stdout);
    bytes_fini(&out);
    return status;
}
