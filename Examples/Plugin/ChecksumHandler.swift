import MillraceHandler

/// `examples.checksum`: the message names a file below the folder `root`; publishes the file's SHA-256.
///
/// It waits between chunks, so that a big file does not keep the worker's thread from other messages.
struct ChecksumHandler: JobHandler {
    private let root: String
    private let output: Output

    init(_ options: HandlerOptions) throws {
        self.root = try options.string("root", default: ".")
        self.output = try Output(options)
    }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        guard let name = message.bodyText else { return .reject("the name is not UTF-8") }
        do {
            let checksum = try await FileChecksum(of: name, below: self.root)
            try self.output.publish(try checksum.json(), context)
            return .ack
        } catch let error as BoundedFile.Unreadable {
            return .reject(error.description)
        }
        // Its cancellation is thrown on: a failure at the job's timeout, none when the supervisor stops.
    }
}
