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
        #expect(result.output.contains("1 jobs"))
    }

    @Test func `a misspelt key is shown with its line, a caret and the right word, status 78`() throws {
        let result = try self.check(self.jobFile().replacing("queue: orders,", with: "queu: orders,"))
        #expect(result.status == 78)
        #expect(result.errors.contains("did you mean 'queue'"))
        #expect(result.errors.contains("^"))
        #expect(result.errors.contains("jobs.yaml:5:"))
    }

    @Test func `the broker in this process is refused by check and by run alike, until there is one`() throws {
        let file = try self.folder.write(
            "jobs.yaml",
            self.jobFile().replacing("\"amqp://127.0.0.1:1/\"", with: "'embedded:'")
        )
        for command in ["check", "run", "declare"] {
            let result = try Tool.run(Tool.millrace, [command, file])
            #expect(result.status == 78)
            #expect(
                result.errors.contains("error: 'embedded', a broker in this process, is not supported in this version")
            )
        }
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

    @Test func `every command explains itself`() throws {
        for command in [[], ["run"], ["check"], ["declare"], ["publish"], ["schema"], ["version"]] {
            let result = try Tool.run(Tool.millrace, command + ["--help"])
            #expect(result.status == 0)
            #expect(result.output.contains("USAGE: millrace"))
        }
        #expect(try Tool.run(Tool.millrace, ["version"]).output.hasPrefix("millrace 0.1.0"))
    }
}
