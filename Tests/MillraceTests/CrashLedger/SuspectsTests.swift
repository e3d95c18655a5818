import Millrace
import Testing

/// Who is blamed for the end of a run.
@Suite struct SuspectsTests {
    private static let now = LedgerTime(wall: 1_000_000, sinceBoot: 5000, boot: 7)
    private static func print(_ number: UInt64) -> Fingerprint { Fingerprint(low: number, high: number) }

    private static func message(_ number: UInt64, thread: UInt32) -> LastRun.InHand {
        LastRun.InHand(Self.print(number), thread: thread)
    }

    /// A run with messages 1, 2, 3… in the hands of threads 1, 2, 3….
    private func run(_ messages: Int, signal: Int32 = 4, thread: UInt32 = 1, ending: LastRun.Ending = .running)
        -> LastRun
    {
        LastRun(
            ending: ending,
            signal: signal,
            thread: thread,
            inHand: (1...messages).map { Self.message(UInt64($0), thread: UInt32($0)) }
        )
    }

    @Test func `the thread that crashed names the message; the others in hand are not even suspects`() throws {
        var suspects = Suspects(limit: 2)
        #expect(suspects.judge(self.run(4), now: Self.now).map(\.thread) == [1])
        #expect(suspects.entries.count == 1)
        #expect(!suspects.isCondemned(Self.print(1)))
        #expect(!suspects.areAnyToRunAlone)
        _ = suspects.judge(self.run(4), now: Self.now)
        #expect(suspects.isCondemned(Self.print(1)))
        #expect(try #require(suspects[Self.print(1)]).reason.contains("2 times; the last time by SIGILL"))
    }

    @Test(arguments: [Int32(0), 4]) func `in hand among others is no proof, however often`(signal: Int32) {
        var suspects = Suspects(limit: 2)
        for _ in 0..<50 { _ = suspects.judge(self.run(4, signal: signal, thread: 99), now: Self.now) }
        #expect(suspects.entries.count == 4)
        #expect((1...4).allSatisfy { !suspects.isCondemned(Self.print($0)) })
        #expect(suspects.areAnyToRunAlone)
    }

    @Test func `a thread that was named sets apart on its worker, any other in the process`() {
        let thread = (1...3).map { Self.message($0, thread: 1) }
        var run = LastRun(ending: .running, signal: 4, thread: 1, inHand: thread + [Self.message(9, thread: 2)])
        var suspects = Suspects(limit: 2)
        #expect(suspects.judge(run, now: Self.now) == thread)
        #expect(suspects.entries.map(\.isolation) == [.worker, .worker, .worker])
        #expect(suspects.unsureDeaths == 1)
        run.thread = 99
        _ = suspects.judge(run, now: Self.now)
        #expect(suspects.entries.map(\.isolation) == [.process, .process, .process, .process])
        #expect(suspects.unsureDeaths == 2)
        // Alone on its worker, with others in hand elsewhere.
        run = LastRun(ending: .running, signal: 4, thread: 1, inHand: [thread[0], Self.message(9, thread: 2)])
        _ = suspects.judge(run, now: Self.now)
        #expect(suspects.isCondemned(Self.print(1)))
        #expect(!suspects.isCondemned(Self.print(9)))
    }

    @Test func `a suspect that ran alone when the process died again was it`() {
        var suspects = Suspects(limit: 2)
        _ = suspects.judge(self.run(4, thread: 99), now: Self.now)
        _ = suspects.judge(self.run(1, thread: 99), now: Self.now)
        #expect(suspects.isCondemned(Self.print(1)))
        #expect((2...4).allSatisfy { !suspects.isCondemned(Self.print($0)) })
    }

    @Test func `an end without a signal counts half, alone or not`() {
        var suspects = Suspects(limit: 2)
        for count in 1...4 {
            #expect(!suspects.isCondemned(Self.print(1)), "after \(count - 1)")
            _ = suspects.judge(self.run(1, signal: 0), now: Self.now)
        }
        #expect(suspects.isCondemned(Self.print(1)))
    }

    @Test func `killed while it was draining, or ended in order: nobody is blamed`() {
        var suspects = Suspects(limit: 2)
        #expect(suspects.judge(self.run(3, signal: 0, ending: .draining), now: Self.now) == [])
        #expect(suspects.judge(self.run(3, ending: .ended), now: Self.now) == [])
        #expect(suspects.judge(self.run(3, ending: .draining), now: Self.now).count == 1)
    }

    /// Crashed at ``now``, and again at this time: whether that was the second crash.
    private func isSecond(at time: LedgerTime, boot: UInt64 = 7) -> Bool {
        var suspects = Suspects(limit: 2)
        _ = suspects.judge(self.run(1), now: Self.now)
        // As the next run reads it.
        let rows = suspects.entries.compactMap { Suspect(words: $0.words) }
        suspects = Suspects(rows, limit: 2, boot: boot)
        _ = suspects.judge(self.run(1), now: time)
        return suspects.isCondemned(Self.print(1))
    }

