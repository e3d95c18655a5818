package import AMQPClient
import Glibc
package import Logging
import NIOCore
import NIOPosix

/// The RabbitMQ that `ops/test` starts.
package enum Broker {
    /// Its URI; nil without one, and then the tests that need it do not run.
    package static let uri: String? = getenv("AMQP_URL").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }

    package static var isThere: Bool { self.uri != nil }

    private static let found = Result { try BrokerProfile(of: try Self.endpoint()) }

    /// What is to be expected of it.
    package static func profile() throws -> BrokerProfile { try self.found.get() }

    /// Several: a test that keeps its loop busy must not be the silence that another one hears.
    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 4)

    package static func endpoint() throws -> Endpoint { try Endpoint(uri: self.uri ?? "amqp://localhost") }

    /// A connection to it, whatever `change` makes of the defaults.
    package static func connect(
        to endpoint: Endpoint? = nil,
        _ change: (inout ConnectionOptions) -> Void = { _ in },
        delegate: (any ConnectionDelegate)? = nil
    ) throws -> Connection {
        var options = ConnectionOptions()
        options.name = "millrace tests"
        options.connectTimeout = .seconds(60)
        change(&options)
        return try Connection.connect(
            to: try endpoint ?? self.endpoint(),
            options: options,
            on: self.group,
            delegate: delegate
        )
    }

    /// For what a test provokes on purpose.
    package static let quiet: Logger = {
        var logger = Logger(label: "quiet")
        logger.logLevel = .critical
        return logger
    }()

    /// A name that no other test uses.
    package static func unique(_ name: String) -> String {
        "test.\(name).\(UInt64.random(in: 0...UInt64.max))"
    }
}
