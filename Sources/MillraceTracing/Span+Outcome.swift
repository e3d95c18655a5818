import MillraceHandler
import Tracing

extension Span {
    /// What became of the message; a retry, a reject and a stop are failures.
    func report(_ outcome: Outcome) {
        self.note(outcome)
        switch outcome {
        case .retry(let reason), .reject(let reason), .stop(let reason): self.fail(outcome.name, reason)
        case .ack, .requeue, .snooze, .discard: break
        }
    }

    func report(thrown error: any Error) {
        self.note(Outcome(thrown: error))
        self.recordError(error)
        self.fail(String(reflecting: type(of: error)), "\(error)")
    }

    private func note(_ outcome: Outcome) {
        self.updateAttributes { $0["millrace.outcome"] = outcome.name }
    }

    func fail(_ type: String, _ message: String) {
        self.updateAttributes { $0["error.type"] = type }
        self.setStatus(SpanStatus(code: .error, message: message))
    }
}
