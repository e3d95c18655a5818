import AMQPBroker
import Logging
import Millrace
import MillraceHandler
import MillraceTesting
import Synchronization

/// All that happened in a run: what became of deliveries, and what was logged.
final class RunRecord: Sendable {
    private struct State {
        var deliveries: [HandledDelivery] = []
        var logs: [MillraceTesting.LogLine] = []
        /// How many of the deliveries earlier calls of `settle` have judged.
        var judged = 0
        /// How many messages the broker had dropped by the last call, by reason.
        var deaths: [Death: Int] = [:]
        /// The same for what is counted by queue.
        var counts: [Tally: [String: Int]] = [:]
    }

    /// What is counted by queue.
    enum Tally { case expired, lost }

    private let state = Mutex(State())

    var deliveries: [HandledDelivery] { self.state.withLock { $0.deliveries } }
    var logs: [MillraceTesting.LogLine] { self.state.withLock { $0.logs } }

    /// Those since the last call.
    func takeNew() -> [HandledDelivery] {
        self.state.withLock { state in
            defer { state.judged = state.deliveries.count }
            return Array(state.deliveries[state.judged...])
        }
    }

    /// How many more there are than at the last call.
    func takeDeaths(_ death: Death, of all: [Death: Int]) -> Int {
        self.state.withLock { state in
            defer { state.deaths[death] = all[death] }
            return all[death, default: 0] - state.deaths[death, default: 0]
        }
    }

    /// The queues that have more of something than at the last call, by name, and how many more.
    func takeNew(_ tally: Tally, of all: [String: Int]) -> [(queue: String, count: Int)] {
        self.state.withLock { state in
            let before = state.counts[tally] ?? [:]
            state.counts[tally] = all
            return all.map { (queue: $0.key, count: $0.value - before[$0.key, default: 0]) }.filter { $0.count > 0 }
                .sorted { $0.queue < $1.queue }
        }
    }

    func add(_ report: DeliveryReport) {
        let delivery = HandledDelivery(report)
        self.state.withLock { $0.deliveries.append(delivery) }
    }

    func add(_ line: MillraceTesting.LogLine) { self.state.withLock { $0.logs.append(line) } }
}

/// Keeps what the supervisor and its handlers log.
struct RunLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info
    private let record: RunRecord

    init(_ record: RunRecord) { self.record = record }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = self.metadata.merging(event.metadata ?? [:]) { _, new in new }
        let tail = all.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        self.record.add(MillraceTesting.LogLine(Self.level(event.level), "\(event.message)\(tail)"))
    }

    private static func level(_ level: Logger.Level) -> JobContext.LogLevel {
        switch level {
        case .trace, .debug: .debug
        case .info, .notice: .info
        case .warning: .warning
        case .error, .critical: .error
        }
    }
}
