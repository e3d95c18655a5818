import AMQPClient
import AMQPWire
import Foundation
import TestSupport
import Testing

/// The job files of `Examples/JobFiles`: each is run, with messages that show what it is about.
@Suite(
    .ownThread,
    .serialized,
    .enabled(if: Broker.isThere && ExampleFile.isBuilt, "needs AMQP_URL and a debug build; ops/test has both"),
    .timeLimit(.minutes(10))
)
struct JobFilesTests {
    private static let files =
        (try? FileManager.default.contentsOfDirectory(atPath: ExampleFile.folder))?.sorted() ?? []

    @Test func `each is run by a test`() {
        let run = [
            "async.yaml", "batches.yaml", "crash.yaml", "environments.yaml", "failures.yaml", "middleware.yaml",
            "programs.yaml", "publishing.yaml", "queues.yaml", "rate-limit.yaml", "schedules.yaml", "server.yaml",
            "timeouts.yaml",
        ]
        #expect(Self.files == run, "write a test for a new one, and name it here")
    }

    @Test(arguments: files)
    func `there is nothing to complain about`(file: String) throws {
        let environment = ["EXAMPLES": Tool.root + ".build/debug/libExamples.so"]
        let checked = try Tool.run(
            ExampleFile.millrace,
            ["check", ExampleFile.folder + file],
            environment: environment
        )
        #expect(checked.status == 0, "\(checked.output) \(checked.errors)")
        #expect(checked.errors == "", "no warning either")
    }

    @Test func `publishing.yaml: each order has its invoice, in both modes`() throws {
        let example = try ExampleFile("publishing.yaml")
        let queues = ["publishing.web", "publishing.shop"]
        let orders = (0..<500).map { number in
            "{\"id\":\"\(number)\",\"customer\":\"c\",\"currency\":\"EUR\","
                + "\"lines\":[{\"sku\":\"a\",\"quantity\":1,\"unit_price\":\"1.00\"}]}"
        }
        for queue in queues { try example.publish(orders, to: queue) }
        let ran = try example.runOnce()
        #expect(ran.status == 0, "\(ran.errors)")
        #expect(try example.length("publishing.invoices") == 1000)
        for queue in queues { #expect(try example.length(queue) == 0) }
    }

    @Test func `programs.yaml: a program in Python and one in shell do their work`() throws {
        let example = try ExampleFile("programs.yaml")
        try example.publish(["to be or not to be", "a b a"], to: "programs.texts")
        try example.channel.publish([0xFF, 0xFE], routingKey: "programs.texts")
        try example.publish(["nobody knows where to"], to: "programs.letters")
        var properties = BasicProperties()
        properties.messageID = "letter-1"
        try example.channel.publish(Array("Dear Ada".utf8), routingKey: "programs.letters", properties: properties)
        #expect(try example.channel.awaitConfirms(timeout: Patience.long) == [])
        let ran = try example.runOnce()
        #expect(ran.status == 0, "\(ran.errors)")
        let counts = try example.take("programs.counts")
        #expect(
            Set(counts.map(\.text)) == [
                #"{"id": null, "words": 6, "most": {"be": 2, "to": 2}}"#,
                #"{"id": null, "words": 3, "most": {"a": 2, "b": 1}}"#,
            ]
        )
        #expect(try counts.allSatisfy { try $0.properties.contentType == "application/json" })
        let letter = try String(contentsOfFile: example.scratch.path + "/letter-1.txt", encoding: .utf8)
        #expect(letter == "Dear Ada")
        let reasons = try example.take("programs.dead").map { try $0.header("millrace-error") ?? "" }.sorted()
        #expect(reasons.count == 2)
        #expect(reasons.first == "exit status 65: '' can not be a file's name")
        #expect(reasons.last?.hasPrefix("exit status 65: the text is not UTF-8") == true)
        #expect(ran.errors.contains("stderr: kept 8 octets"))
    }

