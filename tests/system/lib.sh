# Functions of the system tests. Sourced by bash; a test is an executable `test-NAME` that prints
# `ok WHAT` / `not ok WHAT` lines. Programs are in $WEFT_BIN.

set -uo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
export WEFT_BIN=${WEFT_BIN:-$ROOT/build/bin}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/weft-system-XXXXXX")
chmod 711 "$WORK"

ok() { echo "ok $*"; }
not_ok() { echo "not ok $*"; }

# check WHAT COMMAND…: the command must succeed; its output is shown if it does not.
check()
{
    local what=$1 out
    shift
    if out=$("$@" 2>&1); then
        ok "$what"
    else
        not_ok "$what"
        printf '%s\n' "$out" | tail -n 20 | sed 's/^/# /'
        return 1
    fi
}

# wait_for SECONDS COMMAND…: until the command succeeds.
wait_for()
{
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# start DIR [OPTION…]: an instance in $WORK, which is stopped when the test ends, whatever happens.
start()
{
    local dir=$1
    shift
    "$ROOT/scripts/up" -d --dir "$dir" "$@"
}

# Instances are found by their directories: a list kept here would be lost in the subshells that
# `check` makes.
clean_up()
{
    local status=$? pids
    while IFS= read -r -d '' pids; do
        "$ROOT/scripts/down" --dir "${pids%/pids}" >/dev/null 2>&1 || echo "# left: ${pids%/pids}"
    done < <(find "$WORK" -type d -name pids -print0 2>/dev/null)
    rm -rf "$WORK"
    exit $status
}
trap clean_up EXIT
trap 'exit 143' TERM INT

