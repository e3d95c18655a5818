import AMQPClient
import AMQPWire
import Examples
import MillraceClient

/// `POST /orders` enqueues an order; `GET /orders/ID` says what has become of it.
struct OrderRoutes: Sendable {
    private static let path = "/orders"
    let client: JobClient
    let queue: String
    let results: Results

    func answer(_ method: String, _ path: String, _ body: [UInt8]) async -> Answer {
        if path == Self.path, method == "POST" { return await self.post(body) }
        if path.hasPrefix(Self.path + "/"), method == "GET" {
            return await self.get(String(path.dropFirst(Self.path.count + 1)))
        }
        return Answer(404, error: "there are POST \(Self.path) and GET \(Self.path)/ID")
    }

    private func post(_ body: [UInt8]) async -> Answer {
        let order: Order
        do throws(Order.Invalid) {
            order = try Order.decode(body)
        } catch {
            return Answer(400, error: error.description)
        }
        // Before it is enqueued: its result may be here first.
        await self.results.expect(order.id)
        var properties = BasicProperties()
        properties.contentType = "application/json"
        do throws(PublishFailure) {
            try await self.client.enqueue(octets: body, to: self.queue, properties: properties, timeout: .seconds(5))
            return Answer(202, Results.State(order: order.id))
        } catch {
            // Nothing was taken: whoever sent it may send it again. Else it may be there already.
            return Answer(error.fate == .notPublished ? 503 : 500, error: "\(error)")
        }
    }

    private func get(_ id: String) async -> Answer {
        guard let state = await self.results.state(of: id) else { return Answer(404, error: "no order '\(id)'") }
        return Answer(200, state)
    }
}
