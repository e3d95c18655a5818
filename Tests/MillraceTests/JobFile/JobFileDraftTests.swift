import AMQPClient
import Logging
import Millrace
import Testing

/// What a file says of plugins and handlers, found together with everything else that is wrong with it.
@Suite struct JobFileDraftTests {
    private let fixture: PluginFixture
    private let library: String

    init() throws {
        self.fixture = try PluginFixture()
        self.library = try self.fixture.library("options")
    }

    private func problems(_ jobs: String, plugins: [String]? = nil, makesHandlers: Bool = true) throws -> [Diagnostic] {
        let list = (plugins ?? [self.library]).joined(separator: ", ")
        let text = "version: 1\nconnection: { uri: amqp://a }\nplugins: [\(list)]\njobs:\n\(jobs)"
        let draft = try JobFileDraft(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        let registry = draft.loadPlugins()
        let quiet = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
        if makesHandlers { draft.tryHandlers(registry, logger: quiet) }
        do throws(JobFileError) {
            return try draft.finish().warnings
        } catch {
            return error.diagnostics
        }
    }

    private func ids(_ diagnostics: [Diagnostic]) -> [String] { diagnostics.map(\.id) }

    @Test func `an option that no one reads is an error where it stands, with what was probably meant`() throws {
        let found = try self.problems(
            """
              a:
                queue: q
                handler: options.reads
                with:
                  buket: x
                  limits: { rosw: 1, rows: 2 }
            """
        )
        #expect(self.ids(found) == ["unread-option", "unread-option"])
        #expect(found.map(\.line) == [9, 10])
        #expect(found.map(\.column) == [7, 17])
        #expect(found.map(\.help) == ["did you mean 'bucket'?", nil])
        #expect(found.first?.message == "job 'a': its handler does not read the option 'buket'")
        #expect(found.last?.message.hasSuffix("the option 'limits.rosw'") == true)
    }

    @Test func `a plugin that does not tell what it reads is asked nothing, and all that is read is well`() throws {
        #expect(try self.problems("  a: { queue: q, handler: options.silent, with: { buket: x } }\n").isEmpty)
        #expect(
            try self.problems("  a: { queue: q, handler: options.reads, with: { bucket: x, limits: { rows: 1 } } }\n")
                .isEmpty
        )
    }

    @Test func `an unknown handler, a wrong key and a handler that does not start are found in one pass`() throws {
        let found = try self.problems(
            """
              a: { queue: q, handler: options.raeds, prefech: 3 }
              b: { queue: q, handler: options.refuses }
            """
        )
        #expect(self.ids(found) == ["bad-handler", "unknown-key", "handler-start"])
        #expect(found.first?.help == "did you mean 'options.reads'?")
        #expect(found.first?.column == 27)
        #expect(found.last?.message == "job 'b': its handler does not start: no bucket")
        #expect(found.last?.line == 6)
    }

    @Test func `a handler is not tried with options that could not be read, nor if nobody wants it`() throws {
        let found = try self.problems("  a: { queue: q, handler: options.refuses, with: { x: '${NOT_SET}' } }\n")
        #expect(self.ids(found) == ["unset-variable"])
        #expect(try self.problems("  a: { queue: q, handler: options.refuses }\n", makesHandlers: false).isEmpty)
    }

    @Test func `a plugin that is not there is one mistake, not one more for each of its handlers`() throws {
        let jobs = """
              a: { queue: q, handler: gone.x }
              b: { queue: q, handler: options.nothing }
            """
        let found = try self.problems(jobs, plugins: ["/nowhere/libGone.so", self.library])
        #expect(self.ids(found) == ["bad-plugin", "bad-handler"])
        #expect(found.first?.line == 3)
        #expect(found.first?.message.contains("there is no such file") == true)
        #expect(found.last?.line == 6)
        #expect(self.ids(try self.problems(jobs)) == ["bad-handler", "bad-handler"])
    }

    @Test func `certificates and the crash ledger are looked at too`() throws {
        let text = """
            version: 1
            connection: { uri: 'amqps://a?cacertfile=/nowhere/ca.pem' }
            crash_ledger: { path: /dev/null }
            jobs: { a: { queue: q, handler: p.h } }
            """
        let draft = try JobFileDraft(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        draft.checkCrashLedger()
        #expect(self.ids(try draft.finish().warnings) == ["bad-ledger"])
        draft.checkTLSFiles()
        let error = #expect(throws: JobFileError.self) { try draft.finish() }
        #expect(self.ids(error?.diagnostics ?? []) == ["bad-tls-file", "bad-ledger"])
        #expect(error?.diagnostics.first?.line == 2)
    }

    @Test(arguments: ["{ uri: ${X} }", "{ uri: amqp://${X}/ }", "{ name: n, uri: [ ${X} ] }"])
    func `a bare variable inside braces is told to be quoted, where it stands`(connection: String) throws {
        let text = "version: 1\nconnection: \(connection)\njobs: { a: { queue: q, handler: p.h } }\n"
        let error = #expect(throws: JobFileError.self) {
            try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: ["X": "amqp://a"])
        }
        let found = try #require(error?.diagnostics.first)
        #expect(found.help == "inside braces a variable needs quotes: \"${NAME}\"")
        #expect(found.line == 2)
        let column = connection.split(separator: "{X}")[0].count + 1
        #expect(found.column == 12 + column)
    }
}
