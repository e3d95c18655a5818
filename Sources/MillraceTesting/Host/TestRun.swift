/// Messages that are in a handler's hand together.
final class TestRun {
    let tokens: [TestToken]
    let ending: EarlyEnd
    let reply: Reply<JobResults>
    /// How often `isCancelled` was looked at.
    var looks = 0
    /// Whether its handler has been asked to end.
    var isAsked = false
    /// Why its batch failed as a whole.
    var failure: String?

    init(_ tokens: [TestToken], _ ending: EarlyEnd, _ reply: Reply<JobResults>) {
        self.tokens = tokens
        self.ending = ending
        self.reply = reply
    }

    var isOver: Bool { self.tokens.allSatisfy { !$0.isInHand } }
}
