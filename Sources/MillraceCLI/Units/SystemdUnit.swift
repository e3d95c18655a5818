import AMQPClient
import Millrace

/// What a unit of systemd says about the end of its service: systemd.service(5), systemd.kill(5).
struct SystemdUnit {
    struct Assignment: Equatable {
        let line: Int
        let key: String
        let value: String
    }

    /// Of the section [Service], in order.
    private(set) var assignments: [Assignment] = []
    /// Where [Service] begins; nil if it does not.
    private(set) var line: Int?

    /// What systemd does unless told otherwise (`DefaultTimeoutStopSec`).
    private static let defaultStop = Duration.seconds(90)
    /// An end closes the connection for up to 5 s and gives no sign meanwhile; half of the time goes by between two signs.
    private static let shortestWatchdog = Duration.seconds(10)
    /// What drains.
    private static let signals = ["SIGTERM", "SIGINT", "SIGQUIT", "15", "2", "3"]

    static func isOne(_ text: String) -> Bool {
        text.split(whereSeparator: \.isNewline).contains { $0.trimmed == "[Service]" }
    }

    init(_ text: String) {
        var section = ""
        var pending: (line: Int, text: String)?
        for (index, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let line = raw.trimmed
            if line.hasPrefix("#") || line.hasPrefix(";") { continue }  // also between the lines of one value
            let whole = (pending?.text ?? "") + line
            let start = pending?.line ?? index + 1
            if line.hasSuffix("\\") {
                pending = (start, whole.dropLast() + " ")
                continue
            }
            pending = nil
            if whole.hasPrefix("["), whole.hasSuffix("]") {
                section = whole
                if section == "[Service]", self.line == nil { self.line = start }
            } else if section == "[Service]", let equals = whole.firstIndex(of: "=") {
                let key = whole[..<equals].trimmed
                let value = whole[whole.index(after: equals)...].trimmed
                self.assignments.append(Assignment(line: start, key: key, value: value))
            }
        }
    }

    func findings(_ end: EndTime) -> [UnitFinding] {
        guard let line else {
            return [UnitFinding(line: 0, message: "there is no [Service]", help: "name a unit of a service")]
        }
        return [self.stop(end, line)] + self.watchdog() + self.kill(end, line) + self.signal()
    }

    private func last(_ keys: String...) -> Assignment? {
        // An empty value takes back what was said before.
        self.assignments.last { keys.contains($0.key) }.flatMap { $0.value.isEmpty ? nil : $0 }
    }

    private func stop(_ end: EndTime, _ line: Int) -> UnitFinding {
        guard let stop = self.last("TimeoutStopSec", "TimeoutSec") else {
            return end.judge(Self.defaultStop, "TimeoutStopSec", isWritten: false, line: line) {
                "TimeoutStopSec=\($0)"
            }
        }
        guard let time = UnitTime.ofSystemd(stop.value) else {
            return Self.noTime(stop, "write \(stop.key)=\(end.advised)")
        }
        let isEndless = time == .zero || time == UnitTime.forever
        return end.judge(isEndless ? nil : time, stop.key, line: stop.line) { "\(stop.key)=\($0)" }
    }

    private func watchdog() -> [UnitFinding] {
        guard let watchdog = self.last("WatchdogSec") else { return [] }
        let advice = "write WatchdogSec=30"
        guard let time = UnitTime.ofSystemd(watchdog.value) else { return [Self.noTime(watchdog, advice)] }
        guard time > .zero, time != UnitTime.forever else { return [] }
        let shown = "WatchdogSec \(DurationText.write(time))"
        if time >= Self.shortestWatchdog {
            return [UnitFinding(line: watchdog.line, message: "\(shown) is enough: signs of life come twice as often")]
        }
        return [
            UnitFinding(
                line: watchdog.line,
                message:
                    "\(shown) is too short: closing the connection may take 5s, and there is no sign of life meanwhile",
                help: advice
            )
        ]
    }

    private func kill(_ end: EndTime, _ line: Int) -> [UnitFinding] {
        let mode = self.last("KillMode")
        guard end.hasPrograms, !["mixed", "process"].contains(mode?.value ?? "control-group") else { return [] }
        return [
            UnitFinding(
                line: mode?.line ?? line,
                message:
                    "KillMode \(mode?.value ?? "is not there, which is control-group"): the programs of jobs get the signal"
                    + " too, and end in the middle of their messages",
                help: "write KillMode=mixed"
            )
        ]
    }

    private func signal() -> [UnitFinding] {
        guard let signal = self.last("KillSignal"), !Self.signals.contains(signal.value) else { return [] }
        return [
            UnitFinding(
                line: signal.line,
                message: "KillSignal \(signal.value) does not drain",
                help: "write KillSignal=SIGTERM"
            )
        ]
    }

    private static func noTime(_ assignment: Assignment, _ help: String) -> UnitFinding {
        UnitFinding(line: assignment.line, message: "\(assignment.key)=\(assignment.value) is no time", help: help)
    }
}

extension StringProtocol {
    fileprivate var trimmed: String {
        let start = self.drop { $0 == " " || $0 == "\t" }
        return String(start.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
