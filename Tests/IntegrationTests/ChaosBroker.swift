import AMQPClient
import TestSupport
import Testing

/// A RabbitMQ of a test's own that can be killed and hurt.
struct ChaosBroker {
    private static let tool = Tool.root + "ops/rabbitmq"
    private let folder: String
    let uri: String
    let endpoint: Endpoint

    init(folder: String) throws {
        self.folder = folder
        let started = try Tool.run(Self.tool, ["start", "--dir", folder])
        try #require(started.status == 0, "\(started.errors)")
        let line = try #require(started.output.split(separator: "\n").first { $0.hasPrefix("AMQP_URL=") })
        self.uri = String(line.dropFirst("AMQP_URL=".count))
        self.endpoint = try Endpoint(uri: self.uri)
    }

    func stop() { _ = try? Tool.run(Self.tool, ["stop", "--delete", "--dir", self.folder]) }

    /// SIGKILL, and up again on the same port.
    func restart() throws {
        #expect(try Tool.run(Self.tool, ["kill", "--dir", self.folder]).status == 0)
        let started = try Tool.run(Self.tool, ["start", "--dir", self.folder])
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
    func failChannels(oneIn number: Int) throws {
        try self.control(
            "eval",
            "[rabbit_channel:do(P, {'basic.ack', 999999999, false}) || P <- rabbit_channel:list(),"
                + " rand:uniform(\(number)) =:= 1]."
        )
    }

    /// Messages in a queue, ready or given out, and those that wait for another attempt; 0 if it is not there.
    func backlog(of queue: String) throws -> Int {
        try self.control("list_queues", "name", "messages").split(separator: "\n").reduce(0) { sum, line in
            let fields = line.split(separator: "\t")
            guard fields.count == 2, fields[0] == queue || fields[0].hasPrefix(queue + ".retry.") else { return sum }
            return sum + (Int(fields[1]) ?? 0)
        }
    }
}
