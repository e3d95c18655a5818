import AMQPClient

extension MetricFamily {
    static func ofJobs(_ jobs: [JobStatus], _ document: StatusDocument) -> [MetricFamily] {
        func gauge(_ name: String, _ help: String, _ value: (JobStatus) -> Double?) -> MetricFamily {
            var family = MetricFamily("millrace_job_" + name, .gauge, help)
            for job in jobs {
                let queues = job.queues.joined(separator: ",")
                if let value = value(job) { family.add(value, [("job", job.name), ("queue", queues)]) }
            }
            return family
        }
        /// Of each queue by itself.
        func ofQueues(_ name: String, _ help: String, _ value: (BacklogWatch.Count) -> Int) -> MetricFamily {
            var family = MetricFamily("millrace_job_" + name, .gauge, help)
            for job in jobs {
                for queue in job.queues {
                    guard let seen = document.queues[queue] else { continue }
                    family.add(Double(value(seen)), [("job", job.name), ("queue", queue)])
                }
            }
            return family
        }
        return [
            gauge("threads", "Threads that the job should have now.") { Double($0.threads) },
            gauge("threads_wanted", "Threads that its backlog asks for, within its limits; without a range the same.") {
                Double($0.wanted ?? $0.threads)
            },
            gauge("threads_busy", "Threads that are in a handler.") { Double($0.busy) },
            gauge("consuming", "Threads whose consumer the broker has confirmed.") { Double($0.consuming) },
            gauge("in_hand", "Deliveries that handlers have, or that wait for them or for confirms.") {
                Double($0.inHand)
            },
            gauge("prefetched", "Those of them that no handler has begun.") { Double($0.prefetched) },
            ofQueues(
                "ready_messages",
                "Messages in its queue that no consumer has, when the broker was asked last.",
                \.messages
            ),
            ofQueues(
                "queue_consumers",
                "Everybody's consumers of its queue, when the broker was asked last.",
                \.consumers
            ),
            gauge("oldest_in_flight_seconds", "How long the oldest of them is with its handler.") {
                Double($0.oldestInHand.nanoseconds) / 1e9
            },
            gauge("timeout_seconds", "How long a handler may take, if that is limited.") {
                $0.timeout.map { Double($0.nanoseconds) / 1e9 }
            },
            gauge("paused", "Whether the job rests.") { $0.state == .paused ? 1 : 0 },
            gauge("held", "Whether its circuit or its handler holds the job.") { $0.state == .held ? 1 : 0 },
            gauge("idle_threads", "Threads that have a connection, and no consumer for too long.") { Double($0.idle) },
            Self.states(jobs),
        ]
    }

    private static func states(_ jobs: [JobStatus]) -> MetricFamily {
        var family = MetricFamily("millrace_job_state", .gauge, "Where the job stands: 1 for that state, 0 for others.")
        for job in jobs {
            for state in ["starting", "running", "restarting", "failed", "paused", "held", "drained"] {
                family.add("\(job.state)" == state, [("job", job.name), ("state", state)])
            }
        }
        return family
    }

    /// Every count that there is: outcomes by their name, the others by their own.
    static func counts(_ jobs: [JobStatus]) -> [MetricFamily] {
        func counter(
            _ name: String,
            _ help: String,
            _ value: (JobCounts) -> Int,
            more: (JobStatus) -> [(name: String, value: String)] = { _ in [] }
        ) -> MetricFamily {
            var family = MetricFamily("millrace_job_\(name)_total", .counter, help)
            for job in jobs { family.add(Double(value(job.counts)), [("job", job.name)] + more(job)) }
            return family
        }
        var holds = MetricFamily("millrace_job_holds_total", .counter, "How often the job was held.")
        for job in jobs { holds.add(Double(job.holds), [("job", job.name)]) }
        var settled = MetricFamily("millrace_job_settled_total", .counter, "Deliveries by what became of them.")
        let others: Set = ["received", "published", "overruns", "abandoned"]
        for job in jobs {
            for (name, count) in job.counts.all where !others.contains(name) {
                settled.add(Double(count), [("job", job.name), ("outcome", name)])
            }
        }
        return [
            counter("received", "Deliveries that a handler has begun, or that went back before one did.", \.received),
            counter("published", "Outputs, by how they are published.", \.published) { [("mode", $0.publishMode)] },
            counter("overruns", "Handlers that ran longer than the job's timeout.", \.overruns),
            counter("abandoned", "Deliveries whose handler was given up at kill_timeout.", \.abandoned),
            counter("stale_acks", "Outcomes that came after the end of their channel.", \.droppedAcks),
            holds,
            settled,
        ]
    }

    static func times(_ jobs: [JobStatus]) -> [MetricFamily] {
        var handler = MetricFamily(
            "millrace_job_handler_seconds",
            .histogram,
            "How long handlers take; short ones by samples."
        )
        var wait = MetricFamily(
            "millrace_job_wait_seconds",
            .histogram,
            "How long messages wait for their first handler, since they were published if they say when."
        )
        for job in jobs {
            handler.samples.append(Sample(labels: [("job", job.name)], value: .times(job.times.handler.all)))
            wait.samples.append(Sample(labels: [("job", job.name)], value: .times(job.times.wait.all)))
        }
        return [handler, wait]
    }
}
