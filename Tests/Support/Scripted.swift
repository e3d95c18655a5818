package import AMQPClient
import AMQPWire
import NIOPosix

/// A client against a scripted peer, with deadlines that end a failing test.
package enum Scripted {
    package static var options: ConnectionOptions {
        ConnectionOptions(
            heartbeatSeconds: 0,
            connectTimeout: .seconds(60),
            requestTimeout: .seconds(60)
        )
    }

    package static func connect(_ endpoint: Endpoint, _ options: ConnectionOptions = Self.options) throws(AMQPError)
        -> Connection
    {
        try Connection.connect(to: endpoint, options: options, on: MultiThreadedEventLoopGroup.singleton)
    }

    /// Connects, runs `body`, and closes.
    package static func run(
        _ options: ConnectionOptions = Self.options,
        client body: (Connection) throws -> Void,
        peer script: @escaping @Sendable (ScriptedPeer) throws -> Void
    ) throws {
        try PeerListener.run(script) { endpoint in
            let connection = try Self.connect(endpoint, options)
            defer { connection.close(timeout: .seconds(60)) }
            try body(connection)
        }
    }

    /// What connecting to this script fails with.
    package static func failure(_ script: @escaping @Sendable (ScriptedPeer) throws -> Void) throws -> AMQPError? {
        try PeerListener.run(script) { endpoint in
            do throws(AMQPError) {
                try Self.connect(endpoint).close(timeout: .seconds(60))
                return nil
            } catch {
                return error
            }
        }
    }

    /// What `body` throws.
    package static func error(_ body: () throws(AMQPError) -> Void) -> AMQPError? {
        do throws(AMQPError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    package static func deadline() -> UInt64? { MonotonicClock.deadline(in: .seconds(60)) }
}

extension Channel {
    /// Takes in events until `done`, at most a minute.
    package func pump(while pending: (Channel) -> Bool) {
        let deadline = Scripted.deadline()
        while pending(self), self.pump(until: deadline) {}
    }
}
