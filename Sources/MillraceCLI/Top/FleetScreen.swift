import AMQPClient
import AMQPWire
import Millrace

/// The screen of `top --fleet` as a value: answers, the size and keys go in, lines come out.
struct FleetScreen {
    private static let help = "j k scroll  q end"

    private let fleet: String
    private var view: FleetView?
    /// Seconds since 1970, when it was asked last.
    private var now: Int64 = 0
    /// Why there is no answer now.
    private var failure: String?
    /// Lines of the body that are above the screen.
    private var top = 0

    init(fleet: String) { self.fleet = fleet }

    // MARK: What comes in

    /// - Parameters:
    ///   - view: As it was answered.
    ///   - now: Seconds since 1970.
    mutating func show(_ view: FleetView, now: Int64) { (self.view, self.now, self.failure) = (view, now, nil) }

    /// There was no answer: what is shown is of before.
    mutating func fail(_ reason: String) { self.failure = reason }

    /// - Returns: Whether this is the end.
    mutating func take(_ key: TopKey, _ size: TopScreen.Size) -> Bool {
        let most = max(self.body.count - self.room(size), 0)
        switch key {
        case .character("q"): return true
        case .up, .character("k"): self.top = max(min(self.top, most) - 1, 0)
        case .down, .character("j"): self.top = min(self.top + 1, most)
        case .enter, .escape, .character: break
        }
        return false
    }

    // MARK: What goes out

    /// As many lines as there are rows, none wider than there are columns.
    func lines(_ size: TopScreen.Size) -> [TopScreen.Line] {
        let (body, room) = (self.body, self.room(size))
        // The screen may have grown, and the fleet become smaller.
        let top = min(self.top, max(body.count - room, 0))
        var shown = Array(body[top..<min(top + room, body.count)])
        shown += Array(repeating: TopScreen.Line(text: ""), count: room - shown.count)
        let isAll = body.count <= room
        let place = isAll ? "" : "lines \(top + 1) to \(top + min(room, body.count - top)) of \(body.count)"
        let foot = [TopScreen.Line(text: place), TopScreen.Line(text: Self.help, style: .faint)]
        return (self.head + shown + foot).suffix(max(size.rows, 1)).map { Self.fit($0, size.columns) }
    }

    /// Everything, for a printer: as long as it is.
    func wholeLines(columns: Int) -> [TopScreen.Line] { (self.head + self.body).map { Self.fit($0, columns) } }

    private func room(_ size: TopScreen.Size) -> Int { max(size.rows - self.head.count - 2, 0) }

    private static func fit(_ line: TopScreen.Line, _ columns: Int) -> TopScreen.Line {
        TopScreen.Line(text: TopText.fit(line.text, columns), style: line.style)
    }

    private var head: [TopScreen.Line] {
        let name = PlainText.line(self.fleet)
        let count = self.view.map { "  \(Plural.of($0.answers.count, "supervisor"))" } ?? ""
        let title = TopScreen.Line(text: "millrace top --fleet  \(name)\(count)", style: .title)
        return [title, self.verdict, TopScreen.Line(text: "")]
    }

    private var verdict: TopScreen.Line {
        if let failure { return TopScreen.Line(text: PlainText.line(failure), style: .alarm) }
        guard let view else { return TopScreen.Line(text: "asking") }
        let findings = view.findings
        guard let first = findings.first else { return TopScreen.Line(text: "all well") }
        let more = findings.count > 1 ? " (and \(findings.count - 1) more)" : ""
        return TopScreen.Line(text: first + more, style: .alarm)
    }

    /// Supervisors, jobs, and all that is not as it should be.
    private var body: [TopScreen.Line] {
        guard let view else { return [] }
        var lines: [TopScreen.Line] = []
        for table in view.tables(now: self.now) {
            if !lines.isEmpty { lines.append(TopScreen.Line(text: "")) }
            lines += table.enumerated().map { TopScreen.Line(text: $1, style: $0 == 0 ? .title : .plain) }
        }
        let findings = view.findings
        if findings.count > 1 || findings.contains(where: { $0.count > 80 }) {
            lines.append(TopScreen.Line(text: ""))
            lines += findings.map { TopScreen.Line(text: $0, style: .warning) }
        }
        return lines
    }
}
