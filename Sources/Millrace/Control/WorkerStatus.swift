import AMQPClient
import AMQPWire
import Synchronization

/// One worker as it stands at one moment, for `dump`.
package struct WorkerStatus: Sendable {
    package let index: Int
    package let state: String
    /// Why it does not consume, if so.
    package let reason: String?
    package let inHand: Int
    /// Of the oldest delivery that a handler has; nil if none has one.
    package let running: Running?

    package struct Running: Sendable {
        package let time: Duration
        package let deliveryTag: UInt64
        package let messageID: String?
        /// Which attempt it is; nil if the message can not be looked at.
        package let attempt: Int?
    }

    /// As JSON.
    package var value: OptionValue {
        var members: [OptionValue.Member] = [
            .init(key: "worker", value: .int(Int64(self.index))), .init(key: "state", value: .string(self.state)),
            .init(key: "in_hand", value: .int(Int64(self.inHand))),
        ]
        if let reason { members.append(.init(key: "reason", value: .string(reason))) }
        if let running {
            members += [
                .init(key: "running_seconds", value: .double(Double(running.time.nanoseconds) / 1e9)),
                .init(key: "delivery", value: .int(Int64(clamping: running.deliveryTag))),
            ]
            if let id = running.messageID { members.append(.init(key: "message_id", value: .string(id))) }
            if let attempt = running.attempt { members.append(.init(key: "attempt", value: .int(Int64(attempt)))) }
        }
        return .object(members)
    }

    /// A table of them.
    package static func text(_ workers: [WorkerStatus]) -> String {
        let table = TextTable([
            .init("worker", workers.map { "\($0.index)" }),
            .init("state", workers.map(\.state), isText: true),
            .init("in hand", workers.map { "\($0.inHand)" }),
            .init("running", workers.map { $0.running.map { StatusText.short($0.time) } ?? "-" }),
            .init("attempt", workers.map { $0.running?.attempt.map { "\($0)" } ?? "-" }),
            .init("message", workers.map { PlainText.line($0.running?.messageID ?? "-") }, isText: true),
        ])
        let reasons = workers.compactMap { worker in
            worker.reason.map { "worker \(worker.index): \(worker.state): \(PlainText.line($0))" }
        }
        return (table.lines + reasons).joined(separator: "\n") + "\n"
    }
}

extension WorkerHandle {
    /// How it stands now; from any thread.
    func status(now: UInt64) -> WorkerStatus {
        let tag = self.oldest.tag  // before its time
        let began = self.beganAt.load(ordering: .relaxed)
        var running: WorkerStatus.Running?
        if began > 0, began <= now {
            let hand = self.hands.look(tag)
            let from = hand.map { hand in
                HeldDelivery(record: hand.record, bytes: hand.block.bytes, owner: hand.block.owner).queue(of: self.job)
            }
            let properties = hand.map {
                BasicProperties(salvaging: $0.block.slice($0.record.headerOffset, $0.record.headerLength))
            }
            running = WorkerStatus.Running(
                time: .nanoseconds(Int64(clamping: now - began)),
                deliveryTag: tag,
                messageID: properties?.messageID,
                attempt: properties.map { MessageCopy.attempt($0.headers, at: from ?? self.job.queue) }
            )
        }
        let (word, reason) = Self.words(self.state)
        return WorkerStatus(
            index: self.index,
            state: word,
            reason: reason,
            inHand: self.inHand.load(ordering: .acquiring),
            running: running
        )
    }

    private static func words(_ state: WorkerState) -> (String, String?) {
        switch state {
        case .making: ("making its handler", nil)
        case .waiting: ("waiting for a connection", nil)
        case .opening: ("opening its channel", nil)
        case .consuming: ("consuming", nil)
        case .restarting(let reason): ("restarting", reason)
        case .failed(let reason): ("failed", reason)
        case .dropping: ("letting its handler go", nil)
        case .ended: ("ended", nil)
        }
    }
}

extension Supervisor {
    /// Each job's workers, of one or of all; from any thread.
    ///
    /// - Parameter job: Its name; nil is all.
    /// - Returns: In the order of the file; none if there is no such job.
    package func workers(of job: String?) -> [(job: String, workers: [WorkerStatus])] {
        let now = MonotonicClock.now()
        return self.pools.filter { job == nil || $0.job.name == job }.map { pool in
            (pool.job.name, pool.handles.sorted { $0.index < $1.index }.map { $0.status(now: now) })
        }
    }
}
