import AMQPClient
import Foundation
import TestSupport
import Testing

/// A RabbitMQ for one suite, with settings that would disturb every other test.
///
/// It runs while the suite does.
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
        let profile: BrokerProfile
        /// More than any test sends.
        static let largestBody = 128 << 20
        private let command: String
        private let guardian: BrokerGuard
        private var folder: String { self.guardian.folder }

        private init(_ endpoint: Endpoint, _ command: String, _ guardian: BrokerGuard) throws {
            self.endpoint = endpoint
            self.profile = try BrokerProfile(of: endpoint)
            self.command = command
            self.guardian = guardian
        }

        fileprivate static func start(_ command: String) throws -> Node {
            let guardian = try BrokerGuard(command)
            do {
                let size = "max_message_size=\(Self.largestBody)"
                let started = try Tool.boot(command, ["start", "--dir", guardian.folder, "--config", size])
                guard started.status == 0, let uri = started.output.split(separator: "=", maxSplits: 1).last else {
                    throw PeerFailure("the broker did not start: \(started.errors)")
                }
                let endpoint = try Endpoint(uri: uri.trimmingCharacters(in: .whitespacesAndNewlines))
                return try Node(endpoint, command, guardian)
            } catch {
                guardian.stop()
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

        /// Freezes it while `body` runs, as a machine does that swaps.
        func whileFrozen<R>(_ body: () throws -> R) throws -> R {
            try self.run("pause")
            let outcome = Result { try body() }
            try self.run("resume")
            return try outcome.get()
        }

        /// Ends it as a power cut would, and starts it again at the same port.
        func killAndStart() throws {
            try self.run("kill")
            let result = try Tool.boot(self.command, ["start", "--dir", self.folder])
            guard result.status == 0 else { throw PeerFailure(self.command, ["start"], result) }
        }

        private func run(_ verb: String) throws {
            let result = try Tool.run(self.command, [verb, "--dir", self.folder])
            guard result.status == 0 else { throw PeerFailure(self.command, [verb], result) }
        }

        /// Sets a variable of the broker; channels opened later have it.
        func set(_ name: String, _ value: Int) throws {
            try self.control("eval", "application:set_env(rabbit, \(name), \(value)).")
        }

        /// Sets the largest body that it takes.
        func setLargestBody(_ octets: Int) throws { try self.control("eval", self.profile.sizeSetting.set(octets)) }

        /// Everything that its log says.
        func log() throws -> String {
            let names = try FileManager.default.contentsOfDirectory(atPath: self.folder + "/log")
            return try names.filter { $0.hasSuffix(".log") }
                .map { try String(contentsOfFile: "\(self.folder)/log/\($0)", encoding: .utf8) }.joined()
        }

        fileprivate func stop() async { try? await OwnThread.run { self.guardian.stop() } }
    }
}

extension Trait where Self == OwnBroker {
    /// A RabbitMQ for this suite alone.
    static var ownBroker: OwnBroker { OwnBroker() }
}
