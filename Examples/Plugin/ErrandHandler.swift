import Glibc
package import MillraceHandler

/// `examples.errand`, for a look at what becomes of a message: does what its ``Errand`` says, then publishes its text.
package struct ErrandHandler: JobHandler {
    /// Why an attempt failed.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let routingKey: String

    package init(_ options: HandlerOptions) throws { self.routingKey = try options.string("routing_key") }

    package func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        guard let text = message.bodyText else { return .reject("the text is not UTF-8") }
        switch Errand(text) {
        // Stands for a request that takes long.
        case .nap(let duration): try await ContinuousClock().sleep(for: duration)
        case .hang(let duration): Self.hang(duration)
        case .fail(let times):
            guard message.attempt > times else { throw Failure(description: "attempt \(message.attempt) had to fail") }
        case .snooze(let second):
            let wait = second - time(nil)
            if wait > 0 { return .snooze(.seconds(wait)) }
        case .reject: return .reject("nothing can help it")
        case .discard: return .discard("nobody needs it any more")
        case .stop: return .stop("what all of them need is broken")
        case .deliver: break
        }
        try context.publish(Array(text.utf8), routingKey: self.routingKey)
        return .ack
    }

    /// Keeps the thread, as a lock that is never released would.
    private static func hang(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        var wait = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
        var rest = timespec()
        while nanosleep(&wait, &rest) != 0, errno == EINTR { wait = rest }
    }
}
