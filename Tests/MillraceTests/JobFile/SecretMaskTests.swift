import Millrace
import Testing

/// No message about a job file repeats a secret: neither the value of a variable nor that of a key that says secret.
@Suite struct SecretMaskTests {
    private static let secret = "hunter2"

    private func shown(_ text: String, environment: [String: String] = [:]) -> String {
        DiagnosticRenderer.render(JobFileFixture.problems(text, environment: environment))
    }

    @Test(arguments: [
        "threads: ${S}", "prefetch: '${S}'", "timeout: ${S}", "on_failure: ${S}", "exclusive: ${S}", "ack: ${S}",
        "rate_limit: { allowed: ${S}, interval: ${S} }", "retry: { multiplier: ${S}, jitter: x${S} }",
        "publish: { mode: ${S} }", "missing_queue: ${S}", "batch: ${S}", "kill_timeout: ${S}", "handler: ${S}",
        "threads: ${S:-hunter2}", "consumer_priority: a${S}b",
    ])
    func `the value of a variable is not repeated, its name is`(line: String) {
        let own = line.hasPrefix("handler") ? "    handler: p.h\n" : "no such line"
        let text = JobFileFixture.withJob(line).replacing(own, with: "")
        let shown = self.shown(text, environment: ["S": Self.secret])
        #expect(shown.contains("error"))
        #expect(shown.contains("${S"), "\(shown)")
        #expect(!line.contains("hunter2") ? !shown.contains(Self.secret) : true, "\(shown)")
    }

    @Test func `a number that a variable gave is its name in what two keys say together`() {
        let shown = self.shown(JobFileFixture.withJob("ack: { batch: '${N}' }"), environment: ["N": "4711"])
        #expect(shown.contains("an ack batch of ${N} never fills"), "\(shown)")
        #expect(!shown.contains("4711"))
        let text = "version: ${N}\nconnection: { uri: 'embedded:' }\njobs: {}\n"
        let version = self.shown(text, environment: ["N": "4711"])
        #expect(!version.contains("4711"), "\(version)")
    }

    @Test func `a queue's name that a variable gave is not repeated when another is nearly the same`() {
        let text = """
            version: 1
            connection: { uri: 'embedded:' }
            queues: { hunter3: {} }
            jobs: { a: { queue: '${S}', handler: p.h } }

            """
        #expect(!self.shown(text, environment: ["S": Self.secret]).contains(Self.secret))
    }

    /// Lines below `with:` of a job whose next line is a mistake on the same line, or not YAML at all.
    @Test(arguments: [
        "password: hunter2", "Password: \"hunter2\"", "db_password: 'it''s hunter2'", "api_key: hunter2",
        "apiKey: hunter2", "API-KEY : hunter2", "key: hunter2", "token: hunter2, hunter2", "\"secret\": hunter2",
        "credentials: [a, hunter2]", "credentials: { user: hunter2, x: hunter2 }", "authorization: Bearer hunter2",
        "header: \"Authorization: Bearer hunter2\"", "dsn: host=db password=hunter2", "db: host=db password=hunter2",
        "db: \"postgres://u:hun'ter2 hunter2@h/d\"", "db: postgres://u:hunter2@h", "db: redis://:hunter2@h",
        "git: https://hunter2@h", "url: https://h/p?token=hunter2&page=1", "passphrase: ${P:-hunter2}",
        "db: \"postgres://u:${P:-hunter2}@h\"", "any: ${DB_PASSWORD:-hunter2}", "pwd: &p hunter2", "pin: !!str hunter2",
    ])
    func `the value of a key that says secret is not shown, whatever else is wrong on its line`(line: String) {
        let syntax = "version: 1\njobs:\n  a:\n    with:\n      \(line) }: {\n"
        #expect(!self.shown(syntax).contains(Self.secret), "\(self.shown(syntax))")
        let flow = "version: 1\nconnection: { uri: 'x', a: { \(line) }, oops: 1 }\njobs: {}\n"
        #expect(!self.shown(flow).contains(Self.secret), "\(self.shown(flow))")
        #expect(self.shown(flow).contains("error"))
    }

    @Test(arguments: [
        "password: |\n        hunter2\n        hunter2 : {\n      x: ]", "tokens:\n      - hunter2 }: {",
        "password:\n        hunter2 }: {", "password: a\n        hunter2: }: {", "password: \"a\n        hunter2: }: {",
    ])
    func `a secret of several lines is none of them`(lines: String) {
        let shown = self.shown("version: 1\njobs:\n  a:\n    with:\n      \(lines)\n")
        #expect(shown.contains("error"))
        #expect(!shown.contains(Self.secret), "\(shown)")
    }

    @Test func `the tree knows secrets that no line tells: nested ones and those of aliases`() {
        let text = """
            version: 1
            x-a: [&p hunter2, { oops: *q }]
            connection: { uri: 'embedded:' }
            jobs:
              a:
                queue: q
                handler: p.h
                with:
                  credentials:
                    user: { name: 99999999999999999999999 }
                  password: *p

            """
        let shown = self.shown(text)
        #expect(!shown.contains(Self.secret), "\(shown)")
        #expect(!shown.contains("99999"), "\(shown)")
    }

