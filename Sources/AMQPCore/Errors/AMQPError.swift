public import AMQPWire

/// Why a channel or a connection ended, or why a call was refused before anything was sent.
public struct AMQPError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What code may switch on; any release may add codes.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The number on the wire, 311...541, or 1...99 for a refusal of our own.
        public let rawValue: UInt16
        /// The number and the spec's name for it: `404 NOT_FOUND`.
        public let description: String

        /// The code that the broker sent.
        public init(_ code: ReplyCode) {
            self.rawValue = code.rawValue
            self.description = "\(code.rawValue) \(code.name)"
        }

        private init(own rawValue: UInt16, _ name: String) {
            self.rawValue = rawValue
            self.description = name
        }

        /// The channel or the connection had ended before the call.
        public static let notOpen = Code(own: 1, "not open")
        /// A reply, a handshake or a close took longer than its deadline.
        public static let timeout = Code(own: 2, "timeout")
        /// The TCP connection broke, or could not be kept.
        public static let connectionLost = Code(own: 3, "connection lost")
        /// The peer is silent for two heartbeat intervals (C15).
        public static let heartbeatMissed = Code(own: 4, "heartbeat missed")
        /// The peer speaks another protocol or another AMQP version (C2).
        public static let protocolMismatch = Code(own: 5, "protocol mismatch")
        /// The peer closed the socket right after the credentials (C6).
        public static let authenticationFailed = Code(own: 6, "authentication failed")
        /// The peer closed the socket after our answer to its limits (C6, C8).
        public static let negotiationFailed = Code(own: 7, "negotiation failed")
        /// The peer broke the protocol.
        public static let protocolViolation = Code(own: 8, "protocol violation")
        /// The call would have cost the channel or the connection and was not sent.
        public static let refusedLocally = Code(own: 9, "refused")
        /// Every channel number of the connection is taken (C32).
        public static let channelsExhausted = Code(own: 10, "no free channel")
        /// The owner closed it.
        public static let closedByOwner = Code(own: 11, "closed")
        /// The connection URI or a setting cannot be used.
        public static let invalidSettings = Code(own: 12, "invalid settings")
        /// The broker ended a consumer: its queue was deleted or moved, or it did not ack in time (C56, C61).
        public static let consumerCancelled = Code(own: 14, "consumer cancelled")
        /// No TLS connection: certificates, names, versions, or no TLS at the other end.
        public static let tlsFailed = Code(own: 13, "TLS failed")
        /// No TCP connection could be made: refused, no way there, no such name.
        public static let unreachable = Code(own: 15, "unreachable")
    }

    /// What ended with it, read from the method that carried it, never from the code (C43).
    public enum Scope: Hashable, Sendable {
        /// The call alone; the channel goes on.
        case call
        /// The channel with this number.
        case channel(UInt16)
        /// The connection and every channel on it.
        case connection
    }

    /// What went wrong.
    public let code: Code
    /// What ended with it.
    public let scope: Scope
    /// The broker's own words, or ours; as they came, so show ``description`` instead.
    public let text: String
    /// The method that the broker blames, or that the call would have sent.
    public let method: MethodID?
    /// What fits this one better than the advice for its code.
    let ownAdvice: String?
    /// The queue or exchange of the request that this answers, if one is clear.
    ///
    /// An array, since an error in a channel's events should take little room.
    let asked: [Entity]

    /// An error with its place; the advice is the code's own unless given.
    public init(_ code: Code, scope: Scope, text: String, method: MethodID? = nil, advice: String? = nil) {
        self.init(code, scope: scope, text: text, method: method, advice: advice, asked: [])
    }

    init(_ code: Code, scope: Scope, text: String, method: MethodID?, advice: String?, asked: [Entity]) {
        self.code = code
        self.scope = scope
        self.text = text
        self.method = method
        self.ownAdvice = advice
        self.asked = asked
    }

    /// One line for a log: code, place, the broker's words, advice.
    ///
    /// Never a password or a body, and never a character that a terminal obeys.
    public var description: String {
        var line = self.code.description
        switch self.scope {
        case .call: break
        case .channel(let number): line += " on channel \(number)"
        case .connection: line += " on the connection"
        }
        if let method = self.method { line += " after \(method)" }
        line += ": \(self.text)"
        if let advice = self.advice { line += line.hasSuffix(".") ? " \(advice)" : ". \(advice)" }
        return PlainText.line(line)
    }
}