    @Test func `what happened a day ago is forgotten`() {
        let day = Suspects.longestMemory
        #expect(self.isSecond(at: LedgerTime(wall: 1_000_000 + day, sinceBoot: 5000 + day, boot: 7)))
        #expect(!self.isSecond(at: LedgerTime(wall: 1_000_001 + day, sinceBoot: 5001 + day, boot: 7)))
        #expect(!self.isSecond(at: LedgerTime(wall: 1_000_001 + day, sinceBoot: 60, boot: 8)))
        #expect(!self.isSecond(at: LedgerTime(wall: 1_000_001 + day)))
    }

    @Test(arguments: [0, 1, 999_999, 2_000_000, 1 << 40] as [UInt64])
    func `a clock that is set back, or forward, makes nobody forget`(wall: UInt64) {
        #expect(self.isSecond(at: LedgerTime(wall: wall, sinceBoot: 5060, boot: 7)))
    }

    @Test(arguments: [0, 1, 999_999] as [UInt64])
    func `set back, and the machine started again, or its clock unknown: it counts all the same`(wall: UInt64) {
        #expect(self.isSecond(at: LedgerTime(wall: wall, sinceBoot: 30, boot: 8)))
        #expect(self.isSecond(at: LedgerTime(wall: wall, sinceBoot: 9000, boot: 8)))
        #expect(self.isSecond(at: LedgerTime(wall: wall)))
        #expect(self.isSecond(at: LedgerTime(wall: wall, sinceBoot: 1, boot: 7)))
    }

    @Test func `one whose age nobody knew is forgotten a day after it was seen`() {
        var suspects = Suspects(limit: 2)
        _ = suspects.judge(self.run(1), now: LedgerTime(wall: 1_000_000))
        let none = LastRun(ending: .ended)
        _ = suspects.judge(none, now: LedgerTime(wall: 500))
        #expect(suspects.entries.map(\.lastDeath) == [500])
        _ = suspects.judge(none, now: LedgerTime(wall: 500 + Suspects.longestMemory))
        #expect(suspects.entries.count == 1)
        _ = suspects.judge(none, now: LedgerTime(wall: 501 + Suspects.longestMemory))
        #expect(suspects.entries == [])
    }

    @Test func `a time that a wrong clock gave is put right while the machine still knows`() {
        var suspects = Suspects(limit: 2)
        _ = suspects.judge(self.run(1), now: Self.now)
        let none = LastRun(ending: .ended)
        _ = suspects.judge(none, now: LedgerTime(wall: 5_000_000, sinceBoot: 5100, boot: 7))
        #expect(suspects.entries.map(\.lastDeath) == [4_999_900])
        _ = suspects.judge(self.run(1), now: LedgerTime(wall: 5_000_100, sinceBoot: 40, boot: 8))
        #expect(suspects.isCondemned(Self.print(1)))
    }

    @Test func `a full list keeps those that are nearest to the dead letters`() {
        var suspects = Suspects(limit: 3, capacity: 10)
        _ = suspects.judge(self.run(1), now: Self.now)
        _ = suspects.judge(self.run(1), now: Self.now)
        _ = suspects.judge(self.run(500, signal: 0), now: Self.now)
        #expect(suspects.entries.count == 10)
        #expect(suspects[Self.print(1)]?.halves == 4)
    }

    @Test func `another message that is only alike at its ends neither inherits the count nor clears it`() {
        var suspects = Suspects(limit: 2)
        let (one, other) = (Self.print(77), Self.print(78))
        let crasher = LastRun.InHand(Self.print(1), whole: one, thread: 1)
        let twin = LastRun.InHand(Self.print(1), whole: other, thread: 1)
        let run = LastRun(ending: .running, signal: 4, thread: 1, inHand: [crasher])
        _ = suspects.judge(run, now: Self.now)
        suspects.remove(Self.print(1), whole: other)
        #expect(suspects.entries.count == 1)
        _ = suspects.judge(LastRun(ending: .running, signal: 4, thread: 1, inHand: [twin]), now: Self.now)
        #expect(!suspects.isCondemned(Self.print(1)))
        suspects.remove(Self.print(1), whole: other)
        #expect(suspects.entries == [])
    }

    @Test func `one whose whole body nobody has looked at is removed by whatever has its ends`() {
        var suspects = Suspects(limit: 2)
        _ = suspects.judge(self.run(1), now: Self.now)
        suspects.remove(Self.print(2), whole: Self.print(9))
        #expect(suspects.entries.count == 1)
        suspects.remove(Self.print(1), whole: Self.print(9))
        #expect(suspects.entries == [])
    }

    @Test func `a row is read as it was written, and one that was half written is none`() {
        var suspects = Suspects(limit: 2)
        _ = suspects.judge(self.run(2, signal: 11, thread: 99), now: Self.now)
        _ = suspects.judge(self.run(1, signal: 6), now: Self.now)
        for suspect in suspects.entries {
            #expect(Suspect(words: suspect.words) == suspect)
            for index in suspect.words.indices {
                var words = suspect.words
                words[index] ^= 1 << 40
                #expect(Suspect(words: words) == nil, "word \(index)")
            }
        }
    }
}
