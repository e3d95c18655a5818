/// What a worker decides about a delivery.
enum Outcome: UInt8 { case ack, requeue, reject }

/// What the broker said of a publish.
enum Word: UInt8 { case nothing, confirmed, refused, returned }

/// One life of a channel number, as the client's end of the wire shows it.
struct WireLife {
    enum Phase { case free, opening, open, closing }
    enum Mode { case plain, confirm, transaction }
    struct Acked {
        let id: UInt64
        let outputs: [UInt64]
    }
    struct Publish {
        let id: UInt64
        var word = Word.nothing
        var isReturned = false
    }

    var phase = Phase.free
    var incarnation: UInt64 = 0
    var mode = Mode.plain
    /// The broker's close came, and our close-ok has not gone out.
    var owesCloseOk = false
    /// Our close-ok went out while our own close was on its way.
    var hasAnswered = false
    /// When the broker's close came.
    var closedAt: UInt64 = 0
    /// Close-oks of lives that were given up, which may still come.
    var lateCloseOks = 0
    /// Deliveries that came and were not settled: tag to message.
    var unsettled: [UInt64: UInt64] = [:]
    var decided: [UInt64: Outcome] = [:]
    /// The outputs that the broker has to have before a delivery is acked.
    var planned: [UInt64: [UInt64]] = [:]
    var publishes: [Publish] = []
    /// Where the first publish stands that has no word.
    var answered = 0
    /// Acks that wait for the commit.
    var uncommitted: [Acked] = []
    /// Acks of commits on their way.
    var committing: [[Acked]] = []
    var published: Set<UInt64> = []

    /// The content that comes in.
    var incoming = Incoming.none
    enum Incoming { case none, header(returned: Bool, tag: UInt64), body(returned: Bool, tag: UInt64) }

    init(incarnation: UInt64 = 0, lateCloseOks: Int = 0) {
        self.incarnation = incarnation
        self.lateCloseOks = lateCloseOks
    }

    /// The broker has said something of a publish, or of all up to it.
    mutating func confirmed(_ tag: UInt64, multiple: Bool, positive: Bool) {
        let last = multiple && tag == 0 ? self.publishes.count : Int(tag)
        guard last >= 1, last <= self.publishes.count else { return }
        let first = multiple ? min(self.answered, last - 1) : last - 1
        for place in first..<last where self.publishes[place].word == .nothing {
            self.publishes[place].word =
                !positive ? .refused : self.publishes[place].isReturned ? .returned : .confirmed
        }
        while self.answered < self.publishes.count, self.publishes[self.answered].word != .nothing {
            self.answered += 1
        }
    }

    mutating func returned(_ id: UInt64) {
        let place = self.publishes.indices.first {
            self.publishes[$0].id == id && self.publishes[$0].word == .nothing && !self.publishes[$0].isReturned
        }
        if let place { self.publishes[place].isReturned = true }
    }

    /// Whether the broker has said that it has this message.
    func hasConfirmed(_ id: UInt64) -> Bool {
        self.publishes.contains { $0.id == id && $0.word == .confirmed }
    }
}
