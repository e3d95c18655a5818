import AMQPClient
import Foundation
import TestSupport
import Testing

/// Three nodes of RabbitMQ on loopback, of a test's own, each of which can be killed, frozen and started again.
final class TestCluster: Sendable {
    private let command: String
    private let guardian: BrokerGuard
    let uris: [String]
    static let nodes = 1...3

    /// - Parameter command: `ops/rabbitmq`; nil without `ops/rabbitmq env`.
    /// - Throws: If it does not start.
    init(_ command: String?) throws {
        let command = try #require(command)
        self.command = command
        let guardian = try BrokerGuard(command)
        self.guardian = guardian
        do {
            let arguments = ["start", "--dir", guardian.folder, "--nodes", "\(Self.nodes.count)"]
            let started = try Tool.boot(command, arguments)
            guard started.status == 0 else { throw PeerFailure(command, arguments, started) }
            let line = try #require(started.output.split(separator: "\n").first { $0.hasPrefix("AMQP_URLS='") })
            self.uris = line.dropFirst("AMQP_URLS='".count).dropLast().split(separator: " ").map(String.init)
            try #require(self.uris.count == Self.nodes.count)
        } catch {
            guardian.stop()
            throw error
        }
    }

    func stop() { self.guardian.stop() }

    /// `kill`, `stop`, `start`, `pause` or `resume` of one node.
    func act(_ verb: String, on node: Int) throws {
        let arguments = [verb, "--dir", self.guardian.folder, "--node", "\(node)"]
        let done = try Tool.run(self.command, arguments)
        guard done.status == 0 else { throw PeerFailure(self.command, arguments, done) }
    }

    /// A connection to that node.
    func connect(to node: Int) throws -> Connection {
        try Broker.connect(to: try Endpoint(uri: self.uris[node - 1]))
    }

    /// Runs rabbitmqctl on the first node that runs.
    func control(_ arguments: String...) throws -> String {
        let all = ["ctl", "--dir", self.guardian.folder, "--silent"] + arguments
        let done = try Tool.run(self.command, all)
        guard done.status == 0 else { throw PeerFailure(self.command, all, done) }
        return done.output
    }
}
