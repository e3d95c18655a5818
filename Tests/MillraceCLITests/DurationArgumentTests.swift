import Testing

@testable import MillraceCLI

@Suite struct DurationArgumentTests {
    @Test(arguments: [
        ("500ms", Duration.milliseconds(500)), ("1m30s", .seconds(90)), ("2", .seconds(2)), ("0.01", .milliseconds(10)),
        ("0", .zero),
    ])
    func `it is the job file's duration, or seconds`(text: String, duration: Duration) {
        #expect(DurationArgument(argument: text)?.duration == duration)
    }

    @Test(arguments: ["", "s", "-1", "1d", "2 s", "1s1m", "nan", "inf", "1e10"])
    func `anything else is none`(text: String) { #expect(DurationArgument(argument: text) == nil) }

    @Test func `it is shown as it is written`() {
        #expect(DurationArgument(.seconds(60)).defaultValueDescription == "1m")
    }
}
