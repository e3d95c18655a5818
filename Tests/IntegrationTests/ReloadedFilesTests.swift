import AMQPClient
import Foundation
import Glibc
import TestSupport
import Testing

/// What a reload reads anew beside the jobs: plugins that are other files, and credentials.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct ReloadedFilesTests {
    private let queue = Broker.unique("reloaded")
    private let folder: Scratch

    init() throws { self.folder = try Scratch() }

    /// A plugin in C whose handler ends each message in the same way; `stay` waits until a file is there.
    private static let source = """
        #include <millrace_abi.h>
        #include <poll.h>
        #include <string.h>
        #include <unistd.h>
        static const millrace_host *host_table;
        static int32_t make(const millrace_handler *self, const millrace_host *host, millrace_worker *worker,
                            millrace_bytes options, void **instance, const millrace_failure *failure) {
            host_table = host;
            *instance = NULL;
            return 0;
        }
        static void begin(void *instance, const millrace_message *message, millrace_token *token) {
            millrace_outcome outcome = {.size = sizeof outcome, .kind = KIND};
            if (message->body.length == 4 && memcmp(message->body.data, "stay", 4) == 0)
                while (access(GO, F_OK) != 0) poll(NULL, 0, 1);
            host_table->complete(token, &outcome);
        }
        static void drop(void *instance) {}
        static const millrace_handler one = {
            .size = sizeof(millrace_handler), .name = "turn.says", .make = make, .begin = begin, .drop = drop};
        static const millrace_handler *const handlers[] = {&one};
        static const millrace_plugin_descriptor descriptor = {.size = sizeof descriptor,
            .abi_version = MILLRACE_ABI_VERSION, .name = "turn", .handler_count = 1, .handlers = handlers};
        const millrace_plugin_descriptor *millrace_plugin(void);
        const millrace_plugin_descriptor *millrace_plugin(void) { return &descriptor; }

        """

    /// Compiles it, and puts it in the place of the one before by `mv`, as the guide says.
    private func install(_ kind: String) throws {
        let source = try self.folder.write("turn.c", Self.source)
        let built = try Tool.run(
            "/usr/bin/cc",
            [
                "-shared", "-fPIC", "-w", "-DKIND=\(kind)", "-DGO=\"\(self.folder.path)/go\"",
                "-I\(Tool.root)Sources/CMillraceABI/include", "-o", self.folder.path + "/new.so", source,
            ]
        )
        try #require(built.status == 0, "\(built)")
        try #require(rename(self.folder.path + "/new.so", self.folder.path + "/turn.so") == 0)
    }

    private func write(_ uri: String) throws -> String {
        try self.folder.write(
            "jobs.yaml",
            """
            version: 1
            connection: { uri: "\(uri)", recovery: { initial_interval: 20ms, max_interval: 200ms } }
            plugins: [\(self.folder.path)/turn.so]
            control: { socket: \(self.folder.path)/s.sock }
            crash_ledger: false
            queues: { \(self.queue): {}, \(self.queue).2: {} }
            jobs:
              work: { queue: \(self.queue), handler: turn.says, threads: 2, prefetch: 1 }
            """
        )
    }

    private func millrace(_ arguments: String...) throws -> Tool.Result {
        try Tool.run(ExampleFile.millrace, arguments + ["--socket", self.folder.path + "/s.sock"])
    }

    private func waits(_ isThere: (String) -> Bool) throws -> Bool {
        try Patience.sees { isThere(try self.millrace("status", "--json").output) }
    }

    private func run(_ path: String, _ body: (Channel) throws -> Void) throws {
        let child = try Child(
            ExampleFile.millrace,
            ["run", path],
            environment: [:],
            folder: Tool.root,
            errors: self.folder.path + "/log"
        )
        #expect(try self.waits { $0.contains("\"consuming\":2") })
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try body(channel)
        child.send(SIGTERM)
        #expect(child.waitForExit() == 0)
        for name in [self.queue, self.queue + ".2"] + delayQueues(of: self.queue) { try channel.deleteQueue(name) }
    }

    private func publish(_ text: String, _ count: Int, _ channel: Channel) throws {
        for _ in 0..<count { try channel.publish(Array(text.utf8), routingKey: self.queue) }
    }

    @Test func `a plugin that is another file is loaded beside the old one, which ends what it has in hand`() throws {
        try self.install("MILLRACE_ACK")
        try self.run(try self.write(Broker.uri ?? "")) { channel in
            try self.publish("a", 5, channel)
            #expect(try self.waits { $0.contains("\"acked\":5") })
            try self.publish("stay", 1, channel)
            #expect(try self.waits { $0.contains("\"in_hand\":1") })
            #expect(try self.millrace("plan").output.contains("unchanged         work\n"))
            try self.install("MILLRACE_DISCARD")
            let plan = try self.millrace("plan").output
            #expect(plan.contains("workers replaced  work"), "\(plan)")
            #expect(try self.millrace("reload").status == 0)
            // The other thread is a new one now; the old code still has a message, and ends it as it always did.
            try self.publish("b", 7, channel)
            #expect(try self.waits { $0.contains("\"discarded\":7") && $0.contains("\"acked\":5") })
            _ = try self.folder.write("go", "")
            #expect(try self.waits { $0.contains("\"acked\":6") && $0.contains("\"consuming\":2") })
            try self.publish("c", 3, channel)
            #expect(try self.waits { $0.contains("\"discarded\":10") })
        }
    }

    @Test(.enabled(if: Broker.control != nil, "needs the broker's rabbitmqctl"))
    func `a password changes by a reload while messages are worked off: none waits, none comes twice`() throws {
        let control = try #require(Broker.control)
        try self.install("MILLRACE_ACK")
        let user = Broker.unique("rotated").replacing("/", with: "-")
        try control.run("add_user", user, "first")
        defer { _ = try? control.run("delete_user", user) }
        try control.run("set_permissions", user, ".*", ".*", ".*")
        let endpoint = try Broker.endpoint()
        func uri(_ password: String) -> String { "amqp://\(user):\(password)@\(endpoint.host):\(endpoint.port)" }
        try self.run(try self.write(uri("first"))) { channel in
            try self.publish("a", 10, channel)
            #expect(try self.waits { $0.contains("\"acked\":10") })
            // First the file, then the broker.
            _ = try self.write(uri("second"))
            #expect(try self.millrace("reload").status == 0)
            try control.run("change_password", user, "second")
            try self.publish("b", 10, channel)
            #expect(try self.waits { $0.contains("\"acked\":20") }, "the connection stays")
            #expect(try self.millrace("ready").status == 0)
            // And the next connection is made with it.
            try control.run("close_all_user_connections", user, "rotated by a test")
            #expect(try self.waits { $0.contains("\"consuming\":2") })
            try self.publish("c", 10, channel)
            #expect(try self.waits { $0.contains("\"acked\":30") && $0.contains("\"ready\":true") })
        }
    }
}
