import AMQPClient
import Millrace

extension TopScreen {
    private static let help =
        "j k move  Enter workers  p pause  r resume  + - threads  R restart  Q quiet  D drain  q end"

    /// As many lines as there are rows, none wider than there are columns.
    func lines(_ size: Size) -> [Line] {
        var lines = self.head
        let foot = [Line(text: self.message ?? ""), Line(text: Self.help, style: .faint)]
        let room = max(size.rows - lines.count - foot.count, 0)
        var body = self.isInside ? self.inside(room) : self.table(size.columns, room)
        body += Array(repeating: Line(text: ""), count: max(room - body.count, 0))
        lines += body.prefix(room) + foot
        return lines.suffix(max(size.rows, 1)).map { line in
            Line(text: TopText.fit(line.text, size.columns), style: line.style)
        }
    }

    /// Everything, for a printer: as long as it is.
    func wholeLines(columns: Int) -> [Line] {
        (self.head + self.table(columns, .max)).map { Line(text: TopText.fit($0.text, columns), style: $0.style) }
    }

    // MARK: Head

    private var head: [Line] {
        [self.first, self.verdict, Line(text: "")]
    }

    private var first: Line {
        guard self.hasStatus else { return Line(text: "millrace top", style: .title) }
        var text = "millrace top  \(PlainText.line(self.status.file)) \(self.status.digest)"
        text += "  connection \(self.status.connection)"
        if let broker = self.status.broker { text += ", \(PlainText.line(broker))" }
        if self.status.isDraining { text += "; draining" }
        return Line(text: text, style: self.status.connection == "up" ? .title : .alarm)
    }

    private var verdict: Line {
        if let failure { return Line(text: PlainText.line(failure), style: .alarm) }
        guard self.hasStatus else { return Line(text: "asking") }
        if let text = self.status.reloadFailure {
            let first = text.split(separator: "\n").first.map(String.init) ?? text
            return Line(text: "RELOAD FAILED \(PlainText.line(first))", style: .alarm)
        }
        if let reason = self.status.reasons.first {
            let more = self.status.reasons.count > 1 ? " (and \(self.status.reasons.count - 1) more)" : ""
            return Line(text: "not ready: \(PlainText.line(reason))\(more)", style: .alarm)
        }
        let troubled = self.status.jobs.count { $0.trouble(now: self.now) > 0 }
        return troubled == 0
            ? Line(text: "all well")
            : Line(text: "\(troubled) of \(self.status.jobs.count) jobs may want a look", style: .warning)
    }

    // MARK: Jobs

    private static let columns: [(title: String, width: Int)] = [
        ("state", 10), ("busy", 7), ("hand", 6), ("in/s", 7), ("done/s", 7), ("oldest", 11), ("retried", 8),
        ("dead", 6),
    ]

    /// Two lines for each job: where it stands; how long things take, and what went wrong last.
    private func table(_ columns: Int, _ room: Int) -> [Line] {
        let fixed = Self.columns.reduce(0) { $0 + $1.width + 1 }
        let nameWidth = min(max(columns - 2 - fixed, 8), max(self.status.jobs.map(\.name.count).max() ?? 8, 8))
        func row(_ mark: String, _ name: String, _ cells: [String]) -> String {
            let rest = zip(Self.columns, cells).map { column, cell in
                " " + (column.title == "state" ? TopText.left(cell, column.width) : TopText.right(cell, column.width))
            }
            return mark + TopText.left(name, nameWidth) + rest.joined()
        }
        let title = Line(text: row("  ", "job", Self.columns.map(\.title)), style: .title)
        let jobs = self.jobs
        let fits = room == .max ? jobs.count : max((room - 1) / 2, 1)
        let index = jobs.firstIndex { $0.name == self.chosen } ?? 0
        let start = min(max(index - fits + 1, 0), max(jobs.count - fits, 0))
        return [title]
            + jobs[start..<min(start + fits, jobs.count)].flatMap { job in
                [
                    Line(
                        text: row(job.name == self.chosen ? "> " : "  ", PlainText.line(job.name), self.cells(of: job)),
                        style: self.style(of: job)
                    ),
                    Line(text: "    " + self.more(of: job), style: .faint),
                ]
            }
    }

    private func style(of job: TopStatus.Job) -> Style {
        switch job.trouble(now: self.now) {
        case 4...: .alarm
        case 1...: .warning
        default: .plain
        }
    }

    private func cells(of job: TopStatus.Job) -> [String] {
        let oldest = TopText.time(job.oldest) + (job.timeout.map { " of " + TopText.time($0) } ?? "")
        return [
            job.state, "\(job.busy)/\(job.threads)", "\(job.inHand)", TopText.rate(self.arrivals[job.name]),
            TopText.rate(job.settledPerSecond), job.oldest > 0 ? oldest : "-", "\(job.retried)", "\(job.dead)",
        ]
    }

    private func more(of job: TopStatus.Job) -> String {
        func times(_ name: String, _ times: TopStatus.Times?) -> String? {
            times.map { "\(name) \(TopText.time($0.p50)) \(TopText.time($0.p95)) \(TopText.time($0.p99))" }
        }
        var parts: [String?] = job.notes.map { PlainText.line($0) }
        parts += [times("handler", job.handler), times("wait", job.wait), job.ready.map { "ready \($0)" }]
        if let reason = job.reason { parts.append(PlainText.line(reason)) }
        if let error = job.lastError {
            parts.append("\(TopText.age(self.now - error.time)) ago: \(PlainText.line(error.text))")
        }
        return parts.compactMap(\.self).joined(separator: "   ")
    }

    // MARK: Workers

    private func inside(_ room: Int) -> [Line] {
        let title = Line(text: "workers of \(PlainText.line(self.chosen ?? "")); Esc goes back", style: .title)
        let fits = max(room - 1, 0)
        let lines = self.workers.prefix(fits).map { Line(text: $0) }
        return [title] + (self.workers.isEmpty ? [Line(text: "asking")] : lines)
    }
}

/// Texts of cells.
enum TopText {
    /// Cut, with a mark, to so many columns of a terminal.
    static func fit(_ text: String, _ columns: Int) -> String {
        var width = 0
        for scalar in text.unicodeScalars { width += CharacterWidth.columns(of: scalar) }
        guard width > columns else { return text }
        var cut = ""
        var used = 0
        for character in text {
            let own = character.unicodeScalars.reduce(0) { $0 + CharacterWidth.columns(of: $1) }
            guard used + own < columns else { break }
            cut.append(character)
            used += own
        }
        return columns > 0 ? cut + "…" : ""
    }

    private static func padding(_ text: String, _ columns: Int) -> String {
        let width = text.unicodeScalars.reduce(0) { $0 + CharacterWidth.columns(of: $1) }
        return String(repeating: " ", count: max(columns - width, 0))
    }

    static func left(_ text: String, _ columns: Int) -> String {
        let text = Self.fit(text, columns)
        return text + Self.padding(text, columns)
    }

    static func right(_ text: String, _ columns: Int) -> String {
        let text = Self.fit(text, columns)
        return Self.padding(text, columns) + text
    }

    static func time(_ seconds: Double) -> String {
        StatusText.fine(.nanoseconds(Int64(min(max(seconds, 0), 1e9) * 1e9)))
    }

    static func age(_ seconds: Int) -> String { StatusText.short(.seconds(max(seconds, 1))) }

    static func rate(_ rate: Double?) -> String {
        guard let rate else { return "-" }
        return rate < 10 && rate > 0 ? "\((rate * 10).rounded() / 10)" : "\(Int(rate.rounded()))"
    }
}
