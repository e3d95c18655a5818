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
}

extension Broker {
    /// Nil when the broker is somebody else's.
    static var control: BrokerControl? {
        ProcessInfo.processInfo.environment["MILLRACE_RABBITMQCTL"].map(BrokerControl.init)
    }
}
