/* weftctl: the program around ctl_run(). */
#include <signal.h>

#include "ctl_verb.h"

int main(int argc, char **argv)
{
    /* A reader that went away (`weftctl get DOC | head`) is an error of fwrite, not a death. */
    signal(SIGPIPE, SIG_IGN);
    enum ctl_exit status = ctl_run(argc, argv, stdin, stdout, stderr);
    return fflush(stdout) == 0 ? (int)status : CTL_UNREACHABLE;
}
