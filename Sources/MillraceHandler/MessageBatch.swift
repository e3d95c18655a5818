import CMillraceABI

// @unchecked Sendable: as Message; used on the worker's thread alone.
/// Several deliveries, as a ``BatchHandler`` sees them.
///
/// It can not be copied or kept: its memory is the supervisor's and ends with the handling.
public struct MessageBatch: ~Copyable, @unchecked Sendable {
    private let deliveries: BatchInHand
    private let host: UnsafePointer<millrace_host>
    private let worker: OpaquePointer?
    /// Which of the deliveries these are; nil for all of them.
    private let selection: [Int]?
    /// What middleware has made of the contexts; nil for nothing, so that a batch stays cheap.
    private let contexts: [JobContext]?

    init(
        _ deliveries: BatchInHand,
        selection: [Int]? = nil,
        contexts: [JobContext]? = nil,
        host: UnsafePointer<millrace_host>,
        worker: OpaquePointer?
    ) {
        self.deliveries = deliveries
        self.selection = selection
        self.contexts = contexts
        self.host = host
        self.worker = worker
    }

    /// How many messages there are; at least 1.
    public var count: Int { self.selection?.count ?? self.deliveries.count }

    /// From 0 to ``count``.
    public var indices: Range<Int> { 0..<self.count }

    /// One message, lent; the index is checked.
    public subscript(index: Int) -> Message {
        _read {
            let delivery = self.delivery(index)
            let message = Message(delivery.message, TokenReader(host: self.host, token: delivery.token))
            yield message
        }
    }

    /// What can be done for one message: publish, log.
    ///
    /// Its outputs go out when that message is acked, and not at all if it is not.
    public func context(at index: Int) -> JobContext {
        let token = self.delivery(index).token
        return self.contexts?[index] ?? JobContext(host: self.host, worker: self.worker, token: token)
    }

    private func delivery(_ index: Int) -> (message: millrace_message, token: OpaquePointer) {
        precondition(self.indices.contains(index), "the batch has \(self.count) message\(self.count == 1 ? "" : "s")")
        return self.deliveries[self.selection?[index] ?? index]
    }

    /// A sheet with a place for each message, none filled in yet.
    public func verdicts() -> BatchVerdicts { BatchVerdicts(count: self.count) }

    /// Asks for each message's outcome in turn.
    ///
    /// - Parameter body: What it throws is the failure of that message alone, as if its handler had thrown it.
    /// - Returns: A sheet that is filled in.
    public func verdicts(_ body: (borrowing Message, JobContext) throws -> Outcome) -> BatchVerdicts {
        var verdicts = self.verdicts()
        for index in self.indices {
            do {
                verdicts[index] = try body(self[index], self.context(at: index))
            } catch {
                verdicts[index] = Outcome(thrown: error)
            }
        }
        return verdicts
    }

    /// The same outcome for every message.
    public func all(_ outcome: Outcome) -> BatchVerdicts { self.verdicts().rest(outcome) }
}

extension MessageBatch {
    /// A batch of the same messages with other contexts; for middleware.
    ///
    /// - Parameter change: Gives the message's context, or a changed copy: ``JobContext/addingHeaders(_:)``.
    /// - Returns: A batch for `next`.
    public func changingContexts(_ change: (borrowing Message, JobContext) -> JobContext) -> MessageBatch {
        var contexts: [JobContext] = []
        contexts.reserveCapacity(self.count)
        for index in self.indices { contexts.append(change(self[index], self.context(at: index))) }
        return MessageBatch(
            self.deliveries,
            selection: self.selection,
            contexts: contexts,
            host: self.host,
            worker: self.worker
        )
    }

    /// A batch of some of the messages: of those at `indices`, at least one, in order.
    func selecting(_ indices: [Int]) -> MessageBatch {
        MessageBatch(
            self.deliveries,
            selection: indices.map { self.selection?[$0] ?? $0 },
            contexts: self.contexts.map { contexts in indices.map { contexts[$0] } },
            host: self.host,
            worker: self.worker
        )
    }
}

/// The deliveries of one batch, in the host's memory.
struct BatchInHand {
    private let messages: UnsafePointer<UnsafePointer<millrace_message>?>
    private let tokens: UnsafePointer<OpaquePointer?>
    let count: Int

    /// Nil for what the ABI does not allow: no messages, or a NULL among them.
    init?(
        _ messages: UnsafePointer<UnsafePointer<millrace_message>?>?,
        _ tokens: UnsafePointer<OpaquePointer?>?,
        _ count: Int
    ) {
        guard let messages, let tokens, count > 0 else { return nil }
        guard (0..<count).allSatisfy({ messages[$0] != nil && tokens[$0] != nil }) else { return nil }
        self.messages = messages
        self.tokens = tokens
        self.count = count
    }

    subscript(index: Int) -> (message: millrace_message, token: OpaquePointer) {
        guard let message = self.messages[index], let token = self.tokens[index] else {
            preconditionFailure("init has looked at all of them")
        }
        return (message.pointee, token)
    }
}
