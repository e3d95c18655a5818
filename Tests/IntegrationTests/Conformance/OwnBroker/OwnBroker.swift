import AMQPClient
import Foundation
import TestSupport
import Testing

/// A RabbitMQ for one suite, with settings that would disturb every other test.
///
/// It runs while the suite does, and is stopped and deleted in every case, also when the test process dies: a guard
/// process waits for the end of a pipe which this process alone holds open.
struct OwnBroker: SuiteTrait, TestScoping {
    /// The command that starts one; nil without `ops/rabbitmq env`.
    private static let command = ProcessInfo.processInfo.environment["MILLRACE_RABBITMQ"]
    static var isThere: Bool { Self.command != nil }

    /// The broker of the suite that runs.
    @TaskLocal static var current: Node?

    /// - Throws: If the suite does not have this trait.
    static func node() throws -> Node { try #require(Self.current, "the suite has no OwnBroker") }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let node = try await OwnThread.run { try Node.start(Self.command ?? "") }
        do {
            try await Self.$current.withValue(node) { try await function() }
        } catch {
            await node.stop()
            throw error
        }
        await node.stop()
    }

    final class Node: Sendable {
        let endpoint: Endpoint
        private let command: String
        private let folder: String
        private let pipe: Int32
        private let guardian: Guardian

        private init(endpoint: Endpoint, command: String, folder: String, pipe: Int32, guardian: Guardian) {
            self.endpoint = endpoint
            self.command = command
            self.folder = folder
            self.pipe = pipe
            self.guardian = guardian
        }

        fileprivate static func start(_ command: String) throws -> Node {
            let folder = FileManager.default.temporaryDirectory
                .appending(path: "millrace-broker-\(UUID().uuidString)").path()
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let fifo = folder + "/guard"
            guard mkfifo(fifo, 0o600) == 0 else { throw PeerFailure("no pipe: \(String(cString: strerror(errno)))") }
            // For reading too: else it would wait for the guard, which waits for it.
            let pipe = open(fifo, O_RDWR | O_CLOEXEC)
            let script = "read -r _; exec \"$0\" stop --delete --dir \"$1\""
            let guardian = Guardian(
                try Child("/bin/sh", ["-c", script, command, folder], environment: [:], folder: "/", input: fifo)
            )
            do {
                let started = try Tool.boot(command, ["start", "--dir", folder])
                guard started.status == 0, let uri = started.output.split(separator: "=", maxSplits: 1).last else {
                    throw PeerFailure("the broker did not start: \(started.errors)")
                }
                let endpoint = try Endpoint(uri: uri.trimmingCharacters(in: .whitespacesAndNewlines))
                return Node(endpoint: endpoint, command: command, folder: folder, pipe: pipe, guardian: guardian)
            } catch {
                close(pipe)
                guardian.wait()
                throw error
            }
        }

        /// Runs rabbitmqctl; gives what it prints.
        @discardableResult
        func control(_ arguments: String...) throws -> String {
            let result = try Tool.run(self.command, ["ctl", "--dir", self.folder, "--"] + arguments)
            guard result.status == 0 else { throw PeerFailure("rabbitmqctl", arguments, result) }
            return result.output
        }

        /// Sets a variable of the broker; channels opened later have it.
        func set(_ name: String, _ value: Int) throws {
            try self.control("eval", "application:set_env(rabbit, \(name), \(value)).")
        }

        /// Everything that its log says.
        func log() throws -> String {
            let names = try FileManager.default.contentsOfDirectory(atPath: self.folder + "/log")
            return try names.filter { $0.hasSuffix(".log") }
                .map { try String(contentsOfFile: "\(self.folder)/log/\($0)", encoding: .utf8) }.joined()
        }

        fileprivate func stop() async {
            close(self.pipe)
            try? await OwnThread.run { self.guardian.wait() }
        }
    }

    /// The process that stops the broker.
    // @unchecked Sendable: one thread starts it, one waits for it, the first before the second.
    private final class Guardian: @unchecked Sendable {
        private let child: Child
        init(_ child: Child) { self.child = child }
        func wait() { _ = self.child.waitForExit() }
    }
}

extension Trait where Self == OwnBroker {
    /// A RabbitMQ for this suite alone.
    static var ownBroker: OwnBroker { OwnBroker() }
}
