/* One value: from text to its field and back. Internal to conf. */
#ifndef WEFT_CONF_VALUE_H
#define WEFT_CONF_VALUE_H

#include "conf_option.h"

/* Stores the value of a text. */
enum conf_value_outcome { CONF_VALUE_OK = 0, CONF_VALUE_BAD };
/* CONF_VALUE_OK, CONF_VALUE_BAD (field untouched) or -ENOMEM. */
MUST_CHECK int conf_value_parse(const struct conf_option *o, const char *text, void *config);
/* Appends the value as text that parses to the same value. Nothing for an unset string. */
void conf_value_append(const struct conf_option *o, const void *config, struct bytes *out);
/* Appends what the option accepts: "a whole number from 1 to 64". */
void conf_value_append_range(const struct conf_option *o, struct bytes *out);
/* Placeholder for usage: "NUMBER". */
const char *conf_value_noun(const struct conf_option *o);

#endif
