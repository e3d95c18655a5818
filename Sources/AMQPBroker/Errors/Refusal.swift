import AMQPWire

/// Why something that a client asked for is not done: it ends the channel, or the connection.
package struct Refusal: Error, Equatable, Sendable {
    package enum Scope: Sendable { case channel, connection }
    package let scope: Scope
    package let code: UInt16
    /// As it goes out, the code's name in front.
    package let text: String

    static func channel(_ code: ReplyCode, _ text: String) -> Refusal { Refusal(.channel, code, text) }
    static func connection(_ code: ReplyCode, _ text: String) -> Refusal { Refusal(.connection, code, text) }

    private init(_ scope: Scope, _ code: ReplyCode, _ text: String) {
        self.scope = scope
        self.code = code.rawValue
        self.text = ShortText.cut(text.isEmpty ? code.name : "\(code.name) - \(text)")
    }

    static func noQueue(_ name: String, _ vhost: String) -> Refusal {
        .channel(.notFound, "no \(Named.queue(name, vhost))")
    }

    static func noExchange(_ name: String, _ vhost: String) -> Refusal {
        .channel(.notFound, "no \(Named.exchange(name, vhost))")
    }

    static func locked(_ name: String, _ vhost: String) -> Refusal {
        .channel(
            .resourceLocked,
            "cannot obtain exclusive access to locked \(Named.queue(name, vhost)). It could be originally declared on "
                + "another connection or the exclusive property value does not match that of the original declaration."
        )
    }

    static func reserved(_ kind: String, _ name: String) -> Refusal {
        .channel(.accessRefused, "\(kind) name '\(name)' contains reserved prefix 'amq.*'")
    }

    static let defaultExchange = Refusal.channel(
        .accessRefused,
        "operation not permitted on the default exchange"
    )
}
