import MillraceHandler

/// `examples.fragile`, for a look at the crash ledger: passes each message on, and crashes the process at one whose body is
/// the option `trap_on` (`trap` unless given), as a forced unwrap of nil would.
struct FragileHandler: SyncJobHandler {
    private let routingKey: String
    private let trapOn: String

    init(_ options: HandlerOptions) throws {
        self.routingKey = try options.string("routing_key")
        self.trapOn = try options.string("trap_on", default: "trap")
    }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        guard let text = message.bodyText else { return .reject("the text is not UTF-8") }
        precondition(text != self.trapOn, "the message that this handler can not bear")
        try context.publish(Array(text.utf8), routingKey: self.routingKey)
        return .ack
    }
}
