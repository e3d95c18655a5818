import AMQPClient
import Glibc

/// A standard stream of a supervisor: who writes never waits for who reads.
///
/// A line goes out at once on the thread that wrote it, as long as the stream takes it. When nobody reads, lines wait, up to a
/// limit, and a thread of its own writes them as there is room; what found no room is counted, and said in its place.
final class OutputSink: Sendable {
    private struct State {
        var backlog: OutputBacklog
        /// Whether a thread writes what waits.
        var hasWriter = false
        var failure: Int32?
    }
    private let state: Monitor<State>
    private let port: OutputPort
    /// The line that stands for so many.
    private let notice: @Sendable (Int) -> String

    /// - Parameters:
    ///   - descriptor: Stays the caller's.
    ///   - limit: Octets that may wait.
    ///   - notice: Makes the line, with its end, that says how many are missing.
    init(_ descriptor: Int32, limit: Int = 1 << 20, notice: @escaping @Sendable (Int) -> String) {
        self.state = Monitor(State(backlog: OutputBacklog(limit: limit)))
        self.port = OutputPort(descriptor)
        self.notice = notice
    }

    /// Why the last line could not be written, as `errno` has it; nil if it could, or waits.
    var failure: Int32? { self.state.withLock { $0.failure } }

    /// Writes lines, each with its end, now or later.
    func write(_ text: String) {
        let line = Array(text.utf8)
        let needsWriter = self.state.withLock { state in
            // What is missing stands before it.
            if !state.hasWriter { self.send(&state) }
            state.backlog.offer(line)
            if !state.hasWriter { self.send(&state) }
            guard !state.backlog.isEmpty, !state.hasWriter else { return false }
            state.hasWriter = true
            return true
        }
        if needsWriter { self.startWriter() }
    }

    /// As much as the stream takes.
    private func send(_ state: inout State) {
        while true {
            while !state.backlog.isEmpty {
                switch self.port.write(state.backlog.next) {
                case .octets(let count):
                    state.backlog.wrote(count)
                    state.failure = nil
                case .full: return
                case .failed(let code):
                    // A disk may have room again later.
                    state.failure = code
                    return state.backlog.fail()
                }
            }
            let missing = state.backlog.takeDropped()
            guard missing > 0 else { return }
            state.backlog.offer(Array(self.notice(missing).utf8), weight: missing)
        }
    }

    /// There is one only while something waits: most processes never need it.
    private func startWriter() {
        do throws(ThreadError) {
            try WorkerThread.start(name: "output") {
                while self.writesOn() { self.port.awaitRoom(milliseconds: 1000) }
            }.detach()
        } catch {
            // The next line tries again.
            self.state.withLock { $0.hasWriter = false }
        }
    }

    private func writesOn() -> Bool {
        let isOver = self.state.withLock { state in
            self.send(&state)
            if state.backlog.isEmpty { state.hasWriter = false }
            return state.backlog.isEmpty
        }
        if isOver { self.state.broadcast() }
        return !isOver
    }

    /// Waits until all has gone.
    ///
    /// - Parameter deadline: In nanoseconds of the monotonic clock.
    /// - Returns: false if something has not.
    @discardableResult
    func finish(until deadline: UInt64) -> Bool {
        self.state.withLock { if !$0.hasWriter { self.send(&$0) } }
        return self.state.wait(until: deadline) { $0.backlog.isEmpty ? true : nil } ?? false
    }
}
