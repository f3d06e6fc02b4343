/*
 * Sources are read from the strongest to the weakest; each value is checked when it is met, so a
 * bad one is refused even if another source overrides it, and stored only if no stronger one was.
 */
#include "conf_file.h"
#include "conf_option.h"
#include "conf_text.h"
#include "conf_value.h"

#include <errno.h>
#include <stdlib.h>

/* Compared by address. */
static const char source_flag[] = "flag";
static const char source_variable[] = "environment";
static const char source_file[] = "file";
static const char source_default[] = "default";

struct loading {
    const struct conf_spec *spec;
    void *config;         /* where values go */
    void *scratch;        /* where values go that are only checked */
    const char **sources; /* by option; NULL: no value yet */
    struct bytes *text;
    const char *path; /* of the file, or NULL */
    int line;         /* in it */
    bool help, version, print;
};

static const struct conf_option *find(const struct conf_spec *spec, const char *name, size_t size)
{
    for (size_t i = 0; i < spec->count; i++) {
        if (strlen(spec->options[i].name) == size && memcmp(spec->options[i].name, name, size) == 0)
            return &spec->options[i];
    }
    return NULL;
}

/* "weft-gateway: loops = 99 (environment): must be a whole number from 1 to 64" */
static int refuse_value(struct loading *l, const struct conf_option *o, const char *value,
                        const char *source)
{
    struct bytes *text = l->text;
    bytes_printf(text, "%s: %s = ", l->spec->program, o->name);
    if (o->secret) {
        bytes_append_str(text, "(secret)");
    } else {
        for (size_t i = 0; value[i] && i < 80; i++)
            bytes_append_u8(text, value[i] < ' ' || value[i] == 0x7f ? '?' : (uint8_t)value[i]);
    }
    if (source == source_file)
        bytes_printf(text, " (%s, line %d): must be ", l->path, l->line);
    else
        bytes_printf(text, " (%s): must be ", source);
    conf_value_append_range(o, text);
    bytes_append_str(text, "\n");
    return CONF_REFUSED;
}

static int refuse_flag(struct loading *l, const char *words, const char *flag, size_t size)
{
    bytes_printf(l->text, "%s: %s %.*s (--help lists all options)\n", l->spec->program, words,
                 (int)(size < 80 ? size : 80), flag);
    return CONF_REFUSED;
}

static int take(struct loading *l, const struct conf_option *o, const char *value,
                const char *source)
{
    size_t at = (size_t)(o - l->spec->options);
    bool wanted = !l->sources[at] || source == l->sources[at]; /* the last of two flags wins */
    int r = conf_value_parse(o, value, wanted ? l->config : l->scratch);
    if (r == CONF_VALUE_BAD)
        return refuse_value(l, o, value, source);
    if (r == 0 && wanted)
        l->sources[at] = source;
    return r;
}

/* Flags without an option behind them. True if it was one; *ret_result says how it went. */
static bool take_builtin(struct loading *l, const char *name, size_t size, const char **value,
                         int *ret_result)
{
    static const char *const names[] = {"help", "version", "print-config", "config"};
    bool *const seen[] = {&l->help, &l->version, &l->print};
    *ret_result = 0;
    for (size_t i = 0; i < 4; i++) {
        if (strlen(names[i]) != size || memcmp(name, names[i], size) != 0)
            continue;
        if (i == 3)
            l->path = *value;
        else if (*value)
            *ret_result = refuse_flag(l, "takes no value:", name - 2, size + 2);
        else
            *seen[i] = true;
        return true;
    }
    return false;
}

static bool needs_value(const struct loading *l, const char *name, size_t size)
{
    const struct conf_option *o = find(l->spec, name, size);
    if (o)
        return o->type != CONF_TYPE_BOOL;
    return size == 6 && memcmp(name, "config", 6) == 0;
}

