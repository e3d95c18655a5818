import AMQPClient
import AMQPWire
import Foundation
import TestSupport
import Testing

/// The log of the RabbitMQ that `ops/test` started, from the moment this value is made.
struct BrokerLog {
    private let path: String
    private let begin: Int

    /// Nil when the broker is somebody else's, and then a known issue says that its log was not looked at.
    init?() throws {
        let environment = ProcessInfo.processInfo.environment
        guard let folder = environment["MILLRACE_RABBITMQ_DIR"] else {
            let isOurs = environment["MILLRACE_RABBITMQ"] != nil || environment["MILLRACE_RABBITMQCTL"] != nil
            try #require(!isOurs, "MILLRACE_RABBITMQ_DIR is not set: take everything that `ops/rabbitmq env` prints")
            withKnownIssue("a broker whose log can not be read may have seen errors that nobody looked for") {
                Issue.record("MILLRACE_RABBITMQ_DIR is not set: the broker's log is not checked")
            }
            return nil
        }
        self.path = folder + "/log/millrace@localhost.log"
        self.begin = try Data(contentsOf: URL(filePath: self.path)).count
    }

    private func lines() throws -> [Substring] {
        let octets = try Data(contentsOf: URL(filePath: self.path)).dropFirst(self.begin)
        return String(decoding: octets, as: UTF8.self).split(separator: "\n")
    }

    /// Errors that clients from this address made, the line with the reason included; not what an operator forced.
    ///
    /// Nor what a broker makes of a socket that was cut. A deliberate error goes first, so that what came before it is
    /// certainly in the file.
    func clientErrors(from address: String, on broker: Connection) throws -> [String] {
        let marker = Broker.unique("marker")
        let channel = try broker.openChannel()
        #expect(throws: AMQPError.self) { try channel.declareQueue(marker, passive: true) }
        let deadline = MonotonicClock.now() + 20_000_000_000
        let waiting = try broker.openChannel()
        while try !self.lines().contains(where: { $0.contains(marker) }) {
            try #require(MonotonicClock.now() < deadline, "the marker does not come into \(self.path)")
            _ = try waiting.nextDelivery(timeout: .milliseconds(20))
        }
        waiting.close()
        let lines = try self.lines()
        let cut = try Broker.profile().cutSocket.words
        var found: [String] = []
        for (index, line) in lines.enumerated()
        where line.contains("hannel error") || line.contains("rror on AMQP connection") {
            guard line.contains("(\(address):") else { continue }
            let error = lines[index..<min(index + 2, lines.count)].joined(separator: " ")
            let isOurs = !error.contains(BrokerControl.reason) && !cut.contains(where: error.contains)
            if isOurs { found.append(error) }
        }
        return found
    }
}
