import AMQPCore
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
    /// What the broker was asked for, where the endpoint does not say it.
    let learnedLogin = Monitor<String?>(nil)
    /// What the broker says of itself in `connection.start`: `product`, `version` and `capabilities` among it
    /// (AMQP 0-9-1 §1.4.2.1, C5).
    ///
    /// Calls that need what `capabilities` says to be false throw `.refusedLocally` and send nothing.
    public let serverProperties: FieldTable
    private let server: ServerCapabilities
    package var brokerVersion: BrokerVersion { self.server.version }

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
    /// AMQP 0-9-1 §2.2.4: start, tune, open.
    ///
    /// - Parameters:
    ///   - endpoint: The broker.
    ///   - options: How to connect.
    ///   - group: One of its event loops connects; it drives a connection with TLS, and calls the delegate.
    ///   - logger: Gets what is worth a line.
    ///   - delegate: Told of blocking and of the end; held weakly.
    /// - Returns: The open connection.
    /// - Throws: `.refusedLocally` on an event loop, `.invalidSettings` for an option out of its range, `.unreachable` if there is no TCP connection, `.connectionLost` if it broke,
    ///   `.tlsFailed`, `.authenticationFailed` or 403 for bad credentials, 530 for a bad virtual host, `.timeout`.
    @available(*, noasync, message: "it blocks its thread")
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
        try Self.throwOnEventLoop("connect")
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
    /// Blocks for one round trip, up to `requestTimeout`.
    ///
    /// AMQP 0-9-1 §1.5.2.1 `channel.open`, C31.
    ///
    /// - Parameter outwaitsBlocks: Whether this and later requests wait on while the broker blocks the connection, see
    ///   ``Channel/outwaitsBlocks``.
    /// - Returns: The open channel.
    /// - Throws: `.refusedLocally` on an event loop, `.channelsExhausted`, `.timeout`, or why the connection ended.
    @available(*, noasync, message: "it blocks its thread")
    public func openChannel(outwaitsBlocks: Bool = true) throws(AMQPError) -> AMQPCore.Channel {
        try self.openChannel(mailbox: Mailbox(), outwaitsBlocks: outwaitsBlocks)
    }

    /// - Parameters:
    ///   - mailbox: Its owner's. What is no part of the channel, calls and signals, stays in it if this throws.
    ///   - outwaitsBlocks: Whether its requests wait on while the broker blocks the connection, see
    ///     ``Channel/outwaitsBlocks``.
    ///   - interrupts: Signals that end the wait for open-ok, see ``Channel/interrupts``.
    ///   - timeout: How long each answer may take; nil is `requestTimeout`.
    ///   - reads: Whether its thread reads the socket for all while it waits. Not one to which little comes: it would
    ///     have to wake another for nearly all that it reads.
    /// - Returns: The open channel.
    /// - Throws: As ``openChannel(outwaitsBlocks:)``.
    package func openChannel(
        mailbox: Mailbox,
        outwaitsBlocks: Bool = true,
        interrupts: UInt32 = 0,
        timeout: Duration? = nil,
        reads: Bool = true
    ) throws(AMQPError) -> AMQPCore.Channel {
        try Self.throwOnEventLoop("openChannel")
        let channel = try self.startChannel(mailbox: mailbox, timeout: timeout, reads: reads)
        channel.outwaitsBlocks = outwaitsBlocks
        channel.interrupts = interrupts
        do throws(AMQPError) {
            try channel.awaitOpen()
        } catch {
            mailbox.giveBack(channel.takeCalls(), channel.takeSignals())
            throw error
        }
        return channel
    }

    /// Queues channel.open; `finishOpen` tells of the answer, for an owner that does other things until then.
    ///
    /// - Parameters:
    ///   - mailbox: Its owner's.
    ///   - timeout: How long each answer may take; nil is `requestTimeout`.
    ///   - reads: As for ``openChannel(outwaitsBlocks:)``'s longer form.
    /// - Returns: The channel, which is not open yet.
    /// - Throws: `.channelsExhausted`, or why the connection ended.
    package func startChannel(
        mailbox: Mailbox,
        timeout: Duration? = nil,
        reads: Bool = true
    ) throws(AMQPError) -> AMQPCore.Channel {
        let incarnation = Self.incarnations.add(1, ordering: .relaxed).newValue
        mailbox.attach(incarnation)
        let lane = try self.outbox.openChannel(mailbox: mailbox, incarnation: incarnation)
        self.outbox.flush()
        let channel = AMQPCore.Channel(
            lane: lane,
            outbox: self.outbox,
            requestTimeout: timeout ?? self.options.requestTimeout,
            seat: reads ? self.driver.seat : nil,
            connection: self
        )
        channel.server = self.server
        return channel
    }

    /// Whether the broker reads nothing from this connection at the moment (C51).
    public var isBlocked: Bool { self.outbox.isBlocked }

    /// Closes and waits until the socket is gone.
    ///
    /// Every open channel ends with it; acks given before go out. A connection that has ended is no error. On an event loop
    /// it does not wait: the loop may be the one that is to tell of the end.
    ///
    /// AMQP 0-9-1 §1.4.2.10 `connection.close`, C13, C44.
    ///
    /// - Parameter timeout: How long the broker's answer may take, which a broker that blocks the connection does not
    ///   give; it also cuts short a close that is under way.
    @available(*, noasync, message: "it blocks its thread")
    public func close(timeout: Duration = .seconds(5)) {
        self.startClose(timeout: timeout)
        if !Self.isOnEventLoop { _ = self.ended.awaited() }  // it only ever succeeds
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
