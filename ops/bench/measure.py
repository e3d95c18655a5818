"""Measures consumers against the stub server in turns and prints medians; started by ops/bench/run."""

import argparse
import json
import os
import shlex
import signal
import statistics
import subprocess
import sys
import threading

LIMIT = 120  # seconds for one measurement


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("millrace")
    parser.add_argument("programs")
    for name, default in (("pairs", 3), ("messages", 1_000_000), ("threads", 4), ("prefetch", 100), ("body", 64),
                          ("ack-batch", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--separate-cpus", action="store_true")
    return parser.parse_args()


def bound(command, options, to):
    """The command on that part of the processors, if they are to be separate."""
    cpus = sorted(os.sched_getaffinity(0))[to]
    return ["taskset", "-c", ",".join(map(str, cpus)), *command] if options.separate_cpus else command


def clients(options):
    """name: command with PORT in it, what it adds to the environment."""
    numbers = ["PORT", options.threads, options.prefetch, options.messages, "bench"]
    commands = {
        "millrace": ([options.millrace, "run", "ops/bench/jobs.yaml"], {
            "AMQP_URL": "amqp://guest:guest@127.0.0.1:PORT/%2F",
            "THREADS": options.threads,
            "PREFETCH": options.prefetch,
            "ACK_BATCH": options.ack_batch,
            "PUBLISH_MODE": "confirm",
        }),
        "rabbitmq-c": ([f"{options.programs}/rabbitmq-c", *numbers, options.ack_batch], {}),
        "floor": ([f"{options.programs}/floor", *numbers, "each" if options.ack_batch == 1 else "multiple"], {}),
    }
    return {name: (bound(command, options, slice(1, None)), added) for name, (command, added) in commands.items()}


def server_command(name, options):
    # The others stop after N messages; millrace is told by the server, with connection.close, that the work is done.
    end = ["--end-close"] if name == "millrace" else []
    command = [f"{options.programs}/firehose", "--port", 0, "--messages", options.messages, "--body", options.body,
               "--wait-consumers", options.threads, "--queue", "bench", "--seconds", LIMIT, *end]
    return bound(command, options, slice(1))


def text(command):
    return [str(word) for word in command]


def watch_memory(pid, peak, stop):
    # Not from getrusage: a child's figure there starts at what the process was before exec, this script.
    while True:
        try:
            with open(f"/proc/{pid}/status") as status:
                for line in status:
                    if line.startswith("VmHWM:"):
                        peak[0] = max(peak[0], int(line.split()[1]))
        except OSError:
            return
        if stop.wait(0.02):
            return


def measure(name, command, environment, options):
    server = subprocess.Popen(text(server_command(name, options)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    client = None
    try:
        port = server.stderr.readline().split()[1]
        command = [word.replace("PORT", port) for word in text(command)]
        environment = os.environ | {key: str(value).replace("PORT", port) for key, value in environment.items()}
        log = open(f"{options.programs}/client.log", "w")
        client = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        peak, stop = [0], threading.Event()
        watcher = threading.Thread(target=watch_memory, args=(client.pid, peak, stop))
        watcher.start()
        # A client that fails at once would otherwise leave the server waiting for it. waitid leaves the client's
        # resource use to be collected below; a good one ends by itself, or is ended when the server has what it wants.
        failed = threading.Event()

        def end_server_if_client_fails():
            ended = os.waitid(os.P_PID, client.pid, os.WEXITED | os.WNOWAIT)
            try:
                if ended.si_status:
                    server.wait(5)
            except subprocess.TimeoutExpired:
                failed.set()
                server.terminate()

        guard = threading.Thread(target=end_server_if_client_fails, daemon=True)
        guard.start()
        report = server.communicate(timeout=LIMIT + 30)[0]
        stop.set()
        watcher.join()
        # Not client.send_signal: it would collect an ended client, and with it the resource use wanted here.
        if name == "millrace":
            os.kill(client.pid, signal.SIGTERM)  # it would wait for the server to come back
        killer = threading.Timer(40, os.kill, (client.pid, signal.SIGKILL))
        killer.start()
        guard.join()  # until the client has ended
        killer.cancel()
        _, client.returncode, usage = os.wait4(client.pid, 0)
        if failed.is_set() or not report:
            sys.exit(f"this ended early: {shlex.join(command)}\n" + open(log.name).read()[-2000:])
        report = json.loads(report)
        return {
            "rate": report["msgs_per_s"],
            "cpu": (usage.ru_utime + usage.ru_stime) * 1e6 / max(report["messages"], 1),
            "memory": peak[0] / 1024,
            "lost": options.messages - report["messages"],
            "violations": report["violations_total"],
            "named": report["violations"],
        }
    finally:  # what has not been collected yet still runs
        for process in (client, server):
            if process and process.returncode is None:
                process.kill()


def main():
    options = arguments()
    named = clients(options)
    print("server:    ", shlex.join(text(server_command("millrace", options))), " (--end-close for millrace alone)")
    for name, (command, environment) in named.items():
        words = [f"{key}={value}" for key, value in environment.items()] + text(command)
        print(f"{name + ':':11}", " ".join(map(shlex.quote, words)))
    results = {name: [] for name in named}
    for pair in range(options.pairs):
        for name, (command, environment) in named.items():
            result = measure(name, command, environment, options)
            results[name].append(result)
            print(f"{pair + 1}/{options.pairs} {name}: {result['rate']:,.0f} messages/s", file=sys.stderr, flush=True)

    def median(name, value):
        return statistics.median(value(run) for run in results[name])

    def ratio(name, other):  # within each turn, because the machine drifts between turns
        return statistics.median(a["rate"] / b["rate"] for a, b in zip(results[name], results[other]))

    print(f"\nmedians of {options.pairs}; {options.threads} channels, prefetch {options.prefetch}, "
          f"{options.body} octets, {options.ack_batch} messages per ack, {os.cpu_count()} cores\n")
    header = ("", "messages/s", "CPU s/million", "peak MiB", "x rabbitmq-c", "x floor", "lost", "violations")
    print("".join(word.rjust(14) for word in header))
    bad = False
    for name, runs in results.items():
        lost, violations = sum(run["lost"] for run in runs), sum(run["violations"] for run in runs)
        bad = bad or lost or (violations and name == "millrace")
        cells = (name, f"{median(name, lambda run: run['rate']):,.0f}", f"{median(name, lambda run: run['cpu']):.2f}",
                 f"{max(run['memory'] for run in runs):.0f}", f"{ratio(name, 'rabbitmq-c'):.2f}",
                 f"{ratio(name, 'floor'):.2f}", lost, violations)
        print("".join(str(cell).rjust(14) for cell in cells))
        for run in runs:
            if run["named"]:
                print(f"  {name}: {json.dumps(run['named'])}")
    return 1 if bad else 0


sys.exit(main())
