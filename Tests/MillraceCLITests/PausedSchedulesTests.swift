import Testing

@testable import MillraceCLI

@Suite struct PausedSchedulesTests {
    @Test func `who has paused what is read out of the answer`() {
        let answer = """
            {"schedules":[{"name":"beat","queue":"q","paused":true,"pause_override":{"paused":true,"by":"ada","since":1,
            "reason":"audit"}},{"name":"nightly","queue":"q","paused":false},
            {"name":"x","queue":"q","paused":true,"pause_override":{"paused":true,"by":"bob","since":1}}]}
            """
        #expect(PausedSchedules.read(answer) == ["beat": "paused by ada, \"audit\"", "x": "paused by bob"])
    }

    @Test(arguments: ["", "{}", "[]", "{\"schedules\":{}}", "{\"schedules\":[7]}"])
    func `another answer says nothing`(answer: String) { #expect(PausedSchedules.read(answer).isEmpty) }
}
