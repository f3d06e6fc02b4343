#include "load_options.h"

#include <string.h>
#include <sys/resource.h>

#include "conf_option.h"
#include "conn_url.h"
#include "load_typing.h"

#define PROGRAM "weft-load"
/* Descriptors besides the connections: the loop's, files, children's pipes. */
#define FILES_OTHER 64

const char *const load_mode_names[LOAD_MODES] = {"trace", "closed", "rate", "calibrate"};

static const char *const summaries[LOAD_MODES] = {
    "types a recorded session into a new document, one op after the other, and compares",
    "every editor types as soon as its last op was acknowledged: the most that goes through",
    "types so many ops per second, answered or not: how long they take",
    "measures what this kernel does without Weft: an echo over as many sockets",
};

/* As messages begin. */
static const char *const programs[LOAD_MODES] = {"weft-load trace", "weft-load closed",
                                                 "weft-load rate", "weft-load calibrate"};
static const char *const operands[LOAD_MODES] = {"FILE", NULL, NULL, NULL};

static const char overview[] =
    "usage: weft-load MODE [OPTION...]\n"
    "\n"
    "  trace FILE   "
    "a recorded editing session, gzipped or not, through the whole stack\n"
    "  closed       "
    "editors that wait for each acknowledgement: throughput\n"
    "  rate         "
    "editors that do not wait: latency at a given load; with --tokens for chaos\n"
    "  calibrate    "
    "a bare echo server: the kernel's floor for the same sockets and frames\n"
    "\n"
    "Each mode has options of its own: weft-load MODE --help. The last line of output is one JSON\n"
    "object. Exit status: 0 all is well, 1 something was lost, differs or failed, 2 wrong usage.\n";

#define T (1u << LOAD_TRACE)
#define C (1u << LOAD_CLOSED)
#define R (1u << LOAD_RATE)
#define K (1u << LOAD_CALIBRATE)

#define O struct load_options
static const struct {
    unsigned modes;
    struct conf_option option;
} rows[] = {
    {T | C | R, CONF_STRING(O, url, "url", "ws://127.0.0.1:8080/", 2048, "The gateway.")},
    {T | C | R, CONF_STRING(O, dir, "dir", ".run", 4000,
                            "Directory of the instance behind it (scripts/up --dir), for the "
                            "servers' CPU time and the archiver's lag.")},
    {C | R, CONF_INT(O, docs, "docs", "50", 1, 100000, "Documents.")},
    {C | R, CONF_INT(O, editors, "editors", "4", 1, 10000, "Editors of each document.")},
    {T, CONF_INT(O, editors, "editors", "2", 1, 100, "One types, the others look on.")},
    {C | R, CONF_INT(O, connections, "connections", "0", 0, 1000000,
                     "Connections that all editors share; 0: one for each editor.")},
    {K, CONF_INT(O, connections, "connections", "200", 1, 1000000, "Connections.")},
    {C | R, CONF_INT(O, seconds, "seconds", "10", 1, 86400, "Length of the measurement.")},
    {K, CONF_INT(O, seconds, "seconds", "5", 1, 3600, "Length of the measurement.")},
    {C | R, CONF_INT(O, warmup_s, "warmup", "1", 0, 3600, "Seconds of typing before it.")},
    {T | C | R, CONF_INT(O, settle_s, "settle", "60", 1, 3600,
                         "Seconds to wait for the last acknowledgements; what is missing then "
                         "counts as lost.")},
    {R, CONF_INT(O, rate, "rate", "2000", 1, 10000000, "Ops per second, of all editors together.")},
    {R, CONF_BOOL(O, tokens, "tokens", "false",
                  "Every op inserts a token of its own; told what to do on standard input "
                  "(scripts/chaos), until then without end.")},
    {T, CONF_INT(O, compose, "compose", "1", 1, 10000, "Patches of the session in each op.")},
    {K, CONF_INT(O, up_bytes, "up", "100", 1, 65536, "Bytes to the server, each time.")},
    {K, CONF_INT(O, down_bytes, "down", "100", 1, 65536, "Bytes back.")},
    {C | R, CONF_INT(O, seed, "seed", "0", 0, INT64_MAX, "Of what is typed; 0: by chance.")},
    {T | C | R | K, CONF_BOOL(O, json, "json", "false", "Print the JSON object alone.")},
    {T | C | R | K, CONF_BOOL(O, quiet, "quiet", "false", "No progress on standard error.")},
};
#undef O

