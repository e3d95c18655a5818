import AMQPClient
import AMQPWire
import TestSupport

/// Publishes the inputs, confirmed, on a connection and a thread of its own: what is not confirmed is published again,
/// whatever happens to the broker.
struct ChaosFeeder {
    let jobs: [ChaosJob]
    let record: ChaosRecord
    let endpoints: [Endpoint]
    /// Of each job that gets all; nil until it is told to stop.
    let limit: Int?
    /// How far ahead of what is done: where time is short, what is left at the end is to be done soon.
    private var backlog: Int { self.limit == nil ? 150 : 400 }
    private static let batch = 40
    /// On one channel.
    private static let rounds = 500

    func start() throws -> WorkerThread { try WorkerThread.start(name: "feeder") { self.run() } }

    private func run() {
        var next = self.jobs.map { _ in 0 }
        var again = self.jobs.map { _ in [Int]() }
        var tries = 0
        while !self.isOver(next, again) {
            let endpoint = self.endpoints[tries % self.endpoints.count]
            tries += 1
            do {
                let connection = try ChaosBroker.connect(to: endpoint)
                defer { connection.close(timeout: .seconds(2)) }
                let channel = try connection.openChannel()
                try channel.selectConfirms()
                // A channel of RabbitMQ 3.10 that a quorum queue has refused may be refused for ever.
                var rounds = 0
                while rounds < Self.rounds, !self.isOver(next, again) {
                    try self.feed(channel, &next, &again)
                    rounds += 1
                }
            } catch {
                self.rest(milliseconds: 200)
            }
        }
        self.record.change { $0.isFeederIdle = true }
    }

    private func isOver(_ next: [Int], _ again: [[Int]]) -> Bool {
        let (isStopping, isOver) = self.record.monitor.withLock { ($0.isStopping, $0.isFeedingOver) }
        if isStopping { return true }
        let isFed = isOver && again.allSatisfy(\.isEmpty)
        if let limit = self.limit, again.allSatisfy(\.isEmpty) {
            let isDone = zip(self.jobs, next).allSatisfy { $1 * $0.share >= limit }
            if isDone { self.record.change { $0.isFeedingOver = true } }
            return isFed || isDone
        }
        return isFed
    }

    private func rest(milliseconds: Int) {
        let never = Monitor(false)
        _ = never.wait(until: MonotonicClock.deadline(in: .milliseconds(milliseconds))) { $0 ? true : nil }
    }

    /// One round over the jobs.
    ///
    /// What is in `again` when it throws is not known to be in the broker's care.
    private func feed(_ channel: Channel, _ next: inout [Int], _ again: inout [[Int]]) throws {
        let state = self.record.monitor.withLock { state in
            state.isFeederIdle = state.isPaused
            return (state.isPaused, state.isFeedingOver, state.jobs.map(\.open))
        }
        if state.0 {
            self.record.monitor.broadcast()
            return self.rest(milliseconds: 20)
        }
        let pace = state.2[0]
        var properties = BasicProperties()
        properties.deliveryMode = 2
        var sent: [UInt64: (job: Int, id: Int)] = [:]
        for (index, job) in self.jobs.enumerated() {
            if again[index].isEmpty, !state.1 {
                // One that shows nothing keeps to the pace of the first.
                let open = job.evidence == .witness || job.evidence == .none ? pace : state.2[index]
                var count = min(Self.batch, self.backlog - open) / job.share
                if let limit = self.limit { count = min(count, limit / job.share - next[index] + 1) }
                if count > 0 {
                    again[index] = Array(next[index]..<next[index] + count)
                    next[index] += count
                }
            }
            for id in again[index] {
                let body = Array(job.body(id).utf8)
                let sequence = try channel.publish(
                    body,
                    routingKey: job.input,
                    properties: properties,
                    mandatory: true
                )
                sent[sequence] = (index, id)
            }
        }
        guard !sent.isEmpty else { return self.rest(milliseconds: 10) }
        let refused = Set(try channel.awaitConfirms(timeout: .seconds(20)).map(\.sequence))
        for index in again.indices { again[index] = [] }
        self.record.change { state in
            for (sequence, one) in sent where !refused.contains(sequence) { state.jobs[one.job].noteFed(one.id) }
        }
        for case let one? in refused.map({ sent[$0] }) { again[one.job].append(one.id) }
        // A full queue: others would fill it again at once.
        if !refused.isEmpty { self.rest(milliseconds: 20) }
    }
}