    @Test func `server.yaml: a server takes an order by HTTP, and shows the invoice that a handler made of it`() throws
    {
        let example = try ExampleFile("server.yaml")
        let log = try example.scratch.write("server.log", "")
        let server = try Child(
            Tool.root + ".build/debug/millrace-server",
            [],
            environment: example.environment.merging(["PORT": "0"]) { $1 },
            folder: Tool.root,
            errors: log
        )
        var port: Substring?
        #expect(
            Patience.sees {
                let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
                port = text.firstMatch(of: /listens on port ([0-9]+)/)?.1
                return port != nil
            }
        )
        let site = "http://127.0.0.1:\(try #require(port))"
        func curl(_ arguments: String...) throws -> String {
            try Tool.run("/usr/bin/curl", ["-s", "-w", " %{http_code}"] + arguments).output
        }
        let order =
            #"{"id":"o-1","customer":"c","currency":"EUR","lines":[{"sku":"a","quantity":2,"unit_price":"1.50"}]}"#
        #expect(try curl("-d", order, site + "/orders") == #"{"order":"o-1","state":"waiting"} 202"#)
        #expect(try curl(site + "/orders/o-1") == #"{"order":"o-1","state":"waiting"} 200"#)
        #expect(try curl("-d", "{}", site + "/orders").hasSuffix(" 400"))
        #expect(try curl(site + "/orders/o-2").hasSuffix(" 404"))
        #expect(try curl(site + "/").hasSuffix(" 404"))
        let ran = try example.runOnce()
        #expect(ran.status == 0, "\(ran.errors)")
        var shown = ""
        #expect(
            Patience.sees {
                shown = (try? curl(site + "/orders/o-1")) ?? ""
                return shown.contains("billed")
            }
        )
        #expect(shown.contains(#""total_cents":357"#), "\(shown)")
        server.send(SIGTERM)
        #expect(server.waitForExit() == 0)
    }

    @Test func `rate-limit.yaml: so many at once, then one by one, and the job beside it does not wait`() throws {
        let example = try ExampleFile("rate-limit.yaml")
        try example.publish((0..<80).map(String.init), to: "rate.partner")
        try example.publish((0..<500).map(String.init), to: "rate.own")
        let start = ContinuousClock.now
        /// More than this may not have been begun by now: 20, and one more every 50 ms.
        func most() -> Int { 20 + Int(start.duration(to: .now) / .milliseconds(50)) }
        let child = try Tool.start(
            ExampleFile.millrace,
            ["run", example.path, "--once"],
            environment: example.environment
        )
        var sentWhenOwnWasDone: Int?
        var sent = 0
        while sent < 80, start.duration(to: .now) < .seconds(120) {
            sent = try example.length("rate.partner.sent")
            #expect(sent <= most())
            if sentWhenOwnWasDone == nil, try example.length("rate.own.sent") == 500 { sentWhenOwnWasDone = sent }
        }
        let took = start.duration(to: .now)
        #expect(child.waitForExit() == 0)
        #expect(sent == 80)
        #expect(took >= .seconds(3), "60 messages after the first 20, at 20 a second")
        #expect((sentWhenOwnWasDone ?? 80) < 80)
    }

    @Test func `schedules.yaml: ticks come and are worked off, and the commands say when and send one more`() throws {
        let example = try ExampleFile("schedules.yaml")
        defer { for name in ["beat", "nightly"] { _ = try? example.channel.deleteQueue("millrace.clock.\(name)") } }
        let child = try Tool.start(ExampleFile.millrace, ["run", example.path], environment: example.environment)
        let deadline = MonotonicClock.deadline(in: Patience.long) ?? 0
        while try example.length("schedules.done") < 2, MonotonicClock.now() < deadline {}
        child.send(SIGTERM)
        #expect(child.waitForExit() == 0)
        let done = try example.texts("schedules.done")
        #expect(done.count >= 2)
        #expect(Set(done) == ["nap 1 beat"])
        func said(_ arguments: String...) throws -> Tool.Result {
            try Tool.run(ExampleFile.millrace, ["schedules"] + arguments, environment: example.environment)
        }
        let listed = try said("list", example.path).output.split(separator: "\n")
        #expect(listed.first == "beat: every 1s, to queue 'schedules.errands'")
        #expect(
            listed.last?.hasPrefix("nightly: at 02:30 every day, Europe/Berlin, to queue 'schedules.errands'; next 2")
                == true
        )
        let next = try said("next", example.path, "nightly", "--count", "400", "--json").output.split(separator: "\n")
        #expect(next.count == 400)
        // In the night of the change it comes at three.
        #expect(next.count { $0.contains("T03:00+02:00") } >= 1)
        let unknown = try said("next", example.path, "nihgtly")
        #expect(unknown.status == 64)
        #expect(unknown.errors == "there is no schedule 'nihgtly'; did you mean 'nightly'?\n")
        let ran = try Tool.run(
            ExampleFile.millrace,
            ["schedules", "run", example.path, "nightly"],
            environment: example.environment
        )
        #expect(ran.status == 0, "\(ran.errors)")
        #expect(ran.output.hasPrefix("published nightly@"))
        #expect(try example.texts("schedules.errands").last == "nap 1 nightly")
    }

    @Test func `async.yaml: sixteen are in hand on one thread, and end in an order of their own`() throws {
        let example = try ExampleFile("async.yaml")
        // Were they handled one after the other, the first would be done first.
        let quick = (1...50).map { "nap 1 quick \($0)" }
        try example.publish(["nap 6000 slow"] + quick, to: "async.naps")
        let ran = try example.runOnce()
        #expect(ran.status == 0, "\(ran.errors)")
        let done = try example.texts("async.done")
        #expect(done.count == 51)
        #expect(done.last == "nap 6000 slow", "fifty others came and went beside it")
        #expect(Set(done.dropLast()) == Set(quick))
        #expect(try example.length("async.naps") == 0, "an ack never covers one that is still in hand")
    }

    @Test func `failures.yaml: each message ends as its errand says`() throws {
        let example = try ExampleFile("failures.yaml")
        let second = Int(Date().timeIntervalSince1970) + 2
        try example.publish(
            ["hello", "fail 2", "fail 9", "reject", "snooze \(second)", "discard"],
            to: "failures.errands"
        )
        try example.publish(["before", "fail 1", "stop", "after"], to: "failures.strict")
        let ran = try example.runOnce()
        #expect(ran.status == 1, "a job was stopped: \(ran.errors)")
        #expect(ran.errors.contains("stopped by its handler: what all of them need is broken"))
        #expect(ran.errors.contains("nobody needs it any more"))
        #expect(Int(Date().timeIntervalSince1970) >= second, "not before its time")
        #expect(Set(try example.texts("failures.done")) == ["hello", "fail 2", "snooze \(second)", "before"])
        let dead = try Dictionary(uniqueKeysWithValues: example.take("failures.dead").map { ($0.text, $0) })
        #expect(Set(dead.keys) == ["fail 9", "reject", "fail 1"])
        #expect(try dead["fail 9"]?.header("millrace-failure") == "exhausted")
        #expect(try dead["fail 9"]?.header("millrace-error") == "attempt 3 had to fail")
        #expect(try dead["fail 9"]?.properties.headers?["millrace-attempt"]?.intValue == 3)
        #expect(try dead["reject"]?.header("millrace-failure") == "rejected")
        #expect(try dead["fail 1"]?.header("millrace-failure") == "failed")
        #expect(try example.length("failures.errands") == 0)
        #expect(try example.texts("failures.strict") == ["stop", "after"], "put back, and not begun")
    }

    @Test func `environments.yaml: everything of one environment begins with its word`() throws {
        let example = try ExampleFile("environments.yaml")
        try example.publish(["hello", "fail 1", "reject"], to: "dev-environments.errands")
        try example.publish(["seen"], to: "", exchange: "environments.audit")
        let planned = try example.millrace("check")
        #expect(planned.output.contains("errands: queue 'dev-environments.errands'"), "\(planned.output)")
        let ran = try example.runOnce()
        #expect(ran.status == 0, "\(ran.errors)")
        #expect(Set(try example.texts("dev-environments.done")) == ["hello", "fail 1"])
        let listed = try Tool.run(
            ExampleFile.millrace,
            ["failed", "list", "errands", "--file", example.path],
            environment: example.environment
        )
        #expect(listed.output.contains("nothing can help it"), "\(listed.output) \(listed.errors)")
        #expect(try example.texts("dev-environments.dead") == ["reject"])
        #expect(try example.texts("dev-environments.seen") == ["seen"])
        #expect(try example.length("dev-environments.errands.delay.0s") == 0, "where the retry waited")
        _ = try Tool.run(
            ExampleFile.millrace,
            ["delays", "remove", "dev-environments.errands"],
            environment: example.environment
        )
        try example.channel.deleteExchange("environments.audit")
    }

    @Test func `timeouts.yaml: who is asked to end and who is given up are both dead letters`() throws {
        let example = try ExampleFile("timeouts.yaml")
        try example.publish(["nap 60000", "nap 1"], to: "timeouts.naps")
        try example.publish(["hang 60000", "nap 2"], to: "timeouts.hangs")
        let start = ContinuousClock.now
        let ran = try example.runOnce()
        #expect(ran.status == 1, "two threads still hang: \(ran.errors)")
        #expect(start.duration(to: .now) < .seconds(60), "nobody waited for them")
        #expect(Set(try example.texts("timeouts.done")) == ["nap 1", "nap 2"])
        let dead = try Dictionary(uniqueKeysWithValues: example.take("timeouts.dead").map { ($0.text, $0) })
        #expect(Set(dead.keys) == ["nap 60000", "hang 60000"])
        #expect(try dead["nap 60000"]?.header("millrace-failure") == "exhausted")
        #expect(try dead["hang 60000"]?.header("millrace-failure") == "hung")
        #expect(try dead["nap 60000"]?.header("millrace-error") == "CancellationError()")
    }

    @Test func `crash.yaml: the block of the guide sets aside what crashes, and the rest is done`() throws {
        let example = try ExampleFile("crash.yaml")
        try example.publish(["a", "b"], to: "fragile")
        let guide = try String(
            contentsOfFile: Tool.root + "Sources/Millrace/Millrace.docc/CrashLedger.md",
            encoding: .utf8
        )
        let block = try #require(guide.components(separatedBy: "```sh\n").last?.components(separatedBy: "```").first)
        let script = try example.scratch.write("see-it.sh", block)
        let tools = Tool.root + ".build/debug:" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
        let ran = try Tool.run(
            "/usr/bin/timeout",
            ["240", "/bin/sh", "-eu", script],
            environment: example.environment.merging(["PATH": tools]) { $1 }
        )
        #expect(ran.status == 0, "\(ran.errors.suffix(4000))")
        #expect(ran.output.contains("crashed"), "\(ran.output)")
        // One after the other: a crash between the other's dead letter and its ack would rightly make that a second one.
        try example.publish(["c", "trap", "d"], to: "fragile_async")
        var runs = 0
        while try example.runOnce().status != 0, runs < 10 { runs += 1 }
        #expect((1..<10).contains(runs), "ended in order after \(runs) crashes")
        for queue in ["fragile.dead", "fragile_async.dead"] {
            let dead = try example.take(queue)
            #expect(dead.map(\.text) == ["trap"], "\(queue)")
            #expect(try dead.first?.header("millrace-failure") == "crashed")
        }
        #expect(Set(try example.texts("fragile.out")) == ["a", "b", "c", "d"])
    }

    @Test func `queues.yaml: priorities, a full queue, and bindings are as the file says`() throws {
        let example = try ExampleFile("queues.yaml")
        for priority in [1, 9, 5] as [UInt8] {
            try example.publish(["urgent \(priority)"], to: "queues.urgent", priority: priority)
        }
        try example.publish((4...1000).map { "urgent 0 \($0)" }, to: "queues.urgent", priority: 0)
        try example.channel.publish(Array("one too many".utf8), routingKey: "queues.urgent")
        #expect(try example.channel.awaitConfirms(timeout: Patience.long).count == 1, "refused: the queue is full")
        try example.publish(["event"], to: "order.new", exchange: "queues.events")
        try example.publish(["first", "second"], to: "queues.ledger")
        for (queue, count) in [("queues.orders", 1), ("queues.live", 1), ("queues.ledger", 2)] {
            #expect(try example.length(queue) == count)
        }
        let ran = try example.runOnce()
        #expect(ran.status == 0, "\(ran.errors)")
        let done = try example.texts("queues.done")
        #expect(done.count == 1004)
        #expect(done.filter { $0.hasPrefix("urgent") }.prefix(3) == ["urgent 9", "urgent 5", "urgent 1"])
        #expect(done.filter { $0 == "first" || $0 == "second" } == ["first", "second"])
        #expect(done.filter { $0 == "event" }.count == 2, "bound twice")
        #expect(try example.length("queues.dead") == 0)
    }

    @Test func `middleware.yaml: middleware of a plugin file writes to the log, and passes the trace on`() throws {
        let example = try ExampleFile("middleware.yaml")
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        var properties = BasicProperties()
        properties.headers = ["traceparent": .string(parent)]
        for grams in [1000, 99_999] {
            let shipment = #"{"id":"s1","carrier":"post","parcels":[{"grams":\#(grams)}]}"#
            try example.channel.publish(
                Array(shipment.utf8),
                routingKey: "middleware.shipments",
                properties: properties
            )
        }
        #expect(try example.channel.awaitConfirms(timeout: Patience.long) == [])
        let ran = try example.runOnce()
        #expect(ran.status == 0, "\(ran.errors)")
        let lines = ran.errors.split(separator: "\n").filter { $0.contains("job=shipments attempt=1") }
        #expect(lines.count == 2, "\(ran.errors)")
        #expect(lines.contains { $0.contains("outcome=ack") && $0.contains("trace=4bf92f3577b34da6a3ce929d0e0e4736") })
        #expect(lines.contains { $0.contains("outcome=reject") && $0.contains("parcels[0].grams: 99999") })
        let postage = try example.take("middleware.postage")
        #expect(try postage.map { try $0.header("traceparent") } == [parent])
        #expect(try example.length("middleware.shipments.dead") == 1)
    }
}
