# The nodes of ops/rabbitmq: their folders, ports, files and processes; sourced by it, never run.
# shellcheck shell=bash disable=SC2154

# One node lives in DIR itself, those of a cluster in DIR/node1, DIR/node2, …
folder_of_node() { if [ "$nodes" = 1 ]; then printf '%s\n' "$dir"; else printf '%s/node%s\n' "$dir" "$1"; fi; }
name_of() { if [ "$nodes" = 1 ]; then echo millrace; else echo "millrace$1"; fi; }
logs_of() { # logs_of N…: their log files, which cannot have a space in their names
    local n
    for n in "$@"; do ls "$(folder_of_node "$n")"/log/*.log 2>/dev/null || true; done
}

# Where the programs are: this system's, or those of a folder, which ops/rabbitmq-in runs.
find_release() {
    local programs=/usr/lib/rabbitmq/bin # not /usr/sbin: those change user and folder
    if [ ! -x "$programs/rabbitmq-server" ]; then "$root/ops/setup" --for broker; fi
    [ -x "$programs/rabbitmq-server" ] || die 69 "there is no $programs/rabbitmq-server; install rabbitmq-server"
    version=$(ls -d "${programs%/bin}"/lib/rabbitmq_server-* | sed 's/.*rabbitmq_server-//' | sort -V | tail -n 1)
    run=()
    bin=$programs
    [ -n "$release" ] || return 0
    case "$version" in "$release".*) return 0 ;; esac
    local line
    line=$("$root/ops/rabbitmq-folder" "$release")
    read -r _ version line <<<"$line"
    run=("$root/ops/rabbitmq-in" "$line" "$dir")
    case "$version" in
    "$release".*) say "RabbitMQ $version" ;;
    *) say "RabbitMQ $version: Debian's $(suite_of "$release") has this now, and no longer $release" ;;
    esac
}

# Every process of THIS node carries this in its environment: a pid file alone may be a leftover that names a stranger.
mark_of() { printf 'RABBITMQ_MNESIA_BASE=%s/mnesia\n' "$1"; }
is_marked() { grep -qszxF "$(mark_of "$2")" "/proc/$1/environ"; }
running() { # running N|epmd: prints the id of that process, if it runs
    local pid where=$dir file=$dir/epmd.pid
    if [ "$1" != epmd ]; then where=$(folder_of_node "$1") && file=$where/vm.pid; fi
    pid=$(cat "$file" 2>/dev/null) || return 1
    [ -n "$pid" ] && is_alive "$pid" && is_marked "$pid" "$where" || return 1
    printf '%s\n' "$pid"
}
all_of() { grep -lszxF "$(mark_of "$1")" /proc/[0-9]*/environ | cut -d/ -f3 || true; } # all_of FOLDER
is_frozen() { [ "$(sed -E 's/^.*\) (.).*/\1/' "/proc/$1/stat" 2>/dev/null)" = T ]; }
load_ports() { # load_ports N: sets amqp_port, dist_port and epmd_port
    [ -f "$(folder_of_node "$1")/ports" ] && . "$(folder_of_node "$1")/ports"
}
url() { load_ports "$1" && printf 'amqp://guest:guest@127.0.0.1:%s/%%2F\n' "$amqp_port"; }
accepts() { timeout 2 bash -c 'exec 3<>/dev/tcp/127.0.0.1/'"$1"'; printf "AMQP\0\0\11\1" >&3; head -c 1 <&3 | grep -q .' 2>/dev/null; }
answers() { running "$1" >/dev/null && load_ports "$1" && accepts "$amqp_port"; } # answers N

# Free ports below the range the kernel uses for outgoing connections: a client that keeps trying to come back
# while the node is down could otherwise be given this very port, and then talk to itself.
free_ports() { # free_ports COUNT [PORT…]: prints COUNT free ports; the given ones must be free too
    python3 - "$@" <<'PYTHON'
import random, socket, sys
def free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
            s.listen(1)
            return True
        except OSError:
            return False
count, wanted = int(sys.argv[1]), [int(p) for p in sys.argv[2:]]
if not all(free(p) for p in wanted):
    sys.exit(1)
try:
    top = int(open("/proc/sys/net/ipv4/ip_local_port_range").read().split()[0])
except (OSError, ValueError):
    top = 32768
low, high = (10240, top) if top > 12000 else (1024, 65536)
found = []
while len(found) < count:
    port = random.randrange(low, high)
    if port not in found and port not in wanted and free(port):
        found.append(port)
print(*found)
PYTHON
}

