import AMQPClient
import Millrace
import Testing

/// Single rules of the format, each with the text that keeps or breaks it.
@Suite struct JobFileRuleTests {
    private func withProblems(_ lines: String..., environment: [String: String] = [:]) -> [String] {
        let text = JobFileFixture.withJob("with:", lines.map { "  \($0)" }.joined(separator: "\n    "))
        return JobFileFixture.problems(text, environment: environment).map(\.id)
    }

    private func with(_ line: String, environment: [String: String] = [:]) throws -> OptionValue? {
        let text = JobFileFixture.withJob("with: { key: \(line) }")
        return try JobFileFixture.parse(text, environment: environment).jobs.first?.with["key"]
    }

    @Test func `three mistakes in one file are reported together, in order, with their carets`() {
        let text = """
            version: 1
            connection: { uri: amqp://a }
            jobs:
              thumbnails:
                queue: q
                handler: p.h
                prefetchCount: 32
                concurrency: 4
                timeout: 30

            """
        let expected = """
            jobs.yaml:7:5: error: unknown key 'prefetchCount' in job 'thumbnails' [unknown-key]
                7 |     prefetchCount: 32
                  |     ^~~~~~~~~~~~~ did you mean 'prefetch'?
            jobs.yaml:8:5: error: 'concurrency' is called 'threads' here: each thread has one channel [foreign-word]
                8 |     concurrency: 4
                  |     ^~~~~~~~~~~
            jobs.yaml:9:14: error: a duration needs a unit [duration-unit]
                9 |     timeout: 30
                  |              ^~ write 30s, 500ms or 2m
            3 errors in jobs.yaml; nothing was started.

            """
        #expect(JobFileError(diagnostics: JobFileFixture.problems(text)).description == expected)
    }

    @Test(arguments: ["a: { \"日本\": 1, b: *x }", "a: { \"\u{1F600}é\": 1, b: *x }"])
    func `columns count characters, not bytes`(line: String) throws {
        let problem = try #require(JobFileFixture.problems(JobFileFixture.withJob("with: { \(line) }")).first)
        let shown = try #require(problem.sourceLine)
        let scalars = Array(shown.unicodeScalars)
        #expect(String(String.UnicodeScalarView(scalars[(problem.column - 1)...].prefix(problem.length))) == "*x")
    }

    @Test func `lines are counted the same with CRLF and with CR`() {
        for lineEnd in ["\n", "\r\n", "\r"] {
            let text = JobFileFixture.withJob("thread: 1").split(separator: "\n").joined(separator: lineEnd)
            let problems = JobFileFixture.problems(text)
            #expect(problems.map(\.line) == [7])
            #expect(problems.map(\.column) == [5])
            #expect(problems.first?.sourceLine == "    thread: 1")
        }
    }

    @Test func `bad UTF-8 is located by its line`() {
        var bytes = Array(JobFileFixture.withJob("timeout: 1s # h").utf8.dropLast())
        bytes += [0xC3, 0x28, 0x0A]
        do throws(JobFileError) {
            _ = try JobFile.parse(bytes: bytes, file: "jobs.yaml", environment: [:])
            Issue.record("accepted")
        } catch {
            #expect(error.diagnostics.map(\.id) == ["not-utf8"])
            #expect(error.diagnostics.map(\.line) == [7])
            #expect(error.diagnostics.map(\.column) == [20])
        }
    }

    @Test func `variables: set, default for unset and for empty, a dollar sign, and never structure`() throws {
        let environment = ["A": "5", "EMPTY": "", "LIST": "[1, 2]", "TEXT": "a: b # c", "ALIAS": "*x"]
        #expect(try self.with(#""${A}""#, environment: environment) == .string("5"))
        #expect(try self.with(#""${EMPTY:-d}${NONE:-e}-${EMPTY}""#, environment: environment) == .string("de-"))
        #expect(try self.with(#""$${A} $5 ^a$""#, environment: environment) == .string("${A} $5 ^a$"))
        #expect(try self.with(#""${LIST}""#, environment: environment) == .string("[1, 2]"))
        #expect(try self.with(#""${TEXT}""#, environment: environment) == .string("a: b # c"))
        let block = JobFileFixture.withJob("with:", "  n: ${A}", "  l: ${LIST}", "  a: ${ALIAS}", "  e: ${EMPTY}")
        let options = try #require(try JobFileFixture.parse(block, environment: environment).jobs.first?.with)
        #expect(options == ["n": .int(5), "l": .string("[1, 2]"), "a": .string("*x"), "e": .null])
    }

    @Test func `a variable gives text where text is wanted, and a number where a number is`() throws {
        let text = JobFileFixture.withJob("threads: \"${N}\"").replacing("queue: q", with: "queue: ${N}")
        let job = try #require(try JobFileFixture.parse(text, environment: ["N": "7"]).jobs.first)
        #expect(job.queue == "7")
        #expect(job.threads == 7)
        #expect(JobFileFixture.problems(text, environment: ["N": "x"]).map(\.id) == ["wrong-type"])
    }

    @Test func `a NUL byte in a variable is refused`() {
        #expect(self.withProblems("a: ${N}", environment: ["N": "a\0b"]) == ["bad-variable"])
    }

