import Foundation
import MillraceExec
import MillraceHandler
import MillraceTesting
import TestSupport
import Testing

/// A handler that runs shell scripts, without a broker, and a folder of its own.
final class ExecRig: Sendable {
    let folder: String

    init() throws {
        var template = Array((NSTemporaryDirectory() + "/exec-XXXXXX").utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        self.folder = try #require(made)
    }

    deinit { try? FileManager.default.removeItem(atPath: self.folder) }

    /// - Parameters:
    ///   - command: The program and its arguments.
    ///   - more: As the decoder of job files hands them over.
    /// - Returns: The handler, made.
    /// - Throws: If it can not be made.
    func tester(_ command: [String], _ more: [String: JSONValue] = [:]) async throws -> JobTester {
        let options: [String: JSONValue] = [
            "exec": .array(command.map { .string($0) }), "folder": .string(self.folder), "queue": .string("orders"),
        ]
        return try await JobTester(
            plugin: ExecPlugin.descriptor,
            handler: "millrace.exec",
            options: HandlerOptions(options.merging(more) { $1 }),
            job: "resize"
        )
    }

    func shell(_ script: String, _ more: [String: JSONValue] = [:]) async throws -> JobTester {
        try await self.tester(["sh", "-c", script], more)
    }

    /// What a script makes of a message.
    func run(
        _ script: String,
        _ message: TestMessage = "",
        _ more: [String: JSONValue] = [:]
    ) async throws -> JobResult {
        try await self.shell(script, more).run(message, limit: Patience.long)
    }

    /// A file that can be run at once.
    ///
    /// Another process writes it: what this one has open for writing, a child that another test starts just then has
    /// open too, and the kernel runs no file that is open so ("Text file busy").
    @discardableResult
    func write(_ name: String, _ text: String, mode: mode_t = 0o755) throws -> String {
        let path = self.folder + "/" + name
        let draft = path + ".draft"
        try text.write(toFile: draft, atomically: false, encoding: .utf8)
        let copy = Process()
        copy.executableURL = URL(fileURLWithPath: "/bin/cp")
        copy.arguments = [draft, path]
        try copy.run()
        copy.waitUntilExit()
        try #require(copy.terminationStatus == 0 && chmod(path, mode) == 0)
        try FileManager.default.removeItem(atPath: draft)
        return path
    }

    /// A pipe with a name, by which a script says that it is so far: `echo text > pipe`.
    func pipe(_ name: String = "pipe") throws -> String {
        let path = self.folder + "/" + name
        try #require(mkfifo(path, 0o600) == 0)
        return path
    }

    /// Waits for what a script says through a pipe.
    static func hear(_ path: String) async throws -> String {
        try await OwnThread.run {
            let pipe = try #require(fopen(path, "r"))
            defer { fclose(pipe) }
            var line: UnsafeMutablePointer<CChar>?
            var capacity = 0
            defer { free(line) }
            guard getline(&line, &capacity, pipe) > 0, let line else { return "" }
            return String(cString: line).trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    /// Whether a process is there and has not ended.
    static func isAlive(_ process: String) -> Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
        return stat.split(separator: ")").last?.split(separator: " ").first != "Z"
    }
}

extension JobResult {
    /// The text of its one output.
    var text: String? { self.outputs.count == 1 ? self.outputs[0].bodyText : nil }
}

/// Standard output becomes a message.
let publishes: [String: JSONValue] = [
    "output": .object([("routing_key", .string("thumbs")), ("content_type", .string("text/plain"))])
]
