import MillraceHandler

/// Handlers that do what their message says: `retry`, `throw`, …; what comes again they ack.
enum Saying {
    static let plugin = MillracePlugin(
        name: "say",
        [.sync("say.sync", SayingSync.self), .async("say.async", SayingAsync.self)]
    )

    fileprivate struct Failed: Error {}

    fileprivate static func outcome(_ message: borrowing Message) throws -> Outcome {
        let isFirst = message.attempt == 1 && !message.redelivered && message.header("millrace-routing-key") == nil
        switch String(decoding: message.bodyBytes, as: UTF8.self) {
        case "reject": return .reject("says reject")
        case "discard": return .discard("says discard")
        case "stop" where isFirst: return .stop("says stop")
        case "retry" where isFirst: return .retry("says retry")
        case "requeue" where isFirst: return .requeue
        case "snooze" where isFirst: return .snooze(.milliseconds(20))
        case "snooze long" where isFirst: return .snooze(.seconds(3))
        case "throw" where isFirst: throw Failed()
        case "throw Unrecoverable": throw Unrecoverable("says reject")
        default: return .ack
        }
    }
}

private struct SayingSync: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome { try Saying.outcome(message) }
}

private struct SayingAsync: JobHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        await Task.yield()
        return try Saying.outcome(message)
    }
}
