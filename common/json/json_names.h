/* How the values of enums are written. Index: the value. Internal to this folder. */
#ifndef WEFT_JSON_NAMES_H
#define WEFT_JSON_NAMES_H

#include <stddef.h>

extern const char *const json_up_names[7];
extern const char *const json_down_names[11];
extern const char *const json_kind_names[6];
extern const char *const json_doc_kind_names[3];
extern const char *const json_role_names[4];
extern const char *const json_outcome_names[5];
extern const char *const json_scope_names[4];

#endif
