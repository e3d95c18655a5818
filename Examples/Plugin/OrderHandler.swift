import MillraceHandler

/// `examples.order`: a JSON order in, an invoice out; a bad order is rejected with the place and the reason.
struct OrderHandler: SyncJobHandler {
    private let output: Output
    private let taxPermille: Int

    init(_ options: HandlerOptions) throws {
        self.output = try Output(options)
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
        // AMQP's short strings end at 255 octets; the whole id is in the invoice.
        let correlationID = invoice.order.utf8.count <= 255 ? invoice.order : nil
        try self.output.publish(try invoice.json(), correlationID: correlationID, context)
        return .ack
    }
}
