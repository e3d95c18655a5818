"""Says what became of every message of a run: run-summary.py FOLDER RABBITMQCTL [--all]

FOLDER holds `input` (lines "job count") and `report.json` (from `millrace run --report`). What they say is compared
with what the broker holds. --all: nothing may be left in an input queue. Exit status 1 if anything is missing.
"""

import json
import subprocess
import sys
import time

OUTPUTS = {"access_log": "status_counts", "orders": "invoices", "checksums": "checksums.done"}
ONE_OUTPUT_EACH = ("orders", "checksums")  # access_log counts, so it publishes fewer than it acks
COLUMNS = ("input", "received", "acked", "rejected", "requeued", "discarded", "published", "left", "dead", "output")


def queue_lengths(rabbitmqctl):
    command = [rabbitmqctl, "--quiet", "--formatter", "json", "list_queues", "name", "messages"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    return {queue["name"]: queue["messages"] for queue in json.loads(listing)}


def rows(inputs, report, lengths):
    for job, count in inputs.items():
        row = {name: report.get(job, {}).get(name, 0) for name in COLUMNS}
        queue = report.get(job, {}).get("queue", job)
        row.update(input=count, left=lengths.get(queue), dead=lengths.get(f"{job}.dead"), output=lengths.get(OUTPUTS[job]))
        yield job, row


def problems(job, row, reported, want_all):
    if not reported:
        yield "the report does not mention this job"
        return
    for name, queue in (("left", job), ("dead", f"{job}.dead"), ("output", OUTPUTS[job])):
        if row[name] is None:
            yield f"the broker has no queue {queue}"
            return
    settled = row["acked"] + row["rejected"] + row["discarded"]
    if settled + row["left"] != row["input"]:
        yield (f"{row['input']} went in, but acked {row['acked']} + rejected {row['rejected']} + discarded "
               f"{row['discarded']} + left in the queue {row['left']} is {settled + row['left']}")
    if want_all and row["left"]:
        yield f"{row['left']} are left in the queue"
    if want_all and row["received"] != row["input"] + row["requeued"]:
        yield f"received {row['received']}, expected the {row['input']} of the input and {row['requeued']} requeued"
    if row["dead"] != row["rejected"]:
        yield f"rejected {row['rejected']}, but {job}.dead holds {row['dead']}"
    if row["output"] != row["published"]:
        yield f"published {row['published']}, but {OUTPUTS[job]} holds {row['output']}"
    if job in ONE_OUTPUT_EACH and row["published"] != row["acked"]:
        yield f"acked {row['acked']}, but published {row['published']}"
    if not row["published"] and row["acked"]:
        yield f"acked {row['acked']}, but published nothing"


def main():
    folder, rabbitmqctl, want_all = sys.argv[1], sys.argv[2], "--all" in sys.argv[3:]
    with open(f"{folder}/input") as lines:
        inputs = {job: int(count) for job, count in map(str.split, lines)}
    try:
        with open(f"{folder}/report.json") as file:
            report = json.load(file)["jobs"]
    except (OSError, ValueError, KeyError) as error:
        print(f"LOST? there is no report to compare with: {error!r}")
        return 1
    # Dead-lettering happens beside the client, so the broker may need a moment for the last of it.
    deadline = time.monotonic() + 10
    while True:
        table = dict(rows(inputs, report, queue_lengths(rabbitmqctl)))
        found = [(job, text) for job, row in table.items() for text in problems(job, row, job in report, want_all)]
        if not found or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    print("job".ljust(12) + "".join(name.rjust(11) for name in COLUMNS))
    for job, row in table.items():
        print(job.ljust(12) + "".join(str(row[name]).rjust(11) for name in COLUMNS))
    for job, text in found:
        print(f"MISSING in {job}: {text}")
    if not found:
        total = sum(inputs.values())
        left = sum(row["left"] for row in table.values())
        print(f"nothing lost: {total} messages in, {total - left} settled, {left} left in their queues")
    return 1 if found else 0


sys.exit(main())
