/// Looks at every frame at the client's end of one connection, and says what must not be.
///
/// It shares no code with the client: what the client believes of a channel is not asked.
final class WireWatch {
    private(set) var lives: [WireLife] = []
    /// Incarnations by number, as their owners asked for them, until channel.open goes out.
    private var expected: [UInt16: [UInt64]] = [:]
    private var outgoing = FrameCutter(skipping: 8)
    private var incoming = FrameCutter()
    /// The publish whose frames go out: its channel, its exchange's part done, and octets that are to come.
    private var content: (channel: UInt16, isHeader: Bool, left: Int, body: Int)?
    private var isClosing = false
    /// When octets went out last, and when before that.
    private var sentAt: (last: UInt64, before: UInt64) = (0, 0)
    private let report: (Violation.Invariant, String) -> Void
    private let note: (Trace.What, UInt32, UInt16, UInt64) -> Void
    /// Where the fate of messages is kept.
    private let book: Book
    private var now: UInt64 = 0

    /// - Parameters:
    ///   - book: The messages.
    ///   - note: Takes each frame.
    ///   - report: Takes what must not be.
    init(
        book: Book,
        note: @escaping (Trace.What, UInt32, UInt16, UInt64) -> Void,
        report: @escaping (Violation.Invariant, String) -> Void
    ) {
        self.book = book
        self.note = note
        self.report = report
    }

    /// Whether the next octet from the broker is the first of a frame.
    var isBetweenFrames: Bool { self.incoming.isBetweenFrames }

    /// An owner has asked for a channel.
    func expects(_ number: UInt16, _ incarnation: UInt64) { self.expected[number, default: []].append(incarnation) }

    private func life(_ number: UInt16, _ change: (inout WireLife) -> Void) {
        while self.lives.count <= Int(number) { self.lives.append(WireLife()) }
        change(&self.lives[Int(number)])
    }

    private func current(_ number: UInt16) -> WireLife {
        Int(number) < self.lives.count ? self.lives[Int(number)] : WireLife()
    }

    /// Of the channel that is on this number now, if it is that one.
    func current(_ number: UInt16, _ incarnation: UInt64) -> WireLife? {
        let life = self.current(number)
        return life.incarnation == incarnation ? life : nil
    }

    /// A worker has decided about a delivery: it may be settled like that, and in no other way.
    func decides(
        _ number: UInt16,
        _ incarnation: UInt64,
        _ tag: UInt64,
        _ outcome: Outcome,
        outputs: [UInt64] = []
    ) {
        guard self.current(number).incarnation == incarnation else { return }
        self.life(number) { life in
            life.decided[tag] = outcome
            if !outputs.isEmpty { life.planned[tag] = outputs }
        }
    }

    // MARK: What the client sends

    func sent(_ bytes: UnsafeRawBufferPointer, now: UInt64) {
        self.now = now
        if now > self.sentAt.last { self.sentAt = (now, self.sentAt.last) }
        self.outgoing.take(bytes) { self.frameSent($0) }
    }

    private func frameSent(_ frame: UnsafeRawBufferPointer) {
        let (type, number) = (frame[0], frame.number16(1))
        let method = type == 1 ? frame.number32(7) : UInt32(type)
        self.note(.sent, method, number, type == 1 && frame.count >= 20 && method >> 16 == 60 ? frame.number64(11) : 0)
        if let content {
            guard number == content.channel, type == (content.isHeader ? 2 : 3) else {
                return self.report(
                    .contentsWhole,
                    "a frame of type \(type) on channel \(number) in a content of channel \(content.channel)"
                )
            }
            return self.contentSent(frame, number)
        }
        guard type == 1 else {
            if type != 8 { self.report(.contentsWhole, "a frame of type \(type) on channel \(number), and no content") }
            return
        }
        if number == 0 {
            if method == Wire.connectionClose { self.closeSent() }
            return
        }
        if self.isClosing { self.report(.closedChannel, "a frame of channel \(number) behind connection.close") }
        self.methodSent(method, number, frame)
    }

    private static let closeMoment: UInt64 = 500_000_000

    private func closeSent() {
        self.isClosing = true
        // One that came a moment ago may be behind our own close, which waited for the socket (C44); so may one since which the
        // socket took nothing.
        let due = min(self.now &- Self.closeMoment, self.sentAt.before)
        if let number = self.lives.indices.first(where: { self.lives[$0].owesCloseOk && self.lives[$0].closedAt < due })
        {
            self.report(.waiterEndsOnce, "the broker's close of channel \(number) was never answered")
        }
    }

