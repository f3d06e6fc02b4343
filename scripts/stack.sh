# One running Weft (an "instance") in a directory: where its files are, how each process is started,
# recognised, found ready and stopped. Sourced by up, down, status and run-service after lib.sh.
#
#   $DIR/settings       what scripts/up was told, for the scripts that come later
#   $DIR/pids/NAME      "PID START": START is the process' start time in clock ticks after boot, so a
#                       recycled PID is never taken for ours
#   $DIR/admin/NAME     the admin address that the kernel chose, written by the service
#   $DIR/log/NAME.log   what it said
#   $DIR/redis, $DIR/redis-replica, $DIR/postgres   the data
#   $RUNTIME            sockets: $DIR/run, or a short directory under /tmp where $DIR is too deep for a
#                       socket's 107 bytes or closed to PostgreSQL's user
#
# Names: redis, redis-replica, postgres, worker-N, archiver-N, gateway-N.

PG_USER=postgres
SOCKET_PATH_MAX=107
# The longest name of a socket below $DIR is run/pg/.s.PGSQL.5432.lock or run/link/archiver-16.
SOCKET_NAME_MAX=32

# What the caller has in the environment is of another Redis.
unset WEFT_REDIS_PASSWORD
REDIS_PASSWORD=

# use_dir DIR: sets the paths; nothing is made.
use_dir()
{
    DIR=$(realpath -m -- "$1")
    case $DIR in
    / | *[\"\'\\]* | *$'\n'*) die "--dir: '$1' cannot hold an instance" ;;
    esac
    BIN=${WEFT_BIN:-$ROOT/build/bin}
}

write_settings()
{
    local name
    for name in GATEWAYS WORKERS ARCHIVERS PORT DURABILITY RUNTIME REDIS_PORT REDIS_PASSWORD BIN; do
        printf '%s=%q\n' "$name" "${!name}"
    done >"$DIR/settings.new"
    mv "$DIR/settings.new" "$DIR/settings"
}

# Fails where no instance was ever started.
read_settings()
{
    [ -f "$DIR/settings" ] || return 1
    [ -r "$DIR/settings" ] || die "$DIR belongs to $(stat -c %U "$DIR"): run as that user"
    . "$DIR/settings"
}

# All names in the order of starting; stopping goes through `stop_all`.
all_names()
{
    local i
    echo redis
    [ "$DURABILITY" != replica ] || echo redis-replica
    echo postgres
    for ((i = 1; i <= WORKERS; i++)); do echo "worker-$i"; done
    for ((i = 1; i <= ARCHIVERS; i++)); do echo "archiver-$i"; done
    for ((i = 1; i <= GATEWAYS; i++)); do echo "gateway-$i"; done
}

# ---- processes, by number and start time ----

# Sets START to a process' start time; fails if it is gone or a zombie. Without a fork: a watching
# `up` asks twice a second.
start_time()
{
    local stat fields
    START=
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    # The command's name stands in parentheses and may hold anything: the fields follow the last one.
    read -r -a fields <<<"${stat##*) }"
    [ "${fields[0]}" != Z ] && [ "${fields[0]}" != X ] && START=${fields[19]}
}

# Sets PID; fails unless the recorded process runs.
find_process()
{
    local start
    PID=
    { read -r PID start <"$DIR/pids/$1"; } 2>/dev/null || return 1
    [ -n "$PID" ] && start_time "$PID" && [ "$START" = "$start" ]
}

record_process()
{
    # Gone already: the number alone is recorded, and nothing will be found under it.
    start_time "$2" || START=gone
    echo "$2 $START" >"$DIR/pids/$1.new"
    mv "$DIR/pids/$1.new" "$DIR/pids/$1"
}

# launch NAME COMMAND…: in a session of its own, so that Ctrl-C reaches only the script, which stops
# everything in order.
launch()
{
    local name=$1
    shift
    rm -f "$DIR/admin/$name"
    setsid "$@" </dev/null >>"$DIR/log/$name.log" 2>&1 8>&- 9>&- &
    record_process "$name" $!
    disown
}

# The end of what it said, for a message: ": …", or nothing.
last_words()
{
    local words
    words=$(grep -v '^[[:space:]]*$' "$DIR/log/$1.log" 2>/dev/null | tail -n 1 | cut -c1-300 || true)
    echo "${words:+: $words}"
}

# ---- HTTP and ports, with bash alone: a fresh machine has no curl ----

# http_status HOST:PORT PATH: prints the status code.
http_status()
{
    timeout 3 bash -c '
        exec 3<>"/dev/tcp/$1/$2" || exit 1
        printf "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" "$3" "$1" >&3
        read -r -u 3 _ code _ && echo "$code"' - "${1%:*}" "${1##*:}" "$2" 2>/dev/null
}

# Prints "ADDRESS:PORT INODE" (in hex, as the kernel does) of sockets that listen.
listeners() { awk '$4 == "0A" { print $2, $10 }' /proc/net/tcp /proc/net/tcp6 2>/dev/null; }

# Prints the inode of a socket that has PORT on loopback or on all addresses; fails if there is none.
port_taken()
{
    local hex
    hex=$(printf '%04X' "$1")
    listeners | awk -v port=":$hex" '
        index($1, port) && ($1 ~ /^(00000000|0100007F):/ || $1 ~ /^0+:/ || $1 ~ /FFFF00000100007F:/) {
            print $2; found = 1; exit }
        END { exit !found }'
}

# Who holds a socket's inode, as far as we may look: "PID (name)".
socket_owner()
{
    local fd pid
    for fd in /proc/[0-9]*/fd/*; do
        [ "$(readlink "$fd" 2>/dev/null)" = "socket:[$1]" ] || continue
        pid=${fd#/proc/} pid=${pid%%/*}
        echo "process $pid ($(cat "/proc/$pid/comm" 2>/dev/null))"
        return 0
    done
    echo "another process"
}

check_port()
{
    local inode
    inode=$(port_taken "$1") || return 0
    die "port $1 is taken by $(socket_owner "$inode"); choose another with --port"
}

# A loopback port nobody listens on, for Redis where replication needs TCP.
free_port()
{
    local port
    for _ in {1..50}; do
        port=$((20000 + RANDOM % 10000))
        port_taken "$port" >/dev/null || { echo "$port"; return 0; }
    done
    return 1
}

# ---- directories ----

# Runs a command as the user that PostgreSQL runs as: itself, unless we are root, whom it refuses.
as_pg()
{
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid="$PG_USER" --regid="$PG_USER" --clear-groups "$@"
    else
        "$@"
    fi
}

choose_runtime()
{
    local fits=yes
    [ "$((${#DIR} + SOCKET_NAME_MAX))" -le "$SOCKET_PATH_MAX" ] || fits=no
    # PostgreSQL's list of socket directories has a syntax of its own: no blanks, no commas.
    [[ $DIR =~ ^[A-Za-z0-9._/@+-]+$ ]] || fits=no
    as_pg test -x "$DIR" 2>/dev/null || fits=no
    if [ $fits = yes ]; then
        RUNTIME=$DIR/run
        mkdir -p "$RUNTIME"
    else
        RUNTIME=$(mktemp -d /tmp/weft-XXXXXX)
    fi
    chmod 711 "$RUNTIME"
    mkdir -p "$RUNTIME/pg" "$RUNTIME/link"
    chmod 700 "$RUNTIME/pg" "$RUNTIME/link"
    [ "$(id -u)" != 0 ] || chown "$PG_USER:" "$RUNTIME/pg"
}

drop_runtime()
{
    case ${RUNTIME:-} in
    "$DIR/run" | /tmp/weft-??????) rm -rf "$RUNTIME" ;;
    esac
}

# Before anything is made: the directory, or the first one above it that is there, must be ours to
# write to.
check_dir()
{
    local above=$DIR
    until [ -e "$above" ]; do above=$(dirname "$above"); done
    [ -d "$above" ] || die "--dir: $above is no directory"
    [ -w "$above" ] && [ -x "$above" ] || die "--dir: $above is not yours to write to ($(id -un))"
}

make_dirs()
{
    mkdir -p "$DIR" || die "cannot make $DIR"
    [ -w "$DIR" ] && [ -O "$DIR" ] || die "$DIR belongs to $(stat -c %U "$DIR"): run as that user"
    # Under root PostgreSQL's user must get through to its socket.
    [ "$(id -u)" != 0 ] || chmod 711 "$DIR"
    mkdir -p "$DIR"/{pids,admin,log,redis}
    chmod 700 "$DIR"/{pids,admin,log,redis}
}

# ---- Redis ----

# redis_conf DIRECTORY SOCKET [LINE…]
redis_conf()
{
    local dir=$1 socket=$2 fsync=always
    shift 2
    [ "$DURABILITY" != memory ] || fsync=everysec
    cat <<CONF
dir "$dir"
unixsocket "$socket"
unixsocketperm 700
bind 127.0.0.1
daemonize no
save ""
appendonly yes
appendfsync $fsync
maxmemory-policy noeviction
repl-diskless-sync-delay 0
tcp-backlog 128
$(printf '%s\n' "$@")
CONF
}

start_redis()
{
    if [ "$DURABILITY" = replica ] && [ "$REDIS_PORT" = 0 ]; then
        # A replica reaches its primary by TCP only; at the same port after a restart.
        REDIS_PORT=$(free_port) || die "no free loopback port for Redis' replication"
        # The port is open to every user of the machine.
        REDIS_PASSWORD=$(head -c 20 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
        write_settings
    fi
    redis_conf "$DIR/redis" "$RUNTIME/redis.sock" "port $REDIS_PORT" \
        ${REDIS_PASSWORD:+"requirepass $REDIS_PASSWORD" "masterauth $REDIS_PASSWORD"} \
        >"$DIR/redis/redis.conf"
    launch redis redis-server "$DIR/redis/redis.conf"
}

start_redis_replica()
{
    mkdir -p "$DIR/redis-replica"
    chmod 700 "$DIR/redis-replica"
    redis_conf "$DIR/redis-replica" "$RUNTIME/redis-replica.sock" "port 0" \
        "replicaof 127.0.0.1 $REDIS_PORT" \
        "requirepass $REDIS_PASSWORD" "masterauth $REDIS_PASSWORD" \
        >"$DIR/redis-replica/redis.conf"
    launch redis-replica redis-server "$DIR/redis-replica/redis.conf"
}

redis_says()
{
    REDISCLI_AUTH=$REDIS_PASSWORD timeout 3 redis-cli -s "$RUNTIME/$1.sock" "${@:2}" 2>/dev/null
}

# ---- PostgreSQL ----

# Sets PG_BIN: the version that made the data, or the newest.
find_postgres()
{
    local version=
    if [ -d "$DIR/postgres" ]; then
        version=$(cat "$DIR/postgres/PG_VERSION" 2>/dev/null) || die "$DIR/postgres cannot be read"
        PG_BIN=/usr/lib/postgresql/$version/bin
        [ -x "$PG_BIN/postgres" ] || die "$DIR/postgres is of PostgreSQL $version, which is not installed"
    else
        PG_BIN=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
        [ -x "$PG_BIN/initdb" ] || die "no PostgreSQL server under /usr/lib/postgresql"
    fi
    [ "$(id -u)" != 0 ] || id "$PG_USER" >/dev/null 2>&1 ||
        die "PostgreSQL refuses root and there is no user $PG_USER"
}

# A new data directory gets its name only when it is whole.
#
# The directory is handed over as an open descriptor: /proc/self/fd/7 leads there also where the
# directories above are closed to PostgreSQL's user (a checkout in root's home).
init_postgres()
{
    local new=$DIR/postgres.new
    [ ! -d "$DIR/postgres" ] || return 0
    rm -rf "$new"
    mkdir -m 700 "$new"
    [ "$(id -u)" != 0 ] || chown "$PG_USER:" "$new"
    (cd / && quietly "initdb" as_pg "$PG_BIN/initdb" -D /proc/self/fd/7 -U weft -A trust -E UTF8 \
        --locale=C --no-instructions 7<"$new") || return 1
    mv "$new" "$DIR/postgres"
}

start_postgres()
{
    find_postgres
    init_postgres || die "PostgreSQL's data directory could not be made"
    local cmd=("$PG_BIN/postgres" -D /proc/self/fd/7 -c listen_addresses= -c logging_collector=off
        -c unix_socket_directories="$RUNTIME/pg" -c unix_socket_permissions=0700
        -c synchronous_commit=on -c fsync=on)
    if [ "$(id -u)" = 0 ]; then
        cmd=(setpriv --reuid="$PG_USER" --regid="$PG_USER" --clear-groups "${cmd[@]}")
    fi
    # After a kill the backends of the old server live on for a moment, and a new one refuses to start
    # beside them. Where nobody reaps the dead (a container without an init) it would also take the
    # dead server for a living one.
    if [ -e "$DIR/postgres/postmaster.pid" ]; then
        local deadline=$((SECONDS + 20))
        while postgres_lives; do
            [ $SECONDS -lt $deadline ] || die "another PostgreSQL runs in $DIR/postgres"
            sleep 0.05
        done
        rm -f "$DIR/postgres/postmaster.pid" "$RUNTIME/pg/.s.PGSQL.5432.lock"
    fi
    launch postgres env -C / "${cmd[@]}" 7<"$DIR/postgres"
}

# Each process of a PostgreSQL server has its data directory as working directory.
postgres_lives()
{
    local cwd
    for cwd in /proc/[0-9]*/cwd; do
        if [ "$cwd" -ef "$DIR/postgres" ]; then return 0; fi
    done
    return 1
}

sql() { PGCONNECT_TIMEOUT=3 "$PG_BIN/psql" -XAtq -h "$RUNTIME/pg" -U weft "$@"; }

make_database()
{
    [ "$(sql -d postgres -c "SELECT 1 FROM pg_database WHERE datname = 'weft'")" = 1 ] ||
        sql -d postgres -c "CREATE DATABASE weft" || die "the database could not be made"
}

# ---- Weft's own services ----

start_service()
{
    local name=$1 program common
    local pg="host=$RUNTIME/pg user=weft dbname=weft"
    common=(--redis "unix:$RUNTIME/redis.sock" --admin 127.0.0.1:0 --admin-file "$DIR/admin/$name"
        --id "$name" --durability "$DURABILITY")
    case $name in
    gateway-*)
        program=weft-gateway
        common+=(--listen "127.0.0.1:$PORT" --link "ipc://$RUNTIME/link/$name")
        [ ! -f "$ROOT/build/web/index.html" ] || common+=(--web "$ROOT/build/web")
        ;;
    worker-*)
        program=weft-ot-worker
        common+=(--postgres "$pg" --link "ipc://$RUNTIME/link/$name")
        ;;
    archiver-*)
        program=weft-archiver
        common+=(--postgres "$pg")
        ;;
    *) die "no service is called '$name'" ;;
    esac
    # A link that a killed process left would refuse the new one.
    rm -f "$RUNTIME/link/$name"
    # In the environment: command lines are for everybody to read.
    if [ -n "$REDIS_PASSWORD" ]; then
        WEFT_REDIS_PASSWORD=$REDIS_PASSWORD launch "$name" "$BIN/$program" "${common[@]}"
    else
        launch "$name" "$BIN/$program" "${common[@]}"
    fi
}