#define ROWS (sizeof rows / sizeof *rows)

static int refuse(struct bytes *text, const char *what, const char *name)
{
    bytes_printf(text, PROGRAM ": %s%.80s (--help tells)\n", what, name);
    return CONF_REFUSED;
}

static bool mode_of(const char *name, enum load_mode_kind *ret)
{
    for (unsigned i = 0; i < LOAD_MODES; i++) {
        if (strcmp(name, load_mode_names[i]) == 0) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* Every socket is a descriptor. */
static int files_check(const struct load_options *o, struct bytes *text)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if ((uint64_t)o->connections + FILES_OTHER <= limit.rlim_max)
        return 0;
    bytes_printf(text,
                 PROGRAM ": %lld connections: a process may open %llu files here, %d of them "
                         "for other things (--connections)\n",
                 (long long)o->connections, (unsigned long long)limit.rlim_max, FILES_OTHER);
    return CONF_REFUSED;
}

/* As it is written; whether its host is to be found is the network's matter. */
static int url_check(const struct load_options *o, struct bytes *text)
{
    struct conn_url url;
    const char *wrong = o->url ? conn_url_parse(o->url, &url) : NULL;

    if (!wrong)
        return 0;
    bytes_printf(text, PROGRAM ": --url %.200s: %s (--help tells)\n", o->url, wrong);
    return CONF_REFUSED;
}

static int connections_check(struct load_options *o, struct bytes *text)
{
    if (o->mode == LOAD_TRACE)
        o->docs = 1;
    if (o->mode != LOAD_CALIBRATE && o->connections == 0)
        o->connections = o->docs * o->editors;
    if (o->mode != LOAD_CALIBRATE && o->connections < o->editors) {
        bytes_printf(text,
                     PROGRAM ": --connections %lld: at least one for each of the %lld editors "
                             "of a document, which a connection opens once\n",
                     (long long)o->connections, (long long)o->editors);
        return CONF_REFUSED;
    }
    return files_check(o, text);
}

/* The options of one mode, in the table that common/conf wants. */
static struct conf_spec spec_of(enum load_mode_kind mode, struct conf_option *options)
{
    struct conf_spec spec = {.program = programs[mode],
                             .version = "0.1.0",
                             .summary = summaries[mode],
                             .operands = operands[mode],
                             .section = "load",
                             .options = options};

    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].modes & 1u << mode)
            options[spec.count++] = rows[i].option;
    }
    return spec;
}

int load_options_read(int argc, char *const *argv, char *const *envp, struct load_options *ret,
                      struct bytes *text)
{
    struct conf_option options[ROWS];
    struct load_options o = {0};
    int operand;

    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        bytes_append_str(text, overview);
        return argc < 2 ? CONF_REFUSED : CONF_SHOW;
    }
    if (!mode_of(argv[1], &o.mode))
        return refuse(text, "no mode is called ", argv[1]);
    /* The file may stand before the options or behind them. */
    int skip = 1;
    if (o.mode == LOAD_TRACE && argc > 2 && argv[2][0] != '-') {
        o.file = argv[2];
        skip = 2;
    }
    struct conf_spec spec = spec_of(o.mode, options);
    int r = conf_load(&spec, argc - skip, argv + skip, envp, &o, text, &operand);
    if (r)
        return r;
    operand += skip;
    if (o.mode == LOAD_TRACE && !o.file && operand < argc)
        o.file = argv[operand++];
    if (operand < argc)
        r = refuse(text, "unexpected argument ", argv[operand]);
    else if (o.mode == LOAD_TRACE && !o.file)
        r = refuse(text, "trace: no FILE", "");
    else
        r = url_check(&o, text);
    if (r == 0)
        r = connections_check(&o, text);
    if (r)
        conf_fini(&spec, &o);
    else
        *ret = o;
    return r;
}

void load_options_fini(struct load_options *o)
{
    struct conf_option options[ROWS];
    struct conf_spec spec = spec_of(o->mode, options);

    conf_fini(&spec, o);
}
