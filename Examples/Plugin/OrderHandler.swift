import MillraceHandler

/// `examples.order`: a JSON order in, an invoice out; a bad order is rejected with the reason.
struct OrderHandler: SyncJobHandler {
    private let exchange: String
    private let routingKey: String
    private let taxPermille: Int

    init(_ options: HandlerOptions) throws {
        self.exchange = try options.string("exchange", default: "")
        self.routingKey = try options.string("routing_key")
        self.taxPermille = try options.int("tax_permille", default: 190)
        guard (0...1000).contains(self.taxPermille) else {
            throw OptionError(key: "tax_permille", reason: "must be 0...1000")
        }
    }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        let invoice: Invoice
        do throws(Order.Invalid) {
            invoice = try Invoice(try Order.decode(message.bodyBytes), taxPermille: self.taxPermille)
        } catch {
            return .reject(error.description)
        }
        var publication = Publication(try invoice.json(), exchange: self.exchange, routingKey: self.routingKey)
        publication.contentType = "application/json"
        publication.correlationID = invoice.order
        try context.publish(publication)
        return .ack
    }
}
