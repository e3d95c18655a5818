# Says what became of every message of a run: awk [-v all=yes] -f run-summary.awk INPUT REPORT [QUEUES]
#
# INPUT has lines "job count", REPORT is from `millrace run --report`, QUEUES has lines "queue count" of what the broker holds;
# without it the report says what the broker in the process held at its end. all=yes: nothing may be left in an input queue.
# Exit status 1 if anything is missing.

BEGIN {
    outputs["access_log"] = "status_counts"
    outputs["orders"] = "invoices"
    outputs["checksums"] = "checksums.done"
    severals["access_log"] = 1 # it counts, so it publishes fewer than it acks
    columns = split("input received acked rejected requeued discarded published left dead output", column, " ")
}

FILENAME == ARGV[1] { jobs[++count] = $1; input[$1] = $2 }
FILENAME == ARGV[2] { report = report $0 }
FILENAME == ARGV[3] { held[$1] = $2 }

# JSON as it is written there: objects in objects, texts and numbers. A value is found by the keys that lead to it.
function read(text,    depth, key, path, token, isValue) {
    while (match(text, /^[ \t,]*("([^"\\]|\\.)*"|[{}:]|[^ \t,{}:"]+)/)) {
        token = substr(text, RSTART, RLENGTH)
        text = substr(text, RLENGTH + 1)
        sub(/^[ \t,]*/, "", token)
        if (token == "{") {
            path[++depth] = depth == 1 ? "" : path[depth - 1] key SUBSEP
            isValue = 0
        } else if (token == "}") {
            depth--
        } else if (token == ":") {
            isValue = 1
        } else {
            gsub(/^"|"$/, "", token)
            if (isValue) found[path[depth] key] = token; else key = token
            isValue = 0
        }
    }
}

function missing(job, text) { lost = 1; lines = lines "MISSING in " job ": " text "\n" }

END {
    read(report)
    if (ARGC < 4) {
        for (name in found) if (split(name, part, SUBSEP) == 2 && part[1] == "left_in_memory") held[part[2]] = found[name]
    }
    printf "%-12s", "job"
    for (i = 1; i <= columns; i++) printf "%11s", column[i]
    print ""
    for (i = 1; i <= count; i++) look(jobs[i])
    printf "%s", lines
    if (lost) exit 1
    printf "nothing lost: %d messages in, %d settled, %d left in their queues\n", total, total - left, left
}

function look(job,    row, i, name, queue) {
    for (i = 1; i <= columns; i++) row[column[i]] = found["jobs" SUBSEP job SUBSEP column[i]] + 0
    row["input"] = input[job]
    queue["left"] = job
    queue["dead"] = job ".dead"
    queue["output"] = outputs[job]
    for (name in queue) row[name] = queue[name] in held ? held[queue[name]] + 0 : "?"
    printf "%-12s", job
    for (i = 1; i <= columns; i++) printf "%11s", row[column[i]]
    print ""
    total += row["input"]
    left += row["left"]
    if (!(("jobs" SUBSEP job SUBSEP "received") in found)) return missing(job, "the report does not mention this job")
    for (name in queue) if (row[name] == "?") return missing(job, "the broker has no queue " queue[name])
    settled = row["acked"] + row["rejected"] + row["discarded"]
    if (settled + row["left"] != row["input"])
        missing(job, row["input"] " went in, but acked " row["acked"] " + rejected " row["rejected"] " + discarded " \
            row["discarded"] " + left in the queue " row["left"] " is " (settled + row["left"]))
    if (all && row["left"]) missing(job, row["left"] " are left in the queue")
    if (all && row["received"] != row["input"] + row["requeued"])
        missing(job, "received " row["received"] ", expected the " row["input"] " of the input and " row["requeued"] " requeued")
    if (row["dead"] != row["rejected"]) missing(job, "rejected " row["rejected"] ", but " job ".dead holds " row["dead"])
    if (row["output"] != row["published"])
        missing(job, "published " row["published"] ", but " outputs[job] " holds " row["output"])
    if (!(job in severals) && row["published"] != row["acked"])
        missing(job, "acked " row["acked"] ", but published " row["published"])
    if (!row["published"] && row["acked"]) missing(job, "acked " row["acked"] ", but published nothing")
}
