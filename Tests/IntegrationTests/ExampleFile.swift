import AMQPClient
import AMQPWire
import Foundation
import Millrace
import TestSupport
import Testing

/// One of `Examples/JobFiles`, run by the built `millrace` as its first lines say, with the queues that it names.
///
/// The debug build, which is always as new as the test; the queues go with the object.
final class ExampleFile {
    static let folder = Tool.root + "Examples/JobFiles/"
    static let millrace = Tool.root + ".build/debug/millrace"
    static let isBuilt = FileManager.default.isExecutableFile(atPath: ExampleFile.millrace)

    let path: String
    /// State of this test alone: the crash ledger, the ledger of orders.
    let scratch: Scratch
    let environment: [String: String]
    let channel: Channel
    private let connection: Connection
    private let file: JobFile

    /// Declares what the file says.
    init(_ name: String) throws {
        self.path = Self.folder + name
        self.scratch = try Scratch()
        self.environment = [
            "AMQP_URL": Broker.uri ?? "", "EXAMPLES": Tool.root + ".build/debug/libExamples.so",
            "LEDGER": self.scratch.path + "/ledger.tsv", "XDG_STATE_HOME": self.scratch.path,
            "ARCHIVE": self.scratch.path, "SWIFT_BACKTRACE": "enable=no",
        ]
        self.file = try JobFile.load(path: self.path, environment: self.environment)
        self.connection = try Broker.connect()
        self.channel = try self.connection.openChannel()
        let declared = try self.millrace("declare")
        #expect(declared.status == 0, "\(declared.errors)")
        try self.channel.selectConfirms()
    }

    /// Runs `millrace COMMAND FILE …`.
    func millrace(_ command: String, _ arguments: String...) throws -> Tool.Result {
        try Tool.run(Self.millrace, [command, self.path] + arguments, environment: self.environment)
    }

    /// Works off what is in the queues.
    func runOnce() throws -> Tool.Result { try self.millrace("run", "--once") }

    func publish(_ bodies: [String], to queue: String, exchange: String = "", priority: UInt8? = nil) throws {
        var properties = BasicProperties()
        properties.deliveryMode = 2
        properties.priority = priority
        for body in bodies {
            try self.channel.publish(Array(body.utf8), exchange: exchange, routingKey: queue, properties: properties)
        }
        #expect(try self.channel.awaitConfirms(timeout: Patience.long) == [])
    }

    func length(_ queue: String) throws -> Int { try self.channel.declareQueue(queue, passive: true).messageCount }

    /// Takes everything out of a queue, in its order.
    func take(_ queue: String) throws -> [Delivery] {
        var all: [Delivery] = []
        while let delivery = try self.channel.get(queue, noAck: true) { all.append(delivery) }
        return all
    }

    func texts(_ queue: String) throws -> [String] {
        try self.take(queue).map { String(decoding: $0.body, as: UTF8.self) }
    }

    deinit {
        if self.channel.isOpen {
            for queue in self.file.queues { _ = try? self.channel.deleteQueue(queue.name) }
        }
        self.connection.close()
    }
}

extension Delivery {
    var text: String { String(decoding: self.body, as: UTF8.self) }

    /// One of our headers on a dead letter.
    func header(_ name: String) throws -> String? { try self.properties.headers?[name]?.stringValue }
}
