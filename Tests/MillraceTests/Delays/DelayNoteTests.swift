import AMQPWire
import Millrace
import Testing

@Suite struct DelayNoteTests {
    private static let now: Int64 = 1_800_000_000_000

    @Test func `a note says when the wait is over, and what of it is left after the stage`() throws {
        let note = DelayNote(wait: 40_000, stage: 16_000, now: Self.now)
        var headers = FieldTable()
        note.write(to: &headers)
        #expect(try #require(DelayNote(headers)) == note)
        #expect(note.remaining(stage: 16_000, now: Self.now) == (16_000, 40_000))
        #expect(note.remaining(stage: 16_000, now: Self.now + 15_000) == (1_001, 25_001))
        #expect(note.remaining(stage: 16_000, now: Self.now + 60_000) == (0, 0))
        DelayNote.remove(from: &headers)
        #expect(headers.isEmpty)
    }

    @Test func `the first stage holds a message for all of its wait`() {
        let note = DelayNote(wait: 700, stage: 0, now: Self.now)
        #expect(note.remaining(stage: 1_000, now: Self.now) == (701, 701))
    }

    @Test func `a wait that begins within a millisecond is not over before its whole length`() {
        // At 0.9 ms past now a wait of 700 ms begins, so at 700 ms past now, which is up to 1 ms before its end, it goes on.
        let note = DelayNote(wait: 700, stage: 0, now: Self.now)
        #expect(note.remaining(stage: 1_000, now: Self.now + 700).all > 0)
        #expect(note.remaining(stage: 1_000, now: Self.now + 701).all == 0)
    }

    @Test func `a clock that was set back costs one stage, and one that was set forward ends the wait`() {
        let note = DelayNote(wait: 40_000, stage: 16_000, now: Self.now)
        #expect(note.remaining(stage: 16_000, now: Self.now - 86_400_000) == (16_000, 40_000))
        #expect(note.remaining(stage: 16_000, now: Self.now + 86_400_000) == (0, 0))
    }

    @Test(arguments: [Int64.min, -1, 0, .max])
    func `absurd numbers neither trap nor hold for longer than a week`(_ number: Int64) throws {
        let headers: FieldTable = [JobHeaders.due: .int64(number), JobHeaders.left: .int64(number)]
        for now in [Int64.min, 0, Self.now, .max] {
            let (stage, all) = try #require(DelayNote(headers)).remaining(stage: 16_000, now: now)
            #expect((0...16_000).contains(stage))
            #expect((stage...Wait.longest).contains(all))
        }
    }

    @Test func `a message without a note, or with words for numbers, has none`() {
        #expect(DelayNote(nil) == nil)
        #expect(DelayNote([JobHeaders.due: "soon", JobHeaders.left: "much"]) == nil)
    }
}
