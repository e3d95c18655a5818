import Synchronization

/// What somebody waits for, given once; what comes later is dropped.
final class Reply<Value: Sendable>: Sendable {
    typealias Answer = Result<Value, JobTesterError>

    private enum State {
        case open
        case awaited(CheckedContinuation<Answer, Never>)
        case given(Answer)
        case over
    }

    private let state = Mutex(State.open)

    func give(_ answer: Answer) {
        let waiting = self.state.withLock { state -> CheckedContinuation<Answer, Never>? in
            switch state {
            case .open:
                state = .given(answer)
                return nil
            case .awaited(let continuation):
                state = .over
                return continuation
            case .given, .over: return nil
            }
        }
        waiting?.resume(returning: answer)
    }

    /// Waits for it, at most so long; called once.
    func result(limit: Duration) async -> Answer {
        let watch = Task {
            do {
                try await ContinuousClock().sleep(for: limit)
                self.give(.failure(JobTesterError(.stillRunning(limit))))
            } catch {}  // it was given in time
        }
        defer { watch.cancel() }
        return await withCheckedContinuation { continuation in
            let answer = self.state.withLock { state -> Answer? in
                guard case .given(let answer) = state else {
                    state = .awaited(continuation)
                    return nil
                }
                state = .over
                return answer
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }
}
