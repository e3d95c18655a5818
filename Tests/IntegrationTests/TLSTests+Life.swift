import AMQPClient
import Foundation
import AMQPWire
import Glibc
import NIOPosix
import TestSupport
import Testing

/// What a connection with TLS goes through: NIO drives it, and no other test reaches that driver.
extension TLSTests {
    static func life(_ broker: TLSBroker) throws {
        let uri = "amqps://127.0.0.1:\(broker.port)/%2F?cacertfile=\(broker.certificates.path("ca.pem"))&heartbeat=5"
        try Self.staysIdle(uri)
        try Self.pausesAndGoesOn(uri)
        try Self.recovers(uri)
        try Self.noticesTheDead(uri, broker)
    }

    /// C14: the message comes when it has lain in another queue for more than three intervals.
    private static func staysIdle(_ uri: String) throws {
        let connection = try Self.connect(uri)
        defer { connection.close() }
        let channel = try connection.openChannel()
        let target = try channel.declareQueue("", durable: false, exclusive: true).name
        let delaying = try channel.declareQueue(
            "",
            durable: false,
            exclusive: true,
            arguments: [
                "x-message-ttl": 16_000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string(target),
            ]
        ).name
        try channel.consume(target)
        try channel.publish([1], routingKey: delaying)
        let delivery = try #require(try channel.nextDelivery(timeout: Patience.long))
        try channel.ack(delivery)
        try channel.prefetch(1)
        #expect(channel.isOpen)
    }

    /// More than a mailbox holds without acks, for an owner that looks only when the broker has it all: reading pauses, and
    /// goes on.
    private static func pausesAndGoesOn(_ uri: String) throws {
        let publishing = try Self.connect(uri)
        defer { publishing.close() }
        let connection = try Self.connect(uri)
        defer { connection.close() }
        let channel = try connection.openChannel()
        let publisher = try publishing.openChannel()
        let queue = try publisher.declareQueue(Broker.unique("tls")).name
        defer { _ = try? publisher.deleteQueue(queue) }
        try channel.consume(queue, noAck: true)
        try publisher.selectConfirms()
        var body = [UInt8](repeating: 7, count: 1 << 20)
        for index in 0..<80 as Range<UInt8> {
            body[0] = index
            try publisher.publish(body, routingKey: queue)
        }
        #expect(try publisher.awaitConfirms(timeout: Patience.long).isEmpty)
        for index in 0..<80 as Range<UInt8> {
            let delivery = try #require(try channel.nextDelivery(timeout: Patience.long))
            #expect(delivery.body.count == body.count && delivery.body[0] == index)
        }
    }

    private static func recovers(_ uri: String) throws {
        let proxy = try CuttingProxy(to: try Endpoint(uri: uri))
        defer { proxy.stop() }
        let topology = RecordedTopology()
        let queue = topology.queue(Broker.unique("tls"))
        let connection = RecoveringConnection(
            to: [proxy.endpoint],
            settings: RecoverySettings(initialInterval: .milliseconds(20), maxInterval: .milliseconds(20)),
            topology: topology,
            on: MultiThreadedEventLoopGroup.singleton,
            logger: Broker.quiet
        )
        try connection.start(timeout: Patience.long)
        defer { connection.stop() }
        let other = try Self.connect(uri)
        defer { other.close() }
        let publisher = try other.openChannel()
        let name = try #require(queue.name)
        defer { _ = try? publisher.deleteQueue(name) }
        let consumer = RecoveringConsumer(on: connection, queue: queue)
        defer { consumer.close() }
        for round in 1...3 as ClosedRange<UInt8> {
            try publisher.publish([round], routingKey: name)
            while true {
                let delivery = try #require(try consumer.next(timeout: Patience.long))
                try consumer.ack(delivery)
                if delivery.body == [round] { break }
                #expect(delivery.redelivered)  // its ack was lost in the cut
            }
            #expect(proxy.cut() > 0)
        }
    }

    /// C15: a broker that is stopped keeps its sockets open and says nothing.
    private static func noticesTheDead(_ uri: String, _ broker: TLSBroker) throws {
        let connection = try Self.connect(uri)
        defer { connection.close(timeout: .milliseconds(100)) }
        let channel = try connection.openChannel()
        let digits = try broker.control("eval", "os:getpid().").filter(\.isNumber)
        let process = try #require(pid_t(digits))
        #expect(kill(process, SIGSTOP) == 0)
        defer { kill(process, SIGCONT) }
        // The signal takes its time to reach every thread; until then the broker answers.
        let deadline = MonotonicClock.now() &+ 60_000_000_000
        while try !Self.isStopped(process) {
            try #require(MonotonicClock.now() < deadline, "the broker does not stop")
            Busy.block(for: .milliseconds(1))
        }
        #expect(throws: AMQPError.self) { try channel.prefetch(1) }
        #expect(channel.endReason?.code == .heartbeatMissed)
    }

    /// Whether no thread of a process runs any more.
    private static func isStopped(_ process: pid_t) throws -> Bool {
        let tasks = "/proc/\(process)/task"
        return try FileManager.default.contentsOfDirectory(atPath: tasks).allSatisfy { task in
            guard let stat = try? String(contentsOfFile: "\(tasks)/\(task)/stat", encoding: .utf8) else {
                return true  // it has ended
            }
            // proc_pid_stat(5): the state follows the name, which is in parentheses.
            return stat.split(separator: ")").last?.hasPrefix(" T") == true
        }
    }
}
