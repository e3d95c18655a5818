import MillraceHandler

/// `examples.fragile_async`: ``FragileHandler`` with others in hand beside each message, if the job has `tasks_per_thread`.
///
/// What it can bear it keeps for `rounds` of the others (none unless given) before it is done.
struct AsyncFragileHandler: JobHandler {
    private let routingKey: String
    private let fragility: Fragility
    private let rounds: Int

    init(_ options: HandlerOptions) throws {
        self.routingKey = try options.string("routing_key")
        self.fragility = try Fragility(options)
        self.rounds = try options.int("rounds", default: 0)
    }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        guard let text = message.bodyText else { return .reject("the text is not UTF-8") }
        await Task.yield()  // the others on this thread go on first
        self.fragility.endure(text)
        for _ in 0..<max(self.rounds, 0) { await Task.yield() }
        try context.publish(Array(text.utf8), routingKey: self.routingKey)
        return .ack
    }
}
