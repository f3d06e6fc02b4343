/* Completion for bash, from the table of verbs (ctl_pages.h). */
#include <string.h>

#include "ctl_pages.h"
#include "ctl_verb.h"

static void options_write(FILE *out, const struct ctl_verb *verb)
{
    for (size_t i = 0; i < verb->option_count; i++) {
        if (verb->options[i].letter)
            fprintf(out, "-%c ", verb->options[i].letter);
        fprintf(out, "--%s ", verb->options[i].name);
    }
    fputs("--help", out);
}

/* Is this the first verb that has an option of this name? */
static bool is_first(const struct ctl_verb *const *verb, const char *name)
{
    for (const struct ctl_verb *const *v = ctl_verbs; v != verb; v++) {
        for (size_t i = 0; i < (*v)->option_count; i++) {
            if (strcmp((*v)->options[i].name, name) == 0)
                return false;
        }
    }
    return true;
}

/* Options whose value is of this kind, as a pattern of bash: --a|--b. */
static void values_write(FILE *out, const char *noun, const char *how)
{
    const char *between = "    ";

    for (const struct ctl_verb *const *v = ctl_verbs; *v; v++) {
        for (size_t i = 0; i < (*v)->option_count; i++) {
            const struct ctl_option *o = &(*v)->options[i];
            if (!o->noun || strcmp(o->noun, noun) != 0 || !is_first(v, o->name))
                continue;
            fprintf(out, "%s--%s", between, o->name);
            between = " | ";
        }
    }
    fprintf(out, ") %s ;;\n", how);
}

void ctl_completion_write(FILE *out)
{
    fputs("# Made by `weftctl --completion` from the table of verbs in cli/: do not edit.\n"
          "# Completion of weftctl in bash: source it, or put it where bash-completion looks.\n\n"
          "_weftctl()\n{\n"
          "    local word=$2 before=$3 options\n"
          "    case $before in\n",
          out);
    values_write(out, "DIR", "COMPREPLY=($(compgen -d -- \"$word\")); return");
    values_write(out, "FILE", "COMPREPLY=($(compgen -f -- \"$word\")); return");
    values_write(out, "KIND", "COMPREPLY=($(compgen -W 'rich text' -- \"$word\")); return");
    values_write(out, "FORMAT",
                 "COMPREPLY=($(compgen -W 'text delta html markdown' -- \"$word\")); return");
    values_write(out, "LEVEL",
                 "COMPREPLY=($(compgen -W 'memory fsync replica' -- \"$word\")); return");
    fputs("    esac\n"
          "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
          "        COMPREPLY=($(compgen -W '",
          out);
    for (size_t i = 0; ctl_verbs[i]; i++)
        fprintf(out, "%s ", ctl_verbs[i]->name);
    fputs("--help --man --completion' -- \"$word\"))\n"
          "        return\n"
          "    fi\n"
          "    case ${COMP_WORDS[1]} in\n",
          out);
    for (size_t i = 0; ctl_verbs[i]; i++) {
        fprintf(out, "    %s) options='", ctl_verbs[i]->name);
        options_write(out, ctl_verbs[i]);
        fputs("' ;;\n", out);
    }
    fputs("    *) return ;;\n"
          "    esac\n"
          "    COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
          "}\n"
          "complete -F _weftctl weftctl scripts/weftctl\n",
          out);
}
