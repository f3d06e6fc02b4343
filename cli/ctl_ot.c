/*
 * weftctl ot: the algebra for people and for other languages, one JSON line asks, one answers
 * (json_ot.h).
 *
 * Nothing that a line holds ends the loop: whoever drives it counts answers to know which is whose.
 */
#include "ctl_ot.h"

#include "ctl_verb.h"
#include "json_ot.h"

/* Twice the greatest document as JSON; protects from a peer that never sends a newline. */
#define LINE_BYTES_MAX ((size_t)64 << 20)
/* JSON takes up to 50 times its text when it is read: protects from an array of empty arrays. */
#define MEMORY_BYTES_MAX ((size_t)1 << 30)

enum line { LINE_READ, LINE_TOO_LONG, LINE_NONE };

/* Not getline(), which would hold whatever comes. What is too long is passed over. */
static enum line line_read(FILE *in, struct bytes *line)
{
    int c;
    bool any = false;

    bytes_reset(line);
    while ((c = getc_unlocked(in)) != EOF) {
        any = true;
        if (c == '\n')
            break;
        bytes_append_u8(line, (uint8_t)c);
    }
    if (line->failed)
        return LINE_TOO_LONG;
    return any ? LINE_READ : LINE_NONE;
}

static void refuse(struct bytes *out, const char *what, size_t bytes_max)
{
    bytes_reset(out);
    bytes_printf(out, "{\"error\":{\"code\":\"too-large\",\"message\":\"%s %zu bytes\"}}", what,
                 bytes_max);
}

bool ctl_ot_answer_lines(FILE *in, FILE *out, const struct ctl_ot_bounds *bounds)
{
    struct arena mem;
    struct bytes line, answer = BYTES_INIT;
    enum line got;
    bool written = true;

    arena_init(&mem, bounds->memory_bytes_max);
    bytes_init(&line, bounds->line_bytes_max);
    while (written && (got = line_read(in, &line)) != LINE_NONE) {
        arena_reset(&mem);
        bytes_reset(&answer);
        if (got == LINE_TOO_LONG)
            refuse(&answer, "the line is longer than", bounds->line_bytes_max);
        else if (json_ot_answer(&mem, bytes_slice(&line), &answer) < 0)
            refuse(&answer, "to answer would take more memory than", bounds->memory_bytes_max);
        bytes_append_u8(&answer, '\n');
        written = !answer.failed && fwrite(answer.data, 1, answer.size, out) == answer.size &&
                  fflush(out) == 0;
    }
    bytes_fini(&answer);
    bytes_fini(&line);
    arena_fini(&mem);
    return written;
}

static enum ctl_exit run(struct ctl *ctl)
{
    const struct ctl_ot_bounds bounds = {LINE_BYTES_MAX, MEMORY_BYTES_MAX};

    if (ctl_ot_answer_lines(ctl->in, ctl->out, &bounds))
        return CTL_YES;
    fprintf(ctl->err, "weftctl ot: the answers cannot be written\n");
    return CTL_UNREACHABLE;
}

const struct ctl_verb ctl_verb_ot = {
    .name = "ot",
    .summary = "answers requests about the algebra, one JSON line each",
    .more =
        "Reads requests from stdin and writes one line for each, in order:\n"
        "\n"
        "  {\"fn\":\"apply\",\"doc\":[...],\"a\":[...]}                    a on doc\n"
        "  {\"fn\":\"compose\",\"a\":[...],\"b\":[...]}                    a, then b\n"
        "  {\"fn\":\"transform\",\"a\":[...],\"b\":[...],\"first\":true}     b rewritten to apply "
        "after a\n"
        "  {\"fn\":\"invert\",\"doc\":[...],\"a\":[...]}                   what undoes a, made on "
        "doc\n"
        "  {\"fn\":\"cursor\",\"a\":[...],\"index\":7}                     where it is after a; "
        "with\n"
        "       \"sticks_left\":true what a inserts there comes behind it\n"
        "  {\"fn\":\"encode\",\"a\":[...]}                               the binary form, as "
        "hex\n"
        "  {\"fn\":\"decode\",\"hex\":\"...\"}                             and back\n"
        "\n"
        "Documents and operations are arrays of Delta components, for instance\n"
        "[{\"retain\":3},{\"insert\":\"x\",\"attributes\":{\"bold\":true}},{\"delete\":1}]; an "
        "answer is\n"
        "{\"result\":[...]} or {\"error\":{\"code\":\"...\",\"message\":\"...\"}}. \"first\" says "
        "whether a comes\n"
        "first in the order of the server; \"rich\":true asks for the rule of the final newline.\n"
        "A line may have 64 MiB.\n"
        "\n"
        "  echo "
        "'{\"fn\":\"apply\",\"doc\":[{\"insert\":\"ac\"}],\"a\":[{\"retain\":1},{\"insert\":\"b\"}]"
        "}' |\n"
        "    weftctl ot\n",
    .run = run,
};
