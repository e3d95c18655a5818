import AMQPWire
import TestSupport
import Testing

/// One breach of the rules that our client can not be made to commit, and what a real broker answers.
struct Offence: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let code: @Sendable (BrokerProfile) -> ReplyCode
    let endsChannel: Bool
    let method: MethodID?
    let text: String
    let commit: @Sendable (RawClient) throws -> Void

    /// With `endsChannel` it costs channel 1 alone, else the connection.
    init(
        _ description: String,
        _ code: ReplyCode,
        endsChannel: Bool = false,
        method: MethodID? = nil,
        _ text: String = "",
        _ commit: @escaping @Sendable (RawClient) throws -> Void
    ) {
        self.init(description, { _ in code }, endsChannel: endsChannel, method: method, text, commit)
    }

    /// The code is another for each broker.
    init(
        _ description: String,
        _ code: @escaping @Sendable (BrokerProfile) -> ReplyCode,
        endsChannel: Bool = false,
        method: MethodID? = nil,
        _ text: String = "",
        _ commit: @escaping @Sendable (RawClient) throws -> Void
    ) {
        self.testDescription = description
        self.code = code
        self.endsChannel = endsChannel
        self.method = method
        self.text = text
        self.commit = commit
    }

    /// Channels 1 and 2 are open; the offence is committed; the broker's close is looked at and answered.
    func play() async throws {
        try await Rig.run { rig in
            let raw = try rig.raw(channelMax: 3)
            try raw.open(1, 2)
            try self.commit(raw)
            let close = try raw.nextClose()
            #expect(try close.code == self.code(Broker.profile()), "\(close.text)")
            #expect(close.channel == (self.endsChannel ? 1 : 0))
            #expect(close.text.contains(self.text), "\(close.text)")
            if let method = self.method { #expect(close.method == method) }
            try raw.answer(close)
            if self.endsChannel {
                // The neighbour goes on, and the number can be used again.
                _ = try raw.declareQueue(on: 2)
                try raw.open(1)
                _ = try raw.declareQueue(on: 1)
            } else {
                try raw.frames.expectEnd()
            }
        }
    }
}
