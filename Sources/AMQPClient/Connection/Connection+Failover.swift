import AMQPCore
public import Logging
public import NIOCore

extension Connection {
    /// Connects to the first of several endpoints that can be used, in random order.
    ///
    /// Each is tried once, also after a refused login: the nodes may differ. Blocks up to the connect timeout of each.
    /// Call it again to connect again; random order spreads clients over a cluster.
    ///
    /// - Parameters:
    ///   - endpoints: The brokers.
    ///   - options: How to connect.
    ///   - group: One of its event loops connects; it drives a connection with TLS, and calls the delegate.
    ///   - logger: Gets what is worth a line.
    ///   - delegate: Told of blocking and of the end; held weakly.
    ///   - generator: Where the order comes from.
    /// - Returns: The open connection; its ``endpoint`` says which it was.
    /// - Throws: One error for each endpoint.
    @available(*, noasync, message: "it blocks its thread")
    public static func connect(
        toAny endpoints: [Endpoint],
        options: ConnectionOptions = ConnectionOptions(),
        on group: any EventLoopGroup,
        logger: Logger = Logger(label: "amqp"),
        delegate: (any ConnectionDelegate)? = nil,
        using generator: inout some RandomNumberGenerator
    ) throws(FailoverError) -> Connection {
        var failures: [FailoverError.Failure] = []
        for endpoint in endpoints.shuffled(using: &generator) {
            do throws(AMQPError) {
                return try Self.connect(to: endpoint, options: options, on: group, logger: logger, delegate: delegate)
            } catch {
                failures.append(FailoverError.Failure(address: endpoint.address, error: error))
            }
        }
        throw FailoverError(failures: failures)
    }

    /// The same with the system's random numbers.
    ///
    /// - Parameters:
    ///   - endpoints: The brokers.
    ///   - options: How to connect.
    ///   - group: One of its event loops connects; it drives a connection with TLS, and calls the delegate.
    ///   - logger: Gets what is worth a line.
    ///   - delegate: Told of blocking and of the end; held weakly.
    /// - Returns: The open connection; its ``endpoint`` says which it was.
    /// - Throws: One error for each endpoint.
    @available(*, noasync, message: "it blocks its thread")
    public static func connect(
        toAny endpoints: [Endpoint],
        options: ConnectionOptions = ConnectionOptions(),
        on group: any EventLoopGroup,
        logger: Logger = Logger(label: "amqp"),
        delegate: (any ConnectionDelegate)? = nil
    ) throws(FailoverError) -> Connection {
        var generator = ProcessRandom()
        return try Self.connect(
            toAny: endpoints,
            options: options,
            on: group,
            logger: logger,
            delegate: delegate,
            using: &generator
        )
    }
}
