/*
 * Parsing by the library, in the caller's arena (json_door.h).
 *
 * The awkward case is memory that runs out within the library. Its lexer ignores that a byte could
 * not be saved and then looks for the quote that was to end the string, far behind its buffer: a
 * hostile text could make it write there. So an allocation that is refused never returns to it: we
 * jump out, and since all it has is in the arena, nothing is left behind.
 */
#include "json_door.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "ot_op.h"

static _Thread_local struct {
    struct arena *mem; /* NULL between calls */
    jmp_buf refused;   /* where to go when it has no more */
} door;

static void *door_malloc(size_t size)
{
    MUST(door.mem);
    void *at = arena_alloc(door.mem, size);
    if (!at)
        longjmp(door.refused, 1);
    return at;
}

static void door_free(void *at)
{
    /* The arena's owner forgets everything at once. */
}

static void door_set(void)
{
    json_set_alloc_funcs(door_malloc, door_free);
}

void json_error_set(struct json_error *error, int outcome, const char *format, ...)
{
    va_list args;

    if (!error)
        return;
    error->outcome = outcome;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
}

/*
 * The library names a lone surrogate by its escape only; say what it is. And it quotes the text
 * (`near '…'`), cut anywhere and in whatever encoding it came: that is nobody's to log, and not
 * even UTF-8, so only the place is told.
 */
static int parse_failed(const json_error_t *e, struct json_error *error)
{
    enum json_error_code code = json_error_code(e);

    if (code == json_error_invalid_syntax && strstr(e->text, "invalid Unicode"))
        return json_bad_as(error, OT_BAD_UTF8,
                           "half of a surrogate pair at byte %d: text must be whole characters",
                           e->position);
    if (code == json_error_stack_overflow)
        return json_bad_as(error, OT_TOO_LARGE,
                           "it nests deeper at byte %d than the limit of %d levels", e->position,
                           JSON_PARSER_MAX_DEPTH);
    if (code == json_error_numeric_overflow)
        return json_bad_as(error, OT_TOO_LARGE,
                           "a number at byte %d is beyond the limit of doubles, %.17g", e->position,
                           DBL_MAX);
    const char *quote = strstr(e->text, " near '");
    int size = quote ? (int)(quote - e->text) : (int)strlen(e->text);
    return json_bad_as(error, code == json_error_invalid_utf8 ? OT_BAD_UTF8 : 0,
                       "not JSON: %.*s at byte %d", size, e->text, e->position);
}

int json_door_parse(struct arena *mem, struct slice text, json_t **ret, struct json_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const size_t flags =
        JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL;
    json_error_t e = {0};

    pthread_once(&once, door_set);
    door.mem = mem;
    if (setjmp(door.refused)) {
        door.mem = NULL;
        return -ENOMEM;
    }
    json_t *value = json_loadb(text.size ? (const char *)text.data : "", text.size, flags, &e);
    door.mem = NULL;
    if (!value)
        return parse_failed(&e, error);
    *ret = value;
    return 0;
}

bool json_whole(const json_t *value, uint64_t max, uint64_t *ret)
{
    double v = json_is_real(value) ? json_real_value(value) : -1;

    /* 2^64 is the first double beyond uint64_t. */
    if (!(v >= 0) || v != floor(v) || v >= 18446744073709551616.0 || (uint64_t)v > max)
        return false;
    *ret = (uint64_t)v;
    return true;
}