    private func contentSent(_ frame: UnsafeRawBufferPointer, _ number: UInt16) {
        guard let content else { return }
        if content.isHeader {
            let size = Int(frame.number64(11))
            self.content = size == 0 ? nil : (number, false, size, 0)
            return
        }
        if content.body == 0, let id = Ledger.id(frame[7..<frame.count - 1]) {
            self.life(number) { life in
                if life.mode != .plain { life.publishes.append(WireLife.Publish(id: id)) }
                life.published.insert(id)
            }
        }
        let left = content.left - (frame.count - 8)
        if left < 0 { self.report(.contentsWhole, "a body longer than its header says, on channel \(number)") }
        self.content = left <= 0 ? nil : (number, false, left, content.body + frame.count - 8)
    }

    private func methodSent(_ method: UInt32, _ number: UInt16, _ frame: UnsafeRawBufferPointer) {
        let life = self.current(number)
        switch method {
        case Wire.channelOpen: return self.openSent(number, life)
        case Wire.channelClose:
            guard life.phase == .open || life.phase == .opening else { break }
            return self.life(number) { $0.phase = .closing }
        case Wire.channelCloseOk:
            guard life.owesCloseOk else { break }
            return self.life(number) { life in
                life.owesCloseOk = false
                if life.phase == .closing { life.hasAnswered = true } else { life.phase = .free }
            }
        default:
            guard life.phase == .open else { break }
            return self.openMethodSent(method, number, frame)
        }
        self.report(
            .closedChannel,
            "method \(method >> 16).\(method & 0xFFFF) on channel \(number), which is \(life.phase)"
        )
    }

    /// How long a close-ok is waited for behind closes that crossed, as HowItWorks has it.
    private static let patience: UInt64 = 5_000_000_000

    private func openSent(_ number: UInt16, _ life: WireLife) {
        var late = life.lateCloseOks
        if life.phase == .closing, life.hasAnswered, self.now >= life.closedAt + Self.patience {
            late += 1
        } else if life.phase != .free || life.owesCloseOk {
            self.report(
                .numberReused,
                "channel.open on number \(number), which is \(life.phase), close-ok owed: \(life.owesCloseOk)"
            )
        }
        let incarnation = self.expected[number]?.first ?? 0
        if self.expected[number]?.isEmpty == false { self.expected[number]?.removeFirst() }
        self.life(number) { life in
            life = WireLife(incarnation: incarnation, lateCloseOks: late)
            life.phase = .opening
        }
    }

    private func openMethodSent(_ method: UInt32, _ number: UInt16, _ frame: UnsafeRawBufferPointer) {
        switch method {
        case Wire.publish: self.content = (number, true, 0, 0)
        case Wire.confirmSelect: self.life(number) { $0.mode = .confirm }
        case Wire.txSelect: self.life(number) { $0.mode = .transaction }
        case Wire.txCommit: self.commitSent(number)
        case Wire.ack: self.settle(number, frame.number64(11), multiple: frame[19] & 1 != 0, .ack)
        case Wire.nack:
            self.settle(
                number,
                frame.number64(11),
                multiple: frame[19] & 1 != 0,
                frame[19] & 2 != 0 ? .requeue : .reject
            )
        case Wire.reject:
            self.settle(number, frame.number64(11), multiple: false, frame[19] & 1 != 0 ? .requeue : .reject)
        default: break
        }
    }

    // MARK: Settling

    private func settle(_ number: UInt16, _ tag: UInt64, multiple: Bool, _ outcome: Outcome) {
        let life = self.current(number)
        let tags = multiple ? life.unsettled.keys.filter { tag == 0 || $0 <= tag }.sorted() : [tag]
        if tags.isEmpty {
            self.report(.oneOutcome, "\(outcome) up to \(tag) on channel \(number): nothing is unsettled")
        }
        for tag in tags {
            guard let id = life.unsettled[tag] else {
                self.report(.oneOutcome, "\(outcome) of delivery \(tag) on channel \(number), which is not unsettled")
                continue
            }
            guard let decided = life.decided[tag], decided == outcome else {
                let what = life.decided[tag].map { "its owner decided \($0)" } ?? "its owner has decided nothing"
                self.report(.oneOutcome, "\(outcome) of delivery \(tag) on channel \(number), message \(id): \(what)")
                continue
            }
            self.settled(number, tag, id, outcome)
        }
    }

