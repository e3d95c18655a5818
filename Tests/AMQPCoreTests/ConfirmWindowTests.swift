import AMQPCore
import Testing
import TestSupport

@Suite struct ConfirmWindowTests {
    typealias Window = ConfirmWindow<Int>
    struct Answer: Equatable {
        let context: Int
        let verdict: ConfirmVerdict
    }

    private static func window(_ count: Int) -> Window {
        var window = Window()
        for context in 0..<count { window.published(context + 1) }
        return window
    }

    private static func confirm(
        _ window: inout Window,
        _ tag: UInt64,
        multiple: Bool = false,
        positive: Bool = true
    ) -> [Answer]? {
        var answers: [Answer] = []
        let action = window.confirmReceived(tag, multiple: multiple, positive: positive) { context, verdict in
            answers.append(Answer(context: context, verdict: verdict))
        }
        guard case .settled(let count) = action else { return nil }
        #expect(count == answers.count)
        return answers
    }

    private static func answers(_ contexts: [Int], _ verdict: ConfirmVerdict) -> [Answer] {
        contexts.map { Answer(context: $0, verdict: verdict) }
    }

    @Test func `C49: what comes back without a number is the first of its kind that has not`() {
        var window = Self.window(3)
        window.returned { $0 == 9 }
        window.returned { $0 > 1 }
        window.returned { $0 > 1 }
        _ = Self.confirm(&window, 1)
        #expect(Self.confirm(&window, 3, multiple: true) == Self.answers([2, 3], .returned))
        window.published(4)
        window.returned { $0 == 4 }
        #expect(Self.confirm(&window, 4) == Self.answers([4], .returned))
    }

    @Test func `C46: the first publish is number 1`() {
        var window = Window()
        #expect(window.nextSequence == 1)
        window.published(7)
        #expect(window.nextSequence == 2)
        #expect(Self.confirm(&window, 1) == Self.answers([7], .confirmed))
        #expect(window.nextSequence == 2)
    }

    @Test func `C48: single, multiple and everything`() {
        var window = Self.window(6)
        #expect(Self.confirm(&window, 1) == Self.answers([1], .confirmed))
        #expect(Self.confirm(&window, 3, multiple: true) == Self.answers([2, 3], .confirmed))
        #expect(Self.confirm(&window, 0, multiple: true) == Self.answers([4, 5, 6], .confirmed))
        #expect(window.pending == 0)
    }

    @Test func `C48: out of order, then multiple over what is left`() {
        var window = Self.window(5)
        #expect(Self.confirm(&window, 4) == Self.answers([4], .confirmed))
        #expect(Self.confirm(&window, 2, positive: false) == Self.answers([2], .refused))
        #expect(Self.confirm(&window, 5, multiple: true) == Self.answers([1, 3, 5], .confirmed))
    }

    @Test func `C48: nack, single and multiple`() {
        var window = Self.window(3)
        #expect(Self.confirm(&window, 1, positive: false) == Self.answers([1], .refused))
        #expect(Self.confirm(&window, 3, multiple: true, positive: false) == Self.answers([2, 3], .refused))
    }

    @Test func `C48: a repeated confirm answers nobody twice`() {
        var window = Self.window(2)
        #expect(Self.confirm(&window, 1)?.count == 1)
        #expect(Self.confirm(&window, 1) == [])
        #expect(Self.confirm(&window, 1, multiple: true) == [])
        #expect(window.pending == 1)
    }

    @Test func `C48: confirms of publishes that never were`() {
        var window = Self.window(2)
        #expect(Self.confirm(&window, 0) == nil)
        #expect(Self.confirm(&window, 3) == nil)
        #expect(Self.confirm(&window, UInt64.max, multiple: true) == nil)
        #expect(window.pending == 2)
    }

    @Test func `C49: a returned publish is told with its ack, also in a multiple one`() {
        var window = Self.window(3)
        #expect(window.returned(2) == .matched)
        #expect(window.pending == 3)
        #expect(
            Self.confirm(&window, 3, multiple: true)
                == Self.answers([1], .confirmed) + Self.answers([2], .returned) + Self.answers([3], .confirmed)
        )
    }

    @Test func `C49: a return that matches nothing pending`() {
        var window = Self.window(1)
        #expect(window.returned(0) == .unknown)
        #expect(window.returned(2) == .unknown)
        _ = Self.confirm(&window, 1)
        #expect(window.returned(1) == .unknown)
    }

    @Test func `C45: what is pending at the end is unknown, in order`() {
        var window = Self.window(4)
        _ = Self.confirm(&window, 2)
        _ = window.returned(3)
        var ended: [Answer] = []
        window.end { ended.append(Answer(context: $0, verdict: $1)) }
        #expect(ended == Self.answers([1, 3, 4], .unknown))
        #expect(window.pending == 0)
    }

    @Test func `C48: in any order of confirms every publish is answered exactly once`() {
        var seed = Seed()
        print("ConfirmWindow: \(seed.replay)")
        for _ in 0..<50 {
            var window = Window()
            var answered: [Int: Int] = [:]
            var open: Set<UInt64> = []
            var published = 0
            for _ in 0..<500 {
                if Int.random(in: 0..<3, using: &seed) > 0 || open.isEmpty {
                    published += 1
                    #expect(window.nextSequence == UInt64(published))
                    open.insert(window.nextSequence)
                    window.published(published)
                } else if let tag = open.randomElement(using: &seed) {
                    let multiple = Int.random(in: 0..<4, using: &seed) == 0
                    let expected: Set<UInt64> = multiple ? open.filter { $0 <= tag } : [tag]
                    open.subtract(expected)
                    let answers = Self.confirm(&window, tag, multiple: multiple, positive: Bool.random(using: &seed))
                    #expect(answers?.map { UInt64($0.context) } == expected.sorted(), "\(seed.replay)")
                    for answer in answers ?? [] { answered[answer.context, default: 0] += 1 }
                }
                #expect(window.pending == open.count)
            }
            window.end { context, verdict in
                #expect(verdict == .unknown)
                answered[context, default: 0] += 1
            }
            #expect(answered.count == published, "\(seed.replay)")
            #expect(answered.values.allSatisfy { $0 == 1 }, "\(seed.replay)")
        }
    }

    @Test func `C49: a publish that came back and is refused then is refused`() {
        var window = Self.window(2)
        #expect(window.returned(1) == .matched)
        #expect(Self.confirm(&window, 2, multiple: true, positive: false) == Self.answers([1, 2], .refused))
    }

    @Test func `C48: the numbers of a long window stay right when its front is dropped`() {
        var window = Self.window(3000)
        for tag: UInt64 in 1...2000 { _ = Self.confirm(&window, tag) }
        #expect(window.nextSequence == 3001)
        #expect(Self.confirm(&window, 2500) == Self.answers([2500], .confirmed))
        #expect(Self.confirm(&window, 0, multiple: true)?.map(\.context) == Array(2001...2499) + Array(2501...3000))
    }
}
