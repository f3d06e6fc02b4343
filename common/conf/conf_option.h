/*
 * A program's options, declared once in one table, which gives flags, environment, configuration
 * file, --help and --print-config:
 *
 *     struct gw_config { char *listen; int64_t loops; uint64_t frame_bytes_max; ... };
 *
 *     static const struct conf_option options[] = {
 *         CONF_STRING(struct gw_config, listen, "listen", "127.0.0.1:8080", 255, "Where to
 * listen."), CONF_INT(struct gw_config, loops, "loops", "1", 1, 64, "Event loops."),
 *         CONF_BYTES(struct gw_config, frame_bytes_max, "frame-max", "1MiB", 1024, 1 << 24, "..."),
 *         CONF_MS(struct gw_config, drain_ms, "drain", "10s", 0, 600000, "..."),
 *         CONF_BOOL(struct gw_config, insecure_public, "insecure-public", "false", "..."),
 *         CONF_ENUM(struct gw_config, durability, "durability", "fsync", durabilities, "..."),
 *     };
 *
 * Precedence: flag (--frame-max 2MiB, --frame-max=2MiB), environment (WEFT_FRAME_MAX), file,
 * default. The types of the fields are checked by the compiler.
 */
#ifndef WEFT_CONF_OPTION_H
#define WEFT_CONF_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

enum conf_type {
    CONF_TYPE_STRING, /* char *, owned by the configuration; NULL if unset */
    CONF_TYPE_INT,    /* int64_t */
    CONF_TYPE_BYTES,  /* uint64_t; "64KiB": B, KiB, MiB, GiB (K, M, G mean the same) */
    CONF_TYPE_MS,     /* uint64_t; "250ms": ms, s, m, h. Only 0 needs no unit */
    CONF_TYPE_ENUM,   /* int: index into choices */
    CONF_TYPE_BOOL,   /* bool; true/false, yes/no, on/off, 1/0. Flags: --name, --no-name */
};

struct conf_option {
    const char *name; /* lower-case words joined by '-' */
    enum conf_type type;
    size_t offset;
    const char *fallback;       /* the default, as text; NULL only for a string */
    int64_t min, max;           /* of the value; of a string's length */
    const char *const *choices; /* ENUM: ends with NULL */
    bool secret;                /* never printed */
    const char *help;
};

#define CONF_AT(type, field, c_type)                                                               \
    (offsetof(type, field) + 0 * _Generic(&((type *)0)->field, c_type * : 1))

#define CONF_STRING(type, field, name, fallback, size_max, help)                                   \
    {                                                                                              \
        name, CONF_TYPE_STRING, CONF_AT(type, field, char *), fallback, 0, size_max, NULL, false,  \
            help                                                                                   \
    }
#define CONF_SECRET(type, field, name, fallback, size_max, help)                                   \
    {                                                                                              \
        name, CONF_TYPE_STRING, CONF_AT(type, field, char *), fallback, 0, size_max, NULL, true,   \
            help                                                                                   \
    }
#define CONF_INT(type, field, name, fallback, min, max, help)                                      \
    {                                                                                              \
        name, CONF_TYPE_INT, CONF_AT(type, field, int64_t), fallback, min, max, NULL, false, help  \
    }
#define CONF_BYTES(type, field, name, fallback, min, max, help)                                    \
    {                                                                                              \
        name, CONF_TYPE_BYTES, CONF_AT(type, field, uint64_t), fallback, min, max, NULL, false,    \
            help                                                                                   \
    }
#define CONF_MS(type, field, name, fallback, min, max, help)                                       \
    {                                                                                              \
        name, CONF_TYPE_MS, CONF_AT(type, field, uint64_t), fallback, min, max, NULL, false, help  \
    }
#define CONF_ENUM(type, field, name, fallback, choices, help)                                      \
    {                                                                                              \
        name, CONF_TYPE_ENUM, CONF_AT(type, field, int), fallback, 0, 0, choices, false, help      \
    }
#define CONF_BOOL(type, field, name, fallback, help)                                               \
    {                                                                                              \
        name, CONF_TYPE_BOOL, CONF_AT(type, field, bool), fallback, 0, 0, NULL, false, help        \
    }

struct conf_spec {
    const char *program; /* "weft-gateway" */
    const char *version;
    const char *summary;  /* one line */
    const char *operands; /* usage of what may follow the flags, NULL: nothing */
    /* Section of the file that is ours, besides what stands before any section. */
    const char *section;
    /* Sections of other programs, which are skipped (ends with NULL); any other is refused. */
    const char *const *other_sections;
    const struct conf_option *options;
    size_t count;
};

/* Outcomes of conf_load; -ENOMEM besides. */
enum conf_outcome {
    CONF_LOADED = 0,
    CONF_SHOW,    /* --help, --version, --print-config: print the text, exit with 0 */
    CONF_REFUSED, /* print the text (one line) to stderr, exit with 2 */
};

/*
 * Reads flags, environment, file (--config FILE or WEFT_CONFIG) and defaults into *ret_config,
 * which the options' offsets refer to (fields without an option are left alone); end it with
 * conf_fini if CONF_LOADED. Appends to text otherwise. *ret_operand: index in argv of the first
 * operand, argc if there is none.
 *
 * Refused are unknown flags, unknown or repeated keys in our part of the file, and any value that
 * is out of its range, also one that a source of higher precedence overrides. Unknown WEFT_
 * variables are not: programs share an environment.
 *
 * The file is INI as libinih reads it: `name = value`, `;` or `#` begin a comment line, ` ;` a
 * comment behind a value, lines of at most 198 characters.
 */
MUST_CHECK int conf_load(const struct conf_spec *spec, int argc, char *const *argv,
                         char *const *envp, void *ret_config, struct bytes *text, int *ret_operand);
void conf_fini(const struct conf_spec *spec, void *config);

/*
 * Is the table sound: names well-formed and unique, defaults within range, help given? NULL, or
 * what is wrong; *ret_row is then the row. Each program's test asks.
 */
const char *conf_spec_check(const struct conf_spec *spec, size_t *ret_row);

#endif