start_one()
{
    case $1 in
    redis) start_redis ;;
    redis-replica) start_redis_replica ;;
    postgres) start_postgres ;;
    *) start_service "$1" ;;
    esac
}

admin_address()
{
    local address
    [ -f "$DIR/admin/$1" ] && read -r address <"$DIR/admin/$1" || [ -n "${address:-}" ] || return 1
    [[ $address == *:* ]] || address=127.0.0.1:$address
    echo "${address#http://}"
}

# Whether a process does its work, not only lives.
is_ready()
{
    local address
    case $1 in
    redis) [ "$(redis_says redis ping)" = PONG ] ;;
    redis-replica) redis_says redis-replica info replication | grep '^master_link_status:up' >/dev/null ;;
    postgres) "${PG_BIN:-/usr/bin}/pg_isready" -q -t 3 -h "$RUNTIME/pg" -U weft -d postgres ;;
    *) address=$(admin_address "$1") && [ "$(http_status "$address" /readyz)" = 200 ] ;;
    esac
}

# wait_ready NAME SECONDS: dies with one line, the last words of what did not start.
wait_ready()
{
    local deadline=$((SECONDS + $2)) why
    until is_ready "$1"; do
        if ! find_process "$1"; then
            why="ended at once"
        elif [ $SECONDS -ge $deadline ]; then
            why="is not ready after $2 s"
        else
            sleep 0.05
            continue
        fi
        die "$1 $why$(last_words "$1") (log: $DIR/log/$1.log)"
    done
}

