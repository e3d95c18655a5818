import MillraceHandler

/// `bench.touch`.
///
/// Sums the first and the last octet of each body; nothing else. For measuring.
final class TouchHandler: SyncJobHandler {
    private var sum = 0

    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        let count = message.byteCount
        if count > 0 { self.sum &+= Int(message[0]) &+ Int(message[count - 1]) }
        return .ack
    }
}
