import AMQPWire

/// How a client proves who it is (AMQP 0-9-1 §1.4.2.2, C3, C4).
public enum LoginMechanism: String, Sendable, CaseIterable {
    /// User and password as they are: the mechanism that every broker has.
    case plain = "PLAIN"
    /// The same two in a table, as before AMQP 0-9-1.
    case amqplain = "AMQPLAIN"
    /// The client certificate of the TLS connection; the broker takes the user from it.
    case external = "EXTERNAL"
    /// RabbitMQ's demonstration of a mechanism in two steps; off unless its `auth_mechanisms` name it.
    case rabbitCRDemo = "RABBIT-CR-DEMO"

    /// The answer to connection.start.
    package func response(user: String, password: String) -> [UInt8] {
        switch self {
        case .plain: [0] + Array(user.utf8) + [0] + Array(password.utf8)
        case .amqplain: Self.table(user, password)
        case .external: []
        case .rabbitCRDemo: Array(user.utf8)
        }
    }

    /// The answer to a challenge, connection.secure.
    ///
    /// Only the demonstration has one; the others have said all they know and say it again.
    package func answer(user: String, password: String) -> [UInt8] {
        self == .rabbitCRDemo ? Array("My password is \(password)".utf8) : self.response(user: user, password: password)
    }

    /// The table's entries without its length (C4).
    private static func table(_ user: String, _ password: String) -> [UInt8] {
        let table: FieldTable = ["LOGIN": .string(user), "PASSWORD": .string(password)]
        var buffer = WireBuffer()
        guard (try? buffer.appendTable(table)) != nil else { return [] }
        return buffer.withUnsafeBytes { Array($0.dropFirst(4)) }
    }
}
