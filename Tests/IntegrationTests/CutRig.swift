import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Publishes the bodies it gets.
private struct Forwarding: SyncJobHandler {
    private let output: String

    init(_ options: HandlerOptions) throws { self.output = try options.string("output") }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        try context.publish(message.bodyBytes, routingKey: self.output)
        return .ack
    }
}

private let plugin = MillracePlugin(name: "tests", [.sync("tests.forwarding", Forwarding.self)])

/// One job behind a proxy that cuts its connection at a chosen frame, and what came in and went out.
struct CutRig {
    /// Beginnings of frames, from the length on; the channel is any.
    static let commit: [UInt8] = [0, 0, 0, 4, 0, 90, 0, 20, 0xCE]
    static let commitOk: [UInt8] = [0, 0, 0, 4, 0, 90, 0, 21, 0xCE]
    static let confirm: [UInt8] = [0, 0, 0, 13, 0, 60, 0, 80]
    /// Of a publish the method and its reserved field.
    static let publish: [UInt8] = [0, 60, 0, 40, 0, 0]

    let input: String
    var output: String { self.input + ".out" }
    let proxy: CuttingProxy
    let supervisor: TestSupervisor
    private let broker: Endpoint

    /// Declares its queues and puts messages into the first.
    init(
        to broker: Endpoint,
        _ proxy: CuttingProxy,
        handler: String = "tests.forwarding",
        job: String,
        messages: [String]
    ) throws {
        let input = Broker.unique("cut")
        self.input = input
        self.proxy = proxy
        self.broker = broker
        let text = """
            version: 1
            connection:
              uri: "amqp://guest:guest@127.0.0.1:\(proxy.endpoint.port)"
              recovery: { initial_interval: 20ms, max_interval: 200ms }
            queues: { \(input): {}, \(input).out: {} }
            jobs:
              work:
                queue: \(input)
                handler: \(handler)
                prefetch: 16
                with: { output: \(input).out }
            \(job)
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        let plugins = [plugin.descriptor, Saying.plugin.descriptor]
        self.supervisor = try TestSupervisor(file, plugins, once: true)
        try self.withChannel { channel in
            for queue in [self.input, self.output] { _ = try channel.declareQueue(queue) }
            try channel.selectConfirms()
            var properties = BasicProperties()
            properties.deliveryMode = 2
            for message in messages {
                try channel.publish(Array(message.utf8), routingKey: self.input, properties: properties)
            }
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        }
    }

    /// Runs until every queue is empty; `body` does its harm meanwhile.
    func run(_ body: () throws -> Void = {}) throws {
        let ended = Monitor<Millrace.ExitStatus?>(nil)
        let thread = try WorkerThread.start(name: "supervisor") {
            let status = self.supervisor.run()
            ended.withLock { $0 = status }
        }
        let harm = Result { try body() }
        thread.join()
        self.proxy.stop()
        try harm.get()
        #expect(ended.withLock { $0 } == .clean)
    }

    /// Takes everything out of a queue and deletes it; gives how often each body was there.
    func take(_ queue: String) throws -> [String: Int] {
        try self.withChannel { channel in
            var bodies: [String: Int] = [:]
            while let message = try channel.get(queue, noAck: true) {
                bodies[String(decoding: message.body, as: UTF8.self), default: 0] += 1
            }
            try channel.deleteQueue(queue)
            return bodies
        }
    }

    func withChannel<R>(_ body: (Channel) throws -> R) throws -> R {
        let connection = try Broker.connect(to: self.broker)
        defer { connection.close() }
        return try body(try connection.openChannel())
    }
}
