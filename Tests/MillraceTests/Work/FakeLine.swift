import AMQPClient
import AMQPWire

@testable import Millrace

/// A channel to publish on that does what a test says, with no broker behind it.
final class FakeLine: PublishLine {
    struct Sent: Equatable {
        let token: UInt64
        let sequence: UInt64
        let exchange: String
        let key: String
        let properties: BasicProperties
    }
    private(set) var isOpen = true
    private(set) var endReason: AMQPError?
    private(set) var isCommitting = false
    private(set) var commitEnd: UInt64 = 0
    var hasRoom = true
    /// Octets that a message's headers may have.
    var headerLimit = Int.max
    /// What was published, in order.
    private(set) var sent: [Sent] = []
    private(set) var unanswered: [Sent] = []
    private(set) var flushes = 0
    private(set) var isClosed = false
    private(set) var givenUp: String?
    private var verdicts: ContiguousArray<PublishVerdict> = []
    private var hasCommitted = false
    /// How often the broker has blocked the connection, or let it go on.
    var blockings = 0

    func wasBlocked(since seen: inout Int) -> Bool {
        defer { seen = self.blockings }
        return seen != self.blockings
    }

    var hasVerdicts: Bool { !self.verdicts.isEmpty }

    func publish(
        _ body: [UInt8],
        exchange: [UInt8],
        routingKey: [UInt8],
        properties: BasicProperties,
        mandatory: Bool,
        token: UInt64,
        within patience: Duration
    ) throws(AMQPError) -> UInt64 {
        if let reason = self.endReason { throw reason }
        guard self.hasRoom else { throw AMQPError(.timeout, scope: .call, text: "no room") }
        let texts = (properties.headers?.entries ?? []).map { "\($0.value)".utf8.count }
        guard texts.reduce(0, +) <= self.headerLimit else {
            throw AMQPError(.refusedLocally, scope: .call, text: "too long")
        }
        let sent = Sent(
            token: token,
            sequence: UInt64(self.sent.count + 1),
            exchange: String(decoding: exchange, as: UTF8.self),
            key: String(decoding: routingKey, as: UTF8.self),
            properties: properties
        )
        self.sent.append(sent)
        self.unanswered.append(sent)
        return sent.sequence
    }

    func startCommit() throws(AMQPError) {
        if let reason = self.endReason { throw reason }
        self.isCommitting = true
        self.commitEnd = UInt64(self.sent.count)
    }

    func finishCommit() -> Bool {
        guard self.hasCommitted else { return false }
        (self.hasCommitted, self.isCommitting) = (false, false)
        return true
    }

    func takeIn() {}
    func takeReturnedMessages() -> [ReturnedMessage] { [] }
    func flush() { self.flushes += 1 }
    func close() { (self.isClosed, self.isOpen) = (true, false) }
    func giveUp(_ reason: String) { (self.givenUp, self.isOpen) = (reason, false) }

    func takeVerdicts() -> ContiguousArray<PublishVerdict> {
        defer { self.verdicts = [] }
        return self.verdicts
    }

    // MARK: What the broker does

    /// Answers the oldest that has this key, or the oldest of all.
    @discardableResult
    func answer(_ key: String? = nil, _ verdict: ConfirmVerdict = .confirmed) -> Bool {
        guard let index = self.unanswered.firstIndex(where: { key == nil || $0.key == key }) else { return false }
        let sent = self.unanswered.remove(at: index)
        self.verdicts.append(PublishVerdict(token: sent.token, sequence: sent.sequence, verdict))
        return true
    }

    func commitOk() {
        self.hasCommitted = true
        while self.answer() {}
    }

    /// It ends: what is not answered never will be.
    func end(_ reason: AMQPError) {
        self.isOpen = false
        self.endReason = reason
        for sent in self.unanswered {
            self.verdicts.append(PublishVerdict(token: sent.token, sequence: sent.sequence, .unknown))
        }
        self.unanswered = []
    }
}

extension AMQPError {
    static var notFound: AMQPError {
        AMQPError(AMQPError.Code(.notFound), scope: .channel(2), text: "no exchange", method: .basicPublish)
    }
    static var broken: AMQPError { AMQPError(.connectionLost, scope: .connection, text: "reset by peer") }
    static var diskIsFull: AMQPError {
        AMQPError(AMQPError.Code(.resourceError), scope: .channel(2), text: "disk full", method: .basicPublish)
    }
}

/// Opens lines for a part, and keeps them.
final class FakeLines {
    private(set) var all: [FakeLine] = []
    /// Why none can be opened.
    var refusal: AMQPError?
    var newest: FakeLine { self.all.last ?? FakeLine() }

    func open() throws(AMQPError) -> FakeLine {
        if let refusal = self.refusal { throw refusal }
        let line = FakeLine()
        self.all.append(line)
        return line
    }
}
