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
