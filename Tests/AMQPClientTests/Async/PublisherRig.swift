import AMQPClient
import AMQPWire
import NIOPosix
import TestSupport

/// A publisher against scripted peers, one for each of its connections.
enum PublisherRig {
    static func run(
        _ options: PublisherOptions = PublisherOptions(timeout: Patience.long),
        peers script: @escaping @Sendable (_ number: Int, ScriptedPeer) throws -> Void,
        client body: @Sendable (AsyncPublisher) throws -> Void
    ) async throws {
        try await OwnThread.run {
            try PeerListener.runEach(script) { endpoint in
                let connection = RecoveringConnection(
                    to: [endpoint],
                    options: Scripted.options,
                    settings: RecoverySettings(initialInterval: .milliseconds(1), maxInterval: .milliseconds(5)),
                    on: MultiThreadedEventLoopGroup.singleton,
                    logger: Broker.quiet
                )
                defer { connection.stop() }
                try connection.startInBackground()
                let publisher = AsyncPublisher(on: connection, options: options)
                try publisher.start()
                let result = Result { try body(publisher) }
                try StartedTask { await publisher.stop(within: .zero) }.result()
                try result.get()
            }
        }
    }
}

extension AsyncPublisher {
    /// A call in a task of its own.
    func start(_ text: String, to queue: String = "q", exchange: String = "", timeout: Duration? = nil) -> StartedTask<
        PublishReceipt
    > {
        let message = OutgoingMessage(
            Array(text.utf8),
            exchange: exchange,
            routingKey: queue,
            properties: BasicProperties(messageID: "id-" + text),
            mandatory: true
        )
        return StartedTask { try await self.publish(message, timeout: timeout) }
    }
}
