import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Fails as often as the message says, or waits at the gate named by its job; publishes the message when it succeeds.
private struct Waiting: SyncJobHandler {
    private let output: String
    init(_ options: HandlerOptions) throws { self.output = try options.string("output") }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        let words = String(decoding: message.bodyBytes, as: UTF8.self).split(separator: " ").map(String.init)
        if words[0] == "hold" {
            gateNamed(self.output).note(words[1])
            gateNamed(self.output).stayUntilOpen()
        }
        if words[0] == "fail", message.attempt <= Int(words[1]) ?? 0 { return .retry("not yet") }
        try context.publish(message.bodyBytes, routingKey: self.output)
        return .ack
    }
}

/// A job whose messages fail and wait, with stages of the wait that are short, on a broker of the caller's.
struct WaitingRig {
    static let plugin = MillracePlugin(name: "waiting", [.sync("waiting.job", Waiting.self)])
    static let stuck =
        "a message whose wait is over can not go back to its queue; it waits on, and is tried again and again"

    let queue = Broker.unique("waiting")
    var output: String { self.queue + ".out" }
    var dead: String { self.queue + ".dead" }
    var gate: Gate { gateNamed(self.output) }
    private let uri: String
    private let endpoint: Endpoint

    /// On the broker of this URI; the tests' own unless given.
    init(_ uri: String? = nil) throws {
        self.uri = uri ?? Broker.uri ?? ""
        self.endpoint = try Endpoint(uri: self.uri)
    }

    /// Minutes become seconds.
    static var delays: DelaySettings {
        var settings = DelaySettings()
        settings.ladder = DelayLadder(stages: [0, 200, 1_000])
        settings.longestHold = .milliseconds(500)
        settings.firstPause = .milliseconds(20)
        settings.longestPause = .milliseconds(200)
        return settings
    }

    /// A file with the queue as it says, or without one, more of the job, and this wait between two attempts.
    func file(queue: String? = "{}", job: String = "", wait: String = "300ms") throws -> JobFile {
        let text = """
            version: 1
            connection: { uri: "\(self.uri)", recovery: { initial_interval: 20ms, max_interval: 100ms } }
            queues:
              \(self.output): {}
            \(queue.map { "  \(self.queue): \($0)" } ?? "")
            jobs:
              work:
                queue: \(self.queue)
                handler: waiting.job
                retry: { max_attempts: 4, initial_interval: \(wait), multiplier: 1, jitter: 0 }
                with: { output: "\(self.output)" }
            \(job)
            """
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    /// Declares what the file has, and gives a channel with confirms; all its queues are deleted afterwards.
    func withChannel(_ file: JobFile, _ body: (Channel) throws -> Void) throws {
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let connection = try Broker.connect(to: self.endpoint)
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        try body(channel)
        for name in self.names { try channel.deleteQueue(name) }
    }

    private var names: [String] {
        [self.queue, self.output, self.dead] + DelayQueue(home: self.queue, type: nil, ladder: Self.delays.ladder).names
    }

    func supervisor(
        _ file: JobFile,
        delays: DelaySettings = Self.delays,
        log: RecordedLog? = nil
    ) throws -> TestSupervisor {
        try TestSupervisor(file, [Self.plugin.descriptor], delays: delays, logger: log?.logger ?? Broker.quiet)
    }

    func publish(_ bodies: [String], _ channel: Channel) throws {
        for body in bodies { try channel.publish(Array(body.utf8), routingKey: self.queue) }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
    }

    /// Publishes one after the other until the queue takes no more.
    ///
    /// - Returns: What it took.
    func fill(_ channel: Channel) throws -> [String] {
        var taken: [String] = []
        while taken.count < 200 {
            let body = "ok plain-\(taken.count)"
            try channel.publish(Array(body.utf8), routingKey: self.queue)
            guard try channel.awaitConfirms(timeout: Patience.long).isEmpty else { return taken }
            taken.append(body)
        }
        throw PeerFailure("\(self.queue) is never full")
    }

    /// What came out, each once, in order.
    func outputs(_ channel: Channel) throws -> [String] {
        var all: [String] = []
        while let delivery = try channel.get(self.output, noAck: true) {
            all.append(String(decoding: delivery.body, as: UTF8.self))
        }
        return all.sorted()
    }
}
