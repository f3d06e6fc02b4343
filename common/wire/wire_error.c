#include "wire_error.h"

#include <stddef.h>

/* Dense enough to index by number; gaps stay zero and have no word. */
static const struct wire_error_info infos[] = {
#define X(constant, number, name, reach, is_permanent, wait_ms, forms, test, text, n, advice)      \
    [number] = {.code = WIRE_E_##constant,                                                         \
                .scope = WIRE_SCOPE_##reach,                                                       \
                .form = WIRE_FORM_##forms,                                                         \
                .permanent = is_permanent,                                                         \
                .retry_ms = wait_ms,                                                               \
                .word = name,                                                                      \
                .sentence = text,                                                                  \
                .detail = n,                                                                       \
                .client = advice,                                                                  \
                .shown = test},
    WIRE_ERRORS(X)
#undef X
};
_Static_assert(sizeof infos / sizeof infos[0] <= WIRE_ERROR_CODES, "arrays by code");

const struct wire_error_info *wire_error_info(uint32_t code)
{
    if (code >= sizeof infos / sizeof infos[0] || !infos[code].word)
        return NULL;
    return &infos[code];
}

void wire_error_text(uint32_t code, uint64_t detail, struct bytes *out)
{
    const struct wire_error_info *info = wire_error_info(code);
    const char *sentence = info ? info->sentence : "an error that this build does not know";
    const char *hole = strstr(sentence, "%llu");

    if (!hole) {
        bytes_append_str(out, sentence);
        return;
    }
    bytes_append(out, sentence, (size_t)(hole - sentence));
    bytes_printf(out, "%llu", (unsigned long long)detail);
    bytes_append_str(out, hole + strlen("%llu"));
}
