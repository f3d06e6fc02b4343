#include "conf_file.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>

struct reading {
    const struct conf_spec *spec;
    const char *path;
    conf_file_fn *fn;
    void *context;
    struct bytes *text;
    FILE *file;
    int line;
    int result; /* not 0: the reading is over */
};

static void refuse(struct reading *r, const char *words, const char *what)
{
    bytes_printf(r->text, "%s: %s, line %d: %s%s\n", r->spec->program, r->path, r->line, words,
                 what);
    r->result = CONF_REFUSED;
}

/* libinih would take the rest of a long line for a line of its own. */
static char *read_line(char *out, int size, void *stream)
{
    struct reading *r = stream;
    if (r->result || !fgets(out, size, r->file))
        return NULL;
    r->line++;
    size_t length = strlen(out);
    if (length == 0 || (out[length - 1] != '\n' && !feof(r->file))) {
        refuse(r, "longer than 198 characters, or a NUL in it", "");
        return NULL;
    }
    return out;
}

static bool is_ours(struct reading *r, const char *section)
{
    if (!*section || strcmp(section, r->spec->section) == 0)
        return true;
    const char *const *other = r->spec->other_sections;
    for (; other && *other; other++) {
        if (strcmp(section, *other) == 0)
            return false;
    }
    refuse(r, "unknown section ", section);
    return false;
}

static int take_key(void *user, const char *section, const char *name, const char *value)
{
    struct reading *r = user;
    if (!r->result && is_ours(r, section))
        r->result = r->fn(r->context, name, value ? value : "", r->line);
    return !r->result;
}

int conf_file_read(const struct conf_spec *spec, const char *path, conf_file_fn *fn, void *context,
                   struct bytes *text)
{
    struct reading r = {.spec = spec, .path = path, .fn = fn, .context = context, .text = text};
    r.file = fopen(path, "re");
    if (!r.file) {
        bytes_printf(text, "%s: cannot open %s: %s\n", spec->program, path, strerror(errno));
        return CONF_REFUSED;
    }
    int bad_line = ini_parse_stream(read_line, &r, take_key, &r);
    if (!r.result && ferror(r.file)) {
        bytes_printf(text, "%s: cannot read %s: %s\n", spec->program, path, strerror(errno));
        r.result = CONF_REFUSED;
    }
    if (!r.result && bad_line < 0)
        r.result = -ENOMEM;
    if (!r.result && bad_line > 0) {
        r.line = bad_line;
        refuse(&r, "neither [section] nor name = value", "");
    }
    fclose(r.file);
    return r.result;
}
