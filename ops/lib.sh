# Shared by the commands in ops/; sourced, never run.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
export SWIFT_BACKTRACE=enable=no
export PATH="$PATH:/usr/sbin:/sbin"

# Crash ledgers of what runs from here stay here.
export XDG_STATE_HOME=$root/.millrace/state

say() { printf '%s\n' "$*" >&2; }
die() { # die STATUS TEXT…
    local status=$1
    shift
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit "$status"
}

# The comment block at the top of a command is its help text.
help() {
    awk 'NR == 1 { next } /^#/ { sub(/^# ?/, ""); print; next } { exit }' "$0"
    exit 0
}
wants_help() { # wants_help "$@": before anything else is done, so that help never installs or starts a thing
    local argument
    for argument in "$@"; do
        case "$argument" in --help | -h) help ;; --) return 0 ;; esac
    done
}
need_value() { [ "$2" -ge 2 ] || die 64 "$1 needs a value; see --help"; }

# Ends a process by its id: TERM, up to SECONDS for it to go, then KILL. Never by name.
end_process() { # end_process PID SECONDS [SIGNAL]
    local pid=$1 tries=$(($2 * 10)) signal=${3:-TERM}
    kill -s "$signal" "$pid" 2>/dev/null || return 0
    while [ "$tries" -gt 0 ] && is_alive "$pid"; do
        tries=$((tries - 1))
        sleep 0.1
    done
    ! is_alive "$pid" || kill -s KILL "$pid" 2>/dev/null || true
}
is_alive() { # a zombie that nobody reaps is not alive
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    case "${stat##*) }" in Z* | X*) return 1 ;; esac
}
# Runs COMMAND for at most SECONDS in a process group of its own, so that a signal to this script is acted upon at once:
# in the foreground bash would first wait for the command. Call end_child when the script ends.
child=""
limited() { # limited SECONDS COMMAND…
    local status=0
    set -m
    timeout --foreground --kill-after=20 "$@" &
    child=$!
    set +m
    wait "$child" || status=$?
    child=""
    [ "$status" != 124 ] || say "$(basename "$0"): ended after $1 seconds: ${*:2}"
    return "$status"
}
end_child() {
    local tries=200
    [ -n "$child" ] || return 0
    kill -s INT -- "-$child" 2>/dev/null || true
    while [ "$tries" -gt 0 ] && is_alive "$child"; do
        tries=$((tries - 1))
        sleep 0.1
    done
    kill -s KILL -- "-$child" 2>/dev/null || true
    child=""
}

# A new folder for one run. RabbitMQ cannot live under a path with spaces, so a clone in one keeps its state elsewhere.
scratch() { # scratch NAME
    local base=$root/.millrace
    case "$base" in *[[:space:]]*) base=${TMPDIR:-/tmp} ;; esac
    mkdir -p "$base"
    mktemp -d "$base/$1.XXXXXX"
}

# RabbitMQ of other releases than this system's: which of Debian's suites has one, and where ops/rabbitmq-folder keeps it.
known_releases='3.10, 4.0 or 4.3'
suite_of() { # suite_of RELEASE
    case "$1" in
    3.10) echo bookworm ;;
    4.0) echo trixie ;;
    4.3) echo sid ;;
    *) return 1 ;;
    esac
}
folder_of() { printf '%s/rabbitmq/%s\n' "${MILLRACE_CACHE:-/var/cache/millrace}" "$(suite_of "$1")"; }
