/* weftctl create: a new document, under a given id or one that nobody can guess. */
#include "codec_text.h"
#include "crypto_random.h"
#include "ctl_args.h"
#include "ctl_edit.h"
#include "ctl_print.h"
#include "json_delta.h"

/* Knowing the id is the permission: 128 random bits. */
#define ID_RANDOM_BYTES 16

struct create {
    struct ctl *ctl;
    struct ctl_edit edit;
    char minted[2 * ID_RANDOM_BYTES + 1];
    struct slice id, text;
    enum wire_doc_kind kind;
};

static void id_mint(struct create *c)
{
    uint8_t random[ID_RANDOM_BYTES];
    struct bytes hex = BYTES_INIT;

    crypto_random(random, sizeof random);
    hex_append(&hex, slice_of(random, sizeof random));
    MUST(!hex.failed);
    memcpy(c->minted, hex.data, hex.size);
    bytes_fini(&hex);
    c->id = slice_of(c->minted, sizeof c->minted - 1);
}

static void print(const struct create *c)
{
    struct bytes out = BYTES_INIT;

    if (c->ctl->args.json) {
        bytes_append_str(&out, "{\"doc\":");
        json_string_write(c->id, &out);
        bytes_printf(&out, ",\"rev\":%llu}", (unsigned long long)c->edit.rev);
    } else {
        bytes_append_slice(&out, c->id);
    }
    bytes_append_u8(&out, '\n');
    ctl_write(c->ctl, &out);
}

static enum ctl_exit create(struct create *c)
{
    const struct ot_op nothing = ctl_edit_nothing(c->kind);
    enum ctl_exit status = ctl_edit_begin(&c->edit, c->ctl);

    if (status == CTL_YES)
        status = ctl_edit_create(&c->edit, c->id, c->kind, &nothing);
    if (status == CTL_YES)
        status = ctl_edit_text(&c->edit, c->text);
    if (status == CTL_YES)
        print(c);
    return status;
}

static enum ctl_exit run(struct ctl *ctl)
{
    struct create c = {.ctl = ctl, .kind = ctl_edit_kind(ctl->args.kind)};
    struct bytes text = BYTES_INIT;

    if (c.kind == WIRE_DOC_NONE)
        fprintf(ctl->err, "weftctl create: --kind is rich or text (weftctl create --help tells)\n");
    if (c.kind == WIRE_DOC_NONE || (ctl->args.doc && !ctl_args_doc(ctl)))
        return CTL_USAGE;
    enum ctl_exit status = CTL_USAGE;
    if (!ctl->args.text || ctl_edit_text_read(ctl, ctl->args.text, &text)) {
        c.id = ctl->args.doc ? slice_str(ctl->args.doc) : slice_of(NULL, 0);
        if (!ctl->args.doc)
            id_mint(&c);
        c.text = bytes_slice(&text);
        status = create(&c);
        ctl_edit_end(&c.edit);
    }
    bytes_fini(&text);
    return status;
}

static const struct ctl_option options[] = {
    {"kind", "KIND", offsetof(struct ctl_args, kind), "rich (default) or text."},
    {"text", "FILE", offsetof(struct ctl_args, text), "A text to put in; - is stdin."},
    {"json", NULL, offsetof(struct ctl_args, json), "An object instead of the id alone."},
    CTL_WHERE_OPTIONS,
};

const struct ctl_verb ctl_verb_create = {
    .name = "create",
    .operand = "[DOC]",
    .summary = "creates a document and tells its id",
    .more = "Without an id one of 128 random bits is made: who knows it may read and write. A\n"
            "document that is there already is refused; of two that create one at once one wins.\n"
            "\n"
            "  weftctl create --text chapter.txt\n"
            "  weftctl create notes --kind text\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