    private func settled(_ number: UInt16, _ tag: UInt64, _ id: UInt64, _ outcome: Outcome) {
        let acked = WireLife.Acked(id: id, outputs: self.current(number).planned[tag] ?? [])
        let isTransaction = self.current(number).mode == .transaction
        self.life(number) { life in
            life.unsettled[tag] = nil
            life.decided[tag] = nil
            life.planned[tag] = nil
            if isTransaction, outcome == .ack { life.uncommitted.append(acked) }
        }
        guard self.book.ledger.knows(id), !isTransaction || outcome != .ack else { return }
        switch outcome {
        case .ack:
            let life = self.current(number)
            for output in acked.outputs {
                if !life.hasConfirmed(output) {
                    self.report(
                        .outputsBeforeAck,
                        "message \(id) is acked, and its output \(output) is not confirmed"
                    )
                }
                self.book.ledger[output].isConfirmed = true
            }
            self.book.ledger[id].fate = .acked
        case .reject: self.book.ledger[id].fate = .rejected
        case .requeue: break
        }
    }

    private func commitSent(_ number: UInt16) {
        let life = self.current(number)
        for acked in life.uncommitted {
            for output in acked.outputs where !life.published.contains(output) {
                let text = "a commit acks message \(acked.id), and its output \(output) is not published"
                self.report(.outputsBeforeAck, text)
            }
            if self.book.ledger.knows(acked.id), self.book.ledger[acked.id].fate == .none {
                self.book.ledger[acked.id].fate = .unknown
            }
        }
        self.life(number) { life in
            life.committing.append(life.uncommitted)
            life.uncommitted = []
        }
    }

    // MARK: What comes

    func received(_ bytes: UnsafeRawBufferPointer, now: UInt64) {
        self.now = now
        self.incoming.take(bytes) { self.frameReceived($0) }
    }

    private func frameReceived(_ frame: UnsafeRawBufferPointer) {
        let (type, number) = (frame[0], frame.number16(1))
        let method = type == 1 ? frame.number32(7) : UInt32(type)
        self.note(.received, method, number, type == 1 && method == Wire.ack ? frame.number64(11) : 0)
        if number == 0 {
            if method == Wire.connectionClose { self.book.checkClose(frame, nil, self.report) }
            return
        }
        switch type {
        case 2:
            self.life(number) { life in
                if case .header(let returned, let tag) = life.incoming {
                    life.incoming = .body(returned: returned, tag: tag)
                }
            }
        case 3: self.bodyReceived(number, frame)
        case 1: self.methodReceived(method, number, frame)
        default: break
        }
    }

    private func bodyReceived(_ number: UInt16, _ frame: UnsafeRawBufferPointer) {
        self.life(number) { life in
            guard case .body(let returned, let tag) = life.incoming, let id = Ledger.id(frame[7..<frame.count - 1])
            else { return }
            life.incoming = .none
            if returned { life.returned(id) } else if life.phase == .open { life.unsettled[tag] = id }
        }
    }

    private func methodReceived(_ method: UInt32, _ number: UInt16, _ frame: UnsafeRawBufferPointer) {
        self.life(number) { life in
            switch method {
            case Wire.channelOpenOk: if life.phase == .opening { life.phase = .open }
            case Wire.channelClose:
                guard life.phase == .open || life.phase == .closing && !life.hasAnswered else { return }
                life.owesCloseOk = true
                life.closedAt = self.now
                self.book.checkClose(frame, number, self.report)
            case Wire.channelCloseOk:
                if life.phase == .closing { life.phase = .free } else { life.lateCloseOks -= 1 }
            case Wire.deliver:
                let tag = frame.number64(12 + Int(frame[11]))
                life.incoming = .header(returned: false, tag: tag)
            case Wire.returned: life.incoming = .header(returned: true, tag: 0)
            case Wire.ack: life.confirmed(frame.number64(11), multiple: frame[19] & 1 != 0, positive: true)
            case Wire.nack: life.confirmed(frame.number64(11), multiple: frame[19] & 1 != 0, positive: false)
            case Wire.txCommitOk: self.committed(&life)
            default: break
            }
        }
    }

    private func committed(_ life: inout WireLife) {
        guard !life.committing.isEmpty else { return }
        for acked in life.committing.removeFirst() where self.book.ledger.knows(acked.id) {
            self.book.ledger[acked.id].fate = .acked
            // A commit does not fail over a message that comes back: that is how transactions are (C64).
            let returned = Set(life.publishes.filter(\.isReturned).map(\.id))
            for output in acked.outputs where !returned.contains(output) {
                self.book.ledger[output].isConfirmed = true
            }
        }
    }
}