# The AMQP port of the last start is kept, for clients know it; the others are nobody's business. The nodes of a
# cluster share an epmd, which outlives each of them.
choose_ports() { # choose_ports N…
    local n spare kept_epmd=""
    read -r -a spare < <(free_ports $((2 * nodes + 1)))
    if running epmd >/dev/null && load_ports 1; then
        kept_epmd=$epmd_port
    elif load_ports 1 && free_ports 0 "$epmd_port" >/dev/null; then
        kept_epmd=$epmd_port
    fi
    for n in $(seq "$nodes"); do
        amqp_port="" dist_port=""
        load_ports "$n" || true
        case " $* " in
        *" $n "*)
            if [ -n "$port" ]; then amqp_port=$port; fi
            if [ -z "$amqp_port" ]; then
                amqp_port=${spare[2 * n]}
            elif ! free_ports 0 "$amqp_port" >/dev/null; then
                [ "$port" != "$amqp_port" ] || die 69 "port $port is taken; give another with --port, or none"
                die 69 "port $amqp_port, where clients look for the RabbitMQ in $dir, is taken by another program; end that one, or give another with --port"
            fi
            if [ -z "$dist_port" ] || ! free_ports 0 "$dist_port" >/dev/null; then dist_port=${spare[2 * n - 1]}; fi
            ;;
        esac
        mkdir -p "$(folder_of_node "$n")"
        printf 'amqp_port=%s\ndist_port=%s\nepmd_port=%s\n' "$amqp_port" "$dist_port" "${kept_epmd:-${spare[0]}}" \
            >"$(folder_of_node "$n")/ports"
    done
    load_ports 1
}

plugin_list() { # the plugins as the Erlang term that RabbitMQ reads
    local IFS=,
    printf '[%s].\n' "${plugins[*]}"
}

write_files() { # write_files N
    local where other
    where=$(folder_of_node "$1")
    load_ports "$1"
    mkdir -p "$where"/{mnesia,log} "$dir/home"
    if [ ! -s "$dir/home/.erlang.cookie" ]; then
        (umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$dir/home/.erlang.cookie")
        chmod 400 "$dir/home/.erlang.cookie"
    fi
    [ "${#config[@]}" -eq 0 ] || printf '%s\n' "${config[@]}" >"$dir/config-lines"
    [ -z "$advanced" ] || printf '%s\n' "$advanced" >"$where/advanced.config"
    [ -f "$where/advanced.config" ] || echo '[].' >"$where/advanced.config"
    {
        echo "listeners.tcp.1 = 127.0.0.1:$amqp_port"
        echo "log.console = false"
        echo "log.file.level = info"
        if [ "$nodes" != 1 ]; then
            echo "cluster_partition_handling = pause_minority"
            echo "net_ticktime = 10" # else a node that hangs is part of the cluster for a minute
            echo "cluster_formation.peer_discovery_backend = classic_config"
            for other in $(seq "$nodes"); do
                echo "cluster_formation.classic_config.nodes.$other = $(name_of "$other")@localhost"
            done
        fi
        [ ! -f "$dir/config-lines" ] || cat "$dir/config-lines"
    } >"$where/rabbitmq.conf"
    [ "${#plugins[@]}" -eq 0 ] || plugin_list >"$dir/plugin-list"
    if [ -f "$dir/plugin-list" ]; then cat "$dir/plugin-list"; else echo '[].'; fi >"$where/enabled_plugins"
    : >"$where/env.conf"
    # a machine without /etc/hosts has no localhost
    echo '{host, {127,0,0,1}, ["localhost"]}. {lookup, [file, native]}.' >"$where/inetrc"
    cat >"$where/environment" <<ENVIRONMENT
export HOME=$dir/home
export ERL_EPMD_PORT=$epmd_port ERL_EPMD_ADDRESS=127.0.0.1
export RABBITMQ_NODENAME=$(name_of "$1")@localhost RABBITMQ_DIST_PORT=$dist_port RABBITMQ_USE_LONGNAME=false
export RABBITMQ_CONF_ENV_FILE=$where/env.conf RABBITMQ_CONFIG_FILE=$where/rabbitmq.conf
export RABBITMQ_ADVANCED_CONFIG_FILE=$where/advanced.config RABBITMQ_ENABLED_PLUGINS_FILE=$where/enabled_plugins
export RABBITMQ_MNESIA_BASE=$where/mnesia RABBITMQ_LOG_BASE=$where/log RABBITMQ_PID_FILE=$where/rabbit.pid
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}"
export RABBITMQ_CTL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}"
export RABBITMQ_CTL_DIST_PORT_MIN=10240 RABBITMQ_CTL_DIST_PORT_MAX=32000
export ERL_INETRC=$where/inetrc ERL_CRASH_DUMP=$where/log/erl_crash.dump LC_ALL=C.UTF-8
unset NOTIFY_SOCKET RABBITMQ_NODE_PORT RABBITMQ_NODE_IP_ADDRESS
ENVIRONMENT
    cat >"$where/rabbitmqctl" <<CTL
