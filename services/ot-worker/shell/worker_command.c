/*
 * What an operator may have done over the admin port (shell.h):
 *
 *     POST /release   body: a document's id. Its quarantine at this worker ends and it is loaded
 *                     anew, so what made it quarantined may do so again: the log tells.
 */
#include "wire_record.h"
#include "worker.h"

static int release(struct worker *w, struct slice doc, struct bytes *words)
{
    if (!wire_doc_id_valid(doc)) {
        bytes_append_str(words, "the body is no document's id\n");
        return 400;
    }
    if (!w->core || !wk_core_release(w->core, doc)) {
        bytes_append_str(words, "the document is not quarantined here\n");
        return 409;
    }
    shell_drive_settle(&w->drive);
    bytes_append_str(words, "the document is loaded anew\n");
    return 200;
}

int worker_command(void *arg, const char *path, struct slice body, struct bytes *words)
{
    return strcmp(path, "/release") == 0 ? release(arg, body, words) : 404;
}
