import ArgumentParser
import Glibc
import Millrace

/// `top --fleet`: between its screen, the terminal and the broker.
struct FleetTop {
    private let question: FleetQuestion
    private var screen: FleetScreen

    init(_ question: FleetQuestion) {
        self.question = question
        self.screen = FleetScreen(fleet: question.fleet)
    }

    /// Prints one screen.
    ///
    /// - Returns: The status of the command.
    mutating func printOnce() throws -> ExitCode {
        let view = try self.question.askOnce()
        self.screen.show(view, now: Int64(time(nil)))
        let isTerminal = Terminal.showsOutput
        let hasColours = TopPaint.hasColours(TopPaint.variable, isTerminal: isTerminal)
        let lines = self.screen.wholeLines(columns: isTerminal ? Terminal.size.columns : 80)
        try StandardOutput.block(lines.map { TopPaint.paint($0, hasColours: hasColours) }.joined(separator: "\n"))
        return view.isDegraded ? ExitCode(1) : .success
    }

    /// Has the terminal until somebody ends it.
    mutating func run(_ terminal: Terminal) throws {
        let feed = FleetFeed(self.question)
        // The terminal first: nobody waits for a broker to get it back.
        defer { feed.end() }
        defer { terminal.giveBack() }
        try feed.start()
        let hasColours = TopPaint.hasColours(TopPaint.variable, isTerminal: true)
        var shown = ""
        while true {
            switch feed.take() {
            case .success(let view): self.screen.show(view, now: Int64(time(nil)))
            case .failure(let failure): self.screen.fail(failure.text)
            case nil: break
            }
            let size = Terminal.size
            let frame = TopPaint.frame(self.screen.lines(size), hasColours: hasColours)
            if frame != shown {
                guard terminal.show(frame) else { throw ExitCode.ioError }
                shown = frame
            }
            terminal.takeSignals()
            guard let keys = terminal.keys(within: 100) else { return }
            for key in keys where self.screen.take(key, size) { return }
            terminal.takeSignals()
        }
    }
}
