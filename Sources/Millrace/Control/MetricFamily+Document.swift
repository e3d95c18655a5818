import AMQPClient

extension MetricFamily {
    /// All that a supervisor measures: what ``MetricsText`` shows and ``MetricsFeed`` hands on.
    package static func all(_ document: StatusDocument) -> [MetricFamily] {
        let jobs = document.status.jobs.filter { !$0.isLeaving }
        return Self.ofProcess(document) + Self.ofConnections(document) + Self.ofJobs(jobs, document)
            + Self.counts(jobs) + Self.times(jobs) + Self.ofSchedules(document)
    }

    private static func ofProcess(_ document: StatusDocument) -> [MetricFamily] {
        var build = MetricFamily("millrace_build_info", .gauge, "What runs: always 1.")
        build.add(1, [("version", document.build), ("config", document.identity.short)])
        var start = MetricFamily("millrace_start_timestamp_seconds", .gauge, "When the supervisor was started.")
        start.add(Double(document.startedAt))
        var isGood = MetricFamily(
            "millrace_config_last_reload_successful",
            .gauge,
            "Whether the last job file that was wanted runs."
        )
        isGood.add(document.refusal == nil)
        var loaded = MetricFamily(
            "millrace_config_last_reload_success_timestamp_seconds",
            .gauge,
            "When the job file that runs was read."
        )
        loaded.add(Double(document.loadedAt))
        var ready = MetricFamily("millrace_ready", .gauge, "Whether every job that is not paused does its work.")
        ready.add(document.status.readiness.isReady)
        return [build, start, isGood, loaded, ready]
    }

    private static func ofConnections(_ document: StatusDocument) -> [MetricFamily] {
        var up = MetricFamily("millrace_connection_up", .gauge, "Whether there is a connection to the broker.")
        var blocked = MetricFamily("millrace_connection_blocked", .gauge, "Whether the broker reads nothing from it.")
        let status = document.status
        for (name, connection) in [("jobs", status.connection)] + (status.outputs.map { [("outputs", $0)] } ?? []) {
            let isUp = if case .missing = connection { false } else { true }
            up.add(isUp, [("connection", name)])
            blocked.add(connection == .blocked, [("connection", name)])
        }
        var reconnects = MetricFamily(
            "millrace_connection_reconnects_total",
            .counter,
            "Connections for jobs that were made after the first."
        )
        reconnects.add(Double(document.reconnects), [("connection", "jobs")])
        return [up, blocked, reconnects]
    }

    private static func ofSchedules(_ document: StatusDocument) -> [MetricFamily] {
        var last = MetricFamily(
            "millrace_schedule_last_tick_timestamp_seconds",
            .gauge,
            "Up to when everything that was due is published, as far as this supervisor knows."
        )
        var leader = MetricFamily("millrace_schedule_leader", .gauge, "Whether this supervisor ticks it.")
        for schedule in document.standings {
            let labels = [(name: "schedule", value: schedule.name)]
            if let time = schedule.lastTick { last.add(Double(time) / 1000, labels) }
            leader.add(schedule.isLeading, labels)
        }
        return [last, leader]
    }
}