    @Test func `a key that swallowed its value is masked too`() {
        let shown = self.shown("version: 1\nconnection: {uri: 'embedded:', password:hunter2}\njobs: {}\n")
        #expect(shown.contains("unknown key 'password:*******'"), "\(shown)")
        #expect(!shown.contains(Self.secret))
    }

    @Test(arguments: [
        "amqp://u:hunter2/v@h", "amqp://u:hunter2", "amqp://u:hun ter2@h", "amqp://u:hunter2@h:nowhere",
        "amqps://h?password=hunter2&b=hunter2&verify=x", "amqps://h?password=a&hunter2=1", "amqp://u:12/hunter2@h",
        "amqp://u:p?hunter2@h", "http://u:hunter2@h", "amqp://h/?heartbeat=hunter2",
    ])
    func `a URI's password is shown by neither the message nor the line`(uri: String) {
        let jobs = "jobs: { a: { queue: q, handler: p.h } }\n"
        let text = "version: 1\nconnection: { uri: \"\(uri)\" }\n\(jobs)"
        let isMasked = !uri.contains("heartbeat")
        #expect(self.shown(text).contains("error"))
        if isMasked { #expect(!self.shown(text).contains("hunter2"), "\(self.shown(text))") }
        let variable = self.shown("version: 1\nconnection: { uri: '${U}' }\n\(jobs)", environment: ["U": uri])
        #expect(variable.contains("error"))
        #expect(!variable.contains("hunter2"), "\(variable)")
    }

    @Test func `what is no secret can be read`() {
        let text = JobFileFixture.withJob("with: { routing_key: eu.orders, key_file: /run/key }, oops")
        let shown = self.shown(text)
        #expect(shown.contains("routing_key: eu.orders"), "\(shown)")
        #expect(shown.contains("/run/key"), "\(shown)")
        let named = """
            version: 1
            connection: { uri: "amqp://guest@localhost:5672/v", oops: 1 }
            queues: { password-resets: { oops: 1 } }
            jobs:
              token-refresh: { queue: password-resets, handler: p.h, thread: 1 }

            """
        #expect(self.shown(named).contains("guest@localhost:5672/v"), "\(self.shown(named))")
        #expect(self.shown(named).contains("handler: p.h, thread: 1"), "\(self.shown(named))")
    }

    @Test func `the caret stays under its token, and hidden characters take one column each`() {
        let text = "version: 1\nconnection: { uri: \"amqp://u:日本@h\", a\u{202E}\u{200B}b: 1, oops: 1 }\njobs: {}\n"
        let lines = self.shown(text).split(separator: "\n")
        let index = lines.firstIndex { $0.contains("unknown key 'oops'") }
        let line = lines[(index ?? 0) + 1]
        let caret = lines[(index ?? 0) + 2]
        #expect(!line.unicodeScalars.contains("\u{202E}") && !line.unicodeScalars.contains("\u{200B}"))
        let column = caret.distance(from: caret.startIndex, to: caret.firstIndex(of: "^") ?? caret.startIndex)
        #expect(line.dropFirst(column).hasPrefix("oops"), "\(self.shown(text))")
    }

    @Test func `a file's own name begins no line`() {
        do throws(JobFileError) {
            _ = try JobFile.parse(bytes: [], file: "a\n\u{1B}[31mb.yaml", environment: [:])
        } catch {
            #expect(!error.description.unicodeScalars.contains("\u{1B}"))
            #expect(error.description.hasPrefix("a\\n\\u{1b}[31mb.yaml"))
        }
    }

    @Test func `what a handler says when it does not start is shown without the job's secrets`() throws {
        let text = JobFileFixture.withJob("with: { api_key: 'k3y-of-mine', host: '${H}', n: 1, tags: [a, '${T}'] }")
        let file = try JobFileFixture.parse(text, environment: ["H": "db.internal", "T": "x"])
        let withheld = try #require(file.jobs.first).withheld
        #expect(
            withheld.hidden(in: "no k3y-of-mine at db.internal: postgres://u:pw@h x")
                == "no *** at ***: postgres://u:**@h x"
        )
    }

    @Test func `which names say secret`() {
        for name in [
            "password", "DB_PASSWORD", "clientSecret", "token", "access_tokens", "apiKey", "x-api-key", "key", "keys",
            "credentials", "passphrase", "Authorization", "dsn", "private-key", "pass", "aws.secret_access_key",
        ] {
            #expect(SecretName.isSecret(name), "\(name)")
        }
        for name in [
            "", "routing_key", "x-dead-letter-routing-key", "key_file", "password_file", "monkey", "keyboard", "queue",
            "author", "auth_mechanism", "passes", "partition-key",
        ] {
            #expect(!SecretName.isSecret(name), "\(name)")
        }
    }
}
