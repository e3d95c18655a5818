import AMQPClient
import TestSupport
import Testing

@Suite struct ConfirmWindowTests {
    private typealias Window = ConfirmWindow<Int>

    private func window(_ count: Int) -> Window {
        var window = Window()
        for number in 1...count { window.published(number) }
        return window
    }

    @Test func `C46: the first publish is 1`() {
        var window = Window()
        #expect(window.nextSequence == 1)
        window.published(7)
        #expect(window.nextSequence == 2)
    }

    @Test func `C48: single, multiple and out of order, each publish is answered once`() {
        var window = self.window(6)
        var answers: [Int: Window.Verdict] = [:]
        func settle(_ number: Int, _ verdict: Window.Verdict) {
            #expect(answers.updateValue(verdict, forKey: number) == nil)
        }
        #expect(window.confirmReceived(4, multiple: false, positive: true, settle) == .settled(1))
        #expect(window.confirmReceived(3, multiple: true, positive: true, settle) == .settled(3))
        #expect(window.confirmReceived(4, multiple: true, positive: true, settle) == .settled(0))
        #expect(window.confirmReceived(5, multiple: false, positive: false, settle) == .settled(1))
        #expect(window.confirmReceived(0, multiple: true, positive: true, settle) == .settled(1))
        #expect(answers == [1: .confirmed, 2: .confirmed, 3: .confirmed, 4: .confirmed, 5: .refused, 6: .confirmed])
        #expect(window.pending == 0)
    }

    @Test func `C49: a returned publish is answered as returned, with the ack that follows`() {
        var window = self.window(2)
        #expect(window.returned(2) == .matched)
        #expect(window.returned(3) == .unknown)
        var answers: [Int: Window.Verdict] = [:]
        _ = window.confirmReceived(2, multiple: true, positive: true) { answers[$0] = $1 }
        #expect(answers == [1: .confirmed, 2: .returned])
    }

    @Test func `a confirm of what was never published is unknown`() {
        var window = self.window(1)
        #expect(window.confirmReceived(2, multiple: false, positive: true) { _, _ in } == .unknown)
        #expect(window.confirmReceived(0, multiple: false, positive: true) { _, _ in } == .unknown)
    }

    @Test func `C45: at the channel's end what is pending is unknown`() {
        var window = self.window(3)
        _ = window.confirmReceived(1, multiple: false, positive: true) { _, _ in }
        var unknown: [Int] = []
        window.end { number, verdict in
            #expect(verdict == .unknown)
            unknown.append(number)
        }
        #expect(unknown == [2, 3])
    }

    @Test func `C48: random confirms answer every publish exactly once`() {
        var seed = Seed()
        print("MILLRACE_SEED=\(seed.value)")
        for _ in 0..<100 {
            var window = Window()
            var answered: [Int: Int] = [:]
            var published = 0
            for _ in 0..<200 {
                if Bool.random(using: &seed) {
                    published += 1
                    window.published(published)
                } else if published > 0 {
                    let tag = UInt64.random(in: 1...UInt64(published), using: &seed)
                    _ = window.confirmReceived(tag, multiple: Bool.random(using: &seed), positive: true) { number, _ in
                        answered[number, default: 0] += 1
                    }
                }
            }
            window.end { number, _ in answered[number, default: 0] += 1 }
            #expect(answered.count == published, "seed \(seed.value)")
            #expect(answered.values.allSatisfy { $0 == 1 }, "seed \(seed.value)")
        }
    }
}
