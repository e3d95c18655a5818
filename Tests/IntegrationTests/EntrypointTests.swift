import Foundation
import TestSupport
import Testing

/// The first process of a container, with a stand-in for millrace.
@Suite(.ownThread) struct EntrypointTests {
    private let folder: Scratch

    init() throws {
        self.folder = try Scratch()
        // A shell by that name: a program that is written here could be open in a neighbour's child still (ETXTBSY).
        try FileManager.default.createSymbolicLink(
            atPath: self.folder.path + "/millrace",
            withDestinationPath: "/bin/sh"
        )
    }

    private func run(_ environment: [String: String]) throws -> Tool.Result {
        var all = environment
        all["PATH"] = self.folder.path + ":/usr/bin:/bin"
        return try Tool.run(
            Tool.root + "ops/docker/entrypoint",
            ["-c", "echo \"$AMQP_URL|$0|$1\"", "run", "jobs.yaml"],
            environment: all
        )
    }

    @Test(arguments: ["amqp://a:b%20@c/d\n", "amqp://a:b%20@c/d"])
    func `the URL comes out of a file, and the process becomes millrace`(text: String) throws {
        let file = try self.folder.write("url", text)
        let result = try self.run(["AMQP_URL_FILE": file])
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.hasPrefix("amqp://a:b%20@c/d|run|jobs.yaml"), "\(result.output)")
    }

    @Test func `without a file the variable stays, and an empty one is said`() throws {
        #expect(try self.run(["AMQP_URL": "amqp://x"]).output.hasPrefix("amqp://x|"))
        let empty = try self.run(["AMQP_URL_FILE": try self.folder.write("empty", "")])
        #expect(empty.status == 78 && empty.errors.contains("is empty"), "\(empty)")
    }
}
