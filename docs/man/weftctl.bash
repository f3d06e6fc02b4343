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
        COMPREPLY=($(compgen -W 'get history diff replay tail create append find verify ot --help --man --completion' -- "$word"))
        return
    fi
    case ${COMP_WORDS[1]} in
    get) options='--rev --format --stored --live --json --url --redis --postgres --durability --replicas --dir --help' ;;
    history) options='--from --to --at --ops --json --url --redis --postgres --durability --replicas --dir --help' ;;
    diff) options='--format --json --url --redis --postgres --durability --replicas --dir --help' ;;
    replay) options='--from --to --step --into --json --url --redis --postgres --durability --replicas --dir --help' ;;
    tail) options='--follow --lines --count --json --url --redis --postgres --durability --replicas --dir --help' ;;
    create) options='--kind --text --json --url --redis --postgres --durability --replicas --dir --help' ;;
    append) options='--op --text --create --kind --json --url --dir --help' ;;
    find) options='--json --url --redis --postgres --durability --replicas --dir --help' ;;
    verify) options='--all --json --url --redis --postgres --durability --replicas --dir --help' ;;
    ot) options='--help' ;;
    *) return ;;
    esac
    COMPREPLY=($(compgen -W "$options" -- "$word"))
}
complete -F _weftctl weftctl scripts/weftctl
