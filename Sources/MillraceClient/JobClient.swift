public import AMQPClient
public import AMQPWire
public import Logging
import MillraceHandler
import MillraceMessages
public import NIOCore
public import NIOPosix
public import ServiceLifecycle
import Tracing

/// Enqueues jobs from async code, such as the routes of a server.
///
/// One connection and one channel for all tasks of the process; a call suspends until the broker has confirmed its message.
/// It is a `Service`: give it to the `ServiceGroup`, before whatever enqueues, so that it ends after it.
///
///     let client = try JobClient(uri: "amqp://app:secret@broker-1")
///     try await client.enqueue(order, to: "orders", delay: .minutes(5))
///
/// Calls before ``run()`` wait for it; calls after its end throw.
public final class JobClient: Service {
    private let options: JobClientOptions
    private let connection: RecoveringConnection
    private let publisher: AsyncPublisher
    private let user: String?
    private let refusals: AsyncStream<AMQPError>
    private let refusal: AsyncStream<AMQPError>.Continuation

    /// Prepares a client; nothing is started.
    ///
    /// - Parameters:
    ///   - endpoints: Brokers of one cluster, that are as good as each other.
    ///   - options: How to connect and publish.
    ///   - group: One of its event loops connects.
    ///   - logger: Gets what is worth a line.
    public init(
        to endpoints: [Endpoint],
        options: JobClientOptions = JobClientOptions(),
        on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger = Logger(label: "millrace.client")
    ) {
        let (refusals, refusal) = AsyncStream<AMQPError>.makeStream(bufferingPolicy: .bufferingNewest(1))
        self.refusals = refusals
        self.refusal = refusal
        self.options = options
        self.connection = RecoveringConnection(
            to: endpoints,
            options: options.connection,
            settings: options.recovery,
            on: group,
            logger: logger
        ) { event in
            if case .gaveUp(let error) = event { refusal.yield(error) }
        }
        self.publisher = AsyncPublisher(on: self.connection, options: options.publishing)
        self.user = options.user ?? Self.user(of: endpoints)
    }

    /// The same for one broker.
    ///
    /// - Parameters:
    ///   - uri: For instance `amqps://app:secret@broker-1/shop`.
    ///   - options: How to connect and publish.
    ///   - logger: Gets what is worth a line.
    /// - Throws: `.invalidSettings` for a URI that can not be used.
    public convenience init(
        uri: String,
        options: JobClientOptions = JobClientOptions(),
        logger: Logger = Logger(label: "millrace.client")
    ) throws(AMQPError) {
        self.init(to: [try Endpoint(uri: uri)], options: options, logger: logger)
    }

    /// Nil if they differ, or a certificate says it.
    private static func user(of endpoints: [Endpoint]) -> String? {
        let users = Set(endpoints.map(\.user))
        guard users.count == 1, !endpoints.contains(where: { $0.mechanisms.contains(.external) }) else { return nil }
        return users.first
    }

    /// Connects and publishes until the service is shut down or its task cancelled.
    ///
    /// At a graceful shutdown it takes no new jobs, waits for the answers to those that it has
    /// (``JobClientOptions/shutdownTimeout``), and closes.
    ///
    /// - Throws: What the broker refuses at the first attempt, and time does not heal: bad credentials, a missing virtual host.
    ///   `.refusedLocally` at a second call.
    public func run() async throws {
        try self.publisher.start()
        do {
            try self.connection.startInBackground()
        } catch {
            await self.publisher.stop(within: .zero)
            throw error
        }
        let (refusals, refusal) = (self.refusals, self.refusal)
        let error = await withTaskCancellationOrGracefulShutdownHandler {
            for await error in refusals { return Optional(error) }
            return nil
        } onCancelOrGracefulShutdown: {
            refusal.finish()
        }
        await self.publisher.stop(within: error == nil ? self.options.shutdownTimeout : .zero)
        await self.connection.shutDown()
        if let error { throw error }
    }

    // MARK: Enqueueing

    /// Enqueues a job whose message is a value, as JSON, for a `TypedJobHandler`.
    ///
    /// Returns when the broker has confirmed it. Suspends while too many are on their way, while there is no connection, and
    /// while the broker reads nothing. What a delay needs stands in <doc:Delays>.
    ///
    /// - Parameters:
    ///   - payload: Encoded as handlers decode it: see `Message.decode`.
    ///   - queue: The job's queue, which has to be there.
    ///   - delay: How long it waits before a handler gets it.
    ///   - properties: More to say: headers, priority, correlation. What is absent gets its usual value: persistent, an
    ///     identifier, the time, `application/json`.
    ///   - timeout: How long the call may take in all; nil is that of the options.
    /// - Returns: What it was enqueued as.
    /// - Throws: Why it is not confirmed, and whether it may be in its queue all the same.
    @discardableResult
    public func enqueue(
        _ payload: some Encodable,
        to queue: String,
        delay: Delay = .none,
        properties: BasicProperties = BasicProperties(),
        timeout: Duration? = nil
    ) async throws(PublishFailure) -> PublishReceipt {
        let octets: [UInt8]
        do {
            octets = try Publication(json: payload, routingKey: queue).body
        } catch {
            throw PublishFailure(.invalid("the job can not be written as JSON: \(error)"))
        }
        var properties = properties
        properties.contentType = properties.contentType ?? "application/json"
        return try await self.enqueue(
            octets: octets,
            to: queue,
            delay: delay,
            properties: properties,
            timeout: timeout
        )
    }

    /// Enqueues a job whose message is octets.
    ///
    /// - Parameters:
    ///   - octets: The body.
    ///   - queue: The job's queue, which has to be there.
    ///   - delay: How long it waits before a handler gets it.
    ///   - properties: More to say; as for ``enqueue(_:to:delay:properties:timeout:)``, but for the content type.
    ///   - timeout: How long the call may take in all; nil is that of the options.
    /// - Returns: What it was enqueued as.
    /// - Throws: Why it is not confirmed, and whether it may be in its queue all the same.
    @discardableResult
    public func enqueue(
        octets: [UInt8],
        to queue: String,
        delay: Delay = .none,
        properties: BasicProperties = BasicProperties(),
        timeout: Duration? = nil
    ) async throws(PublishFailure) -> PublishReceipt {
        let envelope = JobEnvelope(queue: queue, delay: delay, user: self.user)
        let message = try envelope.message(
            octets,
            properties,
            now: TimeOfDay.milliseconds(),
            ServiceContext.current,
            InstrumentationSystem.instrument
        )
        return try await self.publisher.publish(message, timeout: timeout)
    }
}
