import AMQPClient
import Foundation
import TestSupport
import Testing

/// A RabbitMQ of a test's own that can be killed and hurt.
struct ChaosBroker {
    private static let tool = Tool.root + "ops/rabbitmq"
    private let folder: String
    let uri: String
    let endpoint: Endpoint
    private let profile: BrokerProfile

    init(folder: String) throws {
        self.folder = folder
        let started = try Tool.boot(Self.tool, ["start", "--dir", folder])
        try #require(started.status == 0, "\(started.errors)")
        let line = try #require(started.output.split(separator: "\n").first { $0.hasPrefix("AMQP_URL=") })
        self.uri = String(line.dropFirst("AMQP_URL=".count))
        self.endpoint = try Endpoint(uri: self.uri)
        self.profile = try BrokerProfile(of: self.endpoint)
    }

    func stop() { _ = try? Tool.run(Self.tool, ["stop", "--delete", "--dir", self.folder]) }

    /// SIGKILL, and up again on the same port; what is declared is on disk before.
    func restart() throws {
        try self.control("eval", self.profile.metadata.sync)
        #expect(try Tool.run(Self.tool, ["kill", "--dir", self.folder]).status == 0)
        let started = try Tool.boot(Self.tool, ["start", "--dir", self.folder])
        try #require(started.status == 0, "\(started.errors)")
    }

    /// A command of rabbitmqctl.
    @discardableResult
    func control(_ arguments: String...) throws -> String {
        let result = try Tool.run(Self.tool, ["ctl", "--dir", self.folder, "--silent"] + arguments)
        try #require(result.status == 0, "\(arguments): \(result.errors)")
        return result.output
    }

    /// Has the broker end some of the channels with 406, by an ack in the client's name of what never was.
    ///
    /// `places` says which ones, by their place among all that there are, 0..<1000.
    ///
    /// - Returns: How often it did.
    func failChannels(at places: [Int]) throws -> Int {
        let done = try self.control(
            "eval",
            "L = lists:sort(rabbit_channel:list()), "
                + "length([\(self.profile.channelModule):do(lists:nth(I * length(L) div 1000 + 1, L), {'basic.ack', 999999999, false})"
                + " || I <- \(places), L =/= []])."
        )
        return Int(done.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    }

    /// Messages in each queue, ready or given out.
    func messages() throws -> [String: Int] {
        let lines = try self.control("list_queues", "name", "messages").split(separator: "\n")
        return lines.reduce(into: [:]) { counts, line in
            let fields = line.split(separator: "\t")
            if fields.count == 2, let count = Int(fields[1]) { counts[String(fields[0])] = count }
        }
    }
}
