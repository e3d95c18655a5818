import CMillraceABI
import MillraceHandler

/// One delivery in a handler's hand, and all that was done with it: what the plugin interface calls a token.
final class TestToken {
    private unowned let worker: TestWorker
    private var message: TestMessage
    private let exchange: LentOctets
    private let routingKey: LentOctets
    private var body: LentOctets?
    /// What the last property or header call gave out.
    private var lent: LentOctets?

    /// From begin to complete.
    private(set) var isInHand = false
    private(set) var outcome = Outcome.ack
    /// Why the batch that it is in failed as a whole; nil if it did not.
    private(set) var failure: String?
    private(set) var publications: [Publication] = []
    var logs: [LogLine] = []

    init(_ message: TestMessage, _ worker: TestWorker) {
        self.worker = worker
        self.message = message
        self.exchange = LentOctets(message.exchange.utf8)
        self.routingKey = LentOctets(message.routingKey.utf8)
    }

    /// The token's pointer; valid as long as the object.
    var pointer: OpaquePointer { OpaquePointer(Unmanaged.passUnretained(self).toOpaque()) }

    /// The token behind a pointer; nil, and noted, when it is asked on a thread that is not its worker's.
    static func at(_ pointer: OpaquePointer?, _ what: String) -> TestToken? {
        guard let pointer else { return nil }
        let token = Unmanaged<TestToken>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
        return token.worker.isHere(what) ? token : nil
    }

    /// The message as the plugin gets it; from here on it is in hand.
    func begin() -> millrace_message {
        self.isInHand = true
        self.failure = nil
        self.publications.removeAll()
        let body = LentOctets(self.message.body)
        self.body = body
        return millrace_message(
            size: MemoryLayout<millrace_message>.size,
            body: body.abi,
            exchange: self.exchange.abi,
            routing_key: self.routingKey.abi,
            attempt: UInt32(self.message.attempt),
            redelivered: self.message.redelivered ? 1 : 0
        )
    }

    func complete(_ given: millrace_outcome) {
        guard self.isInHand else {
            self.worker.logs.append(
                LogLine(.error, "a handler completed the same delivery twice; the second outcome is ignored")
            )
            return
        }
        self.isInHand = false
        // Its memory ends with it.
        self.body?.spoil()
        let reason = given.reason.text
        switch millrace_outcome_kind(given.kind) {
        case MILLRACE_ACK: self.outcome = .ack
        case MILLRACE_RETRY: self.outcome = .retry(reason)
        case MILLRACE_REJECT: self.outcome = .reject(reason)
        case MILLRACE_REQUEUE: self.outcome = .requeue
        case MILLRACE_SNOOZE: self.outcome = .snooze(Self.duration(given.delay_ns))
        case MILLRACE_DISCARD: self.outcome = .discard(reason)
        case MILLRACE_STOP: self.outcome = .stop(reason)
        case MILLRACE_ALONE:
            // From `begin` it means this; from `begin_batch` the message is begun again.
            self.outcome = .retry(reason)
            self.failure = reason
        default: self.outcome = .reject("the handler gave outcome \(given.kind), which ABI version 1 does not have")
        }
    }

    /// A handler that does not wait has to say what becomes of a delivery before it returns.
    func completeIfForgotten() {
        guard self.isInHand else { return }
        self.isInHand = false
        self.outcome = .retry("the handler returned without an outcome")
    }

    var result: HandledMessage { HandledMessage(self.outcome, published: self.publications, logs: self.logs) }

    var shouldEnd: Bool { self.isInHand && self.worker.shouldEnd() }

    /// 0, or 2 for what AMQP can not carry, or for a delivery that has its outcome.
    func publish(_ given: millrace_publication) -> Int32 {
        guard self.isInHand, let publication = Publication(given) else { return 2 }
        self.publications.append(publication)
        return 0
    }

    /// The body's memory goes; the rest stays, for a context that the handler has kept.
    func putDown() {
        self.message.body = []
        self.body = nil
        self.lent = nil
    }

    func answer(_ find: (TestMessage) -> HeaderValue?, _ out: inout millrace_value) {
        guard self.isInHand else { return self.worker.note("a message was read after its outcome") }
        self.lent?.spoil()
        func lend(_ octets: some Collection<UInt8>, _ kind: millrace_value_kind) {
            let lent = LentOctets(octets)
            self.lent = lent
            out.kind = kind.rawValue
            out.bytes = lent.abi
        }
        switch find(self.message) {
        case nil: out.kind = MILLRACE_NONE.rawValue
        case .bool(let flag):
            out.kind = MILLRACE_BOOL.rawValue
            out.integer = flag ? 1 : 0
        case .integer(let number):
            out.kind = MILLRACE_INTEGER.rawValue
            out.integer = Int64(number)
        case .double(let real):
            out.kind = MILLRACE_DOUBLE.rawValue
            out.real = real
        case .string(let text): lend(text.utf8, MILLRACE_STRING)
        case .bytes(let bytes): lend(bytes, MILLRACE_BYTES)
        case .other: out.kind = MILLRACE_OTHER.rawValue
        }
    }

    /// By their names: a test says none of an order.
    func answerHeaders(_ visit: (millrace_bytes, UnsafePointer<millrace_value>) -> Void) {
        for key in self.message.headers.keys.sorted() {
            var value = millrace_value()
            value.size = MemoryLayout<millrace_value>.size
            self.answer({ $0.headers[key] }, &value)
            let lent = LentOctets(key.utf8)
            visit(lent.abi, &value)
        }
    }

    private static func duration(_ nanoseconds: UInt64) -> Duration {
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return Duration(
            secondsComponent: Int64(seconds),
            attosecondsComponent: Int64(rest) * 1_000_000_000
        )
    }
}

extension Publication {
    /// A copy of a plugin's publication; nil if AMQP could not carry it, or if it is not what the ABI allows.
    init?(_ given: millrace_publication) {
        let shortTexts = [
            given.exchange, given.routing_key, given.content_type, given.message_id, given.correlation_id,
            given.reply_to, given.type,
        ]
        guard given.size >= MemoryLayout<millrace_publication>.size, given.body.isValid(),
            shortTexts.allSatisfy({ $0.isValid(limit: 255) }), given.headers != nil || given.header_count == 0
        else { return nil }
        func text(_ bytes: millrace_bytes) -> String? { bytes.length > 0 ? bytes.text : nil }
        self.init(Array(given.body.octets), exchange: given.exchange.text, routingKey: given.routing_key.text)
        self.contentType = text(given.content_type)
        self.messageID = text(given.message_id)
        self.correlationID = text(given.correlation_id)
        self.replyTo = text(given.reply_to)
        self.type = text(given.type)
        self.isTransient = given.transient == 1
        self.priority = given.priority
        for header in UnsafeBufferPointer(start: given.headers, count: given.header_count) {
            guard header.key.isValid(limit: 255), header.bytes.isValid() else { return nil }
            switch millrace_value_kind(header.kind) {
            case MILLRACE_BOOL: self.headers[header.key.text] = .bool(header.integer != 0)
            case MILLRACE_INTEGER: self.headers[header.key.text] = .integer(Int(header.integer))
            case MILLRACE_DOUBLE: self.headers[header.key.text] = .double(header.real)
            case MILLRACE_STRING: self.headers[header.key.text] = .string(header.bytes.text)
            case MILLRACE_BYTES: self.headers[header.key.text] = .bytes(Array(header.bytes.octets))
            default: return nil
            }
        }
    }
}
