import AMQPClient
import AMQPWire
import MillraceClient
import ServiceLifecycle

struct Order: Codable, Sendable {
    var article: String
    var count: Int
}

struct Answer {
    var status: Int
    var text: String
}

/// What the guide `Servers` shows, piece by piece.
func post(_ order: Order, _ client: JobClient) async -> Answer {
    do throws(PublishFailure) {
        let receipt = try await client.enqueue(order, to: "orders", timeout: .seconds(5))
        return Answer(status: 202, text: receipt.messageID)
    } catch {
        // Nothing was taken: the browser may try again. Else it may be there already.
        return Answer(status: error.fate == .notPublished ? 503 : 500, text: "\(error)")
    }
}

func postLater(_ order: Order, _ client: JobClient) async throws(PublishFailure) {
    try await client.enqueue(order, to: "orders", delay: .minutes(5))
}

/// What has become of the jobs, by the identifiers of their messages.
actor Results {
    private var texts: [String: String] = [:]

    func note(_ text: String, of id: String) { self.texts[id] = text }
    func text(of id: String) -> String? { self.texts[id] }
}

/// Takes results out of their queue while the server runs.
struct ResultsService: Service {
    let connection: RecoveringConnection
    let results: Results

    func run() async throws {
        try self.connection.startInBackground()
        try await self.connection.withDeliveries(from: "results") { deliveries in
            try await withGracefulShutdownHandler {
                for try await delivery in deliveries {
                    if let id = delivery.properties.correlationID {
                        await self.results.note(String(decoding: delivery.body, as: UTF8.self), of: id)
                    }
                    try delivery.ack()
                }
            } onGracefulShutdown: {
                deliveries.stop()
            }
        }
        await self.connection.shutDown()
    }
}