#!/bin/sh
# rabbitmqctl for the node in $where. It would start an epmd of its own, which nobody stops, were the node down.
if ! grep -qszxF "$(mark_of "$dir")" "/proc/\$(cat $dir/epmd.pid 2>/dev/null)/environ"; then
    echo "rabbitmqctl: the RabbitMQ in $dir is not running" >&2
    exit 69
fi
. $where/environment
exec timeout --verbose --foreground \${RABBITMQCTL_TIMEOUT:-300} ${run[*]-} $bin/rabbitmqctl "\$@"
CTL
    chmod +x "$where/rabbitmqctl"
}

# epmd is started here, in the foreground, because RabbitMQ would start a daemon that outlives it. setsid, because
# Ctrl-C in the caller's terminal must not reach the broker: clients still drain through it.
launch_epmd() {
    local epmd
    ! running epmd >/dev/null || return 0
    (
        exec 9>&-
        . "$(folder_of_node 1)/environment"
        export "$(mark_of "$dir")"
        exec setsid epmd -port "$epmd_port" -address 127.0.0.1 </dev/null >"$(folder_of_node 1)/log/epmd.log" 2>&1
    ) &
    epmd=$!
    disown "$epmd" # else bash reports its end
    echo "$epmd" >"$dir/epmd.pid"
}
vms=() # the process of each node that this start launched
launch() { # launch N
    local where
    where=$(folder_of_node "$1")
    (
        exec 9>&-
        . "$where/environment"
        ulimit -S -n "$(ulimit -H -n)" 2>/dev/null || true
        cd "$where"
        # "under systemd" is how the server's own script replaces itself with the Erlang VM: one process, one pid
        RUNNING_UNDER_SYSTEMD=1 exec setsid ${run[@]+"${run[@]}"} "$bin/rabbitmq-server" </dev/null >"$where/log/console.log" 2>&1
    ) &
    vms[$1]=$!
    disown "${vms[$1]}"
    echo "${vms[$1]}" >"$where/vm.pid"
}

end_node() { # end_node TERM|KILL N
    local pid where
    where=$(folder_of_node "$2")
    if pid=$(running "$2"); then
        kill -s "$1" "$pid" 2>/dev/null || true
        kill -s CONT "$pid" 2>/dev/null || true # a paused one would never hear it
        end_process "$pid" 30 "$1"
    fi
    if [ -n "${vms[$2]:-}" ]; then end_process "${vms[$2]}" 10 KILL; fi
    # what a half-started or killed VM leaves: helpers of its own, an epmd that one of them started
    for pid in $(all_of "$where"); do
        [ "$where" = "$dir" ] && [ "$pid" = "$(running epmd || true)" ] || end_process "$pid" 5 TERM
    done
    rm -f "$where/vm.pid" "$where/rabbit.pid"
}
end_nodes() { # end_nodes TERM|KILL N…: side by side; the epmd goes with the last node
    local n pid signal=$1 enders=()
    shift
    for n in "$@"; do
        end_node "$signal" "$n" &
        enders+=($!)
    done
    for pid in "${enders[@]}"; do wait "$pid" || true; done
    for n in $(seq "$nodes"); do
        if running "$n" >/dev/null; then return 0; fi
    done
    if pid=$(running epmd); then end_process "$pid" 5 TERM; fi
    for pid in $(all_of "$dir"); do end_process "$pid" 5 TERM; done
    rm -f "$dir/epmd.pid"
}

wait_until_up() { # wait_until_up N…: sets why if they do not come up
    local n deadline=$((SECONDS + 120 * $#))
    for n in "$@"; do
        load_ports "$n"
        until accepts "$amqp_port"; do
            why="node $n ended"
            is_alive "${vms[$n]}" || return 1
            why="node $n does not answer on port $amqp_port"
            [ $SECONDS -lt $deadline ] || return 1
            sleep 0.1
        done
        # the listener is the last thing to come up; this also waits for what runs beside it
        why=$(RABBITMQCTL_TIMEOUT=60 "$(folder_of_node "$n")/rabbitmqctl" await_startup 2>&1) || return 1
    done
    [ $# -lt "$nodes" ] || [ "$nodes" = 1 ] ||
        RABBITMQCTL_TIMEOUT=60 "$(folder_of_node 1)/rabbitmqctl" await_online_nodes "$nodes" >/dev/null 2>&1
}
