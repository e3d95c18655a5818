import AMQPClient

/// A supervisor in Prometheus's text format (version 0.0.4).
package struct MetricsText {
    private var text = ""

    /// - Parameter document: What to render.
    /// - Returns: All of it.
    package static func of(_ document: StatusDocument) -> String {
        var metrics = Self()
        metrics.write(document)
        return metrics.text
    }

    private mutating func write(_ document: StatusDocument) {
        let status = document.status
        self.family("millrace_build_info", "gauge", "What runs: always 1.")
        self.sample("millrace_build_info", [("version", document.build), ("config", document.identity.short)], 1)
        self.family("millrace_start_timestamp_seconds", "gauge", "When the supervisor was started.")
        self.sample("millrace_start_timestamp_seconds", [], Double(document.startedAt))
        self.family(
            "millrace_config_last_reload_successful",
            "gauge",
            "Whether the last job file that was wanted runs."
        )
        self.sample("millrace_config_last_reload_successful", [], document.refusal == nil ? 1 : 0)
        self.family(
            "millrace_config_last_reload_success_timestamp_seconds",
            "gauge",
            "When the job file that runs was read."
        )
        self.sample("millrace_config_last_reload_success_timestamp_seconds", [], Double(document.loadedAt))
        let connections = [("jobs", status.connection)] + (status.outputs.map { [("outputs", $0)] } ?? [])
        self.family("millrace_connection_up", "gauge", "Whether there is a connection to the broker.")
        for (name, connection) in connections {
            let isUp = if case .missing = connection { false } else { true }
            self.sample("millrace_connection_up", [("connection", name)], isUp ? 1 : 0)
        }
        self.family("millrace_connection_blocked", "gauge", "Whether the broker reads nothing from it.")
        for (name, connection) in connections {
            self.sample("millrace_connection_blocked", [("connection", name)], connection == .blocked ? 1 : 0)
        }
        self.family("millrace_ready", "gauge", "Whether every job that is not paused does its work.")
        self.sample("millrace_ready", [], status.readiness.isReady ? 1 : 0)
        let jobs = status.jobs.filter { !$0.isLeaving }
        self.gauge("millrace_job_threads", "Threads that the job should have.", jobs) { Double($0.threads) }
        self.gauge("millrace_job_consuming", "Threads whose consumer the broker has confirmed.", jobs) {
            Double($0.consuming)
        }
        self.gauge("millrace_job_in_hand", "Deliveries that handlers have, or that wait for confirms.", jobs) {
            Double($0.inHand)
        }
        self.gauge("millrace_job_oldest_in_flight_seconds", "How long the oldest of them is with its handler.", jobs) {
            Double($0.oldestInHand.nanoseconds) / 1e9
        }
        self.gauge("millrace_job_paused", "Whether the job rests.", jobs) { $0.state == .paused ? 1 : 0 }
        self.gauge("millrace_job_idle_threads", "Threads that have a connection, and no consumer for too long.", jobs) {
            Double($0.idle)
        }
        self.gauge("millrace_job_held", "Whether its circuit or its handler holds the job.", jobs) {
            $0.state == .held ? 1 : 0
        }
        self.states(jobs)
        self.counts(jobs)
    }

    private mutating func states(_ jobs: [JobStatus]) {
        self.family("millrace_job_state", "gauge", "Where the job stands: 1 for that state, 0 for the others.")
        for job in jobs {
            for state in ["starting", "running", "restarting", "failed", "paused", "held", "drained"] {
                self.sample(
                    "millrace_job_state",
                    [("job", job.name), ("state", state)],
                    "\(job.state)" == state ? 1 : 0
                )
            }
        }
    }

    /// Every count that there is: outcomes by their name, the others by their own.
    private mutating func counts(_ jobs: [JobStatus]) {
        let others = ["received", "published", "overruns", "abandoned"]
        for name in others {
            self.family("millrace_job_\(name)_total", "counter", "See JobCounts: \(name).")
            for job in jobs {
                let count = job.counts.all.first { $0.name == name }?.count ?? 0
                self.sample("millrace_job_\(name)_total", [("job", job.name)], Double(count))
            }
        }
        self.family("millrace_job_holds_total", "counter", "How often the job was held.")
        for job in jobs { self.sample("millrace_job_holds_total", [("job", job.name)], Double(job.holds)) }
        self.family("millrace_job_settled_total", "counter", "Deliveries by what became of them.")
        for job in jobs {
            for (name, count) in job.counts.all where !others.contains(name) {
                self.sample("millrace_job_settled_total", [("job", job.name), ("outcome", name)], Double(count))
            }
        }
    }

    private mutating func gauge(_ name: String, _ help: String, _ jobs: [JobStatus], _ value: (JobStatus) -> Double) {
        self.family(name, "gauge", help)
        for job in jobs { self.sample(name, [("job", job.name), ("queue", job.queue)], value(job)) }
    }

    private mutating func family(_ name: String, _ type: String, _ help: String) {
        self.text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private mutating func sample(_ name: String, _ labels: [(name: String, value: String)], _ value: Double) {
        self.text += name
        if !labels.isEmpty {
            let list = labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }
            self.text += "{" + list.joined(separator: ",") + "}"
        }
        self.text += " \(value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)")\n"
    }

    /// A label's value: nothing in it ends it.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
