import Millrace
import Testing

/// What a job file says of programs, and what it can not say.
@Suite struct ExecDecoderTests {
    private static func file(_ handler: String, _ more: String = "", connection: String = "uri: amqp://a") -> String {
        "version: 1\nconnection: { \(connection) }\njobs:\n  a:\n    queue: q\n    handler: \(handler)\n\(more)"
    }

    private func job(_ handler: String, _ more: String = "") throws -> JobDefinition {
        try #require(try JobFileFixture.parse(Self.file(handler, more)).jobs.first)
    }

    private func problems(_ handler: String, _ more: String = "") -> [String] {
        JobFileFixture.problems(Self.file(handler, more)).map { "\($0.line):\($0.column) \($0.id): \($0.message)" }
    }

    @Test func `a program is a handler of ours, and what the file says of it its options`() throws {
        let job = try self.job(
            """
            { exec: [./resize.py, --fast, 100, 1.50, true, "a b"], grace: 1m30s, max_output: 10, \
            env: { A: "1", B: 2 }, output: { routing_key: thumbs, exchange: "", content_type: image/png } }
            """
        )
        #expect(job.handler == HandlerName(plugin: "millrace", handler: "exec"))
        #expect(job.timeout == nil)
        #expect(
            job.with == [
                "exec": .array(["./resize.py", "--fast", "100", "1.50", "true", "a b"].map { .string($0) }),
                "folder": .string("."), "queue": .string("q"), "withheld": .array([]), "grace": .string("1m30s"),
                "max_output": .int(10),
                "env": .object([.init(key: "A", value: .string("1")), .init(key: "B", value: .string("2"))]),
                "output": .object([
                    .init(key: "exchange", value: .string("")), .init(key: "routing_key", value: .string("thumbs")),
                    .init(key: "content_type", value: .string("image/png")),
                ]),
            ]
        )
    }

    @Test(arguments: [
        ("jobs.yaml", "./a.sh", ".", "./a.sh"), ("jobs.yaml", "sh", ".", "sh"),
        ("jobs.yaml", "/bin/sh", ".", "/bin/sh"),
        ("etc/jobs.yaml", "./a.sh", "etc", "etc/a.sh"), ("etc/jobs.yaml", "../a.sh", "etc", "etc/../a.sh"),
        ("/jobs.yaml", "x/a.sh", "/", "/x/a.sh"), ("/etc/m/jobs.yaml", "a.sh", "/etc/m", "a.sh"),
    ])
    func `a path is relative to the job file, and a name is no path`(
        file: String,
        program: String,
        folder: String,
        resolved: String
    ) throws {
        let text = Self.file("{ exec: [\(program), ./x] }")
        let parsed = try JobFile.parse(bytes: Array(text.utf8), file: file, environment: [:])
        let with = try #require(parsed.jobs.first?.with)
        #expect(with["folder"] == .string(folder))
        #expect(with["exec"] == .array([.string(resolved), .string("./x")]), "arguments stay as they are")
    }

    @Test func `timeout beside exec is the job's, above the one of defaults, and stands in one place`() throws {
        #expect(try self.job("{ exec: [a], timeout: 30s }").timeout == .seconds(30))
        #expect(try self.job("{ exec: [a], timeout: 30s }", "defaults: { timeout: 1s }\n").timeout == .seconds(30))
        #expect(try self.job("{ exec: [a] }", "defaults: { timeout: 1s }\n").timeout == .seconds(1))
        #expect(try self.job("{ exec: [a] }", "    timeout: 2s\n").timeout == .seconds(2))
        #expect(
            self.problems("{ exec: [a], timeout: 30s }", "    timeout: 2s\n") == [
                "6:36 conflict: 'timeout' is here twice: beside 'exec' it is the job's timeout"
            ]
        )
        let kill = self.problems("{ exec: [a], timeout: 30s }", "    kill_timeout: 2s\n")
        #expect(kill.count == 1 && kill[0].contains("is not after 'timeout'"), "the rules of the job hold: \(kill)")
        let late = self.problems("{ exec: [a], timeout: 30s, grace: 5s }", "    kill_timeout: 35s\n")
        #expect(late.count == 1 && late[0].contains("and 'grace' (5s): the program would not be killed by then"))
        #expect(self.problems("{ exec: [a], timeout: 30s, grace: 5s }", "    kill_timeout: 36s\n").isEmpty)
        #expect(self.problems("{ exec: [a], timeout: 30 }") == ["6:36 duration-unit: a duration needs a unit"])
    }

    @Test(arguments: [
        ("{ }", "missing-key", "'handler' of job 'a' has no 'exec'"),
        ("{ exec: }", "bad-name", "'exec' names no program"),
        ("{ exec: [] }", "bad-name", "'exec' names no program"),
        ("{ exec: [\"\"] }", "bad-name", "the program's name is empty"),
        (
            "{ exec: ./a.sh --fast }", "wrong-type",
            "'exec' is a list, the program and its arguments, and no shell reads it"
        ),
        ("{ exec: [a, [b]] }", "wrong-type", "'exec' is text, not a list"),
        ("{ exec: [a, null] }", "wrong-type", "'exec' is text, not null"),
        ("{ exec: { a: b } }", "wrong-type", "'exec' is a list, not a mapping"),
        ("{ exec: [a], max_output: 0 }", "out-of-range", "'max_output' cannot be '0'"),
        ("{ exec: [a], grace: 2h }", "out-of-range", "'grace' cannot be '2h'"),
        (
            "{ exec: [a], env: [b] }", "wrong-type",
            "'env' of 'handler' of job 'a' is a mapping of keys and values, not a list"
        ),
        ("{ exec: [a], env: { 1A: b } }", "bad-name", "'1A' can not be a variable's name"),
        ("{ exec: [a], env: { \"A=B\": b } }", "bad-name", "'A=B' can not be a variable's name"),
        (
            "{ exec: [a], env: { MILLRACE_JOB: b } }", "bad-name",
            "'MILLRACE_JOB': the variables MILLRACE_... are those of the message"
        ),
        (
            "{ exec: [a], output: { exchange: e } }", "missing-key",
            "'output' of 'handler' of job 'a' has no 'routing_key'"
        ),
        ("{ exec: [a], outptu: {} }", "unknown-key", "unknown key 'outptu' in 'handler' of job 'a'"),
        ("{ exec: [a], environment: {} }", "foreign-word", "'environment' is called 'env' here: { NAME: value }"),
        (
            "{ exec: [a], args: [b] }", "foreign-word",
            "'args' is called 'exec' here: the program and its arguments, one list"
        ),
        ("millrace.exec", "bad-handler", "a program is named by 'exec', not by its handler"),
        ("[a]", "wrong-type", "'handler' is text, not a list"),
    ])
    func `what is wrong is said in one sentence, where it stands`(handler: String, id: String, message: String) {
        let found = JobFileFixture.problems(Self.file(handler))
        #expect(found.map(\.id) == [id], "\(found)")
        #expect(found.first?.message == message)
        #expect(found.first?.line == 6)
    }

    @Test func `with is for plugins, and defaults name no program`() {
        #expect(
            self.problems("{ exec: [a] }", "    with: { b: c }\n") == [
                "7:5 conflict: 'with' is for handlers of plugins; a program does not see it"
            ]
        )
        #expect(self.problems("p.h", "    exec: [a]\n") == ["7:5 unknown-key: unknown key 'exec' in job 'a'"])
    }

    @Test func `variables of the connection are not handed on, however they are written`() throws {
        let text = Self.file(
            "{ exec: [\"${PROGRAM}\"], env: { T: \"${TOKEN}\" } }",
            connection: "uri: \"amqp://${USER_NAME}:${PASSWORD:-guest}@a/$${NOT}\", name: \"${USER_NAME}\""
        )
        let environment = ["PROGRAM": "./p", "TOKEN": "t", "USER_NAME": "u", "PASSWORD": "p"]
        let with = try #require(try JobFileFixture.parse(text, environment: environment).jobs.first?.with)
        #expect(with["withheld"] == .array([.string("PASSWORD"), .string("USER_NAME")]))
        #expect(with["exec"] == .array([.string("./p")]))
        #expect(with["env"] == .object([.init(key: "T", value: .string("t"))]))
        let unset = JobFileFixture.problems(Self.file("{ exec: [\"${NOT_SET}\"] }"))
        #expect(unset.map(\.id) == ["unset-variable"], "one mistake, said once")
    }

    @Test func `where nothing runs programs a job with one is refused in a sentence`() throws {
        let text = Self.file("{ exec: [sh] }")
        let draft = try JobFileDraft(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        _ = draft.loadPlugins()
        do throws(JobFileError) {
            _ = try draft.finish()
            Issue.record("nothing was said")
        } catch {
            #expect(error.diagnostics.map(\.id) == ["bad-handler"])
            let message = error.diagnostics.first?.message ?? ""
            #expect(message.hasPrefix("job 'a': its handler is a program ('exec'), and this supervisor runs none"))
        }
    }
}
