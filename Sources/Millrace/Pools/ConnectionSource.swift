import AMQPClient

/// Where workers find the connection of the moment: the supervisor puts it in and signals them; whoever sees it ended
/// takes it out.
final class ConnectionSource: Sendable {
    private let monitor = Monitor<Connection?>(nil)

    var current: Connection? { self.monitor.withLock { $0 } }

    func set(_ connection: Connection?) { self.monitor.withLock { $0 = connection } }

    /// Takes out this connection, unless a newer one is in.
    func forget(_ connection: Connection) {
        self.monitor.withLock { current in
            if current === connection { current = nil }
        }
    }
}
