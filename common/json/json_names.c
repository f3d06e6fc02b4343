#include "json_names.h"

const char *const json_up_names[7] = {"", "hello", "open", "submit", "close", "presence", "ping"};
const char *const json_down_names[11] = {"",      "welcome",  "opened", "chunk",
                                         "entry", "accepted", "error",  "presence",
                                         "drain", "pong",     "closed"};
const char *const json_kind_names[6] = {"none", "create", "edit", "title", "permission", "close"};
const char *const json_doc_kind_names[3] = {"none", "rich", "text"};
const char *const json_role_names[4] = {"none", "read", "write", "own"};
const char *const json_outcome_names[5] = {"none", "up-to-date", "ops", "snapshot", "resync"};
const char *const json_scope_names[4] = {"none", "op", "doc", "connection"};
