import Foundation
import TestSupport

/// `rabbitmqctl` for the RabbitMQ that `ops/test` started.
struct BrokerControl {
    let command: String
    /// In the broker's log.
    static let reason = "forced by a test"

    /// Has the broker close the connection that comes from this port.
    func closeConnection(from port: Int) throws {
        let listed = try Tool.run(self.command, ["--silent", "list_connections", "pid", "name"])
        guard let line = listed.output.split(separator: "\n").first(where: { $0.contains(":\(port) -> ") }),
            let pid = line.split(separator: "\t").first
        else { throw PeerFailure("no connection from port \(port) in \(listed.output) \(listed.errors)") }
        let closed = try Tool.run(self.command, ["close_connection", String(pid), Self.reason])
        guard closed.status == 0 else { throw PeerFailure("close_connection: \(closed.errors)") }
    }

    /// Messages of a queue that are given out and not settled.
    func unacknowledged(in queue: String) throws -> Int {
        let lines = try self.list("list_queues", "name", "messages_unacknowledged")
        guard let line = lines.first(where: { $0.first == queue }), let count = line.last.flatMap({ Int($0) }) else {
            throw PeerFailure("no queue \(queue)")
        }
        return count
    }

    /// What the consumers of a queue have as their arguments; it asks for a minute until there is one.
    ///
    /// RabbitMQ 3.10 ends this list early, with status 0, where a queue is deleted before its turn, as neighbours do.
    func consumerArguments(in queue: String) throws -> [String] {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            let lines = try self.list("list_consumers", "queue_name", "arguments")
            let found = lines.filter { $0.first == queue }.compactMap(\.last)
            if !found.isEmpty || ContinuousClock.now >= deadline { return found }
        }
    }

    /// Channel and tag of each consumer of a queue; as ``consumerArguments(in:)``.
    func consumers(of queue: String) throws -> Set<[String]> {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            let lines = try self.list("list_consumers", "queue_name", "channel_pid", "consumer_tag")
            let found = lines.filter { $0.first == queue }.map { Array($0.dropFirst()) }
            if !found.isEmpty || ContinuousClock.now >= deadline { return Set(found) }
        }
    }

    /// Any command; gives what it prints.
    @discardableResult
    func run(_ arguments: String...) throws -> String {
        let done = try Tool.run(self.command, ["--silent"] + arguments)
        guard done.status == 0 else { throw PeerFailure(self.command, arguments, done) }
        return done.output
    }

    /// The rows of a list, by their columns.
    func list(_ arguments: String...) throws -> [[String]] {
        let listed = try Tool.run(self.command, ["--silent"] + arguments)
        guard listed.status == 0 else { throw PeerFailure("\(arguments): \(listed.errors)") }
        return listed.output.split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
    }
}

extension Broker {
    /// Nil when the broker is somebody else's.
    static var control: BrokerControl? {
        ProcessInfo.processInfo.environment["MILLRACE_RABBITMQCTL"].map(BrokerControl.init)
    }
}
