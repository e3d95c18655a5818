import AMQPClient
import Foundation
import TestSupport
import Testing

/// A RabbitMQ of a test's own, or a cluster, that can be killed and hurt; stopped in every case.
final class ChaosBroker: Sendable {
    static let command = Tool.root + "ops/rabbitmq"
    private let guardian: BrokerGuard
    let nodes: Int
    let certificates: Certificates
    /// Of each node: where it takes AMQP, and where AMQP over TLS, if it does.
    let endpoints: [Endpoint]
    let tlsPort: Int?
    let profile: BrokerProfile

    /// - Parameters:
    ///   - nodes: Three make a cluster.
    ///   - address: Where it listens beside 127.0.0.1, with and without TLS.
    /// - Throws: If it does not start.
    init(nodes: Int, address: String? = nil) throws {
        self.nodes = nodes
        self.certificates = try Certificates()
        self.guardian = try BrokerGuard(Self.command)
        // Else a quorum queue says how long it is only every five seconds.
        let advanced = "[{rabbit, [{quorum_tick_interval, 400}]}]."
        var arguments = ["start", "--dir", self.guardian.folder, "--advanced", advanced]
        var tlsPort: Int?
        if nodes > 1 {
            arguments += ["--nodes", "\(nodes)"]
        } else {
            if let address {
                for line in [
                    "listeners.tcp.2=\(address):5672", "listeners.ssl.2=\(address):5671", "loopback_users=none",
                ] { arguments += ["--config", line] }
            }
            let port = try TLSBroker.freePort()
            tlsPort = port
            for line in [
                "listeners.ssl.1=127.0.0.1:\(port)", "ssl_options.cacertfile=\(self.certificates.path("ca.pem"))",
                "ssl_options.certfile=\(self.certificates.path("server.pem"))",
                "ssl_options.keyfile=\(self.certificates.path("server.key"))",
            ] { arguments += ["--config", line] }
        }
        self.tlsPort = tlsPort
        do {
            let started = try Tool.boot(Self.command, arguments)
            guard started.status == 0 else { throw PeerFailure(Self.command, arguments, started) }
            let lines = started.output.split(separator: "\n")
            let one = lines.first { $0.hasPrefix("AMQP_URL=") }?.dropFirst("AMQP_URL=".count)
            let all = lines.first { $0.hasPrefix("AMQP_URLS='") }?.dropFirst("AMQP_URLS='".count).dropLast()
            let uris = (nodes > 1 ? all : one)?.split(separator: " ") ?? []
            try #require(uris.count == nodes)
            self.endpoints = try uris.map { try Endpoint(uri: String($0)) }
            self.profile = try BrokerProfile(of: self.endpoints[0])
        } catch {
            self.guardian.stop()
            throw error
        }
    }

    func stop() { self.guardian.stop() }

    /// A connection that soon gives up, for who goes on with another one.
    static func connect(to endpoint: Endpoint) throws -> Connection {
        try Broker.connect(to: endpoint) { options in
            options.connectTimeout = .seconds(5)
            options.heartbeatSeconds = 5
        }
    }

    /// The verb of `ops/rabbitmq`, for one node of a cluster or for all there is.
    func act(_ verb: String, node: Int? = nil) throws {
        var arguments = [verb, "--dir", self.guardian.folder]
        if let node, self.nodes > 1 { arguments += ["--node", "\(node + 1)"] }
        let done = verb == "start" ? try Tool.boot(Self.command, arguments) : try Tool.run(Self.command, arguments)
        guard done.status == 0 else { throw PeerFailure(Self.command, arguments, done) }
    }

    /// SIGKILL; what is declared is on disk before.
    func kill(node: Int) throws {
        try self.control("eval", self.profile.metadata.sync)
        try self.act("kill", node: node)
    }

    /// A command of rabbitmqctl.
    @discardableResult
    func control(node: Int? = nil, _ arguments: String...) throws -> String {
        var all = ["ctl", "--dir", self.guardian.folder]
        if let node, self.nodes > 1 { all += ["--node", "\(node + 1)"] }
        all += ["--silent"] + arguments
        let result = try Tool.run(Self.command, all)
        guard result.status == 0 else { throw PeerFailure(Self.command, all, result) }
        return result.output
    }

    /// Has the broker end some of the channels with 406, by an ack in the client's name of what never was.
    ///
    /// `places` says which ones, by their place among all that there are, 0..<1000.
    func failChannels(at places: [Int]) throws {
        try self.control(
            "eval",
            "L = lists:sort(rabbit_channel:list()), "
                + "length([\(self.profile.channelModule):do(lists:nth(I * length(L) div 1000 + 1, L), {'basic.ack', 999999999, false})"
                + " || I <- \(places), L =/= []])."
        )
    }

    /// Cuts a node off from the others, which go on without it, until it is healed.
    func setPartition(of node: Int, _ isApart: Bool) throws {
        let others = (0..<self.nodes).filter { $0 != node }
        let steps = others.map { other in
            let name = "'millrace\(other + 1)@localhost'"
            return isApart
                ? "erlang:set_cookie(\(name), nobody), erlang:disconnect_node(\(name))"
                : "erlang:set_cookie(\(name), erlang:get_cookie())"
        }
        try self.control(node: node, "eval", steps.joined(separator: ", ") + ".")
    }

    /// An alarm of memory for so long.
    func alarm(milliseconds: Int) throws {
        try self.control(
            "eval",
            "vm_memory_monitor:set_vm_memory_high_watermark(0.00001), timer:sleep(\(milliseconds)), "
                + "vm_memory_monitor:set_vm_memory_high_watermark(0.6)."
        )
    }

    /// Messages in each queue, ready or given out.
    func messages() throws -> [String: Int] {
        let lines = try self.control("list_queues", "--timeout", "60", "name", "messages").split(separator: "\n")
        return lines.reduce(into: [:]) { counts, line in
            let fields = line.split(separator: "\t")
            if fields.count == 2, let count = Int(fields[1]) { counts[String(fields[0])] = count }
        }
    }
}
