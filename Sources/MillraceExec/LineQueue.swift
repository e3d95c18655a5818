import MillraceHandler
import Synchronization

/// What a program says, on its way to the log: lines come from any thread and are logged on the worker's.
final class LineQueue: Sendable {
    /// Lines of one message before the others are only counted.
    static let most = 200

    private struct State {
        var waiting: [String] = []
        var accepted = 0
        var leftOut = 0
        var isOver = false
    }

    /// Rings when there may be lines; ends with the program.
    let bell: AsyncStream<Void>
    private let rope: AsyncStream<Void>.Continuation
    private let state = Mutex(State())

    init() { (self.bell, self.rope) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func add(_ lines: [String], from stream: String) {
        if lines.isEmpty { return }
        self.state.withLock { state in
            for line in lines {
                guard state.accepted < Self.most else {
                    state.leftOut += 1
                    continue
                }
                state.accepted += 1
                state.waiting.append("\(stream): \(line)")
            }
        }
        self.rope.yield()
    }

    /// There will be no more.
    func finish() {
        self.state.withLock { $0.isOver = true }
        self.rope.finish()
    }

    /// Logs what waits.
    func log(to context: JobContext) {
        let (lines, leftOut) = self.state.withLock { state in
            defer {
                state.waiting.removeAll()
                if state.isOver { state.leftOut = 0 }
            }
            return (state.waiting, state.isOver ? state.leftOut : 0)
        }
        for line in lines { context.log(line) }
        if leftOut > 0 { context.log(.warning, "the program wrote \(leftOut) lines more, which are left out here") }
    }
}
