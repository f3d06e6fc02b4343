# Functions that the scripts share. Sourced by bash, never run.
#
# Whoever sources it gets `set -euo pipefail`, the root of the checkout in $ROOT and the functions
# below. Messages of a script go to stderr as `name: what`, so stdout stays free for answers.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
SCRIPT=${0##*/}

say() { printf '%s: %s\n' "$SCRIPT" "$*" >&2; }

# One clear line, then the end. `die` leaves cleaning up to the traps of the script.
die()
{
    say "$*"
    exit 1
}

# Options that take a value call `need_value "$@"` before they read $2.
need_value()
{
    [ $# -ge 2 ] && [ -n "$2" ] || die "$1 needs a value (--help tells)"
}

# need_number OPTION VALUE MIN MAX
need_number()
{
    [[ $2 =~ ^[0-9]{1,6}$ ]] && [ "$((10#$2))" -ge "$3" ] && [ "$((10#$2))" -le "$4" ] ||
        die "$1 is a number from $3 to $4, not '$2'"
}

have() { command -v "$1" >/dev/null 2>&1; }

# The comment at the head of a script is its --help: all `#` lines after the first, up to the first
# line that is none.
show_help()
{
    awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$0"
}

# Runs a command with its output kept aside; the output is shown only when the command fails.
# quietly WHAT COMMAND…
quietly()
{
    local what=$1 log
    shift
    log=$(mktemp "${TMPDIR:-/tmp}/weft-log.XXXXXX")
    if "$@" >"$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    tail -n 60 "$log" >&2
    rm -f "$log"
    say "$what failed"
    return 1
}
