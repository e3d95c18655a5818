/// The deliveries of one channel whose outcome the broker does not know yet (C53), and which acks wait for a frame.
///
/// Tags count up from 1 per channel, so a window over them is an array, not a dictionary.
package struct UnsettledTags: Sendable {
    private enum Mark {
        static let unknown: UInt8 = 0
        static let out: UInt8 = 1
        static let held: UInt8 = 2  // acked by the owner, the frame is still to be sent
        static let settled: UInt8 = 3
        static let uncommitted: UInt8 = 4  // settled in a transaction, which may be rolled back
        static let missing: UInt8 = 5  // a message of basic.get, which its owner has not taken in yet
        static let chosen: UInt8 = 6  // about to be settled with others
    }

    /// More missing tags than this are a broken peer; one basic.get leaves one.
    private static let missingLimit: UInt64 = 1 << 16

    private var base: UInt64 = 1  // tag of marks[head]
    private var marks: ContiguousArray<UInt8> = []
    private var head = 0
    /// Deliveries without an outcome.
    package private(set) var outstanding = 0
    /// Acks given by the owner and not sent yet.
    package private(set) var held = 0
    private var missing: UInt64 = 0
    /// What a tag becomes when its frame is made: in a transaction that is not the end of it.
    private var endMark = Mark.settled

    package init() {}

    private var end: UInt64 { self.base &+ UInt64(self.marks.count - self.head) }

    package enum DeliveredAction: Equatable, Sendable { case expected, outOfOrder }
    /// A delivery came.
    ///
    /// The message of a basic.get may be told of after deliveries that followed it.
    package mutating func delivered(_ tag: UInt64) -> DeliveredAction {
        if tag != self.end {
            if let index = self.index(tag), self.marks[index] == Mark.missing {
                self.marks[index] = Mark.out
                self.missing -= 1
                self.outstanding += 1
                return .expected
            }
            guard tag > self.end, tag - self.end <= Self.missingLimit - self.missing else { return .outOfOrder }
            self.missing += tag - self.end
            while self.end < tag { self.marks.append(Mark.missing) }
        }
        self.marks.append(Mark.out)
        self.outstanding += 1
        return .expected
    }

    private func index(_ tag: UInt64) -> Int? {
        guard tag >= self.base, tag < self.end else { return nil }
        return self.head + Int(tag - self.base)
    }

    package func isOutstanding(_ tag: UInt64) -> Bool {
        guard let index = self.index(tag) else { return false }
        return self.marks[index] == Mark.out
    }

    package enum SettleAction: Equatable, Sendable { case send, refuse }
    /// The owner settles a delivery with a frame of its own, at once.
    package mutating func settle(_ tag: UInt64) -> SettleAction {
        guard let index = self.index(tag), self.marks[index] == Mark.out else { return .refuse }
        self.marks[index] = self.endMark
        self.outstanding -= 1
        self.dropSettledFront()
        return .send
    }

    /// The broker settled it by itself, when it sent the message: no rollback brings it back.
    package mutating func settledByBroker(_ tag: UInt64) {
        guard let index = self.index(tag), self.marks[index] == Mark.out else { return }
        self.marks[index] = Mark.settled
        self.outstanding -= 1
        self.dropSettledFront()
    }

    /// The owner acks a delivery; the frame may wait for ``takeAcks(_:)``.
    package mutating func hold(_ tag: UInt64) -> SettleAction {
        guard let index = self.index(tag), self.marks[index] == Mark.out else { return .refuse }
        self.marks[index] = Mark.held
        self.outstanding -= 1
        self.held += 1
        return .send
    }

    /// Hands out the frames for all held acks: one `multiple` over the settled prefix, then one each.
    ///
    /// `multiple` never covers a tag whose outcome is not known: that would ack it.
    package mutating func takeAcks(_ send: (_ tag: UInt64, _ multiple: Bool) -> Void) {
        guard self.held > 0 else { return }
        var index = self.head
        var lastHeld: Int?
        var covered = 0
        while index < self.marks.count, self.marks[index] != Mark.out, self.marks[index] != Mark.missing {
            if self.marks[index] == Mark.held {
                lastHeld = index
                covered += 1
                self.marks[index] = self.endMark
            }
            index += 1
        }
        if let lastHeld { send(self.base + UInt64(lastHeld - self.head), covered > 1) }
        self.held -= covered
        while self.held > 0, index < self.marks.count {
            if self.marks[index] == Mark.held {
                send(self.base + UInt64(index - self.head), false)
                self.marks[index] = self.endMark
                self.held -= 1
            }
            index += 1
        }
        self.dropSettledFront()
    }

    /// The owner settles many deliveries the same way, in as few frames as that takes: one `multiple` where nothing else is
    /// unsettled below them, then one each, the oldest first.
    ///
    /// No ack may be held back: `multiple` would cover it.
    ///
    /// - Parameters:
    ///   - tags: In any order; what is not outstanding is left out.
    ///   - send: Gets each frame.
    /// - Returns: How many it settled.
    package mutating func settle(_ tags: [UInt64], _ send: (_ tag: UInt64, _ multiple: Bool) -> Void) -> Int {
        precondition(self.held == 0, "acks are held back")
        var left = 0
        for tag in tags {
            guard let index = self.index(tag), self.marks[index] == Mark.out else { continue }
            self.marks[index] = Mark.chosen
            left += 1
        }
        let count = left
        self.outstanding -= count
        var index = self.head
        var last: Int?
        while left > 0, index < self.marks.count {
            let mark = self.marks[index]
            guard mark == Mark.chosen || mark == Mark.settled else { break }
            if mark == Mark.chosen {
                self.marks[index] = self.endMark
                last = index
                left -= 1
            }
            index += 1
        }
        if let last { send(self.base + UInt64(last - self.head), count - left > 1) }
        while left > 0, index < self.marks.count {
            if self.marks[index] == Mark.chosen {
                self.marks[index] = self.endMark
                send(self.base + UInt64(index - self.head), false)
                left -= 1
            }
            index += 1
        }
        self.dropSettledFront()
        return count
    }

    /// Settles everything up to and including `tag`.
    ///
    /// 0 means all (C53). Gives the number of deliveries settled.
    package mutating func settleAll(upTo tag: UInt64) -> Int {
        let last = tag == 0 ? self.end : min(tag &+ 1, self.end)
        guard last > self.base else { return 0 }
        var count = 0
        for index in self.head..<self.head + Int(last - self.base) {
            if self.marks[index] == Mark.out {
                self.outstanding -= 1
                count += 1
            } else if self.marks[index] == Mark.held {
                self.held -= 1
                count += 1
            } else {
                continue
            }
            self.marks[index] = self.endMark
        }
        self.dropSettledFront()
        return count
    }

    /// The broker takes back everything outstanding up to `tag`, to give it out again with new tags (C59).
    ///
    /// What a transaction has settled stays with the transaction.
    package mutating func requeuedByBroker(upTo tag: UInt64) {
        let last = min(tag &+ 1, self.end)
        guard last > self.base else { return }
        for index in self.head..<self.head + Int(last - self.base) where self.marks[index] == Mark.out {
            self.marks[index] = Mark.settled
            self.outstanding -= 1
        }
        self.dropSettledFront()
    }

    // MARK: Transactions

    /// From now on what is settled waits for a commit (C64).
    package mutating func beginTransactions() { self.endMark = Mark.uncommitted }

    /// What was settled since the last commit is settled for good.
    package mutating func committed() {
        for index in self.head..<self.marks.count where self.marks[index] == Mark.uncommitted {
            self.marks[index] = Mark.settled
        }
        self.dropSettledFront()
    }

    /// What was settled since the last commit is outstanding again, under the same tags (C64).
    package mutating func rolledBack() {
        for index in self.head..<self.marks.count where self.marks[index] == Mark.uncommitted {
            self.marks[index] = Mark.out
            self.outstanding += 1
        }
    }

    @inline(__always)
    private mutating func dropSettledFront() {
        while self.head < self.marks.count, self.marks[self.head] == Mark.settled {
            self.head += 1
            self.base += 1
        }
        if self.head == self.marks.count {
            self.marks.removeAll(keepingCapacity: true)
            self.head = 0
        } else if self.head >= 4096, self.head * 2 > self.marks.count {
            self.marks.removeFirst(self.head)
            self.head = 0
        }
    }
}
