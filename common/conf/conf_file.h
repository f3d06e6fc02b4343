/* The configuration file. Internal to conf; the door to libinih. */
#ifndef WEFT_CONF_FILE_H
#define WEFT_CONF_FILE_H

#include "conf_option.h"

/*
 * A key of our part of the file. Both texts are lent. Returns 0 to go on; any
 * other result ends the reading and is returned by conf_file_read.
 */
typedef int conf_file_fn(void *context, const char *name, const char *value, int line);

/* 0, CONF_REFUSED (explained in text), -ENOMEM, or what fn returned. */
MUST_CHECK int conf_file_read(const struct conf_spec *spec, const char *path, conf_file_fn *fn,
                              void *context, struct bytes *text);

#endif
