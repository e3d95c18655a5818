"""Measures the embedded broker and a RabbitMQ in turns and prints medians; started by ops/broker-speed."""

import argparse
import os
import re
import signal
import socket
import statistics
import subprocess
import time

LIMIT = 600  # seconds for one measurement
PREFETCH = 100
WINDOW = 1000  # publishes without a confirm


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("millrace")
    parser.add_argument("folder")
    for name, default in (("messages", 200_000), ("turns", 3), ("held", 1_000_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--release", default="3.10", choices=("3.10", "4.0", "4.3"))
    return parser.parse_args()


def greeted(port):
    """Whether a broker at this port says connection.start."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as stream:
            stream.sendall(b"AMQP\x00\x00\x09\x01")
            return stream.recv(1) == b"\x01"
    except OSError:
        return False


class Embedded:
    name = "embedded"

    def __init__(self, options):
        begin = time.monotonic()
        command = [options.millrace, "broker", "--listen", "127.0.0.1:0", "--profile", options.release]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(re.search(r":(\d+),", self.process.stdout.readline()).group(1))
        if not greeted(self.port):
            raise SystemExit("the embedded broker does not greet")
        self.start = time.monotonic() - begin
        self.pid = self.process.pid

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(30):
            raise SystemExit(f"the embedded broker ended with {self.process.returncode}")


class RabbitMQ:
    name = "RabbitMQ"

    def __init__(self, options):
        self.command = ["ops/rabbitmq"]
        self.where = ["--dir", f"{options.folder}/rabbitmq"]
        begin = time.monotonic()
        said = self.run("start", "--release", options.release)
        self.start = time.monotonic() - begin
        self.port = int(re.search(r":(\d+)/", said).group(1))
        self.pid = int(re.search(r"pid (\d+)", self.run("status")).group(1))

    def run(self, verb, *more):
        return subprocess.run([*self.command, verb, *self.where, *more], check=True, stdout=subprocess.PIPE, text=True).stdout

    def stop(self):
        self.run("stop", "--delete")


def client(options, broker, *words):
    """Messages per second, if the client has any to say."""
    command = [f"{options.folder}/client", broker.port, "speed", *words]
    said = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True, timeout=LIMIT).stdout
    return float(said.split()[1]) if said else None


def resident(broker):
    """MiB of the process, and of RabbitMQ's helpers nothing."""
    with open(f"/proc/{broker.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


def processor_time(broker):
    """Seconds of processors that the process has had."""
    with open(f"/proc/{broker.pid}/stat") as stat:
        words = stat.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def rates(options, broker):
    """One turn: messages per second, and microseconds of a processor for each, by name."""
    figures = {}
    for octets in (64, 4096):
        count = options.messages if octets == 64 else options.messages // 4
        for name, words in (
            ("publish and confirm", ("publish", count, octets, WINDOW)),
            ("consume and ack", ("consume", count, PREFETCH)),
            ("both at once", ("both", count, octets, WINDOW, PREFETCH)),
        ):
            before = processor_time(broker)
            rate = client(options, broker, *words)
            figures[f"{name}, {octets} octets"] = (rate, (processor_time(broker) - before) * 1e6 / count)
    client(options, broker, "delete")
    return figures


def memory(options, broker):
    """MiB before, with all messages, when they are consumed, without the queue; each two seconds later."""
    steps = [None, ("publish", options.held, 64, WINDOW), ("consume", options.held, PREFETCH), ("delete",)]
    figures = []
    for words in steps:
        if words:
            client(options, broker, *words)
        time.sleep(2)
        figures.append(round(resident(broker)))
    return figures


def main():
    options = arguments()
    brokers = []
    try:
        for kind in (Embedded, RabbitMQ):
            brokers.append(kind(options))
        print(f"RabbitMQ {options.release}; {os.cpu_count()} processors; {options.turns} turns of {options.messages} messages, prefetch {PREFETCH}")
        for broker in brokers:
            print(f"{broker.name}: greets {broker.start * 1000:.0f} ms after the command was given")
        turns = [[rates(options, broker) for broker in brokers] for _ in range(options.turns)]
        print(f'{"":<34} {"messages per second":^29} {"least":>7} {"µs of a processor for each":>30}')
        names = f"{brokers[0].name:>10} {brokers[1].name:>10}"
        print(f'{"":<34} {names} {"ratio":>7} {"ratio":>7} {names}')
        for name in turns[0][0]:
            mine, theirs, my_time, their_time = (
                statistics.median(turn[which][name][figure] for turn in turns) for figure in (0, 1) for which in (0, 1)
            )
            least = min(turn[0][name][0] / turn[1][name][0] for turn in turns)
            print(f"{name:<34} {mine:>10.0f} {theirs:>10.0f} {mine / theirs:>7.1f} {least:>7.1f} {my_time:>10.1f} {their_time:>10.1f}")
        if options.held:
            print(f'{"MiB with " + str(options.held) + " messages":<34} {"before":>10} {"with all":>10} {"consumed":>10} {"deleted":>10}')
            for broker in brokers:
                print(f"{broker.name:<34} " + " ".join(f"{figure:>10}" for figure in memory(options, broker)))
    finally:
        for broker in brokers:
            broker.stop()


main()
