import AMQPClient
import Millrace

/// Asks a fleet again and again, on a thread of its own: while answers are waited for keys are heard.
final class FleetFeed: Sendable {
    private struct State {
        var answer: Result<FleetView, Failure>?
        var connection: Connection?
        var isEnding = false
    }
    /// Why there was no answer, for people.
    struct Failure: Error {
        let text: String
    }

    private static let interval: UInt64 = 1_000_000_000

    private let question: FleetQuestion
    private let state = Monitor(State())

    init(_ question: FleetQuestion) { self.question = question }

    /// - Throws: If there is no thread to be had.
    func start() throws(ThreadError) { try WorkerThread.start(name: "fleet") { self.run() }.detach() }

    /// What came since the last time; nil if nothing did.
    func take() -> Result<FleetView, Failure>? {
        self.state.withLock { state in
            defer { state.answer = nil }
            return state.answer
        }
    }

    /// Closes its connection; whoever waits for answers waits no more.
    func end() {
        let connection = self.state.withLock { state in
            state.isEnding = true
            return state.connection
        }
        self.state.broadcast()
        connection?.close(timeout: .seconds(1))
    }

    private func run() {
        var asker: FleetAsker?
        while true {
            let next = MonotonicClock.now() &+ Self.interval
            do {
                let open = try asker ?? self.connect()
                asker = open
                let view = try self.question.ask(open)
                self.state.withLock { $0.answer = .success(view) }
            } catch {
                asker = nil
                let old = self.state.withLock { state in
                    state.answer = .failure(Failure(text: "\(error)"))
                    defer { state.connection = nil }
                    return state.connection
                }
                old?.startClose()
            }
            let isOver: Void? = self.state.wait(until: next) { $0.isEnding ? () : nil }
            if isOver != nil || self.state.withLock({ $0.isEnding }) { return }
        }
    }

    private func connect() throws -> FleetAsker {
        let connection = try self.question.connect()
        let isEnding = self.state.withLock { state in
            state.connection = connection
            return state.isEnding
        }
        if isEnding { connection.close(timeout: .seconds(1)) }
        return try FleetAsker(connection)
    }
}