# ---- stopping ----

# stop_group SECONDS SIGNAL NAME…: all at once, and waits for all; who does not end in time is killed.
stop_group()
{
    local seconds=$1 signal=$2 deadline name
    shift 2
    for name in "$@"; do
        find_process "$name" || continue
        kill "-$signal" "$PID" 2>/dev/null || true
        # A paused process (SIGSTOP) must wake up to hear it.
        kill -CONT "$PID" 2>/dev/null || true
    done
    deadline=$((SECONDS + seconds))
    for name in "$@"; do
        while find_process "$name"; do
            if [ $SECONDS -ge $deadline ]; then
                say "$name did not end within $seconds s: killed"
                kill -KILL "$PID" 2>/dev/null || true
                deadline=$((SECONDS + 5))
            fi
            sleep 0.05
        done
        rm -f "$DIR/pids/$name" "$DIR/admin/$name"
    done
}

recorded_names()
{
    local path
    for path in "$DIR"/pids/$1; do
        [ ! -f "$path" ] || echo "${path##*/}"
    done
}

# In the direction of an edit: nothing new comes in, what is on its way gets through, then the stores.
stop_all()
{
    stop_group 20 TERM $(recorded_names 'gateway-*')
    stop_group 20 TERM $(recorded_names 'worker-*')
    stop_group 20 TERM $(recorded_names 'archiver-*')
    stop_group 30 INT $(recorded_names 'postgres')
    stop_group 30 TERM $(recorded_names 'redis-replica')
    stop_group 30 TERM $(recorded_names 'redis')
    drop_runtime
}

anything_runs()
{
    local name
    for name in $(recorded_names '*'); do
        ! find_process "$name" || return 0
    done
    return 1
}

# One script at a time starts or stops things in an instance.
lock_dir()
{
    exec 8>"$DIR/lock"
    flock -n 8 || die "another script is starting or stopping $DIR"
}
unlock_dir() { exec 8>&-; }
