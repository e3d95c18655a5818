package import AMQPBroker
import NIOCore

/// What the tests of whole job files do with a broker, beside what its clients do.
extension BrokerServer {
    /// Looks at the broker between two reads, and changes nothing.
    package func look<R: Sendable>(
        _ body: @escaping @Sendable (borrowing EmbeddedBroker, UInt64) -> R
    ) async throws -> R {
        try await self.run { $0.look(body) }
    }

    /// Has somebody told, on the event loop, each time that something may have changed.
    package func watch(_ changed: @escaping @Sendable () -> Void) async throws {
        try await self.run { $0.changed = changed }
    }

    /// Calls `body` on the event loop after so much time of the machine.
    package func call(after milliseconds: Int64, _ body: @escaping @Sendable () -> Void) {
        self.hall.eventLoop.scheduleTask(in: .milliseconds(milliseconds)) { body() }
    }

    /// From now on it is later for the broker by so much; what is due by then is done.
    package func jump(milliseconds: UInt64) async throws {
        try await self.run { $0.jump(milliseconds) }
    }

    /// Cuts the connection on which so many more octets have gone to clients, those of all connections counted together.
    package func cut(after octets: Int) async throws {
        try await self.run { $0.faults.cutAfter = max(octets, 0) }
    }

    /// Closes every connection's socket without a word.
    package func cutAll() async throws {
        try await self.run { $0.cutAll() }
    }

    /// From now on each write to a client takes so much time of the machine.
    package func delay(milliseconds: Int64) async throws {
        try await self.run { $0.faults.delay = .milliseconds(max(milliseconds, 0)) }
    }
}
