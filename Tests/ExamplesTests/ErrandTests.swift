import Examples
import Testing

@Suite
struct ErrandTests {
    @Test(
        arguments: [
            ("nap 1500", .nap(.milliseconds(1500))), ("nap 0 third", .nap(.zero)),
            ("hang 20", .hang(.milliseconds(20))),
            ("fail 2 then work", .fail(times: 2)), ("snooze 1795744000", .snooze(until: 1_795_744_000)),
            ("reject", .reject), ("discard this", .discard), ("stop", .stop),
            ("nap", .deliver), ("nap -1", .deliver), ("fail x", .deliver), ("", .deliver), ("stopped", .deliver),
        ] as [(String, Errand)]
    )
    func `a text is read`(text: String, errand: Errand) { #expect(Errand(text) == errand) }
}
