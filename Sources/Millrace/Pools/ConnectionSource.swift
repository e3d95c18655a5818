import AMQPClient

/// Where workers find the connections of the moment: the supervisor puts them in and signals them; whoever sees one
/// ended takes it out.
final class ConnectionSource: Sendable {
    private struct Connections {
        var consuming: Connection?
        var publishing: Connection?
    }
    private let monitor = Monitor(Connections())
    /// Whether outputs have a connection of their own, so that a broker that blocks publishers reads on what consumes:
    /// acks above all (C51).
    let publishesSeparately: Bool

    init(publishesSeparately: Bool) { self.publishesSeparately = publishesSeparately }

    /// The connection to consume on, and to publish on unless that is separate.
    var current: Connection? { self.monitor.withLock { $0.consuming } }

    /// The connection for outputs, if they have one of their own and it is up.
    var publishing: Connection? { self.monitor.withLock { $0.publishing } }

    func set(_ connection: Connection?) { self.monitor.withLock { $0.consuming = connection } }

    func setPublishing(_ connection: Connection?) { self.monitor.withLock { $0.publishing = connection } }

    /// Takes out this connection, unless a newer one is in.
    func forget(_ connection: Connection) {
        self.monitor.withLock { connections in
            if connections.consuming === connection { connections.consuming = nil }
            if connections.publishing === connection { connections.publishing = nil }
        }
    }
}
