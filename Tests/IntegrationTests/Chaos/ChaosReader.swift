import AMQPClient
import AMQPWire
import TestSupport

/// Takes outputs and dead letters out of their queues and notes them, on a connection and a thread of its own.
struct ChaosReader {
    let jobs: [ChaosJob]
    let record: ChaosRecord
    let endpoints: [Endpoint]

    func start() throws -> WorkerThread { try WorkerThread.start(name: "reader") { self.run() } }

    private func run() {
        var tries = 0
        while !self.record.monitor.withLock({ $0.isStopping }) {
            let endpoint = self.endpoints[tries % self.endpoints.count]
            tries += 1
            do {
                let connection = try ChaosBroker.connect(to: endpoint)
                defer { connection.close(timeout: .seconds(2)) }
                try self.read(try connection.openChannel())
            } catch {
                let never = Monitor(false)
                _ = never.wait(until: MonotonicClock.deadline(in: .milliseconds(200))) { $0 ? true : nil }
            }
        }
    }

    private func read(_ channel: Channel) throws {
        try channel.prefetch(200)
        for (index, job) in self.jobs.enumerated() {
            try channel.consume(job.output, tag: "out.\(index)")
            try channel.consume(job.dead, tag: "dead.\(index)")
        }
        while !self.record.monitor.withLock({ $0.isStopping }) {
            guard let delivery = try channel.nextDelivery(timeout: .milliseconds(100)) else {
                // The broker ends the consumers of a queue whose node is gone, one by one.
                guard channel.cancelledConsumers.isEmpty else { return }
                continue
            }
            let words = try delivery.envelope.consumerTag.split(separator: ".")
            if let id = ChaosJob.number(of: Array(delivery.body)), let index = Int(words.last ?? "") {
                let isDead = words.first == "dead"
                let isTrimmed = try isDead && Self.latestDeath(delivery) == "maxlen"
                self.record.change { state in
                    guard !isTrimmed else { return state.jobs[index].noteTrimmed(id) }
                    state.jobs[index].noteDone(id, dead: isDead)
                }
            }
            try channel.ack(delivery)
        }
    }

    /// Why the broker made a dead letter of it, the last time that it did.
    private static func latestDeath(_ delivery: Delivery) throws -> String? {
        let deaths = try delivery.properties.headers?["x-death"]
        guard case .array(let entries)? = deaths, case .table(let latest)? = entries.first else { return nil }
        return latest["reason"]?.stringValue
    }
}
