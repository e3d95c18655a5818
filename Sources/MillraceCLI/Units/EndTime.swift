import AMQPClient
import Millrace

/// How long a supervisor may take from SIGTERM to its exit, by its job file.
struct EndTime: Equatable {
    /// Handlers go on undisturbed.
    let shutdownTimeout: Duration
    /// They were asked to end.
    let killTimeout: Duration
    /// Some job's handler is a program: a process of its own, which a manager may kill beside the supervisor.
    var hasPrograms = false

    init(shutdownTimeout: Duration, killTimeout: Duration, hasPrograms: Bool = false) {
        (self.shutdownTimeout, self.killTimeout, self.hasPrograms) = (shutdownTimeout, killTimeout, hasPrograms)
    }

    init(_ file: JobFile) {
        self.init(
            shutdownTimeout: file.shutdownTimeout,
            killTimeout: file.killTimeout,
            hasPrograms: file.jobs.contains { $0.handler == HandlerName(plugin: "millrace", handler: "exec") }
        )
    }

    var total: Duration { self.shutdownTimeout + self.killTimeout }

    /// The last acks, the connection's close and the report come after it.
    private static let closing = Duration.seconds(1)

    /// What a manager has to wait before it kills.
    var least: Duration { self.total + Self.closing }

    /// What to write: whole seconds, with room, a multiple of five.
    var advised: Int {
        let (seconds, rest) = self.total.components
        return (Int(seconds) + (rest > 0 ? 1 : 0) + 9) / 5 * 5
    }

    /// For people: where it comes from.
    var words: String {
        "\(DurationText.write(self.total)) (shutdown_timeout \(DurationText.write(self.shutdownTimeout)), kill_timeout"
            + " \(DurationText.write(self.killTimeout)))"
    }

    /// What is wrong with a time that a manager waits.
    ///
    /// - Parameters:
    ///   - time: Nil is for ever.
    ///   - name: As its file has it.
    ///   - isWritten: Whether the file says it; else it is the manager's own.
    ///   - spent: What of it is gone before SIGTERM.
    ///   - line: Where that is.
    ///   - write: From seconds to what to write.
    /// - Returns: One finding, good or bad.
    func judge(
        _ time: Duration?,
        _ name: String,
        isWritten: Bool = true,
        spent: Duration = .zero,
        line: Int,
        write: (Int) -> String
    ) -> UnitFinding {
        guard let time else {
            return UnitFinding(line: line, message: "\(name) has no limit; an end takes up to \(self.words)")
        }
        let written = DurationText.write(time)
        let shown = isWritten ? "\(name) \(written)" : "\(name) (\(written), for it is not there)"
        let before = spent > .zero ? ", and before it preStop takes \(DurationText.write(spent))" : ""
        if time >= self.least + spent {
            return UnitFinding(line: line, message: "\(shown) is enough: an end takes up to \(self.words)\(before)")
        }
        let more = Int((spent + .milliseconds(999)).components.seconds)
        return UnitFinding(
            line: line,
            message: "\(shown) is too short: an end takes up to \(self.words), and a moment for the broker\(before)",
            help: "write \(write(self.advised + more)), or shorten shutdown_timeout"
        )
    }
}

/// Something that a unit or a manifest says about the end of a supervisor.
struct UnitFinding: Equatable {
    /// Counted from 1; 0 for the whole file.
    let line: Int
    let message: String
    /// What to write instead; nil if it is well as it is.
    var help: String?

    var isError: Bool { self.help != nil }

    func text(_ file: String) -> String {
        let place = self.line > 0 ? "\(file):\(self.line)" : file
        guard let help else { return "\(place): \(self.message)" }
        return "\(place): error: \(self.message)\n  help: \(help)"
    }
}
