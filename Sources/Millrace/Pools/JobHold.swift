import AMQPClient

/// A job's ``Circuit``, shared by its workers and the supervisor.
///
/// What a worker tells it holds the job before that worker's message is settled: nobody begins another one.
final class JobHold: Sendable {
    private struct State {
        var circuit: Circuit
        var held: (@Sendable (Circuit.Hold) -> Void)?
        var changed: (@Sendable () -> Void)?
        var count = 0
    }
    private let state: Monitor<State>
    private let clock: JobClock

    init(_ settings: CircuitSettings? = nil, clock: JobClock = .system) {
        self.state = Monitor(State(circuit: Circuit(settings)))
        self.clock = clock
    }

    /// - Parameters:
    ///   - held: Called each time the job is held, on the thread of whoever noticed, with no lock held.
    ///   - changed: Called when the first messages after that went well.
    func watch(held: @escaping @Sendable (Circuit.Hold) -> Void, changed: @escaping @Sendable () -> Void) {
        self.state.withLock { ($0.held, $0.changed) = (held, changed) }
    }

    // MARK: From workers

    func failed(_ reason: String, epoch: Int) {
        let now = self.clock.now
        self.tell { $0.failed(FailureNote.cut(reason, to: FailureNote.errorBudget), epoch: epoch, now: now) }
    }

    func succeeded(epoch: Int) {
        self.tell { circuit in
            circuit.succeeded(epoch: epoch); return false
        }
    }

    /// - Parameters:
    ///   - length: Nanoseconds.
    ///   - reason: The handler's word.
    func hold(for length: UInt64, reason: String) {
        let now = self.clock.now
        self.tell { $0.hold(for: length, reason: FailureNote.cut(reason, to: FailureNote.errorBudget), now: now) }
    }

    private func tell(_ event: (inout Circuit) -> Bool) {
        let (hold, held, changed) = self.state.withLock { state in
            let epoch = state.circuit.epoch
            guard event(&state.circuit), case .held(let hold) = state.circuit.phase else {
                return (nil as Circuit.Hold?, state.held, state.circuit.epoch == epoch ? nil : state.changed)
            }
            state.count += 1
            return (hold, state.held, nil)
        }
        if let hold { held?(hold) }
        changed?()
    }

    // MARK: From the supervisor

    var isHeld: Bool { self.state.withLock { $0.circuit.isHeld } }
    var epoch: Int { self.state.withLock { $0.circuit.epoch } }
    var phase: Circuit.Phase { self.state.withLock { $0.circuit.phase } }
    /// How often it was held since the start.
    var count: Int { self.state.withLock { $0.count } }
    var wake: UInt64? { self.state.withLock { $0.circuit.wake } }

    func threads(of target: Int) -> Int { self.state.withLock { $0.circuit.threads(of: target) } }

    func advance(now: UInt64) -> Bool { self.state.withLock { $0.circuit.advance(now: now) } }

    func release() -> Bool { self.state.withLock { $0.circuit.release() } }

    func change(_ settings: CircuitSettings?) { self.state.withLock { $0.circuit.change(settings) } }
}
