#include "conf_text.h"

#include "conf_value.h"

void conf_text_variable(struct bytes *out, const char *name)
{
    bytes_append_str(out, "WEFT_");
    for (; *name; name++)
        bytes_append_u8(out, *name == '-'                   ? '_'
                             : *name >= 'a' && *name <= 'z' ? (uint8_t)(*name - 'a' + 'A')
                                                            : (uint8_t)*name);
}

static void append_option(const struct conf_option *o, struct bytes *out)
{
    const char *noun = conf_value_noun(o);
    bytes_printf(out, "\n  --%s%s%s\n      %s\n      ", o->name, *noun ? " " : "", noun, o->help);
    conf_value_append_range(o, out);
    if (o->fallback)
        bytes_printf(out, "; default %s", *o->fallback ? o->fallback : "empty");
    bytes_append_u8(out, '\n');
}

void conf_text_help(const struct conf_spec *spec, struct bytes *out)
{
    bytes_printf(out, "%s: %s\n\nusage: %s [OPTION]...%s%s\n\n", spec->program, spec->summary,
                 spec->program, spec->operands ? " " : "", spec->operands ? spec->operands : "");
    bytes_printf(
        out,
        "An option's value comes from its flag, else from the environment (WEFT_NAME with\n"
        "'_' for '-'), else from the file (name = value, at the top or under [%s]),\n"
        "else its default. Booleans: --name, --no-name.\n"
        "\n  --config FILE\n      File to read; also WEFT_CONFIG.\n"
        "\n  --print-config\n      Show all values and where they come from, and exit.\n"
        "\n  --help, --version\n      Show this text or the version, and exit.\n",
        spec->section);
    for (size_t i = 0; i < spec->count; i++)
        append_option(&spec->options[i], out);
}

void conf_text_version(const struct conf_spec *spec, struct bytes *out)
{
    bytes_printf(out, "%s %s\n", spec->program, spec->version);
}

void conf_text_print(const struct conf_spec *spec, const void *config, const char *const *sources,
                     struct bytes *out)
{
    bytes_printf(out, "[%s]\n", spec->section);
    for (size_t i = 0; i < spec->count; i++) {
        const struct conf_option *o = &spec->options[i];
        bool unset = o->type == CONF_TYPE_STRING &&
                     !*(char *const *)(const void *)((const char *)config + o->offset);
        bytes_printf(out, "; from %s\n%s%s = ", sources[i], unset || o->secret ? "; " : "",
                     o->name);
        if (unset)
            bytes_append_str(out, "(unset)");
        else if (o->secret)
            bytes_append_str(out, "(secret)");
        else
            conf_value_append(o, config, out);
        bytes_append_u8(out, '\n');
    }
}