/* Takes the flag at argv[*at] and its value, and moves *at behind them. */
static int take_flag(struct loading *l, int argc, char *const *argv, int *at)
{
    const char *name = argv[*at] + 2, *equals = strchr(name, '=');
    size_t size = equals ? (size_t)(equals - name) : strlen(name);
    const char *value = equals ? equals + 1 : NULL;
    int r;
    if (!value && needs_value(l, name, size)) {
        if (*at + 1 == argc)
            return refuse_flag(l, "no value behind", name - 2, size + 2);
        value = argv[++*at];
    }
    ++*at;
    if (take_builtin(l, name, size, &value, &r))
        return r;
    const struct conf_option *o = find(l->spec, name, size);
    if (o)
        return take(l, o, value ? value : "true", source_flag);
    if (size > 3 && memcmp(name, "no-", 3) == 0 && !value) {
        o = find(l->spec, name + 3, size - 3);
        if (o && o->type == CONF_TYPE_BOOL)
            return take(l, o, "false", source_flag);
    }
    return refuse_flag(l, "unknown option", name - 2, size + 2);
}

static int take_flags(struct loading *l, int argc, char *const *argv, int *ret_operand)
{
    int at = 1;
    while (at < argc && argv[at][0] == '-' && argv[at][1]) {
        if (strcmp(argv[at], "--") == 0) {
            at++;
            break;
        }
        if (strcmp(argv[at], "-h") == 0) {
            l->help = true;
            at++;
            continue;
        }
        if (argv[at][1] != '-')
            return refuse_flag(l, "unknown option", argv[at], strlen(argv[at]));
        int r = take_flag(l, argc, argv, &at);
        if (r)
            return r;
    }
    if (at < argc && !l->spec->operands)
        return refuse_flag(l, "unexpected argument", argv[at], strlen(argv[at]));
    *ret_operand = at < argc ? at : argc;
    return 0;
}

static const char *variable(char *const *envp, struct bytes name)
{
    for (; envp && *envp; envp++) {
        if (strncmp(*envp, (char *)name.data, name.size) == 0 && (*envp)[name.size] == '=')
            return *envp + name.size + 1;
    }
    return NULL;
}

static int take_variables(struct loading *l, char *const *envp)
{
    struct bytes name = BYTES_INIT;
    int r = 0;
    for (size_t i = 0; i < l->spec->count && !r; i++) {
        bytes_reset(&name);
        conf_text_variable(&name, l->spec->options[i].name);
        const char *value = name.failed ? NULL : variable(envp, name);
        if (value)
            r = take(l, &l->spec->options[i], value, source_variable);
    }
    bytes_reset(&name);
    conf_text_variable(&name, "config");
    if (!l->path && !name.failed)
        l->path = variable(envp, name);
    if (name.failed)
        r = -ENOMEM;
    bytes_fini(&name);
    return r;
}

static int take_key(void *context, const char *name, const char *value, int line)
{
    struct loading *l = context;
    const struct conf_option *o = find(l->spec, name, strlen(name));
    if (!o) {
        bytes_printf(l->text, "%s: %s, line %d: unknown option %s\n", l->spec->program, l->path,
                     line, name);
        return CONF_REFUSED;
    }
    if (l->sources[o - l->spec->options] == source_file) {
        bytes_printf(l->text, "%s: %s, line %d: %s a second time\n", l->spec->program, l->path,
                     line, name);
        return CONF_REFUSED;
    }
    l->line = line;
    return take(l, o, value, source_file);
}

static int take_defaults(struct loading *l)
{
    for (size_t i = 0; i < l->spec->count; i++) {
        const struct conf_option *o = &l->spec->options[i];
        if (l->sources[i])
            continue;
        l->sources[i] = source_default;
        if (!o->fallback)
            continue;
        int r = conf_value_parse(o, o->fallback, l->config);
        MUST(r != CONF_VALUE_BAD);
        if (r)
            return r;
    }
    return 0;
}

