import MillraceHandler

/// `examples.shipment`: a typed payload in, its postage out as JSON.
struct ShipmentHandler: SyncTypedJobHandler {
    private let exchange: String
    private let routingKey: String

    init(_ options: HandlerOptions) throws {
        self.exchange = try options.string("exchange", default: "")
        self.routingKey = try options.string("routing_key")
    }

    // A body that is no Shipment never gets here: it is rejected, and the reason names the place.
    func handle(_ shipment: Shipment, _ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        let postage: Postage
        do throws(Postage.Refusal) {
            postage = try Postage(for: shipment)
        } catch {
            return .reject(error.description)
        }
        try context.publish(Publication(json: postage, exchange: self.exchange, routingKey: self.routingKey))
        return .ack
    }
}
