import Millrace
import Testing

@Suite struct OverridesTests {
    private func note(until: Int64? = nil) -> ChangeNote {
        ChangeNote(actor: "ada", reason: "back\"fill\n", since: 100, until: until)
    }

    private func job(_ name: String, threads: Int = 4, isPaused: Bool = false) -> JobDefinition {
        JobDefinition(
            name: name,
            queue: "q",
            handler: HandlerName(plugin: "p", handler: "h"),
            threads: threads,
            isPaused: isPaused,
            location: SourceLocation(file: "f", line: 1, column: 1)
        )
    }

    @Test func `what was changed is there until its time is over`() {
        var overrides = Overrides()
        overrides.setThreads("a", .fixed(8), self.note(until: 200))
        overrides.setPause("b", true, self.note(), file: false)
        #expect(overrides.nextEnd == 200)
        #expect(overrides["a"].threads?.wish == .fixed(8))
        #expect(overrides.expire(now: 199) == [])
        #expect(overrides.expire(now: 200) == ["scale a 8"])
        #expect(overrides["a"].isEmpty)
        #expect(overrides["b"].pause?.isPaused == true)
        #expect(overrides.nextEnd == nil)
    }

    @Test func `a schedule that rests is there until its time is over, and as text`() {
        var overrides = Overrides()
        #expect(overrides.isEmpty)
        overrides.setSchedule("beat", paused: self.note(until: 200))
        overrides.setSchedule("nightly", paused: self.note())
        #expect(!overrides.isEmpty)
        #expect(overrides.nextEnd == 200)
        #expect(Overrides(text: overrides.text) == overrides)
        #expect(overrides.expire(now: 199) == [])
        #expect(overrides.expire(now: 200) == ["pause of schedule beat"])
        #expect(overrides.schedules.keys.sorted() == ["nightly"])
        overrides.setSchedule("nightly", paused: nil)
        #expect(overrides.isEmpty)
        // What a version before this wrote has no schedules.
        let odd =
            #"{"millrace_control_state":1,"jobs":{},"schedules":{"a":{"paused":false},"b":7,"c":{"paused":true}}}"#
        #expect(Overrides(text: odd)?.schedules.isEmpty == true)
    }

    @Test func `what the file says anyway is no override, unless it is for a time`() {
        var overrides = Overrides()
        overrides.setPause("a", true, self.note(), file: true)
        #expect(overrides.jobs.isEmpty)
        overrides.setPause("a", false, self.note(), file: true)
        #expect(overrides["a"].pause?.isPaused == false)
        overrides.setPause("a", true, self.note(until: 5), file: true)
        #expect(overrides["a"].pause?.isPaused == true)
        overrides.setThreads("a", nil, self.note())
        overrides.setPause("a", true, self.note(), file: true)
        #expect(overrides.jobs.isEmpty)
    }

    @Test func `as text they are the same afterwards, whatever is in the names`() {
        var overrides = Overrides()
        overrides.setThreads("odd \"name\": {}, #\n\u{1B}", .range(2, 16), self.note(until: 7))
        overrides.setPause("b", true, self.note(), file: false)
        overrides.setPause("yes", false, self.note(), file: true)
        #expect(Overrides(text: overrides.text) == overrides)
        #expect(overrides.text.split(separator: "\n").count == 1)
        #expect(Overrides(text: Overrides().text) == Overrides())
    }

    @Test(arguments: [
        "", "{}", "[]", "{\"jobs\":{}}", "{\"millrace_control_state\":2,\"jobs\":{}}", "version: 1", "\u{0}",
    ])
    func `other text is none`(_ text: String) { #expect(Overrides(text: text) == nil) }

    @Test func `what is odd in them is left out`() {
        let text = """
            {"millrace_control_state":1,"jobs":{"a":{"threads":{"wish":"0","actor":"x","since":1}},
            "b":{"pause":{"paused":true}},"c":7,"d":{"pause":{"paused":true,"actor":"x","since":1}}}}
            """
        #expect(Overrides(text: text)?.jobs.keys.sorted() == ["d"])
    }

    @Test func `a new file ends what it says otherwise than before, and what is about jobs that are gone`() {
        var overrides = Overrides()
        overrides.setThreads("same", .fixed(8), self.note())
        overrides.setThreads("other", .fixed(8), self.note())
        overrides.setPause("gone", true, self.note(), file: false)
        overrides.setPause("paused", false, self.note(), file: true)
        let fallen = overrides.follow(
            old: [self.job("same"), self.job("other"), self.job("gone"), self.job("paused", isPaused: true)],
            new: [self.job("same"), self.job("other", threads: 2), self.job("paused")]
        )
        #expect(fallen.count == 3)
        #expect(fallen.contains("scale other 8: the file says 2 now, not 4"))
        #expect(overrides.jobs.keys.sorted() == ["same"])
    }

    @Test(arguments: [
        ("8", ThreadsWish.fixed(8)), ("2..16", .range(2, 16)), ("1..1", .range(1, 1)), ("512", .fixed(512)),
    ])
    func `a number or a range`(_ text: String, _ wish: ThreadsWish) {
        #expect(ThreadsWish(text) == wish)
        #expect(wish.text == text)
    }

    @Test(arguments: [
        "", "0", "-1", "513", "2..", "..2", "3..2", "2...4", "a", "1..600", "2.5", "99999999999999999999",
    ])
    func `anything else is neither`(_ text: String) { #expect(ThreadsWish(text) == nil) }

    @Test func `a note says who, why, and until when, in the reader's time`() {
        let note = ChangeNote(actor: "ada", reason: "bell\u{7}", since: 3600, until: 7260)
        #expect(note.text(zone: 0) == "01:00, by ada, \"bell\\u{7}\", ends 02:01")
        #expect(ClockText.minutes(0, zone: -3600) == "23:00")
    }
}
