import AMQPClient
import Foundation
import TestSupport
import Testing

/// What `millrace` says to wrong input, and its exit status.
@Suite(.ownThread, .enabled(if: Tool.isBuilt, "needs a release build; ops/test makes one"))
struct CommandTests {
    private let folder: Scratch

    init() throws { self.folder = try Scratch() }

    private func check(_ text: String) throws -> Tool.Result {
        let file = try self.folder.write("jobs.yaml", text)
        return try Tool.run(Tool.millrace, ["check", file])
    }

    private func jobFile(plugin: String = Tool.plugin, handler: String = "examples.order") -> String {
        """
        version: 1
        connection: { uri: "amqp://127.0.0.1:1/" }
        plugins: ["\(plugin)"]
        jobs:
          orders: { queue: orders, handler: \(handler), with: { routing_key: x } }

        """
    }

    @Test func `a good file is nothing to complain about`() throws {
        let result = try self.check(self.jobFile())
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("1 job, 1 thread and channel; nothing to complain about"))
    }

    @Test func `a misspelt command is a wrong usage, and the right word is said`() throws {
        let result = try Tool.run(Tool.millrace, ["chek", "jobs.yaml"])
        #expect(result.status == 64)
        #expect(result.errors.contains("there is no command 'chek'; did you mean 'check'?"))
        #expect(try Tool.run(Tool.millrace, ["--version"]).output.hasPrefix("millrace "))
    }

    @Test func `a misspelt key is shown with its line, a caret and the right word, status 78`() throws {
        let result = try self.check(self.jobFile().replacing("queue: orders,", with: "queu: orders,"))
        #expect(result.status == 78)
        #expect(result.errors.contains("did you mean 'queue'"))
        #expect(result.errors.contains("^"))
        #expect(result.errors.contains("jobs.yaml:5:"))
    }

    @Test func `the command has the schema of job files in itself`() throws {
        let result = try Tool.run(Tool.millrace, ["schema"])
        let path = Tool.root + "Sources/Millrace/Resources/jobs.schema.json"
        #expect(result.status == 0)
        #expect(result.output == (try String(contentsOfFile: path, encoding: .utf8)))
    }

    @Test func `a plugin that is not there`() throws {
        let result = try self.check(self.jobFile(plugin: "/nowhere/libNope.so"))
        #expect(result.status == 78)
        #expect(result.errors.contains("plugin /nowhere/libNope.so: there is no such file"))
    }

    @Test func `a handler that no plugin has: the nearest is named first`() throws {
        let result = try self.check(self.jobFile(handler: "examples.ordre"))
        #expect(result.status == 78)
        #expect(result.errors.contains("no plugin offers handler 'examples.ordre'; there are examples.order,"))
    }

    @Test func `an unknown handler is found in the same pass as a misspelt key, by check and by run`() throws {
        let text = self.jobFile(handler: "examples.ordre").replacing("with:", with: "prefech: 2, with:")
        let file = try self.folder.write("jobs.yaml", text)
        for command in ["check", "run"] {
            let result = try Tool.run(Tool.millrace, [command, file])
            #expect(result.status == 78)
            #expect(result.errors.contains("did you mean 'examples.order'?"))
            #expect(result.errors.contains("did you mean 'prefetch'?"))
            #expect(result.errors.hasSuffix("2 errors in \(file); nothing was started.\n"))
        }
    }

    @Test func `an option that the handler does not read is an error, with its line`() throws {
        let text = self.jobFile().replacing("routing_key: x", with: "routing_key: x, tax_permile: 9")
        let result = try self.check(text)
        #expect(result.status == 78)
        #expect(result.errors.contains("jobs.yaml:5:"))
        #expect(result.errors.contains("job 'orders': its handler does not read the option 'tax_permile'"))
        #expect(result.errors.contains("did you mean 'tax_permille'?"))
    }

    @Test func `after a warning nobody says that there is nothing to complain about`() throws {
        let result = try self.check("crash_ledger: { path: /dev/null }\n" + self.jobFile())
        #expect(result.status == 0)
        #expect(result.errors.contains("warning: no crash ledger: "))
        #expect(result.output.hasSuffix("1 job, 1 thread and channel; 1 warning\n"))
    }

    @Test func `check makes each handler: options that do not fit are found, all at once, unless it is told not to`()
        throws
    {
        let more = "  more: { queue: more, handler: examples.order, with: { tax_permille: 5000, routing_key: x } }\n"
        let text = self.jobFile().replacing("with: { routing_key: x }", with: "with: {}") + more
        let result = try self.check(text)
        #expect(result.status == 78)
        #expect(result.output == "")
        #expect(result.errors.contains("job 'orders': its handler does not start: option 'routing_key' is missing"))
        #expect(result.errors.contains("job 'more': its handler does not start: option 'tax_permille' "))
        #expect(result.errors.contains("jobs.yaml:5:"))
        let file = try self.folder.write("jobs.yaml", text)
        #expect(try Tool.run(Tool.millrace, ["check", "--no-init", file]).status == 0)
    }

    @Test func `an unknown option is status 64, a missing file 78, no broker 69`() throws {
        #expect(try Tool.run(Tool.millrace, ["run", "--nope"]).status == 64)
        #expect(try Tool.run(Tool.millrace, ["check", self.folder.path + "/none.yaml"]).status == 78)
        let file = try self.folder.write("jobs.yaml", self.jobFile())
        let result = try Tool.run(Tool.millrace, ["run", file, "--once"])
        #expect(result.status == 69)
        #expect(result.errors.contains("127.0.0.1:1"))
        #expect(
            try Tool.run(Tool.millrace, ["publish", "--uri", "amqp://127.0.0.1:1/", "--routing-key", "x"]).status == 69
        )
    }

    @Test(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"))
    func `handler options that do not fit fail the job alone, with the key named`() throws {
        let uri = try #require(Broker.uri)
        let queue = Broker.unique("options")
        let file = try self.folder.write(
            "jobs.yaml",
            """
            version: 1
            connection: { uri: "\(uri)" }
            plugins: ["\(Tool.plugin)"]
            queues: { \(queue): {} }
            jobs:
              bad: { queue: \(queue), handler: examples.order, with: { tax_permille: 5000, routing_key: x } }
              good: { queue: \(queue), handler: bench.touch }

            """
        )
        _ = try Tool.run(Tool.millrace, ["declare", file])
        _ = try Tool.run(Tool.millrace, ["publish", "--uri", uri, "--routing-key", queue, "--body", "hello"])
        let report = self.folder.path + "/report.json"
        let result = try Tool.run(Tool.millrace, ["run", file, "--once", "--report", report])
        #expect(result.status == 1)
        #expect(result.errors.contains("option 'tax_permille' must be 0...1000"))
        let text = try String(contentsOfFile: report, encoding: .utf8)
        #expect(
            text.contains(
                "\"good\":{\"queue\":\"\(queue)\",\"state\":\"drained\",\"threads\":1,\"consuming\":0,\"received\":1,\"acked\":1"
            )
        )
    }

    @Test(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"))
    func `the broker may be named by the environment alone, and has to be named`() throws {
        let uri = try #require(Broker.uri)
        let queue = Broker.unique("environment")
        let jobs = """
            plugins: ["\(Tool.plugin)"]
            queues: { \(queue): {} }
            jobs: { work: { queue: \(queue), handler: bench.touch } }

            """
        let file = try self.folder.write("jobs.yaml", "version: 1\nconnection: { uri: \"${AMQP_URL}\" }\n" + jobs)
        let named = ["AMQP_URL": uri]
        #expect(try Tool.run(Tool.millrace, ["declare", file], environment: named).status == 0)
        let publish = ["publish", "--routing-key", queue, "--body", "hello"]
        #expect(try Tool.run(Tool.millrace, publish, environment: named).status == 0)
        let report = self.folder.path + "/report.json"
        let run = try Tool.run(Tool.millrace, ["run", file, "--once", "--report", report], environment: named)
        #expect(run.status == 0, "\(run.errors)")
        #expect(try String(contentsOfFile: report, encoding: .utf8).contains("\"acked\":1"))
        // The password is in no message, however it came there.
        let elsewhere = ["AMQP_URL": "amqp://guest:s3cret@127.0.0.1:1/%2F"]
        let refused = try Tool.run(Tool.millrace, ["run", file, "--once"], environment: elsewhere)
        #expect(refused.status == 69)
        #expect(!refused.errors.contains("s3cret"))
        let unset = try Tool.run("/usr/bin/env", ["-u", "AMQP_URL", Tool.millrace, "run", file, "--once"])
        #expect(unset.status == 78)
        #expect(unset.errors.contains("the variable 'AMQP_URL' is not set"))
        let without = try self.folder.write("without.yaml", "version: 1\n" + jobs)
        let missing = try Tool.run(Tool.millrace, ["run", without, "--once"], environment: named)
        #expect(missing.status == 78)
        #expect(missing.errors.contains("the job file has no 'connection'"))
        #expect(missing.errors.contains("connection: { uri: \"${AMQP_URL}\" }"))
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        for name in [queue] + delayQueues(of: queue) { try channel.deleteQueue(name) }
    }

    @Test(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"))
    func `the status says whose fault it is: 69 the broker's, 77 a permission's, 78 the file's`() throws {
        let uri = try #require(Broker.uri)
        let queue = Broker.unique("fault")
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        _ = try channel.declareQueue(queue, durable: false)
        let stranger = uri.replacing(/\/\/[^@]*@/, with: "//guest:wrong@")
        for (uri, status) in [("amqp://127.0.0.1:1/", 69), (stranger, 77), (uri, 78)] as [(String, Int32)] {
            let text = """
                version: 1
                connection: { uri: "\(uri)" }
                plugins: ["\(Tool.plugin)"]
                queues: { \(queue): {} }
                jobs: { work: { queue: \(queue), handler: bench.touch } }

                """
            let file = try self.folder.write("jobs.yaml", text)
            for words in [["declare", file], ["run", file, "--once"]] {
                let result = try Tool.run(Tool.millrace, words)
                #expect(result.status == status, "\(words[0]) \(result.errors)")
            }
        }
        let publish = ["publish", "--uri", stranger, "--routing-key", queue, "--body", "x"]
        #expect(try Tool.run(Tool.millrace, publish).status == 77)
        try channel.deleteQueue(queue)
    }

    @Test func `every command explains itself`() throws {
        for command in [[], ["run"], ["check"], ["declare"], ["publish"], ["delays"], ["schema"], ["version"]] {
            let result = try Tool.run(Tool.millrace, command + ["--help"])
            #expect(result.status == 0)
            #expect(result.output.contains("USAGE: millrace"))
        }
        #expect(try Tool.run(Tool.millrace, ["version"]).output.hasPrefix("millrace 0.1.0"))
    }
}
