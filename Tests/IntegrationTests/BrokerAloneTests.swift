import AMQPClient
import Foundation
import Glibc
import TestSupport
import Testing

/// `millrace broker` as it is typed.
@Suite(.ownThread, .enabled(if: ExampleFile.isBuilt, "needs a debug build"), .timeLimit(.minutes(5)))
struct BrokerAloneTests {
    private let folder: Scratch

    init() throws { self.folder = try Scratch() }

    private func start(_ words: String...) throws -> Child {
        try Child(
            ExampleFile.millrace,
            ["broker"] + words,
            environment: [:],
            folder: self.folder.path,
            output: self.folder.path + "/out",
            errors: self.folder.path + "/err"
        )
    }

    private func text(_ name: String) -> String {
        (try? String(contentsOfFile: self.folder.path + "/" + name, encoding: .utf8)) ?? ""
    }

    /// The port that it printed.
    private func port() throws -> Int {
        #expect(Patience.sees { self.text("out").contains("nothing survives\n") }, "\(self.text("err"))")
        let first = self.text("out").prefix { $0 != "," }
        return try #require(Int(first.drop { $0 != "1" }.split(separator: ":").last ?? ""), "\(first)")
    }

    @Test func `it prints where it is, serves, and ends by a signal with a word to its clients`() throws {
        let child = try self.start(
            "--listen",
            "127.0.0.1:0",
            "--user",
            "ann:secret",
            "--vhost",
            "shop",
            "--profile",
            "4.0"
        )
        let port = try self.port()
        #expect(
            self.text("out") == """
                listening on amqp://127.0.0.1:\(port), as RabbitMQ 4.0.5
                in memory, for development and tests; nothing survives

                """
        )
        let uri = "amqp://ann:secret@127.0.0.1:\(port)/shop"
        let connection = try Broker.connect(to: try Endpoint(uri: uri))
        let channel = try connection.openChannel()
        _ = try channel.declareQueue("jobs")
        let sent = try Tool.run(
            ExampleFile.millrace,
            ["publish", "--uri", uri, "--routing-key", "jobs", "--body", "hello"]
        )
        #expect(sent.status == 0, "\(sent.errors)")
        #expect(try channel.get("jobs", noAck: false)?.body == Array("hello".utf8))
        let second = try Tool.run(ExampleFile.millrace, ["broker", "--listen", "127.0.0.1:\(port)"])
        #expect(second.status == 69)
        #expect(second.errors.hasPrefix("127.0.0.1:\(port) is in use, perhaps by a RabbitMQ; --listen 127.0.0.1:0 "))
        child.send(SIGTERM)
        #expect(child.waitForExit() == 0)
        let error = try #require(throws: AMQPError.self) { _ = try channel.declareQueue("more") }
        #expect(error.code.rawValue == 320, "\(error)")
        #expect(error.text.contains("shutdown"), "\(error)")
        #expect(self.text("out").hasSuffix("stopped; messages gone with it: 1\n"))
        #expect(self.text("err").isEmpty, "\(self.text("err"))")
    }

    @Test func `a Unix socket is taken after a broker that died, not from one that lives, and goes with it`() throws {
        let dead = try self.start("--listen", "./b.sock")
        #expect(Patience.sees { self.text("out").contains("nothing survives\n") })
        #expect(self.text("out").hasPrefix("listening on \(self.folder.path)/b.sock, as RabbitMQ 3.10.8\n"))
        dead.send(SIGKILL)
        #expect(dead.waitForExit() == 128 + SIGKILL)
        try self.folder.write("out", "")
        let child = try self.start("--listen", "./nowhere/b.sock")
        #expect(child.waitForExit() == 69, "no such folder")
        let next = try self.start("--listen", "./b.sock")
        #expect(Patience.sees { self.text("out").contains("nothing survives\n") }, "\(self.text("err"))")
        let late = try Tool.run(ExampleFile.millrace, ["broker", "--listen", self.folder.path + "/b.sock"])
        #expect(late.status == 69)
        #expect(late.errors == "somebody listens at \(self.folder.path)/b.sock already\n")
        next.send(SIGINT)
        #expect(next.waitForExit() == 0)
        #expect(access(self.folder.path + "/b.sock", F_OK) != 0)
    }
}