    @Test func `no value of a variable that stands in the URI is ever repeated, nor a password in the file`() {
        let text =
            "version: 1\nconnection: { uri: 'amqp://u:hunter2@h', oops: 1, name: ${NO}, heartbeat: '${S}' }\njobs:\n"
        let shown = JobFileError(diagnostics: JobFileFixture.problems(text)).description
        #expect(!shown.contains("hunter2"))
        #expect(shown.contains("amqp://u:*******@h"))
        let uri = "version: 1\nconnection: { uri: 'x${SECRET}' }\njobs: { a: { queue: q, handler: p.h } }\n"
        let problems = JobFileFixture.problems(uri, environment: ["SECRET": "hunter2"])
        #expect(problems.map(\.id) == ["bad-uri"])
        #expect(!JobFileError(diagnostics: problems).description.contains("hunter2"))
    }

    @Test func `plain scalars say what YAML 1.2 says, and what 1.1 alone would say is text`() {
        let cases: [(String, PlainScalar)] = [
            ("", .null), ("~", .null), ("null", .null), ("true", .bool(true)), ("FALSE", .bool(false)),
            ("5", .int(5)), ("-5", .int(-5)), ("+5", .int(5)), ("0", .int(0)), ("1.5", .double(1.5)),
            (".5", .double(0.5)), ("1e3", .double(1000)), ("-1.5E-2", .double(-0.015)),
            ("9223372036854775807", .int(.max)), ("9223372036854775808", .hugeNumber), ("1e999", .hugeNumber),
            ("yes", .text), ("no", .text), ("on", .text), ("010", .text), ("0x10", .text), ("1_000", .text),
            ("12:30", .text), (".inf", .text), ("nan", .text), ("-", .text), (".", .text), ("..5", .text),
            ("1.2.3", .text), ("+-5", .text), ("٣", .text),
        ]
        for (text, expected) in cases { #expect(PlainScalar(text) == expected, "\(text)") }
    }

    @Test func `durations`() throws {
        #expect(try DurationText.parse("500ms").get() == .milliseconds(500))
        #expect(try DurationText.parse("1h2m3s4ms").get() == .milliseconds(3_723_004))
        #expect(try DurationText.parse("1m30s").get() == .seconds(90))
        #expect(try DurationText.parse("0s").get() == .zero)
        for text in ["", "s", "1s1m", "1s1s", "1.5s", "-1s", "1 s", "1S", "1d", "1us", "s1", "1m30"] {
            #expect(DurationText.parse(text) == .failure(.malformed), "\(text)")
        }
        #expect(DurationText.parse("30") == .failure(.noUnit))
        #expect(DurationText.parse("9223372036854775807s") == .failure(.tooLong))
        #expect(DurationText.parse("9223372036854775807ms1") == .failure(.malformed))
        #expect(DurationText.write(.milliseconds(3_723_004)) == "1h2m3s4ms")
    }

    @Test func `the nearest name is near, and there is none for what is far`() {
        #expect(NearestName.of("thread", among: ["threads", "timeout"]) == "threads")
        #expect(NearestName.of("prefecth", among: ["prefetch"]) == "prefetch")
        #expect(NearestName.of("colour", among: ["queue", "handler"]) == nil)
        #expect(NearestName.of("a", among: ["b"]) == nil)
        #expect(NearestName.snakeCase("maxLength") == "max_length")
        #expect(NearestName.distance(Array("ab".unicodeScalars), Array("ba".unicodeScalars)) == 1)
    }

    @Test func `defaults lie below each job, key by key, and do not clash with a job that needs none of them`() throws {
        let defaults =
            "version: 1\ndefaults: { on_failure: reject, ack: { batch: 10 }, publish: { mandatory: false } }\n"
        let text = JobFileFixture.withJob("ack: none", "publish: { mode: none }").replacing(
            "version: 1\n",
            with: defaults
        )
        let job = try #require(try JobFileFixture.parse(text).jobs.first)
        #expect(job.ack == AckPolicy(mode: .none, batch: 10))
        #expect(job.publish == PublishPolicy(mode: .none, mandatory: false))
        #expect(job.onFailure == .reject)
    }

    @Test func `a merge key never replaces what is written, and the first of a list wins`() throws {
        let text = """
            version: 1
            x-a: &a { queue: qa, handler: p.a }
            x-b: &b { queue: qb, handler: p.b, threads: 9 }
            connection: { uri: amqp://a }
            jobs:
              one: { <<: [*a, *b], queue: own }

            """
        let job = try #require(try JobFileFixture.parse(text).jobs.first)
        #expect(job.queue == "own")
        #expect(job.handler == HandlerName(plugin: "p", handler: "a"))
        #expect(job.threads == 9)
    }

    @Test func `one mistake in a shared anchor is one diagnostic`() {
        let text = "version: 1\nx-a: &a { timeout: 5 }\nconnection: { uri: amqp://a }\njobs:\n"
        let jobs = (0..<5).map { "  j\($0): { <<: *a, queue: q, handler: p.h }\n" }.joined()
        #expect(JobFileFixture.problems(text + jobs).map(\.id) == ["duration-unit"])
    }

    @Test func `a value that ends in a colon is a syntax error that says what to do`() {
        let problems = JobFileFixture.problems("version: 1\nconnection:\n  uri: localhost:\n")
        #expect(problems.map(\.help) == ["put a value that holds a colon in quotes"])
    }
}
