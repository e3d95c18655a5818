"""Runs a test command, and tells a test that fails from one that fails once: tests.py LIMIT [--again] COMMAND…

It may take LIMIT seconds in all, and be silent for SILENCE: when it has hung, the tests that had begun are named, and what
each of its threads does is shown, before it is killed.

--again   Tests run beside a thousand others, so that once in a while one meets a machine too busy for its patience. Up to
          FEW that failed run once more, alone; a run that hung, whole. What passes then is named in lines that begin with
          "flaky:"; each is a bug of the test or of what it tests.

Exit status: 0 all passed, 1 a test failed (twice), 124 it hung, else COMMAND's.
"""

import os
import re
import select
import signal
import subprocess
import sys
import time

SILENCE = 420
FEW = 6
FRAMES = 12
# Neither the whole run nor one case of a test.
NAME = r"^[^A-Za-z\"]*Test (?!run |case )(.+?)"
BEGAN = re.compile(NAME + r" started\.$")
END = re.compile(r"^[^A-Za-z\"]*Test run with .+ (passed|failed) after ")
ENDED = re.compile(NAME + r"(?: with \d+ test cases?)? (passed|failed) after ")


def write(text):
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


class Run:
    """One run of the command."""

    def __init__(self, command, limit):
        self.begun, self.failed = [], []
        self.hung = self.ended = False
        # Whole lines, as they come: what a killed program kept to itself is what one wants to know.
        child = subprocess.Popen(
            ["stdbuf", "-oL", "-eL", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        end_of = lambda number, frame: (kill(child.pid), sys.exit(128 + number))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, end_of)
        self.read(child, time.monotonic() + limit)
        if self.hung:
            write(f"\nhung; had begun and not ended: {', '.join(self.begun) or 'no test'}\n")
            write(stacks(child.pid))
            kill(child.pid)
        self.status = child.wait()

    def read(self, child, deadline):
        rest = b""
        while True:
            patience = min(SILENCE, deadline - time.monotonic())
            if patience <= 0 or not select.select([child.stdout], [], [], patience)[0]:
                self.hung = True
                return
            octets = os.read(child.stdout.fileno(), 1 << 16)
            sys.stdout.buffer.write(octets)
            sys.stdout.buffer.flush()
            *lines, rest = (rest + octets).split(b"\n")
            for line in lines:
                self.note(line.decode(errors="replace"))
            if not octets:
                return

    def note(self, line):
        self.ended = self.ended or bool(END.match(line))
        if found := BEGAN.match(line):
            self.begun.append(found[1])
        elif found := ENDED.match(line):
            if found[1] in self.begun:
                self.begun.remove(found[1])
            if found[2] == "failed":
                self.failed.append(found[1])


def family(pid):
    """The process and all that it has started, the youngest last."""
    found = [pid]
    for parent in found:
        for task in listed(f"/proc/{parent}/task"):
            try:
                with open(f"/proc/{parent}/task/{task}/children") as file:
                    found += [int(child) for child in file.read().split()]
            except OSError:
                pass
    return found


def listed(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


def kill(pid):
    for process in reversed(family(pid)):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            pass


def stacks(pid):
    """What each thread of the tests does: the names of its functions, the same stack once."""
    tests = [process for process in family(pid) if "xctest" in words(process)]
    if not tests:
        return "it has no test process\n"
    try:
        shown = subprocess.run(
            ["gdb", "-p", str(tests[0]), "-batch", "-ex", "set print frame-arguments none", "-ex", "thread apply all bt 40"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=180,
        ).stdout.decode(errors="replace")
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"its stacks could not be read: {error}\n"
    found = {}
    for thread in re.split(r"^Thread ", shown, flags=re.MULTILINE)[1:]:
        frames = re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?(\S+)", thread, flags=re.MULTILINE)
        frames = [name for name in frames if name != "??" and not name.startswith(("$ss", "swift_", "_dispatch"))]
        text = "\n    ".join(frames[:FRAMES])
        found[text] = found.get(text, 0) + 1
    symbols = "\n".join(f"{count} threads:\n    {text}" for text, count in found.items()) + "\n"
    try:
        return subprocess.run(["swift", "demangle", "--simplified"], input=symbols.encode(), capture_output=True,
                              timeout=60).stdout.decode(errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        return symbols


def words(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def filters(names):
    """Arguments that choose these tests; a name is in quotation marks if it has words."""
    for name in names:
        yield "--filter"
        yield re.sub(r"([\\^$.|?*+()\[\]{}])", r"\\\1", name.strip('"').replace("()", ""))


def without_choice(command):
    """The command without what it says about tests."""
    kept, words_left = [], iter(command)
    for word in words_left:
        if word in ("--filter", "--skip"):
            next(words_left)
        else:
            kept.append(word)
    return kept


def main():
    limit, *command = sys.argv[1:]
    again = command[:1] == ["--again"]
    command = command[again:]
    first = Run(command, int(limit))
    if first.status == 0 and not first.hung:
        return 0
    names = sorted(set(first.failed))
    # Lines of others may stand in the middle of a test's: only the last one says that all have ended.
    crashed = not first.ended and not first.hung
    if not again or crashed or not (first.hung or 0 < len(names) <= FEW):
        return 124 if first.hung else first.status
    write("\nonce more: " + ("all" if first.hung else ", ".join(names)) + "\n")
    second = Run(command if first.hung else without_choice(command) + list(filters(names)), int(limit))
    if second.status or second.hung:
        return 124 if second.hung else second.status
    for name in first.begun if first.hung else names:
        write(f"flaky: {name} {'hung' if first.hung else 'failed'}, and passed when it ran again\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
