"""Runs the suites one after the other, each with a broker in a network of its own, and holds what comes to expected.json.

Started by ops/peers, which has installed what they need: peers.py BROKER PROFILE RECORD [SUITE…]
"""

import json
import os
import shutil
import subprocess
import sys

from suites import SUITES

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(os.path.dirname(os.path.dirname(HERE)), ".millrace", "peers")
EXPECTED = os.path.join(HERE, "expected.json")


def isolated(command):
    """In a network with nothing but its own loopback; all that is started there ends with it."""
    user = [] if os.getuid() == 0 else ["--map-root-user"]
    return ["unshare", *user, "--net", "--pid", "--fork", "--kill-child", "--mount-proc", *command]


def run(suite, broker, profile, which):
    folder = os.path.join(PEERS, "runs", f"{suite.name}-{which}")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    inside = [sys.executable, os.path.join(HERE, "inside.py"), suite.name, broker, profile, folder]
    subprocess.run(isolated(inside), check=False, stdin=subprocess.DEVNULL)
    try:
        with open(os.path.join(folder, "result.json")) as file:
            return folder, json.load(file)
    except OSError:
        return folder, {"seconds": 0, "outcomes": {}, "failure": "it was ended"}


def counts(outcomes):
    values = list(outcomes.values())
    return {word: values.count(word) for word in ("passed", "failed", "skipped")}


def differences(result, known):
    """What is not as it was kept, a line each."""
    lines = [result["failure"]] if "failure" in result else []
    failed = {name for name, outcome in result["outcomes"].items() if outcome == "failed"}
    lines += [f"fails: {name}" for name in sorted(failed - set(known["failed"]))]
    lines += [f"was expected to fail: {name}" for name in sorted(set(known["failed"]) - failed)]
    now = counts(result["outcomes"])
    for word in ("passed", "skipped"):
        if now[word] != known[word]:
            lines.append(f"{now[word]} {word}, not {known[word]}")
    return lines


def main():
    broker, profile, record, names = sys.argv[1], sys.argv[2], sys.argv[3] == "record", sys.argv[4:]
    which = "rabbitmq" if broker == "rabbitmq" else "embedded"
    if profile != "3.10":
        which += "-" + profile
    with open(EXPECTED) as file:
        expected = json.load(file)
    expected.setdefault(which, {})
    wrong = False
    for suite in SUITES:
        if names and suite.name not in names:
            continue
        folder, result = run(suite, broker, profile, which)
        result["outcomes"] = {
            name: outcome for name, outcome in result["outcomes"].items() if not name.startswith(tuple(suite.unsteady))
        }
        known = expected[which].get(suite.name, {"passed": 0, "skipped": 0, "failed": {}})
        now = counts(result["outcomes"])
        print(
            f'{suite.name:<12} {now["passed"]:>4} passed {now["failed"]:>3} failed {now["skipped"]:>3} skipped {result["seconds"]:>6} s',
            flush=True,
        )
        if record and "failure" not in result:
            why = known["failed"]
            failed = {n: why.get(n, "?") for n, o in sorted(result["outcomes"].items()) if o == "failed"}
            expected[which][suite.name] = {"passed": now["passed"], "skipped": now["skipped"], "failed": failed}
            lines = []
        else:
            lines = differences(result, known)
        for line in lines:
            print(f"    {line}", flush=True)
        if lines:
            wrong = True
            print(f"    all of it: {os.path.relpath(folder)}/log, results.out", flush=True)
    if record:
        with open(EXPECTED, "w") as file:
            json.dump(expected, file, indent=2, sort_keys=True)
            file.write("\n")
    sys.exit(1 if wrong else 0)


main()
