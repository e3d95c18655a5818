import MillraceHandler

/// Where a handler publishes to: the options `routing_key` and `exchange`.
struct Output {
    private let exchange: String
    private let routingKey: String

    /// - Throws: `OptionError` if `routing_key` is missing, or one of them is no text.
    init(_ options: HandlerOptions) throws {
        self.exchange = try options.string("exchange", default: "")
        self.routingKey = try options.string("routing_key")
    }

    /// Publishes JSON; the correlation id ties the output to its input.
    func publish(_ json: [UInt8], correlationID: String? = nil, _ context: JobContext) throws {
        var publication = Publication(json, exchange: self.exchange, routingKey: self.routingKey)
        publication.contentType = "application/json"
        publication.correlationID = correlationID
        try context.publish(publication)
    }
}
