import AMQPClient
import ArgumentParser
import Glibc
import Millrace
import MillraceAdmin

/// Between the screen, the terminal and the supervisor's socket.
struct TopDriver {
    /// Who answers is no supervisor that we know.
    private struct Stranger: Error, CustomStringConvertible {
        let description = "what answers at the socket is no supervisor that top knows"
    }

    private static let interval: UInt64 = 1_000_000_000
    private static let patience = Duration.seconds(3)

    let client: ControlClient
    private var screen = TopScreen()

    init(_ client: ControlClient) { self.client = client }

    // MARK: Once

    /// Prints one screen.
    ///
    /// - Returns: The status of the command.
    mutating func printOnce() throws -> ExitCode {
        let exit = try self.ask()
        let isTerminal = Terminal.showsOutput
        let columns = isTerminal ? Terminal.size.columns : 80
        let hasColours = TopPaint.hasColours(TopPaint.variable, isTerminal: isTerminal)
        let lines = self.screen.wholeLines(columns: columns).map { TopPaint.paint($0, hasColours: hasColours) }
        try StandardOutput.block(lines.joined(separator: "\n"))
        return ExitCode(exit)
    }

    // MARK: Until somebody ends it

    /// Has the terminal until then.
    mutating func run(_ terminal: Terminal) throws {
        defer { terminal.giveBack() }
        let hasColours = TopPaint.hasColours(TopPaint.variable, isTerminal: true)
        var shown = ""
        var next: UInt64 = 0
        while true {
            let now = MonotonicClock.now()
            if now >= next {
                next = now &+ Self.interval
                self.refresh()
            }
            let frame = TopPaint.frame(self.screen.lines(Terminal.size), hasColours: hasColours)
            if frame != shown {
                guard terminal.show(frame) else { throw ExitCode.ioError }
                shown = frame
            }
            terminal.takeSignals()
            guard let keys = terminal.keys(within: 100) else { return }
            for key in keys {
                let wasInside = self.screen.isInside
                guard let action = self.screen.take(key) else {
                    if self.screen.isInside, !wasInside { next = 0 }
                    continue
                }
                if action == .end { return }
                self.carryOut(action)
                next = 0
            }
            terminal.takeSignals()
        }
    }

    private mutating func refresh() {
        do {
            _ = try self.ask()
            guard self.screen.isInside, let job = self.screen.chosen else { return }
            let path = "/api/v1/jobs/\(ControlRequest.encode(job))/dump"
            let answer = try self.client.ask(.get, path, wantsText: true, patience: Self.patience)
            let lines = answer.body.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            self.screen.show(workers: Array(lines.dropFirst()))
        } catch {
            self.screen.fail("\(error)")
        }
    }

    /// - Returns: The status that the answer has.
    private mutating func ask() throws -> Int32 {
        let answer = try self.client.ask(.get, "/api/v1/status", wantsText: false, patience: Self.patience)
        guard answer.status == 200, let value = JSONReader.read(answer.body), let status = TopStatus(value) else {
            throw Stranger()
        }
        self.screen.show(status, now: time(nil), time: MonotonicClock.now())
        return answer.exit
    }

    private mutating func carryOut(_ action: TopAction) {
        guard let (path, query) = action.request else { return }
        let pairs = query.compactMap { name, value in value.map { "\(name)=\(ControlRequest.encode($0))" } }
        let target = "/" + path.map(ControlRequest.encode).joined(separator: "/")
        do {
            let answer = try self.client.ask(
                .post,
                pairs.isEmpty ? target : target + "?" + pairs.joined(separator: "&"),
                wantsText: true,
                patience: Self.patience
            )
            let said = answer.body.split(separator: "\n").joined(separator: "; ")
            self.screen.say("\(action.words): \(said)")
        } catch {
            self.screen.say("\(action.words): \(error)")
        }
    }
}
