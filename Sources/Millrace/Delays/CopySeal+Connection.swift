import AMQPClient

extension CopySeal {
    /// Of what is published on a connection.
    init(_ connection: Connection) { self.init(user: connection.loginName) }
}
