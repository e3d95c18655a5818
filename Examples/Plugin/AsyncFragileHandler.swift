import MillraceHandler

/// `examples.fragile_async`: ``FragileHandler`` with others in hand beside each message, if the job has `tasks_per_thread`.
struct AsyncFragileHandler: JobHandler {
    private let routingKey: String
    private let fragility: Fragility

    init(_ options: HandlerOptions) throws {
        self.routingKey = try options.string("routing_key")
        self.fragility = try Fragility(options)
    }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        guard let text = message.bodyText else { return .reject("the text is not UTF-8") }
        await Task.yield()  // the others on this thread go on first
        self.fragility.endure(text)
        try context.publish(Array(text.utf8), routingKey: self.routingKey)
        return .ack
    }
}
