/* What --help, --version and --print-config show. Internal to conf. */
#ifndef WEFT_CONF_TEXT_H
#define WEFT_CONF_TEXT_H

#include "conf_option.h"

/* WEFT_FRAME_MAX of frame-max. */
void conf_text_variable(struct bytes *out, const char *name);
void conf_text_help(const struct conf_spec *spec, struct bytes *out);
void conf_text_version(const struct conf_spec *spec, struct bytes *out);
/* An INI file that loads to the same configuration; sources[i] says where option i came from. */
void conf_text_print(const struct conf_spec *spec, const void *config, const char *const *sources,
                     struct bytes *out);

#endif
