import Millrace
import TestSupport
import Testing

@testable import MillraceCLI

/// The screen of `top` as a value: no terminal, no supervisor.
@Suite struct TopScreenTests {
    private static let small = TopScreen.Size(columns: 80, rows: 24)

    private func job(_ name: String, _ change: (inout TopStatus.Job) -> Void = { _ in }) -> TopStatus.Job {
        var job = TopStatus.Job()
        (job.name, job.state, job.threads, job.consuming) = (name, "running", 4, 4)
        change(&job)
        return job
    }

    private func screen(_ jobs: [TopStatus.Job], _ change: (inout TopStatus) -> Void = { _ in }) -> TopScreen {
        var status = TopStatus()
        (status.connection, status.broker, status.file, status.digest) = (
            "up", "RabbitMQ 3.10", "jobs.yaml", "9f3c0000"
        )
        status.jobs = jobs
        change(&status)
        var screen = TopScreen()
        screen.show(status, now: 10_000, time: 1_000_000_000)
        return screen
    }

    private func text(_ screen: TopScreen, _ size: TopScreen.Size = small) -> [String] {
        screen.lines(size).map(\.text)
    }

    @Test func `a job has two lines: where it stands, how long things take and what went wrong`() {
        let job = self.job("orders") { job in
            (job.busy, job.inHand, job.ready, job.settledPerSecond) = (3, 9, 1200, 41.6)
            (job.oldest, job.timeout, job.retried, job.dead) = (1.5, 30, 7, 2)
            job.handler = TopStatus.Times(.times(0.012, 0.04, 1.25))
            job.wait = TopStatus.Times(.times(0.0007, 2, 90))
            job.lastError = (9910, "no such address\u{1B}[2J")
        }
        let lines = self.text(self.screen([job]))
        #expect(lines.count == 24)
        #expect(lines[0] == "millrace top  jobs.yaml 9f3c0000  connection up, RabbitMQ 3.10")
        #expect(lines[1] == "all well")
        #expect(
            lines[3] == "  job      state         busy   hand    in/s  done/s      oldest  retried   dead",
            "\(lines[3])"
        )
        #expect(
            lines[4] == "> orders   running        3/4      9       -      42 1.5s of 30s        7      2",
            "\(lines[4])"
        )
        #expect(
            lines[5].hasPrefix("    handler 12ms 40ms 1.3s   wait 700µs 2s 90s   ready 1200   1m ago: no such a"),
            "\(lines[5])"
        )
        #expect(lines[23].hasPrefix("j k move  Enter workers"))
        #expect(!lines.joined().contains("\u{1B}"), "nothing that a supervisor says moves the cursor")
    }

    @Test func `a broker in memory is said to be one, beside the connection`() throws {
        let connection = OptionValue.object([
            .init(key: "state", value: .string("up")), .init(key: "broker", value: .string("RabbitMQ 3.10.8")),
            .init(key: "in_memory", value: .bool(true)),
        ])
        let value = OptionValue.object([
            .init(key: "connection", value: connection), .init(key: "jobs", value: .array([])),
        ])
        var screen = TopScreen()
        screen.show(try #require(TopStatus(value)), now: 10_000, time: 1_000_000_000)
        #expect(self.text(screen)[0].hasSuffix("connection up, in memory, RabbitMQ 3.10.8"))
    }

    @Test func `what operators have changed stands before how long things take`() {
        let note = "threads 8 (file: 4, 10:41, by ada, \"back\u{1B}fill\", ends 12:41)"
        let value = OptionValue.object([
            .init(key: "name", value: .string("orders")), .init(key: "notes", value: .array([.string(note)])),
        ])
        var job = TopStatus.Job(value)
        job.handler = TopStatus.Times(.times(0.012, 0.04, 1.25))
        let line = self.text(self.screen([job]), .init(columns: 120, rows: 24))[5]
        #expect(line.hasPrefix("    threads 8 (file: 4, 10:41, by ada, "), "\(line)")
        #expect(line.contains("ends 12:41)   handler 12ms 40ms") && !line.contains("\u{1B}"), "\(line)")
    }

    @Test func `those in the most trouble stand first, the others as in the file`() {
        let jobs = [
            self.job("well"), self.job("busy") { ($0.busy, $0.ready) = (4, 10) },
            self.job("late") { ($0.oldest, $0.timeout) = (31, 30) }, self.job("rests") { $0.state = "paused" },
            self.job("lame") { $0.consuming = 3 }, self.job("dead") { $0.state = "failed" },
            self.job("erring") { $0.lastError = (9941, "x") }, self.job("erred") { $0.lastError = (9940, "x") },
        ]
        #expect(
            self.screen(jobs).jobs.map(\.name) == ["dead", "late", "lame", "erring", "busy", "well", "rests", "erred"]
        )
    }

    @Test func `the second line is the worst that is to be said`() {
        #expect(self.text(self.screen([self.job("a") { $0.state = "failed" }]))[1] == "1 of 1 jobs may want a look")
        let unready = self.screen([]) { $0.reasons = ["no connection", "more"] }
        #expect(self.text(unready)[1] == "not ready: no connection (and 1 more)")
        let refused = self.screen([]) { status in
            status.reasons = ["x"]
            status.reloadFailure = "jobs.yaml:9:5: error\nmore"
        }
        #expect(self.text(refused)[1] == "RELOAD FAILED jobs.yaml:9:5: error")
        var gone = self.screen([self.job("a")])
        gone.fail("no supervisor at /s.sock: gone")
        #expect(self.text(gone)[1] == "no supervisor at /s.sock: gone")
        #expect(self.text(gone)[4].hasPrefix("> a "), "what was known stays")
        #expect(self.text(TopScreen())[1] == "asking")
    }

    @Test func `keys move, and are for the job that is chosen`() {
        var screen = self.screen([self.job("one"), self.job("two") { $0.threads = 1 }])
        #expect(screen.take(.character("p")) == .pause("one"))
        #expect(screen.take(.character("+")) == .scale("one", 5))
        #expect(screen.take(.character("-")) == .scale("one", 3))
        #expect(screen.take(.up) == nil && screen.chosen == "one")
        #expect(screen.take(.character("j")) == nil && screen.chosen == "two")
        #expect(screen.take(.down) == nil && screen.chosen == "two")
        #expect(screen.take(.character("-")) == nil, "one thread is the least")
        #expect(screen.take(.character("r")) == .resume("two"))
        #expect(screen.take(.character("x")) == nil)
        #expect(screen.take(.character("k")) == nil && screen.chosen == "one")
        #expect(screen.take(.character("q")) == .end)
    }

    @Test func `what is dangerous wants a capital`() {
        var screen = self.screen([self.job("one")])
        #expect(screen.take(.character("R")) == .restart("one"))
        #expect(screen.take(.character("Q")) == .quiet)
        #expect(screen.take(.character("D")) == .drain)
        for letter in "d" as String { #expect(screen.take(.character(letter)) == nil) }
    }

    @Test func `the choice stays with its job when the order changes, and goes to the first when the job goes`() {
        var screen = self.screen([self.job("one"), self.job("two")])
        _ = screen.take(.down)
        var status = screen.status
        status.jobs = [self.job("one"), self.job("two") { $0.state = "failed" }]
        screen.show(status, now: 10_001, time: 2_000_000_000)
        #expect(screen.chosen == "two" && screen.jobs.first?.name == "two")
        _ = screen.take(.enter)
        status.jobs = [self.job("one")]
        screen.show(status, now: 10_002, time: 3_000_000_000)
        #expect(screen.chosen == "one" && !screen.isInside)
    }

    @Test func `inside are the workers of the job`() {
        var screen = self.screen([self.job("one")])
        #expect(screen.take(.enter) == nil && screen.isInside)
        #expect(self.text(screen)[3] == "workers of one; Esc goes back")
        screen.show(workers: (0..<40).map { "worker \($0)" })
        let lines = self.text(screen)
        #expect(lines.count == 24 && lines[4] == "worker 0" && lines[21] == "worker 17")
        #expect(screen.take(.character("p")) == .pause("one"), "keys are for it there too")
        _ = screen.take(.escape)
        #expect(!screen.isInside)
    }

    @Test func `arrivals are told by two answers`() {
        var screen = self.screen([self.job("one") { $0.received = 100 }])
        var status = screen.status
        status.jobs[0].received = 150
        screen.show(status, now: 10_002, time: 3_000_000_000)
        #expect(screen.arrivals == ["one": 25])
        status.jobs[0].received = 10
        screen.show(status, now: 10_003, time: 4_000_000_000)
        #expect(screen.arrivals.isEmpty, "it was started anew")
    }

    @Test func `every size is filled and kept, whatever is to be shown`() {
        var seed = Seed()
        for _ in 0..<300 {
            let jobs = (0..<Int.random(in: 0...40, using: &seed)).map { index in
                self.job("a-job-of-some-length-\(index)-漢字") { job in
                    job.state = ["running", "restarting", "paused", "failed"].randomElement(using: &seed) ?? ""
                    job.threads = Int.random(in: 0...512, using: &seed)
                    job.received = Int.random(in: 0...Int.max, using: &seed)
                    job.retried = job.received
                    job.oldest = Double.random(in: 0...1e12, using: &seed)
                    job.timeout = Bool.random(using: &seed) ? 1e9 : nil
                    job.lastError = Bool.random(using: &seed) ? (1, String(repeating: "漢é", count: 99)) : nil
                }
            }
            var screen = self.screen(jobs)
            for _ in 0..<Int.random(in: 0...50, using: &seed) { _ = screen.take(.down) }
            if Bool.random(using: &seed) { _ = screen.take(.enter) }
            let size = TopScreen.Size(
                columns: Int.random(in: 1...250, using: &seed),
                rows: Int.random(in: 1...70, using: &seed)
            )
            let lines = screen.lines(size)
            #expect(lines.count == size.rows, "\(size), \(seed.replay)")
            for line in lines {
                let width = line.text.unicodeScalars.reduce(0) { $0 + CharacterWidth.columns(of: $1) }
                #expect(width <= size.columns, "\(size), \(seed.replay): \(line.text)")
            }
            if size.rows > 8, size.columns > 40, !jobs.isEmpty, !screen.isInside {
                #expect(lines.contains { $0.text.hasPrefix("> ") }, "the chosen one is seen, \(seed.replay)")
            }
        }
    }

    @Test func `octets are keys, and what nobody knows is passed over as a whole`() {
        #expect(TopKey.read(Array("jq".utf8)) == [.character("j"), .character("q")])
        #expect(TopKey.read([0x1B, 0x5B, 0x41, 0x1B, 0x4F, 0x42]) == [.up, .down])
        #expect(TopKey.read([0x1B, 0x5B, 0x33, 0x7E, 0x0D]) == [.enter], "Delete is no key of ours")
        #expect(TopKey.read([0x1B]) == [.escape])
        #expect(TopKey.read([0x1B, 0x5B]) == [])
        #expect(TopKey.read([0x03]) == [.character("q")], "Ctrl-C")
        #expect(TopKey.read([0xC3, 0xA4]) == [])
    }

    @Test func `colours are for terminals whose user has not refused them`() {
        #expect(TopPaint.hasColours({ _ in nil }, isTerminal: true))
        #expect(!TopPaint.hasColours({ _ in nil }, isTerminal: false))
        #expect(!TopPaint.hasColours({ $0 == "NO_COLOR" ? "1" : nil }, isTerminal: true))
        #expect(TopPaint.hasColours({ $0 == "NO_COLOR" ? "" : nil }, isTerminal: true))
        #expect(!TopPaint.hasColours({ $0 == "TERM" ? "dumb" : nil }, isTerminal: true))
        let line = TopScreen.Line(text: "x", style: .alarm)
        #expect(TopPaint.paint(line, hasColours: true) == "\u{1B}[31mx\u{1B}[0m")
        #expect(TopPaint.paint(line, hasColours: false) == "x")
    }

    @Test func `what a supervisor answers is read, and what it does not say is left out`() throws {
        let text = """
            {"connection":{"state":"up"},"draining":true,"reasons":["a"],"config":{"file":"f\\u00fc","digest":"0123456789"},
             "jobs":[{"name":"o\\"\\n","state":"running","threads":2,"handler_seconds":{"p50":1,"p95":2.5,"p99":1e1},
             "counts":{"received":3,"rejected":1},"last_error":{"time":5,"text":"\\ud83d\\ude00"}},{}]}
            """
        let value = try #require(JSONReader.read(text))
        let status = try #require(TopStatus(value))
        #expect(status.connection == "up" && status.isDraining && status.file == "fü" && status.digest == "01234567")
        #expect(status.jobs.count == 2 && status.jobs[0].name == "o\"\n" && status.jobs[0].dead == 1)
        #expect(status.jobs[0].handler?.p99 == 10 && status.jobs[0].wait == nil)
        #expect(status.jobs[0].lastError?.text == "😀")
        for bad in [
            "", "{", "{\"a\"}", "[1,]", "tru", "\"\\x\"", "\"", "1 2", String(repeating: "[", count: 100), "nan(1)",
        ] {
            #expect(JSONReader.read(bad) == nil, "\(bad)")
        }
    }

    @Test func `JSON that we write is read again as it was`() {
        var seed = Seed()
        func value(_ depth: Int) -> OptionValue {
            switch Int.random(in: 0...(depth > 3 ? 4 : 6), using: &seed) {
            case 0: .null
            case 1: .bool(Bool.random(using: &seed))
            case 2: .int(Int64.random(in: .min ... .max, using: &seed))
            case 3: .double(Double.random(in: -1e9...1e9, using: &seed) + 0.5)
            case 4:
                .string(
                    String(
                        (0..<Int.random(in: 0...9, using: &seed)).map { _ in
                            "aé\"\\\n\u{1B}😀/".randomElement(using: &seed) ?? "x"
                        }
                    )
                )
            case 5: .array((0..<Int.random(in: 0...4, using: &seed)).map { _ in value(depth + 1) })
            default:
                .object(
                    (0..<Int.random(in: 0...4, using: &seed)).map { .init(key: "k\($0)\"", value: value(depth + 1)) }
                )
            }
        }
        for _ in 0..<500 {
            let json = value(0).json
            #expect(JSONReader.read(json)?.json == json, "\(seed.replay)")
        }
    }
}

extension OptionValue {
    fileprivate static func times(_ p50: Double, _ p95: Double, _ p99: Double) -> OptionValue {
        .object([
            .init(key: "p50", value: .double(p50)), .init(key: "p95", value: .double(p95)),
            .init(key: "p99", value: .double(p99)),
        ])
    }
}
