import AMQPClient
import AMQPWire
import Foundation
import TestSupport
import Testing

/// What the built `millrace run` does with each signal.
@Suite(
    .ownThread,
    .enabled(if: Broker.isThere && ExampleFile.isBuilt, "needs AMQP_URL and a debug build; ops/test has both"),
    .timeLimit(.minutes(10))
)
struct SignalTests {
    private let folder: Scratch
    private let queue = Broker.unique("signals")
    private var log: String { self.folder.path + "/log" }

    init() throws { self.folder = try Scratch() }

    private func start(_ handler: String = "examples.errand", _ more: String = "") throws -> Child {
        let plugin = Tool.root + ".build/debug/libExamples.so"
        let text = """
            version: 1
            connection: { uri: "${AMQP_URL}" }
            plugins: ["\(plugin)"]
            crash_ledger: false
            queues:
              \(self.queue): {}
              \(self.queue).out: {}
            jobs:
              naps: { queue: \(self.queue), handler: \(handler), with: { routing_key: \(self.queue).out }\(more) }

            """
        let file = try self.folder.write("jobs.yaml", text)
        return try Child(
            ExampleFile.millrace,
            ["run", file, "--log-level", "notice"],
            environment: ["AMQP_URL": Broker.uri ?? ""],
            folder: Tool.root,
            errors: self.log
        )
    }

    private func clean(_ channel: Channel) {
        for queue in [self.queue, self.queue + ".out"] + delayQueues(of: self.queue) {
            _ = try? channel.deleteQueue(queue)
        }
    }

    private func says(_ text: String) throws -> Bool {
        let deadline = MonotonicClock.now() + 60_000_000_000
        while MonotonicClock.now() < deadline {
            if try String(contentsOfFile: self.log, encoding: .utf8).contains(text) { return true }
        }
        return false
    }

    /// A message in the hand of a handler.
    private func occupy(_ child: Child, _ channel: Channel) throws {
        try channel.selectConfirms()
        let deadline = MonotonicClock.now() + 60_000_000_000
        while (try? channel.declareQueue(self.queue, passive: true).consumerCount) ?? 0 == 0 {
            guard MonotonicClock.now() < deadline else { throw PeerFailure("nobody consumes") }
        }
        try channel.publish(Array("nap 1500".utf8), routingKey: self.queue)
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        // It is asked how it is, until it says so.
        while try !String(contentsOfFile: self.log, encoding: .utf8).contains("in_hand=1") {
            guard MonotonicClock.now() < deadline else { throw PeerFailure("nothing is in hand") }
            child.send(SIGUSR1)
            _ = try channel.declareQueue(self.queue, passive: true)
        }
    }

    /// With a channel, and the job's queue, which go afterwards.
    private func withQueue(_ body: (Channel) throws -> Void) throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        _ = try channel.declareQueue(self.queue, durable: true)
        defer { self.clean(channel) }
        try body(channel)
    }

    private func outputs(_ channel: Channel) throws -> Int {
        try channel.declareQueue("\(self.queue).out", passive: true).messageCount
    }

    @Test func `what asks for something else is answered, and what asks for the end twice at once asked once`() throws {
        try self.withQueue { channel in
            let child = try self.start()
            try self.occupy(child, channel)
            child.send(SIGHUP)
            #expect(try self.says("by=SIGHUP outcome=\"nothing has changed\" what=reload"))
            child.send(SIGTSTP)
            #expect(try self.says("by=SIGTSTP what=\"pause --all\""))
            child.send(SIGUSR2)
            #expect(try self.says("SIGUSR2 means nothing"))
            for _ in 0..<2 { child.send(SIGTERM) }
            #expect(child.waitForExit() == 0)
            #expect(try self.outputs(channel) == 1, "it could end its nap")
        }
    }

    @Test func `SIGQUIT drains`() throws {
        try self.withQueue { channel in
            let child = try self.start()
            try self.occupy(child, channel)
            child.send(SIGQUIT)
            #expect(child.waitForExit() == 0)
            #expect(try self.outputs(channel) == 1)
        }
    }

    @Test func `a signal ends it while it still waits for its job file`() throws {
        let pipe = self.folder.path + "/pipe.yaml"
        try #require(mkfifo(pipe, 0o600) == 0)
        let child = try Child(
            ExampleFile.millrace,
            ["run", pipe],
            environment: [:],
            folder: Tool.root,
            errors: self.log
        )
        let writer = open(pipe, O_WRONLY)  // returns when the other end is read
        defer { close(writer) }
        child.send(SIGTERM)
        #expect(child.waitForExit() == 0)
        #expect(try self.says("stopped before anything was started"))
    }

    @Test func `a handler that ends the process does not end it well`() throws {
        try self.withQueue { channel in
            try channel.publish(Array("leave".utf8), routingKey: self.queue)
            let child = try self.start("examples.fragile")
            #expect(child.waitForExit() == 70)
            #expect(try self.says("a handler has called exit"))
        }
    }

    @Test func `a process that stood still for longer than kill_timeout gives up nobody`() throws {
        try self.withQueue { channel in
            let child = try self.start("examples.errand", ", kill_timeout: 3s")
            try self.occupy(child, channel)
            child.send(SIGSTOP)
            // It is the time itself that is tried: nothing comes here.
            _ = try channel.nextDelivery(timeout: .seconds(4))
            child.send(SIGCONT)
            let deadline = MonotonicClock.now() + 60_000_000_000
            while try self.outputs(channel) == 0 {
                guard MonotonicClock.now() < deadline else { throw PeerFailure("the nap does not end") }
            }
            child.send(SIGTERM)
            #expect(child.waitForExit() == 0)
            #expect(try self.outputs(channel) == 1)
            #expect(try !String(contentsOfFile: self.log, encoding: .utf8).contains("kill_timeout;"))
        }
    }
}
