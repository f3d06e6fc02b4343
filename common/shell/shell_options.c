#include "shell_options.h"

#include <stdio.h>
#include <string.h>

extern char **environ;

const char *const shell_durabilities[] = {"memory", "fsync", "replica", NULL};
const char *const shell_log_formats[] = {"text", "json", NULL};
const char *const shell_log_levels[] = {"debug", "info", "warn", "error", NULL};

int shell_configure(const struct conf_spec *spec, int argc, char *const *argv, void *ret_config,
                    int *ret_status)
{
    struct bytes text = BYTES_INIT;
    int operand; /* the table says that there are none: conf_load refuses */
    int rc = conf_load(spec, argc, argv, environ, ret_config, &text, &operand);

    if (rc == CONF_LOADED) {
        bytes_fini(&text);
        return 0;
    }
    *ret_status = rc == CONF_SHOW ? 0 : rc == CONF_REFUSED ? 2 : 1;
    FILE *to = rc == CONF_SHOW ? stdout : stderr;
    if (rc < 0)
        fprintf(to, "%s: %s\n", spec->program, strerror(-rc));
    else
        fwrite(text.data, 1, text.size, to);
    if (rc == CONF_REFUSED && (!text.size || text.data[text.size - 1] != '\n'))
        fputc('\n', to);
    bytes_fini(&text);
    return 1;
}
