import ArgumentParser
import Glibc
import Millrace
import MillraceAdmin

/// Which supervisor a command speaks to, and how its answer is shown.
struct ControlOptions: ParsableArguments {
    @Option(help: "The socket of the supervisor; unless given it is found by the job file.")
    var socket: String?

    @Option(help: "The job file that the supervisor was started with.")
    var file = "jobs.yaml"

    @Flag(help: "Print the answer as JSON.")
    var json = false

    /// Nobody is at the socket.
    static let nobody = ExitCode(3)

    /// Asks, prints the answer, and ends with its status.
    ///
    /// - Parameters:
    ///   - verb: Whether something is to change.
    ///   - path: The parts of the path, as they are.
    ///   - query: As they are; those without a value are left out.
    ///   - patience: How long the answer may take.
    ///   - isQuiet: Whether a good answer is not printed.
    /// - Throws: The exit code that the answer has, or 3.
    func ask(
        _ verb: ControlClient.Verb,
        _ path: [String],
        _ query: [(name: String, value: String?)] = [],
        patience: Duration = .seconds(60),
        isQuiet: Bool = false
    ) throws {
        let answer = try self.answer(verb, path, query, patience)
        if answer.status < 300, isQuiet {
            // Another answer follows.
        } else if answer.status < 300 {
            try StandardOutput.block(answer.body, terminator: "")
        } else if self.json {
            try StandardOutput.block(answer.body, terminator: "")
        } else {
            StandardError.block(answer.body.trimmed)
        }
        if answer.exit != 0 { throw ExitCode(answer.exit) }
    }

    private func answer(
        _ verb: ControlClient.Verb,
        _ path: [String],
        _ query: [(name: String, value: String?)],
        _ patience: Duration
    ) throws -> ControlAnswer {
        let pairs = query.compactMap { name, value in value.map { "\(name)=\(ControlRequest.encode($0))" } }
        let target = "/" + path.map(ControlRequest.encode).joined(separator: "/")
        do {
            return try ControlClient(socket: try self.place())
                .ask(
                    verb,
                    pairs.isEmpty ? target : target + "?" + pairs.joined(separator: "&"),
                    wantsText: !self.json,
                    patience: patience
                )
        } catch let nobody as ControlClient.Nobody {
            StandardError.write("\(nobody)")
            if self.socket == nil {
                StandardError.write(
                    "it is looked for by the job file \(self.file); --file names another, --socket the socket"
                )
            }
            throw Self.nobody
        }
    }

    /// The socket of the supervisor that is meant.
    func place() throws -> String {
        if let socket { return socket }
        var settings = ControlSettings()
        // A file that can not be read any more may have a supervisor still.
        if let named = JobFileArgument.controlNow(of: self.file) { settings = named }
        return RunDoors.place(self.file, settings).path
    }
}

extension String {
    fileprivate var trimmed: String { self.hasSuffix("\n") ? String(self.dropLast()) : self }
}
