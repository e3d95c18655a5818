public import AMQPWire
public import Logging
public import NIOCore
import Synchronization

/// One AMQP connection: a TCP connection, a thread that drives it, and any number of channels on it.
///
/// Thread-safe. Every channel that is opened on it belongs to the thread that opened it. It lives until it is closed, or
/// until neither it nor a channel of it is held any more.
public final class Connection: Sendable {
    let driver: any ConnectionDriver
    let eventLoop: any EventLoop
    private let ended: EventLoopFuture<Void>
    package let outbox: Outbox
    /// As given to ``connect(to:options:on:logger:delegate:)``, with what the endpoint has set of its own.
    public let options: ConnectionOptions
    /// The broker it is connected to.
    public let endpoint: Endpoint
    /// What the broker says of itself in `connection.start`: `product`, `version` and `capabilities` among it
    /// (AMQP 0-9-1 §1.4.2.1, C5).
    ///
    /// Calls that need what `capabilities` says to be false throw `.refusedLocally` and send nothing.
    public let serverProperties: FieldTable
    private let server: ServerCapabilities

    private static let incarnations = Atomic<UInt64>(0)

    private init(
        driver: any ConnectionDriver,
        opened: OpenedConnection,
        eventLoop: any EventLoop,
        ended: EventLoopFuture<Void>,
        options: ConnectionOptions,
        endpoint: Endpoint
    ) {
        self.driver = driver
        self.outbox = opened.outbox
        self.serverProperties = opened.serverProperties
        self.server = ServerCapabilities(opened.serverProperties)
        self.eventLoop = eventLoop
        self.ended = ended
        self.options = options
        self.endpoint = endpoint
    }

    deinit { self.startClose() }  // nobody could any more

    /// Connects, logs in and opens the virtual host.
    ///
    /// Blocks the calling thread up to `options.connectTimeout`.
    ///
    /// A name with several addresses: one that does not open a connection, by silence or by a refusal, does not keep it from
    /// the next. While one has not answered, the next is tried beside it when its share of the timeout is over, or after
    /// 250 ms without TCP; the first that is open is taken.
    ///
    /// AMQP 0-9-1 §2.2.4: start, tune, open. Never call it on an event loop.
    ///
    /// - Parameters:
    ///   - endpoint: The broker.
    ///   - options: How to connect.
    ///   - group: One of its event loops connects; it drives a connection with TLS, and calls the delegate.
    ///   - logger: Gets what is worth a line.
    ///   - delegate: Told of blocking and of the end; held weakly.
    /// - Returns: The open connection.
    /// - Throws: `.invalidSettings` for an option out of its range, `.connectionLost` if there is no TCP connection, `.tlsFailed`, `.authenticationFailed` or 403 for bad
    ///   credentials, 530 for a bad virtual host, `.timeout`.
    public static func connect(
        to endpoint: Endpoint,
        options: ConnectionOptions = ConnectionOptions(),
        on group: any EventLoopGroup,
        logger: Logger = Logger(label: "amqp"),
        delegate: (any ConnectionDelegate)? = nil
    ) throws(AMQPError) -> Connection {
        try Self.connect(
            to: endpoint,
            at: [endpoint.host],
            options: options,
            on: group,
            logger: logger,
            delegate: delegate
        )
    }

    /// The same for a host whose name is not to be looked up, but those of `hosts`.
    package static func connect(
        to endpoint: Endpoint,
        at hosts: [String],
        options: ConnectionOptions,
        on group: any EventLoopGroup,
        logger: Logger = Logger(label: "amqp"),
        delegate: (any ConnectionDelegate)? = nil
    ) throws(AMQPError) -> Connection {
        let options = options.applying(endpoint)
        try options.validate()
        let deadline = MonotonicClock.now() &+ options.connectTimeout.nanoseconds
        let eventLoop = group.next()
        let search = ConnectionSearch(
            try ConnectionBootstrap(endpoint, options),
            on: eventLoop,
            dueBy: deadline,
            logger: logger,
            delegate: delegate
        )
        let finding = try search.run(hosts)
        return Connection(
            driver: finding.driver,
            opened: finding.opened,
            eventLoop: eventLoop,
            ended: finding.attempt.ended,
            options: options,
            endpoint: endpoint
        )
    }

    /// Opens a channel for the calling thread.
    ///
    /// Blocks for one round trip, up to `requestTimeout`; never call it on an event loop.
    ///
    /// AMQP 0-9-1 §1.5.2.1 `channel.open`, C31.
    ///
    /// - Parameter outwaitsBlocks: Whether this and later requests wait on while the broker blocks the connection, see
    ///   ``Channel/outwaitsBlocks``.
    /// - Returns: The open channel.
    /// - Throws: `.channelsExhausted`, `.timeout`, or why the connection ended.
    public func openChannel(outwaitsBlocks: Bool = true) throws(AMQPError) -> Channel {
        try self.openChannel(mailbox: Mailbox(), outwaitsBlocks: outwaitsBlocks)
    }

    /// - Parameters:
    ///   - mailbox: Its owner's. What is no part of the channel, calls and signals, stays in it if this throws.
    ///   - outwaitsBlocks: Whether its requests wait on while the broker blocks the connection, see
    ///     ``Channel/outwaitsBlocks``.
    ///   - interrupts: Signals that end the wait for open-ok, see ``Channel/interrupts``.
    /// - Returns: The open channel.
    /// - Throws: As ``openChannel(outwaitsBlocks:)``.
    package func openChannel(
        mailbox: Mailbox,
        outwaitsBlocks: Bool = true,
        interrupts: UInt32 = 0
    ) throws(AMQPError) -> Channel {
        let incarnation = Self.incarnations.add(1, ordering: .relaxed).newValue
        mailbox.attach(incarnation)
        let lane = try self.outbox.openChannel(mailbox: mailbox, incarnation: incarnation)
        self.outbox.flush()
        let channel = Channel(
            lane: lane,
            outbox: self.outbox,
            requestTimeout: self.options.requestTimeout,
            seat: self.driver.seat,
            connection: self
        )
        channel.outwaitsBlocks = outwaitsBlocks
        channel.interrupts = interrupts
        channel.server = self.server
        do throws(AMQPError) {
            try channel.awaitOpen()
        } catch {
            mailbox.giveBack(channel.takeCalls(), channel.takeSignals())
            throw error
        }
        return channel
    }

    /// Whether the broker reads nothing from this connection at the moment (C51).
    public var isBlocked: Bool { self.outbox.isBlocked }

    /// Closes and waits until the socket is gone.
    ///
    /// Every open channel ends with it; acks given before go out. A connection that has ended is no error. Never call it
    /// on an event loop: one that drives the connection, or is to tell of the end, would wait for itself.
    ///
    /// AMQP 0-9-1 §1.4.2.10 `connection.close`, C13, C44.
    ///
    /// - Parameter timeout: How long the broker's answer may take, which a broker that blocks the connection does not
    ///   give; it also cuts short a close that is under way.
    public func close(timeout: Duration = .seconds(5)) {
        self.startClose(timeout: timeout)
        try? self.ended.wait()  // it only ever succeeds
    }

    /// Starts the close and returns at once.
    ///
    /// Never call it on an event loop: without TLS it may wait for whoever reads the socket at the moment.
    ///
    /// - Parameter timeout: As for ``close(timeout:)``.
    public func startClose(timeout: Duration = .seconds(5)) {
        self.driver.close(code: .replySuccess, text: "bye", timeout: timeout)
    }
}