static int take_sources(struct loading *l, int argc, char *const *argv, char *const *envp,
                        int *ret_operand)
{
    int r = take_flags(l, argc, argv, ret_operand);
    if (r)
        return r;
    if (l->help || l->version) { /* whatever else is wrong */
        if (l->help)
            conf_text_help(l->spec, l->text);
        else
            conf_text_version(l->spec, l->text);
        return CONF_SHOW;
    }
    if ((r = take_variables(l, envp)))
        return r;
    if (l->path && *l->path && (r = conf_file_read(l->spec, l->path, take_key, l, l->text)))
        return r;
    if ((r = take_defaults(l)))
        return r;
    if (l->print) {
        conf_text_print(l->spec, l->config, l->sources, l->text);
        return CONF_SHOW;
    }
    return 0;
}

/* The size of the configuration as far as the options reach. */
static size_t reach_of(const struct conf_spec *spec)
{
    size_t reach = 0;
    for (size_t i = 0; i < spec->count; i++) {
        if (spec->options[i].offset + sizeof(uint64_t) > reach)
            reach = spec->options[i].offset + sizeof(uint64_t);
    }
    return reach;
}

static void clear(const struct conf_spec *spec, void *config, bool release)
{
    for (size_t i = 0; i < spec->count; i++) {
        if (spec->options[i].type != CONF_TYPE_STRING)
            continue;
        char **at = (void *)((char *)config + spec->options[i].offset);
        if (release)
            free(*at);
        *at = NULL;
    }
}

int conf_load(const struct conf_spec *spec, int argc, char *const *argv, char *const *envp,
              void *ret_config, struct bytes *text, int *ret_operand)
{
    struct loading l = {.spec = spec, .config = ret_config, .text = text};
    int r = -ENOMEM;
    clear(spec, ret_config, false);
    l.sources = calloc(spec->count + 1, sizeof *l.sources);
    l.scratch = calloc(1, reach_of(spec) + 1);
    if (l.sources && l.scratch) {
        r = take_sources(&l, argc, argv, envp, ret_operand);
        clear(spec, l.scratch, true);
    }
    if (text->failed)
        r = -ENOMEM;
    if (r)
        clear(spec, ret_config, true);
    free(l.scratch);
    free(l.sources);
    return r;
}

void conf_fini(const struct conf_spec *spec, void *config)
{
    clear(spec, config, true);
}

static bool name_fine(const char *name)
{
    for (const char *at = name; *at; at++) {
        bool word = (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9');
        bool joint = *at == '-' && at > name && at[-1] != '-' && at[1];
        if (!word && !joint)
            return false;
    }
    return *name && strncmp(name, "no-", 3) != 0;
}

static bool name_taken(const struct conf_spec *spec, size_t row)
{
    static const char *const own[] = {"config", "print-config", "help", "version"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (strcmp(own[i], spec->options[row].name) == 0)
            return true;
    }
    return find(spec, spec->options[row].name, strlen(spec->options[row].name)) !=
           &spec->options[row];
}

const char *conf_spec_check(const struct conf_spec *spec, size_t *ret_row)
{
    void *scratch = calloc(1, reach_of(spec) + 1);
    const char *wrong = scratch ? NULL : "no memory";
    for (size_t i = 0; i < spec->count && !wrong; i++) {
        const struct conf_option *o = &spec->options[i];
        *ret_row = i;
        if (!name_fine(o->name))
            wrong = "name is not of words-joined-by-dashes";
        else if (name_taken(spec, i))
            wrong = "name is taken";
        else if (!o->help || !*o->help)
            wrong = "no help";
        else if (!o->fallback && o->type != CONF_TYPE_STRING)
            wrong = "no default";
        else if ((o->type == CONF_TYPE_BYTES || o->type == CONF_TYPE_MS) && o->min < 0)
            wrong = "negative minimum";
        else if (o->fallback && conf_value_parse(o, o->fallback, scratch) != CONF_VALUE_OK)
            wrong = "default is out of range";
    }
    if (scratch)
        clear(spec, scratch, true);
    free(scratch);
    return wrong;
}
