import MillraceHandler

/// `examples.fragile`, for a look at the crash ledger: passes each message on, and crashes the process at those of its
/// ``Fragility``.
struct FragileHandler: SyncJobHandler {
    private let routingKey: String
    private let fragility: Fragility

    init(_ options: HandlerOptions) throws {
        self.routingKey = try options.string("routing_key")
        self.fragility = try Fragility(options)
    }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        guard let text = message.bodyText else { return .reject("the text is not UTF-8") }
        self.fragility.endure(text)
        try context.publish(Array(text.utf8), routingKey: self.routingKey)
        return .ack
    }
}
