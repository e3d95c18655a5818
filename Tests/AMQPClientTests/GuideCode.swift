import AMQPClient
import NIOPosix

/// What the guide `WritingAConsumer` shows, piece by piece.
func connectForOrders(to brokers: [String]) throws -> RecoveringConnection {
    let topology = RecordedTopology()
    topology.queue("orders")
    let connection = RecoveringConnection(
        to: try brokers.map { try Endpoint(uri: $0) },  // for instance amqps://user:secret@broker-1
        options: ConnectionOptions(name: "orders"),
        topology: topology,
        on: MultiThreadedEventLoopGroup.singleton
    )
    try connection.start(timeout: .seconds(30))
    return connection
}

struct BadOrder: Error {}

func consumeOrders(on connection: RecoveringConnection, work: (Delivery) throws -> Void) throws {
    let consumer = RecoveringConsumer(on: connection, queue: "orders", options: ConsumerOptions(prefetch: 20))
    while let delivery = try consumer.next() {
        do {
            try work(delivery)
            try consumer.ack(delivery)
        } catch is BadOrder {
            try consumer.reject(delivery)  // to the queue's dead-letter target
        }
    }
}

func publishInvoice(_ body: [UInt8], on connection: RecoveringConnection) throws {
    let channel = try connection.connection(timeout: .seconds(10)).openChannel()
    defer { channel.close() }
    try channel.selectConfirms()
    try channel.publish(OutgoingMessage(body, routingKey: "invoices", mandatory: true))
    for failed in try channel.awaitConfirms(timeout: .seconds(30)) {
        print("not taken: \(failed)")
    }
}

/// What the guide `Tasks` shows.
func publishReports(_ reports: [[UInt8]], on connection: RecoveringConnection) async throws {
    let publisher = AsyncPublisher(on: connection, options: PublisherOptions(maxInFlight: 200))
    try publisher.start()
    try await withThrowingTaskGroup { group in
        for report in reports {
            group.addTask {
                try await publisher.publish(OutgoingMessage(report, routingKey: "reports", mandatory: true))
            }
        }
        try await group.waitForAll()
    }
    await publisher.stop()
}

func consumeReports(on connection: RecoveringConnection, work: @escaping @Sendable ([UInt8]) async throws -> Void)
    async throws
{
    try await connection.withDeliveries(from: "reports", options: ConsumerOptions(prefetch: 20)) { deliveries in
        try await withThrowingDiscardingTaskGroup { group in
            for try await delivery in deliveries {
                group.addTask {
                    do {
                        try await work(delivery.body)
                        try delivery.ack()
                    } catch is BadOrder {
                        try delivery.reject()  // to the queue's dead-letter target
                    }
                }
            }
        }
    }
}
