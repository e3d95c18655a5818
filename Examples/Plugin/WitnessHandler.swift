import MillraceHandler

/// `bench.witness`, for counting what is lost: appends each body to the file `witness`, one a line, then passes it on as
/// `examples.order` does its invoices.
struct WitnessHandler: SyncJobHandler {
    private let witness: Witness
    private let output: Output

    init(_ options: HandlerOptions) throws {
        self.witness = try Witness(path: try options.string("witness"))
        self.output = try Output(options)
    }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        guard let text = message.bodyText else { return .reject("the text is not UTF-8") }
        try self.witness.append(text)
        try self.output.publish(Array(text.utf8), correlationID: text, context)
        return .ack
    }
}

/// `bench.witness_async`: ``WitnessHandler`` with others in hand beside each message, if the job has `tasks_per_thread`.
struct AsyncWitnessHandler: JobHandler {
    private let witness: Witness
    private let output: Output

    init(_ options: HandlerOptions) throws {
        self.witness = try Witness(path: try options.string("witness"))
        self.output = try Output(options)
    }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        guard let text = message.bodyText else { return .reject("the text is not UTF-8") }
        await Task.yield()  // the others on this thread go on first
        try self.witness.append(text)
        try self.output.publish(Array(text.utf8), correlationID: text, context)
        return .ack
    }
}
