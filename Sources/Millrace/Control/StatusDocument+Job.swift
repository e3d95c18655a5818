import AMQPClient

extension StatusDocument {
    /// What is measured of a job, as JSON.
    func measures(of job: JobStatus) -> [OptionValue.Member] {
        var members: [OptionValue.Member] = [
            .init(key: "threads_busy", value: .int(Int64(job.busy))),
            .init(key: "threads_wanted", value: .int(Int64(job.wanted ?? job.threads))),
            .init(key: "prefetched", value: .int(Int64(job.prefetched))),
        ]
        let seen = job.queues.compactMap { self.queues[$0] }
        if !seen.isEmpty {
            members += [
                .init(key: "ready_messages", value: .int(Int64(seen.reduce(0) { $0 + $1.messages }))),
                .init(key: "queue_consumers", value: .int(Int64(seen.reduce(0) { $0 + $1.consumers }))),
            ]
        }
        if job.queues.count > 1 { members.append(.init(key: "queues", value: .array(self.queues(of: job)))) }
        if let timeout = job.timeout { members.append(.init(key: "timeout_seconds", value: Self.seconds(timeout))) }
        if let times = job.times.handler.recent {
            members.append(.init(key: "handler_seconds", value: Self.value(of: times)))
        }
        if let times = job.times.wait.recent {
            members.append(.init(key: "wait_seconds", value: Self.value(of: times)))
        }
        if let failure = job.failure {
            let error: [OptionValue.Member] = [
                .init(key: "time", value: .int(failure.time)), .init(key: "text", value: .string(failure.text)),
            ]
            members.append(.init(key: "last_error", value: .object(error)))
        }
        return members
    }

    /// Each of several.
    private func queues(of job: JobStatus) -> [OptionValue] {
        job.queues.map { name in
            var members: [OptionValue.Member] = [.init(key: "name", value: .string(name))]
            if let count = job.consumersOfQueues[name] {
                members.append(.init(key: "consuming", value: .int(Int64(count))))
            }
            if let seen = self.queues[name] {
                members.append(.init(key: "ready_messages", value: .int(Int64(seen.messages))))
                members.append(.init(key: "consumers", value: .int(Int64(seen.consumers))))
            }
            if let reason = job.absentQueues[name] { members.append(.init(key: "absent", value: .string(reason))) }
            return .object(members)
        }
    }

    private static func seconds(_ time: Duration) -> OptionValue { .double(Double(time.nanoseconds) / 1e9) }

    private static func value(of times: JobTimes.Quantiles) -> OptionValue {
        .object([
            .init(key: "p50", value: Self.seconds(times.p50)), .init(key: "p95", value: Self.seconds(times.p95)),
            .init(key: "p99", value: Self.seconds(times.p99)),
        ])
    }

    /// The same for people, of one job.
    func measureLines(of job: JobStatus) -> [String] {
        let name = PlainText.line(job.name)
        var lines = ["\(name): \(job.busy) of \(job.threads) threads in a handler, \(job.prefetched) not begun"]
        for (what, times) in [("handler", job.times.handler.recent), ("wait", job.times.wait.recent)] {
            guard let times else { continue }
            let texts = [times.p50, times.p95, times.p99].map(StatusText.fine)
            lines.append("\(name): \(what) time p50 \(texts[0]), p95 \(texts[1]), p99 \(texts[2])")
        }
        if let failure = job.failure {
            let time = ClockText.minutes(failure.time, zone: self.zone)
            lines.append("\(name): last error \(time): \(PlainText.line(failure.text))")
        }
        return lines
    }
}

extension StatusText {
    /// Three figures at most, down to microseconds: `850µs`, `1.2ms`, `34ms`, `2.5s`, `12s`, `5m`.
    package static func fine(_ time: Duration) -> String {
        let nanoseconds = time.nanoseconds
        for (unit, size) in [("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1000)] as [(String, UInt64)]
        where nanoseconds >= size {
            if unit == "s", nanoseconds >= 100 * size { return Self.short(time) }
            let tenths = (nanoseconds + size / 20) / (size / 10)
            if tenths >= 100 { return "\((nanoseconds + size / 2) / size)\(unit)" }
            return tenths % 10 > 0 ? "\(tenths / 10).\(tenths % 10)\(unit)" : "\(tenths / 10)\(unit)"
        }
        return nanoseconds == 0 ? "0" : "<1µs"
    }
}
