# Made by `weftctl --completion` from the table of verbs in cli/: do not edit.
# Completion of weftctl in bash: source it, or put it where bash-completion looks.

_weftctl()
{
    local word=$2 before=$3 options
    case $before in
    --dir) COMPREPLY=($(compgen -d -- "$word")); return ;;
    --text) COMPREPLY=($(compgen -f -- "$word")); return ;;
    --kind) COMPREPLY=($(compgen -W 'rich text' -- "$word")); return ;;
    --format) COMPREPLY=($(compgen -W 'text delta html markdown' -- "$word")); return ;;
    --durability) COMPREPLY=($(compgen -W 'memory fsync replica' -- "$word")); return ;;
    esac
    if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W 'status top workers gateways shards lag docs find get history diff replay tail create append verify release ot --help --man --completion' -- "$word"))
        return
    fi
    case ${COMP_WORDS[1]} in
    status) options='--json --url --redis --postgres --durability --replicas --admin --dir --help' ;;
    top) options='-d --interval -n --count --json --url --redis --postgres --durability --replicas --admin --dir --help' ;;
    workers) options='--json --url --redis --postgres --durability --replicas --admin --dir --help' ;;
    gateways) options='--json --url --redis --postgres --durability --replicas --admin --dir --help' ;;
    shards) options='--all --json --url --redis --postgres --durability --replicas --admin --dir --help' ;;
    lag) options='--limit --json --url --redis --postgres --durability --replicas --admin --dir --help' ;;
    docs) options='--prefix --limit --json --url --redis --postgres --durability --replicas --admin --dir --help' ;;
    find) options='--json --url --redis --postgres --durability --replicas --admin --dir --help' ;;
    get) options='--rev --format --stored --live --json --url --redis --postgres --durability --replicas --admin --dir --help' ;;
    history) options='--from --to --at --ops --json --url --redis --postgres --durability --replicas --admin --dir --help' ;;
    diff) options='--format --json --url --redis --postgres --durability --replicas --admin --dir --help' ;;
    replay) options='--from --to --step --into --json --url --redis --postgres --durability --replicas --admin --dir --help' ;;
    tail) options='-f --follow -n --lines --count --json --url --redis --postgres --durability --replicas --admin --dir --help' ;;
    create) options='--kind --text --json --url --redis --postgres --durability --replicas --admin --dir --help' ;;
    append) options='--op --text --create --kind --json --url --dir --help' ;;
    verify) options='--all --json --url --redis --postgres --durability --replicas --admin --dir --help' ;;
    release) options='--json --url --redis --postgres --durability --replicas --admin --dir --help' ;;
    ot) options='--help' ;;
    *) return ;;
    esac
    COMPREPLY=($(compgen -W "$options" -- "$word"))
}
complete -F _weftctl weftctl scripts/weftctl
