import AMQPClient
import ServiceLifecycle

/// Takes results out of their queue while the server runs.
struct ResultsService: Service {
    let connection: RecoveringConnection
    let queue: String
    let results: Results

    func run() async throws {
        try self.connection.startInBackground()
        try await self.connection.withDeliveries(from: self.queue) { deliveries in
            try await withGracefulShutdownHandler {
                for try await delivery in deliveries {
                    await self.results.note(delivery.body)
                    try delivery.ack()
                }
            } onGracefulShutdown: {
                deliveries.stop()
            }
        }
        await self.connection.shutDown()
    }
}
