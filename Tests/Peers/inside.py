"""Runs one suite in the network namespace that ops/peers made for it: loopback, a broker, the suite, and nobody else.

    inside.py SUITE BROKER PROFILE FOLDER

BROKER is the path of a millrace, or `rabbitmq`; PROFILE the release that it is like, or is. What came of each test is written to FOLDER/result.json, what all of it said
to FOLDER/log.
"""

import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree

from suites import SUITES

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PEERS = os.path.join(ROOT, ".millrace", "peers")


class Failure(Exception):
    """There is nothing to count."""


def start(broker, profile, folder, log):
    """A fresh broker at 127.0.0.1:5672; how to end it, and what its end says."""
    if broker == "rabbitmq":
        home = os.path.join(folder, "rabbitmq")
        command = [os.path.join(ROOT, "ops/rabbitmq")]
        subprocess.run(command + ["start", "--dir", home, "--release", profile, "--port", "5672"], check=True, stdout=log, stderr=log)
        return lambda: subprocess.run(command + ["stop", "--delete", "--dir", home], stdout=log, stderr=log).returncode
    said = os.path.join(folder, "broker.out")
    with open(said, "w") as out:
        process = subprocess.Popen([broker, "broker", "--listen", "127.0.0.1:5672", "--profile", profile], stdout=out, stderr=log)
    deadline = time.monotonic() + 60
    while "nothing survives\n" not in open(said).read():
        if process.poll() is not None or time.monotonic() > deadline:
            raise Failure(f"the broker does not listen; status {process.returncode}")
        time.sleep(0.01)

    def end():
        if process.poll() is not None:
            raise Failure(f"the broker ended by itself, with {process.returncode}")
        process.terminate()
        return process.wait(30)

    return end


def filled(words, results, folder):
    python = os.path.join(PEERS, "venv/bin/python")
    return [w.replace("PYTHON", python).replace("RESULTS", results).replace("SCRATCH", folder) for w in words]


def junit(path):
    """Outcomes by test; a test that fails and is tried again counts by its last try."""
    outcomes = {}
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        name = f'{case.get("classname")}::{case.get("name")}'
        if case.find("failure") is not None or case.find("error") is not None:
            outcomes[name] = "failed"
        elif case.find("skipped") is not None:
            outcomes.setdefault(name, "skipped")
        else:
            outcomes.setdefault(name, "passed")
    return outcomes


def go(path):
    outcomes = {}
    for line in open(path):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event.get("Test") and event.get("Action") in ("pass", "fail", "skip"):
            outcomes[event["Test"]] = {"pass": "passed", "fail": "failed", "skip": "skipped"}[event["Action"]]
    return outcomes


def run(suite, broker, profile, folder):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    results = os.path.join(folder, "results")
    where = suite.folder if os.path.isabs(suite.folder) else os.path.join(PEERS, "sources", suite.folder)
    words = filled(suite.command, results, folder)
    for name in suite.left_out:
        if suite.kind == "junit" and not name.startswith("-"):
            words += ["--deselect" if "::" in name else "--ignore", name]
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", HOME=folder, GOCACHE=os.path.join(PEERS, "go"), **suite.environment)
    with open(os.path.join(folder, "log"), "w") as log:
        end = start(broker, profile, folder, log)
        began = time.monotonic()
        with open(results + ".out", "w") as out:
            try:
                status = subprocess.run(words, cwd=where, env=environment, stdout=out, stderr=log, timeout=suite.seconds).returncode
            except subprocess.TimeoutExpired:
                raise Failure(f"not done after {suite.seconds} s") from None
        seconds = time.monotonic() - began
        ended = end()
    if suite.kind == "status":
        outcomes = {suite.name: "failed" if status else "passed"}
    else:
        outcomes = go(results + ".out") if suite.kind == "go" else junit(results)
    if ended:
        outcomes["the broker's end"] = "failed"
    if not outcomes:
        raise Failure(f"no test was run; status {status}")
    return {"seconds": round(seconds, 1), "outcomes": outcomes}


def main():
    name, broker, profile, folder = sys.argv[1:]
    suite = next(s for s in SUITES if s.name == name)
    try:
        result = run(suite, broker, profile, folder)
    except (Failure, OSError, subprocess.SubprocessError, xml.etree.ElementTree.ParseError) as error:
        result = {"seconds": 0, "outcomes": {}, "failure": str(error)}
    with open(os.path.join(folder, "result.json"), "w") as file:
        json.dump(result, file, indent=1, sort_keys=True)


main()
