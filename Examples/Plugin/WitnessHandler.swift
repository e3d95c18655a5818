import Glibc
import MillraceHandler

/// `bench.witness`, for counting what is lost: appends each body to the file `witness`, one a line, then passes it on as
/// `examples.order` does its invoices.
struct WitnessHandler: SyncJobHandler {
    private let witness: Witness
    private let output: Output

    init(_ options: HandlerOptions) throws {
        self.witness = try Witness(path: try options.string("witness"))
        self.output = try Output(options)
    }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        guard let text = message.bodyText else { return .reject("the text is not UTF-8") }
        try self.witness.append(text)
        try self.output.publish(Array(text.utf8), correlationID: text, context)
        return .ack
    }
}

/// `bench.witness_async`: ``WitnessHandler`` with others in hand beside each message, if the job has `tasks_per_thread`.
struct AsyncWitnessHandler: JobHandler {
    private let witness: Witness
    private let output: Output

    init(_ options: HandlerOptions) throws {
        self.witness = try Witness(path: try options.string("witness"))
        self.output = try Output(options)
    }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        guard let text = message.bodyText else { return .reject("the text is not UTF-8") }
        await Task.yield()  // the others on this thread go on first
        try self.witness.append(text)
        try self.output.publish(Array(text.utf8), correlationID: text, context)
        return .ack
    }
}

/// A file that outlives the process and all its crashes: each line is one write, at the file's end whoever writes too.
private final class Witness {
    private let descriptor: CInt

    init(path: String) throws {
        self.descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard self.descriptor >= 0 else {
            throw OptionError(key: "witness", reason: "can not be opened: \(String(cString: strerror(errno)))")
        }
    }

    deinit { if self.descriptor >= 0 { close(self.descriptor) } }

    struct Unwritable: Error {}

    func append(_ text: String) throws {
        let line = Array("\(text)\n".utf8)
        guard write(self.descriptor, line, line.count) == line.count else { throw Unwritable() }
    }
}
