import AMQPClient

/// The messages of a job that a handler has hung on, until each comes again and the attempt is counted.
///
/// In memory: after a restart, or on another host, such a message is a redelivered one like others.
final class HungMessages: Sendable {
    /// How a message was in hand when its handler hung.
    enum Circumstance: Sendable {
        /// The handler had this message and no other: it is to blame.
        case alone
        /// It was one of a batch: nobody knows which is to blame.
        case inBatch
    }

    private let monitor = Monitor<[(message: Fingerprint, circumstance: Circumstance)]>([])
    /// Workers whose thread may be in a handler while the broker has taken its message back.
    private let workers = Monitor<@Sendable () -> [WorkerHandle]>({ [] })
    private let requeued = Monitor<[Fingerprint]>([])
    /// Messages that never come again, because somebody else has them, must not pile up.
    private static let limit = 1000

    func note(_ message: Fingerprint, _ circumstance: Circumstance) {
        self.monitor.withLock { messages in
            if messages.count == Self.limit { messages.removeFirst() }
            messages.append((message, circumstance))
        }
    }

    /// Where ``noteTakenBack()`` looks.
    func watch(_ workers: @escaping @Sendable () -> [WorkerHandle]) { self.workers.withLock { $0 = workers } }

    /// A message came again: maybe one that another worker has in hand still.
    func noteTakenBack() {
        for handle in self.workers.withLock({ $0 })() {
            for (hand, circumstance) in handle.takenBack() {
                self.note(Fingerprint(of: hand.record, hand.block), circumstance)
                handle.logTakenBack(hand.record.deliveryTag)
            }
        }
    }

    /// The other worker that has the same message in hand, if there is one.
    func holder(of record: ContentRecord, _ block: Block, besides own: WorkerHandle) -> WorkerHandle? {
        self.workers.withLock { $0 }().first { handle in
            guard handle !== own, let hand = handle.handAtWork, hand.record.bodyLength == record.bodyLength else {
                return false
            }
            return Fingerprint(of: hand.record, hand.block) == Fingerprint(of: record, block)
        }
    }

    /// Whether it is the second time for a message that goes back as it is, without a header that would say so.
    func isSecond(_ message: Fingerprint) -> Bool {
        self.requeued.withLock { messages in
            if let index = messages.firstIndex(of: message) {
                messages.remove(at: index)
                return true
            }
            if messages.count == Self.limit { messages.removeFirst() }
            messages.append(message)
            return false
        }
    }

    /// How it was noted; once for each time, and nil if it was not.
    func take(_ message: @autoclosure () -> Fingerprint) -> Circumstance? {
        guard self.monitor.withLock({ !$0.isEmpty }) else { return nil }
        let message = message()
        return self.monitor.withLock { messages in
            guard let index = messages.firstIndex(where: { $0.message == message }) else { return nil }
            return messages.remove(at: index).circumstance
        }
    }
}
