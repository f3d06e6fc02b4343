/* weft-load: options, the mode's part, the run, the result. */
#include <signal.h>
#include <stdio.h>

#include "conf_option.h"
#include "load_calibrate.h"
#include "load_modes.h"
#include "load_report.h"
#include "load_run.h"

extern char **environ;

enum { EXIT_GOOD = 0, EXIT_BAD = 1, EXIT_USAGE = 2 };

static int complain(const struct bytes *why)
{
    fprintf(stderr, "weft-load: %.*s\n", (int)why->size, (const char *)why->data);
    return EXIT_BAD;
}

static int run(const struct load_options *o, const struct load_mode *mode, void *mode_data)
{
    struct bytes why = BYTES_INIT;
    struct load_result result;
    struct load_world *w = load_world_new(o, mode, mode_data, &why);
    int status = EXIT_BAD;

    if (!w) {
        complain(&why);
    } else if (!load_run(w, &result)) {
        complain(&w->failure);
    } else {
        if (mode == &load_chaos)
            load_chaos_print_end(mode_data, &result.tally);
        load_result_print(w, &result);
        status = load_result_good(&result) ? EXIT_GOOD : EXIT_BAD;
    }
    load_world_free(w);
    bytes_fini(&why);
    return status;
}

static int run_trace(const struct load_options *o)
{
    struct load_replay replay = {0};
    struct bytes why = BYTES_INIT;
    int status;

    bytes_printf(&why, "%s: ", o->file);
    if (trace_read(o->file, &replay.trace, &why)) {
        status = run(o, &load_replay, &replay);
        trace_fini(&replay.trace);
    } else {
        status = complain(&why);
    }
    bytes_fini(&why);
    return status;
}

static int run_mode(const struct load_options *o)
{
    struct load_rate rate = {0};
    struct load_chaos chaos = {0};
    struct bytes why = BYTES_INIT;
    int status = EXIT_BAD;

    switch (o->mode) {
    case LOAD_TRACE:
        return run_trace(o);
    case LOAD_CLOSED:
        return run(o, &load_closed, NULL);
    case LOAD_RATE:
        return o->tokens ? run(o, &load_chaos, &chaos) : run(o, &load_rate, &rate);
    case LOAD_CALIBRATE:
        status = load_calibrate(o, &why);
        if (why.size)
            complain(&why);
        bytes_fini(&why);
        return status;
    case LOAD_MODES:
        break;
    }
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    struct bytes text = BYTES_INIT;
    struct load_options options;

    signal(SIGPIPE, SIG_IGN);
    int r = load_options_read(argc, argv, environ, &options, &text);
    if (r) {
        fprintf(r == CONF_SHOW ? stdout : stderr, "%.*s", (int)text.size, (const char *)text.data);
        bytes_fini(&text);
        return r == CONF_SHOW ? EXIT_GOOD : r < 0 ? EXIT_BAD : EXIT_USAGE;
    }
    int status = run_mode(&options);
    load_options_fini(&options);
    return status;
}
