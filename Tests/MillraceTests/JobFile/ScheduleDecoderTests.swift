import Millrace
import Testing

/// `schedules`.
@Suite struct ScheduleDecoderTests {
    private static func text(_ schedules: String) -> String {
        "version: 1\nconnection: { uri: amqp://a }\njobs:\n  a: { queue: reports, handler: p.h }\nschedules:\n"
            + schedules
    }

    @Test func `what is said, and what is not`() throws {
        let file = try JobFileFixture.parse(
            Self.text(
                """
                  nightly:
                    cron: "30 2 * * *"
                    timezone: Europe/Berlin
                    queue: reports
                    body: { kind: daily, days: [1, 2], deep: { on: true, none: ~ } }
                    headers: { tenant: a, size: 5 }
                    catch_up: all
                    deadline: 10m
                  beat: { every: 30s, queue: reports }
                  text: { cron: "@daily", queue: reports, body: hello }
                  plain:
                    cron: 0 12 * * mon
                    queue: reports
                """
            )
        )
        #expect(file.warnings.isEmpty)
        #expect(file.schedules.map(\.name) == ["nightly", "beat", "text", "plain"])
        let nightly = file.schedules[0]
        #expect(nightly.timing == .cron("30 2 * * *"))
        #expect(nightly.timezone == "Europe/Berlin")
        #expect(nightly.queue == "reports")
        #expect(
            String(decoding: nightly.body, as: UTF8.self)
                == #"{"kind":"daily","days":[1,2],"deep":{"on":true,"none":null}}"#
        )
        #expect(nightly.contentType == "application/json")
        #expect(nightly.headers == ["tenant": .string("a"), "size": .int(5)])
        #expect(nightly.catchUp == .all)
        #expect(nightly.deadline == .seconds(600))
        #expect(nightly.location.line == 6)
        let beat = file.schedules[1]
        #expect(beat.timing == .every(.seconds(30)))
        #expect(beat.timezone == "UTC")
        #expect(beat.body.isEmpty)
        #expect(beat.contentType == nil)
        #expect(beat.catchUp == .latest)
        #expect(beat.deadline == nil)
        #expect(file.schedules[2].body == Array("hello".utf8))
        #expect(file.schedules[2].contentType == "text/plain")
        #expect(file.schedules[3].timing == .cron("0 12 * * mon"))
        #expect(try JobFileFixture.parse(Self.text("")).schedules.isEmpty)
    }

    @Test(arguments: [
        ("every: 30s, queue: reports", []),
        ("every: 1s, queue: reports", []),
        ("every: 999ms, queue: reports", ["out-of-range"]),
        ("every: 9000h, queue: reports", ["out-of-range"]),
        ("every: 30, queue: reports", ["duration-unit"]),
        ("every: 30s", ["missing-key"]),
        ("queue: reports", ["missing-key"]),
        ("every: 30s, cron: '@daily', queue: reports", ["conflict"]),
        ("every: 30s, timezone: UTC, queue: reports", ["conflict"]),
        ("cron: 5, queue: reports", ["wrong-type"]),
        ("cron: '* * *', queue: reports", ["bad-cron"]),
        ("crontab: '@daily', queue: reports", ["foreign-word"]),
        ("interval: 5m, queue: reports", ["foreign-word"]),
        ("every: 5m, queue: reports, payload: x, tz: UTC", ["foreign-word", "foreign-word"]),
        ("every: 5m, queue: reports, body: 5", ["wrong-type"]),
        ("every: 5m, queue: reports, body: [5, ~]", []),
        ("every: 5m, queue: reports, catch_up: last", ["unknown-value"]),
        ("every: 5m, queue: reports, deadline: 0s", ["out-of-range"]),
        ("every: 5m, queue: reports, overlap: skip", ["unknown-key"]),
        ("every: 5m, queue: reports, headers: { BCC: x }", ["bad-name"]),
        ("every: 5m, queue: reports, headers: { millrace-tick: 5 }", ["bad-name"]),
        ("every: 5m, queue: ''", ["bad-name"]),
        ("every: 5m, queue: reprots", ["unknown-queue"]),
        ("every: 5m, queue: elsewhere", ["unknown-queue"]),
    ])
    func `what can not be is refused`(lines: String, ids: [String]) {
        #expect(JobFileFixture.problems(Self.text("  s: { \(lines) }\n")).map(\.id) == ids)
    }

    @Test func `a queue of another file's is named under queues`() {
        let text = Self.text("  s: { every: 5m, queue: elsewhere }\n")
        #expect(JobFileFixture.problems(text + "queues: { elsewhere: { declare: passive } }\n").isEmpty)
        let warning = JobFileFixture.problems(text).first
        #expect(warning?.severity == .warning)
        #expect(warning?.help == "say so by declare: passive under 'queues'")
        let near = JobFileFixture.problems(Self.text("  s: { every: 5m, queue: reprots }\n")).first
        #expect(near?.help == "did you mean 'reports'?")
    }

    @Test func `who writes a schedule into a job is told where it goes`() {
        let text = JobFileFixture.withJob("schedule: '@daily'")
        #expect(JobFileFixture.problems(text).map(\.help) == ["'schedules' belongs in the job file"])
        #expect(
            JobFileFixture.problems(JobFileFixture.withJob("cron: '@daily'")).first?.help
                == "'cron' belongs in a schedule"
        )
    }

    @Test func `a name that makes no queue's name is refused`() {
        let name = String(repeating: "n", count: 201)
        #expect(
            JobFileFixture.problems(Self.text("  \(name): { every: 5m, queue: reports }\n")).map(\.id) == ["bad-name"]
        )
    }

    @Test func `a mistake in an expression is pointed at, however that is written`() {
        for (cron, column) in [("'0 0 32 * *'", 19), ("\"0 0 32 * *\"", 19), ("0 0 32 * *", 18)] {
            let problem = JobFileFixture.problems(Self.text("  s: { cron: \(cron), queue: reports }\n")).first
            #expect(problem?.column == column)
            #expect(problem?.length == 2)
        }
        // Where it is not there as it is read: all of it.
        let folded = JobFileFixture.problems(Self.text("  s: { cron: \"0 0 3\\x32 * *\", queue: reports }\n")).first
        #expect(folded?.column == 14)
    }

    @Test func `what a variable holds is not told`() throws {
        let text = Self.text("  s: { cron: '${CRON_PASSWORD}', timezone: '${ZONE_PASSWORD}', queue: reports }\n")
        let environment = ["CRON_PASSWORD": "0 0 hunter2 * *", "ZONE_PASSWORD": "hunter2"]
        let draft = try JobFileDraft(bytes: Array(text.utf8), file: "jobs.yaml", environment: environment)
        draft.checkTimeZones()
        do throws(JobFileError) {
            _ = try draft.finish()
            Issue.record("it was taken")
        } catch {
            #expect(error.diagnostics.map(\.id) == ["bad-cron", "bad-timezone"])
            #expect(!"\(error)".contains("hunter2"))
        }
    }

    @Test func `an unknown time zone is pointed at, with its nearest word`() throws {
        let text = Self.text("  s: { cron: '@daily', timezone: Europe/Berln, queue: reports }\n")
        let draft = try JobFileDraft(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        draft.checkTimeZones(ZoneFolder(path: GoldenScheduleTests.folder + "/zoneinfo"))
        do throws(JobFileError) {
            _ = try draft.finish()
            Issue.record("it was taken")
        } catch {
            #expect(error.diagnostics.map(\.id) == ["bad-timezone"])
            #expect(error.diagnostics.first?.line == 6)
            #expect(error.diagnostics.first?.column == 34)
            #expect(error.diagnostics.first?.help == "did you mean 'Europe/Berlin'?")
        }
    }
}
